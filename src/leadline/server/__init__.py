"""HTTP over given predictors, and the page; never torch."""
