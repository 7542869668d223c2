"""Depth metrics over the valid pixels of a map, as sums that are finished late (METHODS section 0; Eigen et al. 2014).

`pred` and `target` are arrays of one shape, NumPy or torch, of positive numbers in one unit (usually z in metres; every metric
but mae, rmse and sq_rel is free of the unit). `valid` is a bool array of that shape, None for all. What lies where `valid` is
False is never touched, NaN included. Everything is computed and summed in float64.

Every function raises LeadlineError when the shapes differ or a valid number is not finite and positive: a ratio or a logarithm
of such depth means nothing, and dropping the pixel would flatter the score. Clamp to the protocol's range first.

One pass over the pixels gives the sums of every metric (`leadline.metrics.depth_sums`): ask `depth_metrics` for several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.pixels import pick
from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.depth_sums import DepthSums, refuse_not_positive, sum_up
from leadline.metrics.log_error import LOG_ERRORS, LogError
from leadline.metrics.tally import SpreadTally, Tally, mean, root

DELTA_THRESHOLDS = (1.25, 1.25**2, 1.25**3)
BOOSTER_THRESHOLDS = (1.25, 1.20, 1.15, 1.10, 1.05)
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
    gathered = _picked(pred, target, valid)
    refuse_not_positive(gathered.pred, gathered.target)
    return gathered


def _picked(pred: Any, target: Any, valid: Any | None = None) -> Gathered:
    """Collect the valid pixels; `sum_up` checks them as it goes."""
    p, t = as_numpy(pred), as_numpy(target)
    mask = None if valid is None else as_numpy(valid)
    if p.shape != t.shape or (mask is not None and mask.shape != t.shape):
        shapes = ", ".join(str(a.shape) for a in (p, t, mask) if a is not None)
        raise LeadlineError(f"arrays of shapes {shapes} to compare: expected one shape; resize the prediction first")
    return Gathered(*pick(p, t, mask))


def abs_rel(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of |pred - target| / target."""
    return depth_metrics(pred, target, valid)["abs_rel"]


def sq_rel(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of (pred - target)^2 / target, in the unit of the depth."""
    return depth_metrics(pred, target, valid)["sq_rel"]


def mae(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of |pred - target|, in the unit of the depth."""
    return depth_metrics(pred, target, valid)["mae"]


def rmse(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Root of the mean of (pred - target)^2, in the unit of the depth."""
    return depth_metrics(pred, target, valid)["rmse"]


def rmse_log(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Root of the mean of (ln pred - ln target)^2, natural logarithm."""
    return depth_metrics(pred, target, valid)["rmse_log"]


def log10(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Mean of |log10 pred - log10 target|."""
    return depth_metrics(pred, target, valid)["log10"]


def si_rmse(pred: Any, target: Any, valid: Any | None = None) -> Tally:
    """Standard deviation of ln pred - ln target (METHODS section 0): blind to a wrong scale of the whole map."""
    return depth_metrics(pred, target, valid)["si_rmse"]


def silog(pred: Any, target: Any, valid: Any | None = None, variant: str = "silog") -> Tally:
    """Scale-invariant logarithmic error: by default 100 * the standard deviation of ln pred - ln target, as KITTI lists it.

    Others publish other numbers under the same name; `leadline.metrics.log_error.LOG_ERRORS` says which are whose.

    Args:
        pred, target, valid: see the module.
        variant: a name of LOG_ERRORS.

    Raises:
        LeadlineError: there is no such variant, or see the module.
    """
    if variant not in LOG_ERRORS:
        raise LeadlineError(f"unknown silog variant {variant!r}: expected one of {', '.join(LOG_ERRORS)}")
    return depth_metrics(pred, target, valid)[variant]


def delta(
    pred: Any, target: Any, valid: Any | None = None, thresholds: Sequence[float] = DELTA_THRESHOLDS
) -> tuple[Tally, ...]:
    """Share of pixels with max(pred / target, target / pred) < threshold, for each threshold; strict, 0..1, larger is better.

    Named delta1 to delta3 for 1.25 to its cube, ``delta_1.05`` and so on for others (`BOOSTER_THRESHOLDS`).
    MiDaS and others print the complement in percent.

    Raises:
        LeadlineError: a threshold is not above 1, or see the module.
    """
    found = depth_metrics(pred, target, valid, thresholds)
    return tuple(found[_delta_name(bound)] for bound in thresholds)


def depth_metrics(
    pred: Any, target: Any, valid: Any | None = None, thresholds: Sequence[float] = DELTA_THRESHOLDS
) -> dict[str, Tally]:
    """Return all the metrics of this file by name, with every variant of silog, from one pass over the pixels.

    Args:
        pred, target, valid: see the module.
        thresholds: of `delta`.

    Raises:
        LeadlineError: as `delta`.
    """
    names = _delta_names(thresholds)
    g = _picked(pred, target, valid)
    (sums,) = sum_up(g.pred, g.target, thresholds, [None])
    return _tallies(sums, names)


def depth_metrics_by_class(
    pred: Any, target: Any, classes: Mapping[str, NDArray[np.bool_]], thresholds: Sequence[float] = DELTA_THRESHOLDS
) -> dict[str, dict[str, Tally]]:
    """Return all the metrics of this file for several classes of pixels, whose errors are computed once.

    Args:
        pred, target: arrays of one shape, of valid pixels alone; usually (n,), as a runner gathers them.
        classes: bool array of that shape for each class; classes may overlap, be empty, or hold every pixel.
        thresholds: of `delta`.

    Returns:
        Class -> metric -> tally, in the order of `classes`. A class without pixels has tallies of count 0.

    Raises:
        LeadlineError: a class has another shape, or as `delta`.
    """
    names = _delta_names(thresholds)
    g = _picked(pred, target)
    for of, mask in classes.items():
        if mask.shape != np.shape(pred):
            raise LeadlineError(f"class {of!r} of shape {mask.shape} for pixels of shape {np.shape(pred)}: expected the same")
    masks = [np.asarray(mask, dtype=bool).ravel() for mask in classes.values()]
    found = sum_up(g.pred, g.target, thresholds, [None if mask.all() else mask for mask in masks])
    return {of: _tallies(sums, names) for of, sums in zip(classes, found, strict=True)}


def _delta_name(threshold: float) -> str:
    return _DELTA_NAMES.get(threshold, f"delta_{threshold:g}")


def _delta_names(thresholds: Sequence[float]) -> list[str]:
    for bound in thresholds:
        if not bound > 1:
            raise LeadlineError(f"delta threshold {bound}: expected a ratio above 1, such as 1.25")
    return [_delta_name(bound) for bound in thresholds]


def _tallies(sums: DepthSums, delta_names: Sequence[str]) -> dict[str, Tally]:
    n = sums.count
    tallies = [
        Tally("abs_rel", n, (sums.relative,), mean),
        Tally("sq_rel", n, (sums.squared_relative,), mean),
        Tally("mae", n, (sums.error,), mean),
        Tally("rmse", n, (sums.squared,), root),
        SpreadTally("rmse_log", n, (sums.log, sums.log_about), _RMSE_LOG),
        Tally("log10", n, (sums.abs_log / LN_10,), mean),
        *(SpreadTally(name, n, (sums.log, sums.log_about), error) for name, error in LOG_ERRORS.items()),
        *(Tally(name, n, (float(k),), mean) for name, k in zip(delta_names, sums.within, strict=True)),
    ]
    return {tally.name: tally for tally in tallies}


_RMSE_LOG = LogError(mean_weight=0.0, rooted=True, factor=1.0)
