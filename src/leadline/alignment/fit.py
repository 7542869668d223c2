"""What a fit of a prediction to its target found, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.pixels import pick
from leadline.alignment.sums import Totals, distance, total, totals
from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError

# Predictions whose relative spread is below this are constant: float32 can't hold a smaller one that is not zero.
SMALLEST_SPREAD = 1e-10


@dataclass(frozen=True, slots=True)
class Fit:
    """``target ~ scale * pred + shift``.

    The numbers are always finite. A fit that could not be made, or that no depth map should have, says so in `reason`; it
    then holds the best constant (scale 0) or the negative scale that was found, so that a batch goes on and can count it.

    Attributes:
        scale: unit of the target per unit of the prediction.
        shift: in the target's unit; 0 where only a scale was fitted.
        used: how many pixels the fit rests on (inliers where the method tells outliers).
        residual: (weighted) mean of |scale * pred + shift - target| over those pixels, in the target's unit.
        reason: why the fit is degenerate, or "".
    """

    scale: float
    shift: float
    used: int
    residual: float
    reason: str = ""

    @property
    def degenerate(self) -> bool:
        """Whether the fit should not be trusted; `reason` says why."""
        return bool(self.reason)

    def apply(self, values: Any) -> NDArray[np.float64]:
        """Return ``scale * values + shift`` in float64."""
        fitted: NDArray[np.float64] = np.multiply(as_numpy(values), self.scale, dtype=np.float64)
        fitted += self.shift
        return fitted


class Pairs(NamedTuple):
    """The pixels of a fit: (n,) float64 predictions, targets and positive weights; None where all weights are 1."""

    pred: NDArray[np.float64]
    target: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.pred.size if self.weights is None else self.weights.sum())

    @property
    def weight(self) -> NDArray[np.float64]:
        """(n,) the weights, as an array that is not to be written to."""
        return np.broadcast_to(np.float64(1), self.pred.shape) if self.weights is None else self.weights


class Means(NamedTuple):
    """What is known of gathered pixels from the pass that found them finite: (weighted) means, and whether p is constant.

    `sums` are None where pixels have weights, or some were left out.
    """

    pred: float
    target: float
    constant: bool
    sums: Totals | None = None


def gather(pred: Any, target: Any, valid: Any | None = None, weight: Any | None = None) -> Pairs:
    """Collect the pixels that are valid, finite in both maps and of positive weight.

    Args:
        pred, target: arrays of one shape, NumPy or torch.
        valid: bool array of that shape; None means all.
        weight: non-negative array of that shape; None means 1 everywhere.

    Raises:
        LeadlineError: the shapes differ.
    """
    return _gather(pred, target, valid, weight)[0]


def gather_with_means(
    pred: Any, target: Any, valid: Any | None = None, weight: Any | None = None
) -> tuple[Pairs, Means | None]:
    """Do what `gather` does, and return the means of what it found; None without a pixel."""
    pairs, sums = _gather(pred, target, valid, weight)
    if pairs.pred.size == 0:
        return pairs, None
    if sums is None:
        return pairs, Means(
            total(pairs.pred, pairs.weights) / pairs.total, total(pairs.target, pairs.weights) / pairs.total, is_constant(pairs)
        )
    n = pairs.pred.size
    # The range is at least the mean of |p - p[0]|, and no |p| larger than |p[0]| plus the sum: mostly that tells already.
    varies = sums.spread / n > SMALLEST_SPREAD * (abs(pairs.pred[0]) + sums.spread)
    return pairs, Means(sums.pred / n, sums.target / n, not varies and is_constant(pairs), sums)


def _gather(pred: Any, target: Any, valid: Any | None, weight: Any | None) -> tuple[Pairs, Totals | None]:
    """Return the pixels, with their `totals` where all were finite and have no weight."""
    arrays = [as_numpy(a) for a in (pred, target, valid, weight) if a is not None]
    if any(a.shape != arrays[0].shape for a in arrays):
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise LeadlineError(f"arrays of shapes {shapes} to fit: expected one shape; resize the prediction first")
    p, q = pick(arrays[0], arrays[1], None if valid is None else as_numpy(valid))
    w: NDArray[np.float64] | None = None
    if weight is None:
        sums = totals(p, q) if p.size else Totals(0.0, 0.0)
        if isfinite(sums.pred + sums.target):  # then each of them is
            return Pairs(p, q), sums
        good = np.isfinite(p) & np.isfinite(q)
    else:
        w, _ = pick(as_numpy(weight), arrays[1], None if valid is None else as_numpy(valid))
        good = np.isfinite(p) & np.isfinite(q) & np.isfinite(w) & (w > 0)
    return (Pairs(p, q, w) if good.all() else Pairs(p[good], q[good], None if w is None else w[good])), None


def is_constant(pairs: Pairs) -> bool:
    """Return whether the predictions hold no more than one value, so that no slope can be told."""
    if pairs.pred.size == 0:
        return True
    low, high = float(pairs.pred.min()), float(pairs.pred.max())
    return high - low <= SMALLEST_SPREAD * max(abs(low), abs(high))


def conclude(pairs: Pairs, scale: float, shift: float, reason: str = "") -> Fit:
    """Measure the residual of a solution over `pairs` and flag what no depth map should have."""
    if pairs.pred.size == 0:
        return Fit(0.0, 0.0, 0, 0.0, reason or "no valid pixel")
    if not reason and scale <= 0:
        reason = "negative scale" if scale < 0 else "zero scale"
    residual = distance(pairs.pred, pairs.target, pairs.weights, scale, shift) / pairs.total
    return Fit(float(scale), float(shift), int(pairs.pred.size), residual, reason)
