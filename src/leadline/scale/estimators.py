"""One factor from many observations, five ways, with how far to trust it.

"One Scalar Is All You Need" (arXiv 2303.07662): a self-supervised network's depth is a multiple of the true one, and the same
multiple over a whole data set, so one number learnt where truth exists makes it metric elsewhere. Theil-Sen is the paper's
estimator; the others are what it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import Fit, fit_ransac, fit_scale, fit_scale_shift, fit_theil_sen
from leadline.errors import LeadlineError
from leadline.scale.observations import Numbers, Observations, metres_of

# name -> whether it can find a shift too.
ESTIMATORS = {
    "median_of_ratios": False,
    "pooled_median": False,
    "least_squares": True,
    "theil_sen": True,
    "ransac": True,
}
DEFAULT = "theil_sen"
RESAMPLES = 400
CONFIDENCE = 0.95
# If five groups agree in sign, chance does as much in 1 of 16 cases: no interval of 95 % can be had from so few.
FEWEST_GROUPS = 6
_MOST_FOLDS = 64
# Theil-Sen's pairs and RANSAC's hypotheses; the draws of a bootstrap differ by far more than fewer of them cost.
_PAIRS, _HYPOTHESES = (50_000, 10_000), (300, 60)


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of bootstrap draws of scale and shift."""

    scale: tuple[float, float]
    shift: tuple[float, float]


@dataclass(frozen=True)
class HeldOut:
    """How a fit does on observations that it has not seen: each group is left out once.

    Attributes:
        groups: how many were left out in turn.
        abs_rel: mean of |z - z*| / z*.
        median_abs_rel: its median.
        mae_m: mean of |z - z*| in metres.
        constant_abs_rel: `abs_rel` of the others' median distance, which needs no map. A fit above it does not help.
        lost: observations that the fit puts at infinity or behind the camera; they count as the constant does.
    """

    groups: int
    abs_rel: float
    median_abs_rel: float
    mae_m: float
    constant_abs_rel: float
    lost: int = 0


def estimate(seen: Observations, estimator: str = DEFAULT, *, shift: bool = False, seed: int = 0, quick: bool = False) -> Fit:
    """Return the factor, and the shift if asked for.

    * median_of_ratios: median over groups of median(target) / median(pred), as monodepth2's single stereo factor is made
      (Godard et al. 2019, arXiv 1806.01260); images of many pixels weigh no more than others.
    * pooled_median: median over all pixels of target / pred.
    * least_squares: sum(pred target) / sum(pred^2), the line through the origin; with a shift, the usual line.
    * theil_sen: median slope between pairs of pixels; the shift is the median of what is left (Sen 1968).
    * ransac: the line that most pixels agree with, refitted to them.

    Args:
        seen: the pixels.
        estimator: one of `ESTIMATORS`.
        shift: whether to fit ``target ~ scale * pred + shift`` rather than ``scale * pred``.
        seed: of the pairs and hypotheses that are drawn.
        quick: draw fewer of them, for a bootstrap.

    Returns:
        The fit; degenerate ones say why in `reason`.

    Raises:
        LeadlineError: an unknown estimator, or one that can't find a shift.
    """
    if estimator not in ESTIMATORS:
        raise LeadlineError(f"unknown estimator {estimator!r}: expected one of {', '.join(ESTIMATORS)}")
    if shift and not ESTIMATORS[estimator]:
        able = ", ".join(name for name, can in ESTIMATORS.items() if can)
        raise LeadlineError(f"estimator {estimator!r} finds no shift, and the map's is unknown: use one of {able}")
    pred, target = seen.pred, seen.target
    match estimator:
        case "least_squares":
            return fit_scale_shift(pred, target) if shift else fit_scale(pred, target)
        case "theil_sen":
            return fit_theil_sen(pred, target, intercept=shift, pairs=_PAIRS[quick], seed=seed)
        case "ransac":
            return fit_ransac(pred, target, intercept=shift, hypotheses=_HYPOTHESES[quick], seed=seed)
        case "median_of_ratios":
            return _of_ratios(seen, group_ratios(seen))
        case _:
            return _of_ratios(seen, _ratios(pred, target))


