"""RANSAC: scale and shift of the largest agreeing set of pixels, for targets with gross and clustered outliers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.fit import Fit, Pairs, conclude, gather, is_constant
from leadline.alignment.least_squares import fit_scale, fit_scale_shift

_SCORED = 2048  # pixels on which a hypothesis is tried
_REFITS = 10


def fit_ransac(
    pred: Any,
    target: Any,
    valid: Any | None = None,
    *,
    intercept: bool = True,
    threshold: float | None = None,
    hypotheses: int = 300,
    seed: int | np.random.Generator = 0,
) -> Fit:
    """Fit lines through random pixels, keep the one that most pixels agree with, and refit its inliers by least squares.

    Args:
        pred, target: arrays of one shape.
        valid: bool array of that shape; None means all. Non-finite pixels never count.
        intercept: whether to fit a shift (two pixels make a hypothesis) or the scale alone (one pixel does).
        threshold: largest |residual| of an inlier, in the target's unit. None estimates it as 2.5 standard deviations by the
            least median of squares (Rousseeuw and Leroy 1987), which holds while outliers are fewer than half;
            with more of them, give it. Costs are truncated at it (MSAC, Torr and Zisserman 2000).
        hypotheses: how many to try; 300 find a clean pair among 80 % outliers with probability 1 - 5e-6.
        seed: of the draw, or a generator.

    Returns:
        The fit over its inliers (`used` counts them); degenerate where no pixel is valid, the prediction is constant or the
        scale not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pixels = gather(pred, target, valid)
    p, q = pixels.pred, pixels.target
    if p.size == 0:
        return conclude(pixels, 0.0, 0.0)
    constant = float(np.median(q)) if intercept else 0.0
    if intercept and is_constant(pixels):
        return conclude(pixels, 0.0, constant, "constant prediction")
    if not p.any():
        return conclude(pixels, 0.0, constant, "prediction is zero")
    rng = np.random.default_rng(seed)
    scales, shifts = _draw(p, q, intercept, hypotheses, rng)
    if scales.size == 0:
        return conclude(pixels, 0.0, constant, "no pixels with different predictions drawn")
    scored = rng.choice(p.size, min(_SCORED, p.size), replace=False)
    errors = np.abs(scales[:, None] * p[scored] + shifts[:, None] - q[scored])
    if threshold is None:
        spread = float(np.median(errors, axis=1).min())
        # The factor in brackets corrects for small samples; the floor is the rounding of an exact fit.
        threshold = max(2.5 * 1.4826 * (1 + 5 / p.size) * spread, 1e-9 * float(np.abs(q).max()))
    best = int(np.argmin(np.minimum(errors, threshold).sum(axis=1)))
    scale, shift = float(scales[best]), float(shifts[best])
    inliers = np.abs(scale * p + shift - q) <= threshold
    for _ in range(_REFITS):
        refit = (fit_scale_shift if intercept else fit_scale)(p, q, inliers)
        if refit.reason in ("constant prediction", "prediction is zero", "no valid pixel"):
            break
        scale, shift = refit.scale, refit.shift
        agreed = np.abs(scale * p + shift - q) <= threshold
        if (agreed == inliers).all():
            break
        inliers = agreed
    if not inliers.any():
        return conclude(pixels, scale, shift, "no pixel agrees with the fit")
    return conclude(Pairs(p[inliers], q[inliers]), scale, shift)


def _draw(
    p: NDArray[np.float64], q: NDArray[np.float64], intercept: bool, hypotheses: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    i, j = rng.integers(0, p.size, (2, hypotheses))
    if not intercept:
        i = i[p[i] != 0]
        return q[i] / p[i], np.zeros(i.size)
    i, j = i[p[i] != p[j]], j[p[i] != p[j]]
    scales = (q[i] - q[j]) / (p[i] - p[j])
    return scales, q[i] - scales * p[i]
