"""The classic mistakes of depth data sets, one a file: each says what it measured, how sure it is, and the remedy."""
