"""runtime/: inference sessions, the overlapped pipeline, tiling, video   <- nouns, io; never torch."""
