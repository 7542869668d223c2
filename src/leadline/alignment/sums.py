"""The sums over pixels that the fits are made of: each reads the maps once, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.compiled import READ, SMALLEST, compiled

Numbers = NDArray[np.float64]

FARTHEST_FIRST = 16.0  # variances that the first pixel may be off the mean, squared, for `central_moments`
BLOCK = 8_192  # pixels computed on at a time, so that what comes in between stays in the processor's cache


def total(values: Numbers, weight: Numbers | None = None) -> float:
    """Return ``sum w values`` of (n,) arrays."""
    return float(values.sum() if weight is None else (weight * values).sum())


class Totals(NamedTuple):
    """Sums over pixels from one pass; those about the first pixel are 0 without numba, where they would cost another.

    Attributes:
        pred, target: of p and of q; not finite where a number is not.
        spread: of |p - p[0]|.
        power, product, target_power: of (p - p[0])^2, of (p - p[0]) (q - q[0]) and of (q - q[0])^2.
    """

    pred: float
    target: float
    spread: float = 0.0
    power: float = 0.0
    product: float = 0.0
    target_power: float = 0.0


def totals(pred: Numbers, target: Numbers) -> Totals:
    """Return the sums of (n,) maps, n > 0."""
    if pred.size >= SMALLEST and (loop := compiled(_totals, f"UniTuple(f8, 6)({READ}, {READ})")):
        return Totals(*loop(pred, target))
    with np.errstate(invalid="ignore", over="ignore"):
        return Totals(total(pred), total(target))


def central_moments(pred: Numbers, target: Numbers, sums: Totals) -> tuple[float, float]:
    """Return ``sum p^2`` and ``sum p q`` of (n,) maps about their means, from their totals if those are precise enough.

    Sums about the first pixel lose digits where that pixel is far from the mean: another pass is taken there.
    """
    n = pred.size
    p_mean, q_mean = sums.pred / n, sums.target / n
    p_off, q_off = p_mean - float(pred[0]), q_mean - float(target[0])
    power, target_power = sums.power - n * p_off * p_off, sums.target_power - n * q_off * q_off
    if n * p_off * p_off <= FARTHEST_FIRST * power and n * q_off * q_off <= FARTHEST_FIRST * target_power and power > 0:
        return power, sums.product - n * p_off * q_off
    return moments(pred, target, None, p_mean, q_mean)


def moments(
    pred: Numbers, target: Numbers, weight: Numbers | None = None, pred_centre: float = 0.0, target_centre: float = 0.0
) -> tuple[float, float]:
    """Return ``sum w p^2`` and ``sum w p q`` of (n,) maps about their centres: p = pred - pred_centre, q alike."""
    if weight is None and pred.size >= SMALLEST and (loop := compiled(_moments, f"UniTuple(f8, 2)({READ}, {READ}, f8, f8)")):
        power, product = loop(pred, target, pred_centre, target_centre)
        return power, product
    power = product = 0.0
    for part, (p, q) in _blocks(pred.size, 2):
        np.subtract(pred[part], pred_centre, out=p)
        np.subtract(target[part], target_centre, out=q)
        q *= p
        p *= p
        if weight is not None:
            p *= weight[part]
            q *= weight[part]
        power += float(p.sum())
        product += float(q.sum())
    return power, product


def distance(pred: Numbers, target: Numbers, weight: Numbers | None, scale: float, shift: float) -> float:
    """Return ``sum w |scale pred + shift - target|`` of (n,) maps."""
    if weight is None and pred.size >= SMALLEST and (loop := compiled(_distance, f"f8({READ}, {READ}, f8, f8)")):
        return float(loop(pred, target, scale, shift))
    summed = 0.0
    for part, (away,) in _blocks(pred.size, 1):
        np.multiply(pred[part], scale, out=away)
        away += shift
        away -= target[part]
        np.abs(away, out=away)
        if weight is not None:
            away *= weight[part]
        summed += float(away.sum())
    return summed


def _blocks(size: int, rows: int) -> Iterator[tuple[slice, Numbers]]:
    """Yield each block of pixels with rows of working space for it, the same memory for all blocks."""
    space = np.empty((rows, min(BLOCK, size)))
    for start in range(0, size, BLOCK):
        yield slice(start, start + BLOCK), space[:, : min(BLOCK, size - start)]


# The loops that are compiled: `totals`, `moments` and `distance` once more, without weights. A sum for each block keeps the
# rounding small; a range that starts at 0 lets the compiler see that no index is negative, and so compute
# several pixels at once.


def _totals(pred: Numbers, target: Numbers) -> tuple[float, float, float, float, float, float]:
    p_sum = q_sum = spread = power = product = target_power = 0.0
    for start in range(0, pred.size, BLOCK):
        p, q = pred[start : start + BLOCK], target[start : start + BLOCK]
        block_p = block_q = block_spread = block_power = block_product = block_target_power = 0.0
        for i in range(p.size):
            block_p += p[i]
            block_q += q[i]
            p_off, q_off = p[i] - pred[0], q[i] - target[0]
            block_spread += abs(p_off)
            block_power += p_off * p_off
            block_product += p_off * q_off
            block_target_power += q_off * q_off
        p_sum += block_p
        q_sum += block_q
        spread += block_spread
        power += block_power
        product += block_product
        target_power += block_target_power
    return p_sum, q_sum, spread, power, product, target_power


def _moments(pred: Numbers, target: Numbers, pred_centre: float, target_centre: float) -> tuple[float, float]:
    power = product = 0.0
    for start in range(0, pred.size, BLOCK):
        p, q = pred[start : start + BLOCK], target[start : start + BLOCK]
        block_power = block_product = 0.0
        for i in range(p.size):
            away = p[i] - pred_centre
            block_power += away * away
            block_product += away * (q[i] - target_centre)
        power += block_power
        product += block_product
    return power, product


def _distance(pred: Numbers, target: Numbers, scale: float, shift: float) -> float:
    summed = 0.0
    for start in range(0, pred.size, BLOCK):
        p, q = pred[start : start + BLOCK], target[start : start + BLOCK]
        block = 0.0
        for i in range(p.size):
            block += abs(scale * p[i] + shift - q[i])
        summed += block
    return summed
