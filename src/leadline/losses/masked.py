"""Arithmetic over the valid pixels of each map, (N, ...) values and bool masks: batched, and blind to what a mask hides."""

from __future__ import annotations

import torch
from torch import Tensor


def hide(values: Tensor, valid: Tensor, by: float = 0.0) -> Tensor:
    """Return the values with `by` for what is not valid, *before* any arithmetic, else its NaN comes back through the gradient.

    `by` is a number at which the arithmetic is smooth: 1 for a logarithm or a quotient.
    """
    return torch.where(valid, values, by)


def count(valid: Tensor) -> Tensor:
    """Return (N,) each map's number of valid pixels, at least 1: a divisor."""
    return valid.flatten(1).sum(1).clamp_min(1)


def mean_over(values: Tensor, counted: Tensor) -> Tensor:
    """Return (N,) the mean of each map's counted values; 0, without gradient, for a map that has none.

    Args:
        values: (N, ...), finite also where not counted, see `hide`.
        counted: (N, ...) bool.
    """
    return torch.where(counted, values, 0.0).flatten(1).sum(1) / count(counted)


masked_mean = mean_over


def root(squares: Tensor) -> Tensor:
    """Return square roots whose gradient at 0 is 0 instead of infinite."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)
