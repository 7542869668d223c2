"""Slow twins of flow there and back, its consistency, and DDVO's prior, one pixel at a time (METHODS D.11, D.12)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.reference.view_synthesis import read


def differences(forward: NDArray[Any], backward: NDArray[Any]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Return forward(p) + backward(p + forward(p)) of (2, h, w) flows at each pixel (y, x) where it can be read."""
    found = {}
    for y, x in np.ndindex(*forward.shape[1:]):
        back = read(backward, x + 0.5 + forward[0, y, x], y + 0.5 + forward[1, y, x])
        if back is not None:
            found[y, x] = forward[:, y, x] + back
    return found


def consistency(
    forward: NDArray[Any], backward: NDArray[Any], least_px: float, share: float
) -> tuple[float, set[tuple[int, int]]]:
    """Return the loss and the pixels (y, x) that it is a mean of."""
    kept = {
        at: difference
        for at, difference in differences(forward, backward).items()
        if math.hypot(*difference) < max(least_px, share * math.hypot(*forward[:, at[0], at[1]]))
    }
    return float(np.mean([abs(dx) + abs(dy) for dx, dy in kept.values()])) if kept else 0.0, set(kept)


def laplacian_smoothness(pred: NDArray[Any], image: NDArray[Any], valid: NDArray[Any], strength: float) -> float:
    """Return DDVO's prior of one (h, w) map and its (c, h, w) picture."""
    costs = []
    for y, x in np.ndindex(pred.shape[0] - 2, pred.shape[1] - 2):
        if not valid[y : y + 3, x : x + 3].all():
            continue
        d = pred[y : y + 3, x : x + 3]
        bent = abs(d[1, 0] - 2 * d[1, 1] + d[1, 2]) + abs(d[0, 1] - 2 * d[1, 1] + d[2, 1])
        bent += abs(d[0, 0] - d[0, 2] - d[2, 0] + d[2, 2]) / 4
        edges = []
        for channel in image:
            part = channel[y : y + 3, x : x + 3]
            edges.append(abs(part[0, 1] + part[2, 1] + part[1, 0] + part[1, 2] - 4 * part[1, 1]))
        costs.append(bent * math.exp(-strength * float(np.mean(edges))))
    return float(np.mean(costs)) if costs else 0.0
