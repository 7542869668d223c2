"""Depth boundaries: Depth Pro's F1 against depth and recall against masks (arXiv 2410.02073, boundary_metrics.py of its code).

Two neighbours i, j make a boundary at threshold t, with j in front, where z_i / z_j > t: the ratio of inverse depths, free of
the scale of depth. Each of four directions (the nearer pixel lies right, left, below, above) is compared by itself, so that a
step of the wrong sign is no hit, and a step that is off by a pixel is none either. A score is the mean over the thresholds,
weighted by t.

`pred` and `target` are (h, w) arrays of depth, NumPy or torch, finite and positive wherever `valid` (None for all) is True;
what lies elsewhere is never touched. A pair of neighbours counts where both are valid. The scale of either map is free, a shift
of disparity is not: align such a map first.

The sums of a tally are counts over pairs. The authors average the scores of images; adding tallies pools the pairs instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import fsum, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.tally import Tally

THRESHOLDS = tuple(float(t) for t in np.linspace(1.05, 1.25, 10))
DIRECTIONS = ("right", "left", "below", "above")


class Empty(StrEnum):
    """What a direction without a boundary adds to the mean over the four."""

    ZERO = "zero"  # nothing, as in the authors' code: a perfect map that has no step downwards scores below 1
    SKIP = "skip"  # it is left out, and so is a threshold at which neither map has a boundary; a perfect map scores 1


def boundary_f1(
    pred: Any,
    target: Any,
    valid: Any | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    empty: Empty | str = Empty.ZERO,
) -> Tally:
    """F1 of the boundaries in `pred` against those in `target`, 0..1, larger is better; nothing is thinned.

    Precision and recall are each the mean over the directions; their harmonic mean is averaged over the thresholds.

    Args:
        pred, target, valid: (h, w), see the module.
        thresholds: ratios above 1, rising.
        empty: for directions without a boundary; "zero" gives the published numbers.

    Returns:
        ``boundary_f1`` over the pairs of neighbours; with "skip", NaN where no map has a boundary.

    Raises:
        LeadlineError: the shapes differ or are not (h, w), a valid depth is not finite and positive, or the thresholds or
            `empty` are none.
    """
    bounds, rule = _checked_thresholds(thresholds), _checked_empty(empty)
    (p, t), mask = _checked(valid, pred=pred, target=target)
    pairs, counts = 0, []
    for pred_ratio, true_ratio, both in zip(_ratios(p), _ratios(t), _both_valid(mask), strict=True):
        pred_ratio[~both] = true_ratio[~both] = 0
        pairs += int(np.count_nonzero(both))
        # Both are above a threshold where the smaller one is.
        counts.append([_above(r, bounds) for r in (np.minimum(pred_ratio, true_ratio), pred_ratio, true_ratio)])
    sums = np.array(counts).transpose(1, 2, 0).ravel()  # hit, predicted, true; by threshold; by direction
    return Tally("boundary_f1", pairs, tuple(sums.astype(float).tolist()), _F1(bounds, rule))


def mask_boundary_recall(
    pred: Any,
    mask: Any,
    valid: Any | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    empty: Empty | str = Empty.ZERO,
    alpha_threshold: float = 0.1,
) -> Tally:
    """Recall of the outline of a mask or alpha matte among the boundaries of `pred`, 0..1, larger is better.

    The inside of the mask is taken to be in front. In each row and column, of a run of neighbouring boundaries only the
    steepest counts (the first of equals), so that a blurred step can't hit by being wide.

    Args:
        pred, valid: (h, w), see the module.
        mask: (h, w) bool, or alpha 0..1.
        thresholds, empty: as for `boundary_f1`.
        alpha_threshold: alpha above which a pixel is inside; 0.1 in the authors' code.

    Returns:
        ``mask_boundary_recall`` over the pairs of neighbours; with "skip", NaN where the mask has no outline.

    Raises:
        LeadlineError: as `boundary_f1`, or the alpha is not in 0..1.
    """
    bounds, rule = _checked_thresholds(thresholds), _checked_empty(empty)
    (p,), visible = _checked(valid, pred=pred)
    alpha = as_numpy(mask).astype(np.float64)
    if alpha.shape != p.shape:
        raise LeadlineError(f"a mask of shape {alpha.shape} for a prediction of shape {p.shape}: resize the prediction first")
    alpha = np.where(visible, alpha, 0)
    if not ((alpha >= 0) & (alpha <= 1)).all():
        raise LeadlineError(f"alpha from {alpha.min():g} to {alpha.max():g}: expected 0 to 1; divide an 8-bit mask by 255")
    inside = alpha > alpha_threshold
    pairs, hits, outline = 0, [], []
    for ratio, enters, both in zip(_ratios(p), _entered(inside), _both_valid(visible), strict=True):
        ratio[~both] = 0
        true = (enters & both).ravel()
        pairs += int(np.count_nonzero(both))
        outline.append(np.count_nonzero(true))
        hits.append([np.count_nonzero(true[_steepest(ratio, bound)]) for bound in bounds])
    sums = [*np.array(hits).T.ravel().tolist(), *outline]  # hit by threshold, by direction; outline by direction
    return Tally("mask_boundary_recall", pairs, tuple(map(float, sums)), _Recall(bounds, rule))


@dataclass(frozen=True)
class _F1:
    """Finishes the counts; equal where thresholds and rule are, as adding tallies requires."""

    thresholds: tuple[float, ...]
    empty: Empty

    def __call__(self, *shares: float) -> float:
        hit, predicted, true = np.array(shares).reshape(3, len(self.thresholds), len(DIRECTIONS))
        precision, recall = _mean_share(hit, predicted, self.empty), _mean_share(hit, true, self.empty)
        # One map without any boundary: nothing of the other's can be right. Both without: there is nothing to score.
        nothing = np.isnan(precision) & np.isnan(recall)
        precision, recall = np.nan_to_num(precision), np.nan_to_num(recall)
        total = precision + recall
        f1 = 2 * precision * recall / np.where(total > 0, total, 1)
        return _weighted(np.where(nothing, np.nan, f1), self.thresholds)


@dataclass(frozen=True)
class _Recall:
    """Finishes the counts; equal where thresholds and rule are, as adding tallies requires."""

    thresholds: tuple[float, ...]
    empty: Empty

    def __call__(self, *shares: float) -> float:
        table = np.array(shares).reshape(len(self.thresholds) + 1, len(DIRECTIONS))
        return _weighted(_mean_share(table[:-1], table[-1:], self.empty), self.thresholds)


def _mean_share(part: NDArray[np.float64], whole: NDArray[np.float64], empty: Empty) -> NDArray[np.float64]:
    """Return the mean over the last axis of part / whole; NaN where nothing is left to average."""
    whole = np.broadcast_to(whole, part.shape)
    shares = np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0)
    used = np.full(shares.shape[0], shares.shape[1]) if empty is Empty.ZERO else np.count_nonzero(whole, axis=-1)
    return np.where(used > 0, shares.sum(axis=-1) / np.maximum(used, 1), np.nan)


def _weighted(scores: NDArray[np.float64], thresholds: tuple[float, ...]) -> float:
    pairs = [(score, t) for score, t in zip(scores.tolist(), thresholds, strict=True) if not isnan(score)]
    return fsum(score * t for score, t in pairs) / fsum(t for _, t in pairs) if pairs else nan


def _ratios(depth: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield, for each of `DIRECTIONS`, by how much the neighbour there is nearer; the vertical ones transposed."""
    for z in (depth, np.ascontiguousarray(depth.T)):
        yield z[:, :-1] / z[:, 1:]
        yield z[:, 1:] / z[:, :-1]


