"""Exact weighted L1 fits, as MoGe's evaluation uses (arXiv 2410.19115): a few gross outliers do no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.fit import Fit, Pairs, conclude, gather, is_constant
from leadline.alignment.weighted_median import weighted_median, weighted_median_index

_MANY = 20_000  # from here on, a solution on a sample is the start
_ROUNDING = 1e-12


def fit_robust_scale(pred: Any, target: Any, valid: Any | None = None, weight: Any | None = None) -> Fit:
    """Minimise ``sum w |scale * pred - target|`` exactly.

    The sum is ``sum w |pred| |scale - target / pred|`` plus a constant, so the answer is a weighted median of ratios.

    Args:
        pred, target: arrays of one shape.
        valid: bool array of that shape; None means all. Non-finite pixels never count.
        weight: non-negative array of that shape; None means 1 everywhere. MoGe weighs depths by 1 / target.

    Returns:
        The fit, with shift 0; degenerate where no pixel is valid, the prediction is 0 or the scale not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pairs = gather(pred, target, valid, weight)
    p, q, w = pairs.pred, pairs.target, pairs.weight
    nonzero = p != 0
    if not nonzero.any():
        return conclude(pairs, 0.0, 0.0, "prediction is zero" if p.size else "")
    p, q, w = p[nonzero], q[nonzero], w[nonzero]
    return conclude(pairs, weighted_median(q / p, w * np.abs(p)), 0.0)


def fit_robust_scale_shift(pred: Any, target: Any, valid: Any | None = None, weight: Any | None = None) -> Fit:
    """Minimise ``sum w |scale * pred + shift - target|`` exactly.

    A linear programme in two unknowns: some best line passes through two of the points. From any line through a point, the
    search turns the line about that point to the best slope (a weighted median), where it meets a second point, and goes on
    about whichever point on the line promises the steepest descent. It stops when the directional derivative is negative in
    no direction, which for a convex function proves the optimum; points that tie are covered (Bloomfield and Steiger, Least
    Absolute Deviations, 1983, with Wesolowsky's pivots, 1981).

    Args:
        pred, target, valid, weight: as in `fit_robust_scale`.

    Returns:
        The fit; degenerate where no pixel is valid, the prediction is constant (the fit is then the weighted median of the
        target) or the scale not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pairs = gather(pred, target, valid, weight)
    if pairs.pred.size == 0:
        return conclude(pairs, 0.0, 0.0)
    if is_constant(pairs):
        return conclude(pairs, 0.0, weighted_median(pairs.target, pairs.weight), "constant prediction")
    # Centred and of unit size, so that one tolerance for rounding fits all units.
    p_zero, q_zero = float(np.median(pairs.pred)), float(np.median(pairs.target))
    p_unit = float(np.abs(pairs.pred - p_zero).max())
    q_unit = float(np.abs(pairs.target - q_zero).max()) or 1.0
    slope, offset = _best_line(
        Pairs((pairs.pred - p_zero) / p_unit, (pairs.target - q_zero) / q_unit, pairs.weight / pairs.total)
    )
    scale = slope * q_unit / p_unit
    return conclude(pairs, scale, offset * q_unit + q_zero - scale * p_zero)


def _best_line(pairs: Pairs) -> tuple[float, float]:
    """Return slope and offset of a best line through the points, whose weights sum to 1."""
    p, q, w = pairs.pred, pairs.target, pairs.weight
    if p.size <= _MANY:
        return _descend(pairs, 0.0, (0.0, 0.0)) or (0.0, 0.0)
    every = slice(None, None, p.size // (_MANY // 4))
    slope, offset = _best_line(Pairs(p[every], q[every], w[every] / w[every].sum()))
    # Points far from a good line are on their side of the best one too, where they pull with a constant force. If the line
    # that the near points find under that pull leaves them there, it is the best of all (Portnoy and Koenker 1997).
    residual = q - slope * p - offset
    distance = np.abs(residual)
    for share in (0.05, 0.3):
        near = distance <= np.partition(distance, int(share * p.size))[int(share * p.size)]
        sides = np.where(near, 0.0, np.sign(residual))
        pull = (-float((w * sides * p).sum()), -float((w * sides).sum()))
        line = _descend(Pairs(p[near], q[near], w[near]), slope, pull)
        if line is not None and ((q - line[0] * p - line[1]) * sides >= 0).all():
            return line
    return _descend(pairs, slope, (0.0, 0.0)) or (slope, offset)


def _descend(pairs: Pairs, slope: float, pull: tuple[float, float]) -> tuple[float, float] | None:
    """Minimise ``sum w |slope p + offset - q| + pull[0] slope + pull[1] offset``; None if the pull wins without end."""
    p, q, w = pairs.pred, pairs.target, pairs.weight
    residual = q - slope * p
    pivot = weighted_median_index(residual, w, pull[1])
    offset = float(residual[pivot])
    best = np.inf
    while True:
        residual = q - slope * p - offset
        value = float((np.abs(residual) * w).sum()) + pull[0] * slope + pull[1] * offset
        turn = _steepest_pivot(pairs, residual, pull, _ROUNDING * (1 + abs(slope)))
        if turn is None or value >= best:  # proven, or no progress that rounding would let us see
            return slope, offset
        best, pivot = value, turn
        across = p - p[pivot]
        other = across != 0
        tilt = pull[0] - pull[1] * float(p[pivot])
        leverage = w[other] * np.abs(across[other])
        if abs(tilt) >= leverage.sum():
            return None
        slope = weighted_median((q[other] - q[pivot]) / across[other], leverage, tilt)
        offset = float(q[pivot] - slope * p[pivot])


def _steepest_pivot(pairs: Pairs, residual: NDArray[np.float64], pull: tuple[float, float], rounding: float) -> int | None:
    """Return the point on the line about which turning it lowers the sum fastest, or None at the optimum.

    With g the gradient of the terms off the line, turning about point k by a slope of +-1 changes the sum at the rate
    ``+-(g_slope - p_k g_offset) + sum over points on the line of w |p - p_k|``. Between two neighbouring turns the rate is
    linear, so if no turn lowers the sum, nothing does.
    """
    p, w = pairs.pred, pairs.weight
    on_line = np.flatnonzero(np.abs(residual) <= rounding)
    signed = w * np.sign(residual)
    signed[on_line] = 0.0
    gradient_slope, gradient_offset = pull[0] - (signed * p).sum(), pull[1] - signed.sum()
    on_line = on_line[np.argsort(p[on_line], kind="stable")]
    pk, wk = p[on_line], w[on_line]
    mass, moment = np.cumsum(wk), np.cumsum(wk * pk)
    resistance = pk * (2 * mass - mass[-1]) - (2 * moment - moment[-1])
    gain = np.abs(gradient_slope - pk * gradient_offset) - resistance
    steepest = int(np.argmax(gain))
    return int(on_line[steepest]) if gain[steepest] > _ROUNDING else None
