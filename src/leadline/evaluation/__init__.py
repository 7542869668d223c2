"""evaluation/: protocols, runner, report   <- data, metrics; takes a Predictor."""
