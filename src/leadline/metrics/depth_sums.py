"""What all depth metrics are made of: the sums over the pixels of one map, or of several classes of them, in one go.

A block of pixels at a time, so that what is computed on the way stays in the processor's cache. Where numba is installed, a
compiled loop takes the place of NumPy's operations; it gives the same numbers but for the order of its additions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.compiled import READ, SMALLEST, compiled
from leadline.errors import LeadlineError
from leadline.metrics.tally import about_common_mean

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 24_576  # pixels: a laser's truth is one block, and four arrays of them fit in 1 MB

_SPREADS = f"b1({READ}, {READ}, f8[::1])"
_ADD = f"void({READ}, {READ}, {READ}, {READ}, {READ}, Array(b1, 1, 'C', readonly=True), f8[::1])"
# Where each sum stands in what a block gives; one for each threshold follows.
COUNT, RELATIVE, SQUARED_RELATIVE, ERROR, SQUARED, ABS_LOG, LOG, LOG_ABOUT, WITHIN = range(9)


@dataclass(slots=True)
class DepthSums:
    """Sums over the pixels of a class, with e = pred - target and l = ln pred - ln target.

    Attributes:
        count: pixels.
        relative, squared_relative: of |e| / target and of e^2 / target.
        error, squared: of |e| and of e^2.
        abs_log, log: of |l| and of l.
        log_about: of (l - its mean)^2.
        within: how many have max(pred / target, target / pred) below each threshold.
    """

    count: int
    relative: float
    squared_relative: float
    error: float
    squared: float
    abs_log: float
    log: float
    log_about: float
    within: tuple[int, ...]


def refuse_not_positive(pred: Numbers, target: Numbers) -> None:
    """Check that every number of two (n,) arrays is finite and positive.

    Raises:
        LeadlineError: one is not; the message says how many.
    """
    for name, numbers in (("predicted", pred), ("true", target)):
        if not _is_positive(numbers):
            bad = np.count_nonzero(~(np.isfinite(numbers) & (numbers > 0)))
            raise LeadlineError(f"{bad} valid {name} depths are not finite and positive: clamp to the protocol's range first")


def _is_positive(numbers: Numbers) -> bool:
    return not numbers.size or bool(numbers.min() > 0 and numbers.max() < np.inf)  # both comparisons are False for NaN


def sum_up(pred: Numbers, target: Numbers, thresholds: Sequence[float], classes: Sequence[Mask | None]) -> list[DepthSums]:
    """Return the sums of each class.

    Args:
        pred, target: (n,) float32 or float64.
        thresholds: for `DepthSums.within`.
        classes: (n,) bool each, None for all pixels.

    Raises:
        LeadlineError: a number is not finite and positive.
    """
    bounds = np.asarray(thresholds, dtype=np.float64)
    large = pred.size >= SMALLEST
    take_spreads = (compiled(_spreads_in_loops, _SPREADS) if large else None) or _spreads
    add_block = (compiled(_add_block_in_loops, _ADD) if large else None) or _add_block
    sums = np.zeros((len(classes), WITHIN + bounds.size))
    space = np.empty((4, min(BLOCK, pred.size)))
    everywhere = np.ones(space.shape[1], dtype=bool)
    for start in range(0, pred.size, BLOCK):
        part = slice(start, start + BLOCK)
        spread, log_spread, *casts = space[:, : min(BLOCK, pred.size - start)]
        p, t = (_float64(values[part], cast) for values, cast in zip((pred, target), casts, strict=True))
        if not take_spreads(p, t, spread):  # here, while the block is in the cache
            refuse_not_positive(pred, target)
        np.log(spread, out=log_spread)
        for of_class, mask in zip(sums, classes, strict=True):
            here = everywhere[: p.size] if mask is None else np.ascontiguousarray(mask[part])
            add_block(p, t, spread, log_spread, bounds, here, of_class)
    return [_named(row) for row in sums]


def _named(row: Numbers) -> DepthSums:
    within = tuple(int(count) for count in row[WITHIN:])
    return DepthSums(
        count=int(row[COUNT]),
        relative=float(row[RELATIVE]),
        squared_relative=float(row[SQUARED_RELATIVE]),
        error=float(row[ERROR]),
        squared=float(row[SQUARED]),
        abs_log=float(row[ABS_LOG]),
        log=float(row[LOG]),
        log_about=float(row[LOG_ABOUT]),
        within=within,
    )


def _float64(values: NDArray[np.floating[Any]], space: Numbers) -> Numbers:
    if values.dtype == np.float64 and values.flags.c_contiguous:
        return cast(Numbers, values)
    space[...] = values
    return space


def _spreads(pred: Numbers, target: Numbers, spread: Numbers) -> bool:
    """Write max(pred / target, target / pred) and return whether all numbers are finite and positive."""
    if not (_is_positive(pred) and _is_positive(target)):
        return False
    np.divide(np.maximum(pred, target), np.minimum(pred, target), out=spread)
    return True


def _add_block(
    pred: Numbers, target: Numbers, spread: Numbers, log_spread: Numbers, bounds: Numbers, mask: Mask, sums: Numbers
) -> None:
    """Add what one block has where `mask` is True to `sums`."""
    if not mask.all():
        index = np.flatnonzero(mask)
        pred, target, spread, log_spread = (values.take(index) for values in (pred, target, spread, log_spread))
    count = pred.size
    error = pred - target
    log_ratio = np.copysign(log_spread, error)
    np.abs(error, out=error)
    sums[ERROR] += error.sum()
    share = error / target
    sums[RELATIVE] += share.sum()
    share *= error
    sums[SQUARED_RELATIVE] += share.sum()
    error *= error
    sums[SQUARED] += error.sum()
    sums[ABS_LOG] += log_spread.sum()
    log = float(log_ratio.sum())
    log_ratio -= log / max(count, 1)
    log_ratio *= log_ratio
    sums[LOG_ABOUT] = about_common_mean(sums[COUNT], sums[LOG], sums[LOG_ABOUT], count, log, float(log_ratio.sum()))
    sums[LOG] += log
    for k, bound in enumerate(bounds):
        sums[WITHIN + k] += np.count_nonzero(spread < bound)
    sums[COUNT] += count


# The loops that are compiled: `_spreads` and `_add_block` once more.


def _spreads_in_loops(pred: Numbers, target: Numbers, spread: Numbers) -> bool:
    bad = 0
    for i in range(pred.size):
        p, t = pred[i], target[i]
        large, small = (p, t) if p > t else (t, p)
        spread[i] = large / small
        bad += 0 if (p > 0) & (p < np.inf) & (t > 0) & (t < np.inf) else 1  # NaN is neither
    return bad == 0


def _add_block_in_loops(
    pred: Numbers, target: Numbers, spread: Numbers, log_spread: Numbers, bounds: Numbers, mask: Mask, sums: Numbers
) -> None:
    count = relative = squared_relative = total = squared = abs_log = log = about = 0.0
    for i in range(pred.size):
        one = 1.0 if mask[i] else 0.0
        off = pred[i] - target[i]
        error = abs(off) * one
        share = error / target[i]
        count += one
        relative += share
        squared_relative += share * error
        total += error
        squared += error * error
        size = log_spread[i] * one
        abs_log += size
        log += size if off >= 0 else -size
    if count == 0:
        return
    mean = log / count
    for i in range(pred.size):
        away = (log_spread[i] if pred[i] >= target[i] else -log_spread[i]) - mean
        about += away * away if mask[i] else 0.0
    for k in range(bounds.size):
        within = 0.0
        for i in range(pred.size):
            within += 1.0 if (spread[i] < bounds[k]) & mask[i] else 0.0
        sums[WITHIN + k] += within
    if sums[COUNT] > 0:  # about_common_mean
        gap = sums[LOG] / sums[COUNT] - mean
        about += gap * gap * sums[COUNT] * count / (sums[COUNT] + count)
    sums[LOG_ABOUT] += about
    sums[LOG] += log
    sums[RELATIVE] += relative
    sums[SQUARED_RELATIVE] += squared_relative
    sums[ERROR] += total
    sums[SQUARED] += squared
    sums[ABS_LOG] += abs_log
    sums[COUNT] += count
