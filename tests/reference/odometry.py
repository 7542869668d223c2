"""A slow twin of direct visual odometry's Jacobian: the picture's gradient times a numeric derivative of the projection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.reference.view_synthesis import screw


def motion_jacobian(picture: NDArray[Any], depth: NDArray[Any], k: NDArray[Any], step: float = 1e-6) -> NDArray[np.float64]:
    """Return (c, h, w, 6) of one (c, h, w) picture."""
    channels, h, w = picture.shape
    found = np.zeros((channels, h, w, 6))
    for y, x in np.ndindex(h, w):
        left, right, up, down = max(0, x - 1), min(w - 1, x + 1), max(0, y - 1), min(h - 1, y + 1)
        across = (picture[:, y, right] - picture[:, y, left]) / 2
        along = (picture[:, down, x] - picture[:, up, x]) / 2
        point = np.append(np.linalg.inv(k) @ [x + 0.5, y + 0.5, 1.0] * depth[y, x], 1.0)
        for i in range(6):
            ends = [k @ (screw(sign * step * np.eye(6)[i]) @ point)[:3] for sign in (1, -1)]
            du, dv, _ = (ends[0] / ends[0][2] - ends[1] / ends[1][2]) / (2 * step)
            found[:, y, x, i] = across * du + along * dv
    return found
