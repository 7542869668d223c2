"""datasets/: one file for each data set's own layout, named in registry.py; a reader gives Samples, one at a time."""
