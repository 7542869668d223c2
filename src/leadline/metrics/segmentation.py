"""Scores of class maps: intersection over union, precision and recall, from one matrix of counts."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError


class ClassScores(NamedTuple):
    """Scores of one class, shares of 1; NaN where their denominator is 0.

    Attributes:
        iou: pixels that both say, over those that either says.
        precision: share of what was said that is true.
        recall: share of what is true that was said.
        pixels: that are truly of this class.
    """

    iou: float
    precision: float
    recall: float
    pixels: int


def confusion(
    pred: NDArray[np.integer], target: NDArray[np.integer], valid: NDArray[np.bool_], count: int
) -> NDArray[np.int64]:
    """Return the (count, count) matrix of pixels by true class (row) and predicted class (column). Matrices add up.

    Args:
        pred, target: (h, w) class numbers below `count`.
        valid: (h, w) bool, which pixels count.
        count: of classes.

    Raises:
        LeadlineError: maps of different sizes, or a class number beyond.
    """
    if pred.shape != target.shape or pred.shape != valid.shape:
        raise LeadlineError(f"classes of {pred.shape} for a truth of {target.shape}: expected one size")
    said, true = pred[valid].astype(np.int64), target[valid].astype(np.int64)
    for name, numbers in (("predicted", said), ("true", true)):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
            raise LeadlineError(f"{name} classes {numbers.min()} to {numbers.max()}: expected 0 to {count - 1}")
    return np.bincount(true * count + said, minlength=count * count).reshape(count, count)


def merged_classes(matrix: NDArray[np.int64], groups: tuple[tuple[int, ...], ...]) -> NDArray[np.int64]:
    """Return the matrix of coarser classes, each of which joins a group of classes."""
    rows = np.stack([matrix[list(group)].sum(axis=0) for group in groups])
    return np.stack([rows[:, list(group)].sum(axis=1) for group in groups], axis=1)


def class_scores(matrix: NDArray[np.int64], index: int) -> ClassScores:
    """Return the scores of one class from `confusion`."""
    both, said, true = (int(n) for n in (matrix[index, index], matrix[:, index].sum(), matrix[index].sum()))
    return ClassScores(_share(both, said + true - both), _share(both, said), _share(both, true), true)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan
