"""io/: images (EXIF), depth files (png16, pfm, exr, npz, tiff), video, ply/glb; atomic writes   <- nouns."""
