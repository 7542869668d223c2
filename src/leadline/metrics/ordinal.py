"""Metrics over pairs of points: is the right one in front? WHDR, WKDR, SDR and the pair accuracy (METHODS A.5, C.2, D.5, D.6).

Points are (n, 2) xy in pixels of the map that is read: its top-left corner is (0, 0), pixel i covers [i, i + 1) and has its
centre at i + 0.5 (see `leadline.camera`). A point reads the pixel in which it lies; nothing is interpolated. Indices that count
from 0 thus read their own pixel as they are. DIW's files count from 1 (subtract 1), and both DIW and DA-2K write row before
column (swap them).

A relation says where the first point lies, seen from the second: FARTHER (+1), EQUAL (0) or CLOSER (-1). It is the sign of
z_first - z_second, written ``>``, ``=``, ``<`` in the files of DIW and NYU and +1, 0, -1 in MegaDepth's.

A prediction that has no number at a point (NaN, or not valid) is wrong about each of its pairs; none is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from math import isfinite, nan
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.tally import Tally, mean

FARTHER, EQUAL, CLOSER = 1, 0, -1

# Candidates of the differences below which two points are equal: test_model_on_NYU.lua of princeton-vl/relative_depth.
DIW_THRESHOLDS = tuple(round(0.1 + 0.01 * i, 2) for i in range(1, 141))
SDR_RATIO = 1.1


class By(StrEnum):
    """How a threshold tells equal points from unequal ones."""

    DIFFERENCE = "difference"  # equal where |first - second| <= threshold
    RATIO = "ratio"  # equal where neither is more than threshold times the other


@dataclass(frozen=True, eq=False)
class Pairs:
    """What a prediction says at the pairs of points of one image, beside what is true.

    Attributes:
        first, second: (n,) float64; ``first > second`` says that the first point is farther. NaN says nothing.
        relation: (n,) int: FARTHER, EQUAL or CLOSER, of the first point.
        weight: (n,) float64, not negative.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    relation: NDArray[np.int64]
    weight: NDArray[np.float64]


def read_pairs(
    pred: Any,
    first_xy: Any,
    second_xy: Any,
    relation: Any,
    *,
    near_is_large: bool,
    valid: Any | None = None,
    weight: Any | None = None,
) -> Pairs:
    """Read a prediction at pairs of points.

    Args:
        pred: (h, w) depths or disparities, NumPy or torch.
        first_xy, second_xy: (n, 2) pixel coordinates (see the module), for the size of `pred`.
        relation: (n,) FARTHER, EQUAL or CLOSER, or one of them for all pairs: CLOSER for DA-2K, whose point1 is in front.
        near_is_large: whether larger numbers of `pred` are closer: True for disparity, False for depth
            (`leadline.depth_map.Kind.near_is_large`). A disparity is not inverted: its two numbers change places instead.
        valid: (h, w) bool, where the prediction has a number; None for wherever it is not NaN.
        weight: (n,) not negative; None for 1 each, as DIW and MegaDepth have it.

    Raises:
        LeadlineError: a shape is not as said, a point lies outside the map, or a relation or weight is none.
    """
    values = as_numpy(pred)
    if values.ndim != 2:
        raise LeadlineError(f"a prediction of shape {values.shape}: expected (height, width); read one image at a time")
    numbers = values.astype(np.float64)
    if valid is not None:
        mask = as_numpy(valid).astype(bool)
        if mask.shape != values.shape:
            raise LeadlineError(f"a valid mask of shape {mask.shape}: expected that of the prediction, {values.shape}")
        numbers[~mask] = np.nan
    first, second = _read(numbers, first_xy, "first"), _read(numbers, second_xy, "second")
    n = first.size
    if second.size != n:
        raise LeadlineError(f"{n} first and {second.size} second points: expected as many; give both points of each pair")
    relations = _for_each(relation, n, "relations")
    if strange := sorted(set(relations.tolist()) - {FARTHER, EQUAL, CLOSER}):
        raise LeadlineError(f"relation {strange[0]!r}: expected 1 (first is farther), 0 (equal) or -1 (first is closer)")
    weights = _for_each(1.0 if weight is None else weight, n, "weights").astype(np.float64)
    if bad := np.count_nonzero(~(np.isfinite(weights) & (weights >= 0))):
        raise LeadlineError(f"{bad} weights are negative or not finite: expected 0 or more; give 0 to leave a pair out")
    if near_is_large:
        first, second = second, first
    return Pairs(first, second, relations.astype(np.int64), weights)


