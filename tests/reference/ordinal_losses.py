"""Slow twins of the ordinal losses: one image, one pair of points at a time, straight from METHODS D.5 to D.7."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def ranking(
    pred: NDArray[Any], xy: NDArray[Any], relation: NDArray[Any], valid: NDArray[np.bool_], *, near_is_large: bool
) -> float:
    return improved_ranking(pred, xy, relation, valid, near_is_large=near_is_large, easy_share=0.0)


def improved_ranking(
    pred: NDArray[Any],
    xy: NDArray[Any],
    relation: NDArray[Any],
    valid: NDArray[np.bool_],
    *,
    near_is_large: bool,
    easy_share: float,
) -> float:
    unequal, equal = [], []
    for (first, second), closer_or_farther, there in zip(xy, relation, valid, strict=True):
        if not there:
            continue
        i, j = (float(pred[int(y), int(x)]) for x, y in (first, second))
        if closer_or_farther == 0:
            equal.append((i - j) ** 2)
            continue
        first_should_be_larger = (closer_or_farther == -1) == near_is_large
        lead = i - j if first_should_be_larger else j - i
        unequal.append(math.log(1 + math.exp(-lead)))
    hardest = sorted(unequal)[math.floor(easy_share * len(unequal)) :]
    return (sum(hardest) + sum(equal)) / max(1, len(unequal) + len(equal))


def robust_ordinal(
    depth: NDArray[Any], xy: NDArray[Any], relation: NDArray[Any], valid: NDArray[np.bool_], tau: float
) -> float:
    losses = []
    at_tau = math.log(1 + math.exp(tau)) - math.log(1 + math.exp(math.sqrt(tau)))
    for (first, second), r, there in zip(xy, relation, valid, strict=True):
        if there and r != 0:
            i, j = (math.log(float(depth[int(y), int(x)])) for x, y in (first, second))
            p = -r * (i - j)
            losses.append(math.log(1 + math.exp(p)) if p <= tau else math.log(1 + math.exp(math.sqrt(p))) + at_tau)
    return sum(losses) / max(1, len(losses))
