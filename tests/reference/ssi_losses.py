"""Slow twins of the affine-invariant losses: one image, one pixel list at a time, straight from METHODS A.1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def normalised(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return the valid values without median and mean absolute deviation, or None where there is no shape."""
    inside = values[valid].astype(np.float64)
    if inside.size == 0:
        return None
    inside = inside - np.sort(inside)[(inside.size - 1) // 2]
    spread = np.abs(inside).mean()
    return None if spread == 0 else inside / spread


def ssi_mae(pred: NDArray[Any], target: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    return ssi_trimmed_mae(pred, target, valid, share=1.0)


def ssi_trimmed_mae(pred: NDArray[Any], target: NDArray[Any], valid: NDArray[np.bool_], share: float = 0.8) -> float:
    t, p = normalised(target, valid), normalised(pred, valid)
    if t is None:
        return 0.0
    residuals = np.sort(np.abs((0.0 if p is None else p) - t))
    return float(residuals[: int(np.floor(share * residuals.size))].sum() / (2 * residuals.size))


def ssi_mse(pred: NDArray[Any], target: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    p, t = pred[valid].astype(np.float64), target[valid].astype(np.float64)
    if p.size == 0 or np.ptp(p) == 0:
        return 0.0
    design = np.stack([p, np.ones_like(p)], axis=1)
    solution = np.linalg.lstsq(design, t, rcond=None)[0]
    return float(((design @ solution - t) ** 2).sum() / (2 * p.size))


def gradient_matching(pred: NDArray[Any], target: NDArray[Any], valid: NDArray[np.bool_], scales: int = 4) -> float:
    total = 0.0
    for level in range(scales):
        step = 2**level
        p, t, m = pred[::step, ::step], target[::step, ::step], valid[::step, ::step]
        h, w = m.shape
        level_sum = 0.0
        for y in range(h):
            for x in range(w):
                for dy, dx in ((0, 1), (1, 0)):
                    v, u = y + dy, x + dx
                    if v < h and u < w and m[y, x] and m[v, u]:
                        level_sum += abs((float(p[v, u]) - float(t[v, u])) - (float(p[y, x]) - float(t[y, x])))
        total += level_sum / max(1, int(m.sum()))
    return total
