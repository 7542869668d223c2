"""scale/: one-scalar transfer and its estimators, and metres from what a user has measured   <- alignment, io."""
