"""From a fitted disparity to depth, in one pass over the pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.compiled import READ, SMALLEST, compiled

Numbers = NDArray[np.float64]


def depth_of_fit(pred: Numbers, scale: float, shift: float, smallest: float) -> Numbers:
    """Return ``1 / max(scale pred + shift, smallest)``.

    Args:
        pred: (n,) float64 disparity.
        scale, shift: of its fit.
        smallest: disparity, not negative; 0 leaves an infinite depth.
    """
    if pred.size >= SMALLEST and (loop := compiled(_depth_of_fit, f"void({READ}, f8, f8, f8, f8[::1])")):
        depth = np.empty(pred.size)
        loop(pred, scale, shift, smallest, depth)
        return depth
    depth = pred * scale
    depth += shift
    np.maximum(depth, smallest, out=depth)
    return np.divide(1, depth, out=depth)


def _depth_of_fit(pred: Numbers, scale: float, shift: float, smallest: float, depth: Numbers) -> None:
    """Do what `depth_of_fit` does, compiled."""
    for i in range(pred.size):
        disparity = scale * pred[i] + shift
        depth[i] = 1 / (smallest if disparity < smallest else disparity)
