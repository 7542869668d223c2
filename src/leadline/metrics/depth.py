"""Depth metrics over the valid pixels of a map, as sums that are finished late (METHODS section 0; Eigen et al. 2014).

`pred` and `target` are arrays of one shape, NumPy or torch, of positive numbers in one unit (usually z in metres; every metric
but rmse and sq_rel is free of the unit). `valid` is a bool array of that shape, None for all. What lies where `valid` is False
is never touched, NaN included. Everything is summed in float64.

Every function raises LeadlineError when the shapes differ or a valid number is not finite and positive: a ratio or a logarithm
of such depth means nothing, and dropping the pixel would flatter the score. Clamp to the protocol's range first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.tally import Tally, mean, root

DELTA_THRESHOLDS = (1.25, 1.25**2, 1.25**3)
_DELTA_NAMES = dict(zip(DELTA_THRESHOLDS, ("delta1", "delta2", "delta3"), strict=True))
LN_10 = log(10)


@dataclass(frozen=True)
class Gathered:
    """The (n,) float64 valid pixels of both maps, and the logarithm of their ratio, taken once for all who need it."""

    pred: NDArray[np.float64]
    target: NDArray[np.float64]

    @cached_property
    def log_ratio(self) -> NDArray[np.float64]:
        """ln pred - ln target."""
        return np.asarray(np.log(self.pred / self.target))


def gather(pred: Any, target: Any, valid: Any | None = None) -> Gathered:
    """Collect the valid pixels and check them.

    Raises:
        LeadlineError: see the module.
    """
    p, t = as_numpy(pred), as_numpy(target)
    mask = None if valid is None else as_numpy(valid)
    if p.shape != t.shape or (mask is not None and mask.shape != t.shape):
        shapes = ", ".join(str(a.shape) for a in (p, t, mask) if a is not None)
        raise LeadlineError(f"arrays of shapes {shapes} to compare: expected one shape; resize the prediction first")
    picked: Any = slice(None) if mask is None else mask.astype(bool).ravel()
    gathered = Gathered(p.ravel()[picked].astype(np.float64), t.ravel()[picked].astype(np.float64))
    for name, numbers in (("predicted", gathered.pred), ("true", gathered.target)):
        bad = np.count_nonzero(~(np.isfinite(numbers) & (numbers > 0)))
        if bad:
            raise LeadlineError(f"{bad} valid {name} depths are not finite and positive: clamp to the protocol's range first")
    return gathered


def abs_rel(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of |pred - target| / target."""
    return _abs_rel(gather(pred, target, valid))


def sq_rel(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of (pred - target)^2 / target, in the unit of the depth."""
    return _sq_rel(gather(pred, target, valid))


def rmse(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Root of the mean of (pred - target)^2, in the unit of the depth."""
    return _rmse(gather(pred, target, valid))


def rmse_log(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Root of the mean of (ln pred - ln target)^2, natural logarithm."""
    return _rmse_log(gather(pred, target, valid))


def log10(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of |log10 pred - log10 target|."""
    return _log10(gather(pred, target, valid))


def silog(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """100 * the standard deviation of ln pred - ln target: the KITTI benchmark's variant (variance weight 1, root, times 100).

    Others exist under this name: without the root, without the 100, with weight 0.5 for the squared mean (Eigen's loss), and
    the si-RMSE, which is this one over 100.
    """
    return _silog(gather(pred, target, valid))


def delta(
    pred: Any, target: Any, valid: Any | None = None, thresholds: Sequence[float] = DELTA_THRESHOLDS
) -> tuple[Tally, ...]:
    """Share of pixels with max(pred / target, target / pred) < threshold, for each threshold; strict, 0..1, larger is better.

    Named delta1 to delta3 for 1.25 to its cube, ``delta_1.05`` and so on for others.
    MiDaS and others print the complement in percent.
    """
    return _delta(gather(pred, target, valid), thresholds)


def depth_metrics(pred: Any, target: Any, valid: Any | None = None) -> dict[str, Tally]:
    """Return all the metrics of this file by name (delta1, delta2, delta3 for 1.25, 1.25^2, 1.25^3), gathering pixels once."""
    g = gather(pred, target, valid)
    tallies = (_abs_rel(g), _sq_rel(g), _rmse(g), _rmse_log(g), _log10(g), _silog(g), *_delta(g, DELTA_THRESHOLDS))
    return {tally.name: tally for tally in tallies}


def _abs_rel(g: Gathered) -> Tally:
    return Tally("abs_rel", g.pred.size, (float((np.abs(g.pred - g.target) / g.target).sum()),), mean)


def _sq_rel(g: Gathered) -> Tally:
    return Tally("sq_rel", g.pred.size, (float(((g.pred - g.target) ** 2 / g.target).sum()),), mean)


def _rmse(g: Gathered) -> Tally:
    return Tally("rmse", g.pred.size, (float(((g.pred - g.target) ** 2).sum()),), root)


def _rmse_log(g: Gathered) -> Tally:
    return Tally("rmse_log", g.pred.size, (float(g.log_ratio @ g.log_ratio),), root)


def _log10(g: Gathered) -> Tally:
    return Tally("log10", g.pred.size, (float(np.abs(g.log_ratio).sum()) / LN_10,), mean)


def _silog(g: Gathered) -> Tally:
    return Tally("silog", g.pred.size, (float(g.log_ratio @ g.log_ratio), float(g.log_ratio.sum())), _hundred_deviations)


def _hundred_deviations(mean_of_squares: float, mean_itself: float) -> float:
    return 100 * sqrt(max(mean_of_squares - mean_itself**2, 0.0))


def _delta(g: Gathered, thresholds: Sequence[float]) -> tuple[Tally, ...]:
    ratio = np.maximum(g.pred / g.target, g.target / g.pred)
    return tuple(
        Tally(_DELTA_NAMES.get(bound, f"delta_{bound:g}"), ratio.size, (float(np.count_nonzero(ratio < bound)),), mean)
        for bound in thresholds
    )
