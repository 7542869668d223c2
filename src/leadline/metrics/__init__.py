"""metrics/: depth, boundary, ordinal, structural (SSIM), points, stereo   <- alignment."""
