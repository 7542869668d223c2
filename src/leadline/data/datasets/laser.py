"""A laser scan as a depth map: the nearest point in each pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.files import read_bytes
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError

# Nearer than any return from the street; points here would be on the car itself.
NEAREST_M = 0.5


def nearest_points(points: NDArray[np.floating], camera: Camera, source: str, first_pixel: int = 0) -> DepthMap:
    """Return the z-depth of the nearest point that falls into each pixel.

    Args:
        points: (n, 3) metres, in the camera's frame (x right, y down, z forward).
        camera: of the picture.
        source: goes into the map.
        first_pixel: the coordinate that the calibration gives to the first pixel's centre. 0 is what `camera` means; with 1
            every point moves one pixel left and up, as in truths made with MATLAB's counting.
    """
    height, width = camera.hw
    ahead = points[points[:, 2] > NEAREST_M].astype(np.float64)
    x, y = np.floor(camera.project(ahead)).T - first_pixel
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    depth = np.full(height * width, np.inf)
    np.minimum.at(depth, (y[inside] * width + x[inside]).astype(np.int64), ahead[inside, 2])
    values = depth.reshape(height, width)
    return DepthMap(values, np.isfinite(values), METRIC_DEPTH, camera, source)


def read_kitti_scan(path: Path) -> NDArray[np.float64]:
    """Return (n, 3) points of a Velodyne file: x forward, y left, z up, metres.

    Raises:
        LeadlineError: the file is missing, empty or cut off.
    """
    data = read_bytes(path)
    if not data or len(data) % 16:
        raise LeadlineError(f"{path}: {len(data)} bytes; expected four float32 a point, so a multiple of 16")
    return np.frombuffer(data, dtype="<f4").reshape(-1, 4)[:, :3].astype(np.float64)
