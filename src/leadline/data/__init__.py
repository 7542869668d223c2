"""data/: datasets/ (one file each), transforms, mixing, views, synthetic/ (Mitsuba worlds)   <- io, geometry."""