def group_ratios(seen: Observations) -> Numbers:
    """Return (groups,) median(target) / median(pred) of each group; groups whose median pred is not positive are left out."""
    order = np.argsort(seen.group, kind="stable")
    starts = np.flatnonzero(np.diff(seen.group[order], prepend=-1))
    if starts.size == seen.pred.size:  # each point is a group of its own
        return _ratios(seen.pred, seen.target)
    pred = np.array([np.median(part) for part in np.split(seen.pred[order], starts[1:])])
    target = np.array([np.median(part) for part in np.split(seen.target[order], starts[1:])])
    return _ratios(pred, target)


def bootstrap(
    seen: Observations, estimator: str = DEFAULT, *, shift: bool = False, seed: int = 0, resamples: int = RESAMPLES
) -> Interval | None:
    """Return the percentile interval over draws of groups with replacement (Efron and Tibshirani 1993, chapter 13).

    Groups are drawn whole, because pixels of one image err together: drawing pixels would give a far too narrow interval.

    Returns:
        The interval; None with fewer than six groups, or where every other draw can't be fitted.
    """
    numbers, group = np.unique(seen.group, return_inverse=True)
    if numbers.size < FEWEST_GROUPS:
        return None
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    sizes = np.array([part.size for part in members])
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        drawn = rng.integers(0, numbers.size, numbers.size)
        index = np.concatenate([members[i] for i in drawn])
        # A group that is drawn twice is two groups.
        again = Observations(seen.pred[index], seen.target[index], np.repeat(np.arange(drawn.size), sizes[drawn]), seen.space)
        fit = estimate(again, estimator, shift=shift, seed=seed, quick=True)
        if not fit.degenerate:
            found.append((fit.scale, fit.shift))
    if len(found) < resamples / 2:
        return None
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(np.array(found), (tail, 100 - tail), axis=0)
    return Interval((float(low[0]), float(high[0])), (float(low[1]), float(high[1])))


def held_out(seen: Observations, estimator: str = DEFAULT, *, shift: bool = False, seed: int = 0) -> HeldOut | None:
    """Fit without each group in turn (of many groups, without each 64th part) and measure what was left out.

    Returns:
        The errors; None where nothing can be left out: one group, or two with a shift to find.
    """
    if seen.groups < (3 if shift else 2):
        return None
    errors, distances, constants = [], [], []
    lost = folds = 0
    for out in _folds(seen.group):
        rest, left = seen.where(~out), seen.where(out)
        fit = estimate(rest, estimator, shift=shift, seed=seed)
        truth = metres_of(left.target, seen.space)
        constant = float(np.median(metres_of(rest.target, seen.space)))
        found = metres_of(fit.apply(left.pred), seen.space)
        bad = ~np.isfinite(found) | (found <= 0) | (fit.scale <= 0)
        lost += int(bad.sum())
        folds += 1
        found = np.where(bad, constant, found)
        distances.append(np.abs(found - truth))
        errors.append(np.abs(found - truth) / truth)
        constants.append(np.abs(constant - truth) / truth)
    relative = np.concatenate(errors)
    return HeldOut(
        folds,
        float(relative.mean()),
        float(np.median(relative)),
        float(np.concatenate(distances).mean()),
        float(np.concatenate(constants).mean()),
        lost,
    )


def _folds(group: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    numbers, place = np.unique(group, return_inverse=True)
    fold = place % min(numbers.size, _MOST_FOLDS)
    for number in range(int(fold.max()) + 1):
        yield fold == number


def _ratios(pred: Numbers, target: Numbers) -> Numbers:
    positive = pred > 0
    return np.asarray(target[positive] / pred[positive], dtype=np.float64)


def _of_ratios(seen: Observations, ratios: Numbers) -> Fit:
    if ratios.size == 0:
        return Fit(0.0, 0.0, seen.pred.size, 0.0, "no positive prediction" if seen.pred.size else "no valid pixel")
    scale = float(np.median(ratios))
    residual = float(np.abs(scale * seen.pred - seen.target).mean())
    return Fit(scale, 0.0, int(seen.pred.size), residual, "" if scale > 0 and isfinite(scale) else "scale is not positive")
