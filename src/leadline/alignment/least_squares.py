"""Weighted least squares in closed form: the alignment of MiDaS (arXiv 1907.01341, section 5) and most protocols."""

from __future__ import annotations

from typing import Any

from leadline.alignment.fit import Fit, conclude, gather, gather_with_means
from leadline.alignment.sums import central_moments, moments


def fit_scale(pred: Any, target: Any, valid: Any | None = None, weight: Any | None = None) -> Fit:
    """Minimise ``sum w (scale * pred - target)^2``.

    Args:
        pred, target: arrays of one shape.
        valid: bool array of that shape; None means all. Non-finite pixels never count.
        weight: non-negative array of that shape; None means 1 everywhere.

    Returns:
        The fit, with shift 0; degenerate where no pixel is valid, the prediction is 0 or the scale not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pairs = gather(pred, target, valid, weight)
    power, product = moments(pairs.pred, pairs.target, pairs.weights)
    if power <= 0:
        return conclude(pairs, 0.0, 0.0, "prediction is zero" if pairs.pred.size else "")
    return conclude(pairs, product / power, 0.0)


def fit_scale_shift(pred: Any, target: Any, valid: Any | None = None, weight: Any | None = None) -> Fit:
    """Minimise ``sum w (scale * pred + shift - target)^2``.

    The textbook determinant of the 2 x 2 normal equations cancels when the mean of the prediction is large beside its
    spread; here both maps are centred on their means first, which is the same solution without the cancellation.

    Args:
        pred, target, valid, weight: as in `fit_scale`.

    Returns:
        The fit; degenerate where no pixel is valid, the prediction is constant (a determinant of 0; the fit is then the
        mean of the target) or the scale not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pairs, means = gather_with_means(pred, target, valid, weight)
    if means is None:
        return conclude(pairs, 0.0, 0.0)
    if means.constant:
        return conclude(pairs, 0.0, means.target, "constant prediction")
    if means.sums is None:
        power, product = moments(pairs.pred, pairs.target, pairs.weights, means.pred, means.target)
    else:
        power, product = central_moments(pairs.pred, pairs.target, means.sums)
    scale = product / power
    return conclude(pairs, scale, means.target - scale * means.pred)
