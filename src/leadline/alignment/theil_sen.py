"""Theil-Sen regression: the median of the slopes between pairs of pixels, the estimator of "One scalar is all you need"."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.alignment.fit import Fit, conclude, gather, is_constant


def fit_theil_sen(
    pred: Any,
    target: Any,
    valid: Any | None = None,
    *,
    intercept: bool = True,
    pairs: int = 100_000,
    smallest_gap: float = 0.01,
    seed: int | np.random.Generator = 0,
) -> Fit:
    """Return the fit whose scale is the median of ``(target_i - target_j) / (pred_i - pred_j)`` over pairs of pixels.

    It stands up to 29 % of outliers. Where the map has no more than `pairs` pairs, all are taken and the result is exact;
    otherwise `pairs` are drawn at random. (Sen 1968. "One scalar", arXiv 2303.07662,
    uses it between predictions and depths; how it draws its pairs we don't know.)

    Args:
        pred, target: arrays of one shape.
        valid: bool array of that shape; None means all. Non-finite pixels never count.
        intercept: whether to give the shift ``median(target - scale * pred)``; else the shift is 0, the slope the same.
        pairs: how many pairs to draw.
        smallest_gap: pairs whose predictions differ by less than this share of their mean difference are dropped.
        seed: of the draw, or a generator.

    Returns:
        The fit; degenerate where fewer than two pixels are valid, the prediction is constant or the scale not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pixels = gather(pred, target, valid)
    p, q = pixels.pred, pixels.target
    if p.size == 0:
        return conclude(pixels, 0.0, 0.0)
    constant = float(np.median(q)) if intercept else 0.0
    if is_constant(pixels):
        return conclude(pixels, 0.0, constant, "constant prediction")
    if p.size * (p.size - 1) // 2 <= pairs:
        i, j = np.triu_indices(p.size, k=1)
    else:
        i, j = np.random.default_rng(seed).integers(0, p.size, (2, pairs))
    rise, run = q[i] - q[j], p[i] - p[j]
    gaps = np.abs(run)
    told = (gaps > 0) & (gaps >= smallest_gap * gaps.mean())
    if not told.any():
        return conclude(pixels, 0.0, constant, "no pixels with different predictions drawn")
    scale = float(np.median(rise[told] / run[told]))
    return conclude(pixels, scale, float(np.median(q - scale * p)) if intercept else 0.0)