def whdr(pairs: Pairs) -> Tally:
    """Weighted human disagreement rate of DIW: share of the pairs whose predicted order is wrong, 0..1, smaller is better.

    Chen et al. 2016 (arXiv 1604.03901), who weigh all pairs alike and print percent. A predicted tie is wrong.

    Raises:
        LeadlineError: a pair is EQUAL, which this metric does not know.
    """
    wrong = ~_in_order(pairs, "whdr")
    return _rate("whdr", wrong, pairs.weight)


def pair_accuracy(pairs: Pairs) -> Tally:
    """Share of the pairs whose closer point is predicted closer (DA-2K, arXiv 2406.09414), 0..1, larger is better.

    A predicted tie is wrong: nothing was said. Weights don't count. For a score per scene type, keep a tally for each.

    Raises:
        LeadlineError: a pair is EQUAL, which this metric does not know.
    """
    right = _in_order(pairs, "pair_accuracy")
    return Tally("pair_accuracy", right.size, (float(np.count_nonzero(right)),), mean)


def wkdr(pairs: Pairs, threshold: float, by: By | str = By.DIFFERENCE) -> tuple[Tally, Tally, Tally]:
    """Weighted Kinect disagreement rate over all, the equal and the unequal pairs, 0..1, smaller is better.

    Chen et al. 2016 (arXiv 1604.03901). The prediction has three answers, told apart by `threshold`: at or below it
    the points are equal. A difference has the prediction's unit and must be tuned for each model (`tune_threshold`).
    The authors average the rates of images; adding tallies pools the pairs instead.

    Returns:
        The tallies ``wkdr``, ``wkdr_equal`` and ``wkdr_unequal``.

    Raises:
        LeadlineError: the threshold is none (below 0; a ratio below 1), or a ratio is asked of numbers that are not positive.
    """
    return _three_rates("wkdr", pairs, threshold, by)


def sdr(pairs: Pairs, ratio: float = SDR_RATIO) -> tuple[Tally, Tally, Tally]:
    """SfM disagreement rate of MegaDepth over the equal, the unequal and all pairs, 0..1, smaller is better.

    Li & Snavely 2018 (arXiv 1804.00607), HG_model.py of their code: the first point is farther where the ratio of the
    depths is above `ratio`, closer where it is below ``1 / ratio``, else they are equal. Free of the scale of depth, not of a
    shift: give depth or a disparity whose shift is known.

    Returns:
        The tallies ``sdr_equal``, ``sdr_unequal`` and ``sdr``, in the authors' order.

    Raises:
        LeadlineError: the ratio is below 1, or a predicted number is not positive.
    """
    total, equal, unequal = _three_rates("sdr", pairs, ratio, By.RATIO)
    return equal, unequal, total


class Tuned(NamedTuple):
    """The best threshold among the candidates.

    Attributes:
        threshold: as `wkdr` takes it.
        error: the larger of wkdr_equal and wkdr_unequal there.
        at_the_end: whether it is the first or last candidate, so that a better one may lie beyond.
    """

    threshold: float
    error: float
    at_the_end: bool


def tune_threshold(
    images: Sequence[Pairs],
    candidates: Sequence[float] = DIW_THRESHOLDS,
    by: By | str = By.DIFFERENCE,
    *,
    pooled: bool = False,
) -> Tuned:
    """Choose the threshold of `wkdr` on validation pairs: the first that makes the larger of its two partial rates smallest.

    This is the rule of the authors' code (test_model_on_NYU.lua): without it, "all are equal" would win where most pairs are.

    Args:
        images: the pairs of each validation image.
        candidates: to try; the authors' 0.11 to 1.50 are differences of their networks' output.
        by: how the threshold is meant.
        pooled: rates over all pairs together; else the mean of the images' rates, as the authors have it. An image that has no
            pair of one sort does not count in the mean for that sort.

    Raises:
        LeadlineError: no candidate, or no equal or no unequal pair to tell apart; or as `wkdr`.
    """
    if not candidates:
        raise LeadlineError("no threshold to choose from: expected one candidate or more; give a sequence of thresholds")
    relations = [np.abs(pairs.relation) for pairs in images]
    for sort, wanted in (("equal", EQUAL), ("unequal", FARTHER)):
        if not any((relation == wanted).any() for relation in relations):
            raise LeadlineError(f"no {sort} pair among the validation pairs: a threshold tells both sorts apart; add some")
    errors = [max(_partial_rates(images, float(threshold), by, pooled)) for threshold in candidates]
    best = int(np.argmin(errors))
    return Tuned(float(candidates[best]), errors[best], best in (0, len(errors) - 1))