def _entered(inside: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield, for each of `DIRECTIONS`, where the neighbour there is inside and the pixel is not, laid out as `_ratios`."""
    for m in (inside, inside.T):
        yield m[:, 1:] & ~m[:, :-1]
        yield m[:, :-1] & ~m[:, 1:]


def _both_valid(valid: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    for m in (valid, valid.T):
        both = m[:, 1:] & m[:, :-1]
        yield both
        yield both


def _above(ratio: NDArray[np.float64], thresholds: tuple[float, ...]) -> NDArray[np.intp]:
    """Return how many ratios are above each threshold."""
    steep = np.sort(ratio[ratio > thresholds[0]])
    return steep.size - np.searchsorted(steep, thresholds, side="right")


def _steepest(ratio: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    """Return the flat positions of the largest ratio of each horizontal run above the threshold, the first of equals."""
    position = np.flatnonzero(ratio > threshold)
    if position.size == 0:
        return position
    new_row = np.diff(position // ratio.shape[1]) != 0
    start = np.flatnonzero(np.concatenate(([True], (np.diff(position) != 1) | new_row)))
    values = ratio.ravel()[position]
    run = np.repeat(np.arange(start.size), np.diff(np.append(start, position.size)))
    peaks = np.flatnonzero(values == np.maximum.reduceat(values, start)[run])
    return position[peaks[np.unique(run[peaks], return_index=True)[1]]]


def _checked(valid: Any | None, **maps: Any) -> tuple[list[NDArray[np.float64]], NDArray[np.bool_]]:
    """Return the maps in float64, with 1 where they are not valid, and the mask."""
    arrays = {name: as_numpy(array) for name, array in maps.items()}
    shape = next(iter(arrays.values())).shape
    mask = np.ones(shape, bool) if valid is None else as_numpy(valid).astype(bool)
    if len(shape) != 2 or any(a.shape != shape for a in (*arrays.values(), mask)):
        shapes = ", ".join(str(a.shape) for a in (*arrays.values(), mask))
        raise LeadlineError(f"arrays of shapes {shapes}: expected one shape (height, width); resize the prediction first")
    depths = []
    for name, array in arrays.items():
        depth = np.where(mask, array, 1).astype(np.float64)
        if bad := np.count_nonzero(~(np.isfinite(depth) & (depth > 0))):
            raise LeadlineError(
                f"{bad} valid depths of {name} are not finite and positive: clamp to the protocol's range first"
            )
        depths.append(depth)
    return depths, mask


def _checked_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    bounds = tuple(float(t) for t in thresholds)
    if not bounds or not bounds[0] > 1 or not all(a < b < np.inf for a, b in pairwise(bounds)):
        raise LeadlineError(f"thresholds {bounds}: expected ratios above 1, rising; the published ones are 1.05 to 1.25")
    return bounds


def _checked_empty(empty: Empty | str) -> Empty:
    try:
        return Empty(empty)
    except ValueError:
        raise LeadlineError(f"empty {empty!r}: expected one of {', '.join(Empty)}") from None
