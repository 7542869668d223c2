"""Rectified stereo: the pose between the two cameras, and disparity in pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError


def pixel_disparity_from_depth(depth: Any, focal_px: float, baseline_m: float) -> NDArray[np.float64]:
    """Return ``x_left - x_right = focal_px * baseline_m / depth`` of a rectified pair: positive, larger is closer.

    Args:
        depth: z-depth in metres, any shape, the same in both cameras; 0 (where not valid) and infinity give 0.
        focal_px: horizontal focal length of both cameras in pixels, at the map's size.
        baseline_m: distance between the cameras' centres, metres.

    Raises:
        LeadlineError: the focal length or the baseline is not positive.
    """
    if not (focal_px > 0 and baseline_m > 0):
        raise LeadlineError(f"focal_px {focal_px}, baseline_m {baseline_m}: expected positive pixels and metres")
    z = as_numpy(depth).astype(np.float64)
    positive = z > 0
    return np.where(positive, focal_px * baseline_m / np.where(positive, z, 1.0), 0.0)


def right_from_left(baseline_m: float) -> NDArray[np.float64]:
    """Return the (4, 4) transform into the right camera's frame, which sits `baseline_m` along the left one's x axis."""
    matrix = np.eye(4)
    matrix[0, 3] = -baseline_m
    return matrix
