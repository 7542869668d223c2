"""What a sensor says of a clip's target, as points: they follow every crop, flip and change of eye (METHODS D.8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.film import Film
from leadline.depth_map import METRIC_DEPTH

Points = NDArray[np.float64]


def truth_points(film: Film, index: int, share: float = 1.0) -> Points:
    """Return (M, 3) points in the camera frame of a film's picture, metres; none where the film has no metric depth.

    Args:
        film: whose first eye the truth is of.
        index: of the picture among the frames that were kept.
        share: of the points that are kept, the same ones each time, so that a dense truth can be as sparse as LiDAR.
    """
    depth = film.read_depth(film.numbers[index]) if film.read_depth is not None else None
    if depth is None or depth.kind != METRIC_DEPTH:
        return np.zeros((0, 3))
    camera = film.cameras[index].resize(depth.hw)
    rows, columns = np.nonzero(depth.valid & (depth.values > 0))
    if share < 1:
        kept = np.random.default_rng([film.numbers[index], len(rows)]).random(len(rows)) < share
        rows, columns = rows[kept], columns[kept]
    z = depth.values[rows, columns].astype(np.float64)
    x = (columns + 0.5 - camera.cx) / camera.fx * z
    y = (rows + 0.5 - camera.cy) / camera.fy * z
    return np.stack([x, y, z], axis=-1)


def moved(points: Points, b_from_a: NDArray[np.float64]) -> Points:
    """Return (M, 3) points of a's camera frame in b's."""
    return points @ b_from_a[:3, :3].T + b_from_a[:3, 3]


def depth_of_points(points: Points, camera: Camera) -> NDArray[np.float32]:
    """Return (h, w) z-depth of the pixels that points land in, the nearest where there are several; 0 where there is none."""
    found = np.full(camera.hw, np.inf, np.float32)
    points = points[points[:, 2] > 0]
    x = np.floor(points[:, 0] / points[:, 2] * camera.fx + camera.cx).astype(np.int64)
    y = np.floor(points[:, 1] / points[:, 2] * camera.fy + camera.cy).astype(np.int64)
    inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    np.minimum.at(found, (y[inside], x[inside]), points[inside, 2].astype(np.float32))
    return np.where(np.isfinite(found), found, np.float32(0))