def _partial_rates(images: Sequence[Pairs], threshold: float, by: By | str, pooled: bool) -> tuple[float, float]:
    rates = [wkdr(pairs, threshold, by) for pairs in images]
    equal, unequal = ([image[sort] for image in rates if image[sort].count] for sort in (1, 2))
    if pooled:
        return reduce(add, equal).value, reduce(add, unequal).value
    return float(np.mean([tally.value for tally in equal])), float(np.mean([tally.value for tally in unequal]))


def _read(numbers: NDArray[np.float64], points_xy: Any, role: str) -> NDArray[np.float64]:
    points = as_numpy(points_xy)
    if points.size == 0:
        points = points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise LeadlineError(f"{role} points of shape {points.shape}: expected (n, 2), x before y")
    h, w = numbers.shape
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    outside = np.flatnonzero(~((x >= 0) & (x < w) & (y >= 0) & (y < h)))
    if outside.size:
        worst = points[outside[0]].tolist()
        raise LeadlineError(
            f"{role} point {worst} of pair {outside[0]} lies outside a map of {w} x {h}: expected 0 <= x < {w}, 0 <= y < {h}; "
            "give xy, counted from 0, at the map's size"
        )
    picked: NDArray[np.float64] = numbers[np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)]
    return picked


def _for_each(given: Any, n: int, name: str) -> NDArray[Any]:
    array = as_numpy(given)
    if array.ndim == 0:
        return np.full(n, array)
    if array.shape != (n,):
        raise LeadlineError(f"{name} of shape {array.shape} for {n} pairs: expected ({n},); give one for each pair")
    return array


def _in_order(pairs: Pairs, metric: str) -> NDArray[np.bool_]:
    """Return where the prediction has the true order."""
    if equal := np.count_nonzero(pairs.relation == EQUAL):
        raise LeadlineError(f"{equal} equal pairs for {metric}, which knows closer and farther: leave them out, or use wkdr")
    return np.asarray(_answers(pairs, 0.0, By.DIFFERENCE) == pairs.relation)


def _answers(pairs: Pairs, threshold: float, by: By | str) -> NDArray[np.int64]:
    """Return FARTHER, EQUAL or CLOSER as the prediction has it; 2, which no pair is, where it says nothing."""
    first, second = pairs.first, pairs.second
    with np.errstate(invalid="ignore"):  # infinity beside infinity: NaN, hence no answer
        if _checked_by(by) is By.RATIO:
            if not (threshold >= 1 and isfinite(threshold)):
                raise LeadlineError(f"ratio {threshold}: expected 1 or more; 1.1 is MegaDepth's")
            if bad := np.count_nonzero((first <= 0) | (second <= 0)):
                raise LeadlineError(
                    f"{bad} pairs with a predicted number of 0 or less: a ratio needs positive depth; clamp first"
                )
            forwards, backwards, bound = first / second, second / first, threshold
        else:
            if not (threshold >= 0 and isfinite(threshold)):
                raise LeadlineError(f"difference {threshold}: expected 0 or more; tune it on validation pairs")
            forwards, backwards, bound = first - second, second - first, threshold
    answers = np.where(forwards > bound, FARTHER, np.where(backwards > bound, CLOSER, EQUAL))
    return np.where(np.isnan(forwards), 2, answers)


def _checked_by(by: By | str) -> By:
    try:
        return By(by)
    except ValueError:
        raise LeadlineError(f"threshold by {by!r}: expected one of {', '.join(By)}") from None


def _three_rates(name: str, pairs: Pairs, threshold: float, by: By | str) -> tuple[Tally, Tally, Tally]:
    wrong = _answers(pairs, threshold, by) != pairs.relation
    equal = pairs.relation == EQUAL
    return (
        _rate(name, wrong, pairs.weight),
        _rate(f"{name}_equal", wrong[equal], pairs.weight[equal]),
        _rate(f"{name}_unequal", wrong[~equal], pairs.weight[~equal]),
    )


def _rate(name: str, wrong: NDArray[np.bool_], weight: NDArray[np.float64]) -> Tally:
    return Tally(name, wrong.size, (float(weight[wrong].sum()), float(weight.sum())), _quotient)


def _quotient(wrong: float, total: float) -> float:
    return wrong / total if total else nan
