"""From depth to points in space and back, and between depth (z) and distance along the ray."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError


def unproject(depth: Any, camera: Camera) -> NDArray[np.float64]:
    """Return (h, w, 3) camera-frame points (x right, y down, z forward) of an (h, w) z-depth, in its unit.

    Raises:
        LeadlineError: the depth has another size than the camera.
    """
    return _sized(depth, camera)[..., None] * camera.rays()


def ray_distance_from_depth(depth: Any, camera: Camera) -> NDArray[np.float64]:
    """Return (h, w) Euclidean distances to the camera's centre of an (h, w) z-depth, in its unit.

    Raises:
        LeadlineError: the depth has another size than the camera.
    """
    return _sized(depth, camera) * camera.ray_lengths()


def depth_from_ray_distance(distance: Any, camera: Camera) -> NDArray[np.float64]:
    """Return (h, w) z-depths of (h, w) Euclidean distances to the camera's centre (Hypersim's files, for one), in their unit.

    Raises:
        LeadlineError: the distance has another size than the camera.
    """
    return _sized(distance, camera) / camera.ray_lengths()


def transform(b_from_a: Any, points: Any) -> NDArray[np.float64]:
    """Return (..., 3) points of frame b from (..., 3) points of frame a and the (4, 4) or (3, 4) rigid transform."""
    matrix = np.asarray(b_from_a, dtype=np.float64)
    moved: NDArray[np.float64] = as_numpy(points).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return moved


def _sized(values: Any, camera: Camera) -> NDArray[np.float64]:
    numbers = as_numpy(values).astype(np.float64)
    if numbers.shape != camera.hw:
        raise LeadlineError(f"a map of shape {numbers.shape} with a camera of size {camera.hw}: resize or crop them together")
    return numbers
