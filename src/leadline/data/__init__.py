"""data/: datasets/ (one file each), transforms, field of view, mixing, shards, synthetic/ (Mitsuba worlds)   <- io, geometry."""
