"""Stereo networks: two rectified pictures to pixel_disparity."""
