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
    return number_valid(valid).clamp_min(1)


def number_valid(valid: Tensor) -> Tensor:
    """Return (N,) each map's number of valid pixels: bytes add up much faster than truth values do."""
    return valid.flatten(1).view(torch.uint8).sum(1, dtype=torch.int32)


def cleared(values: Tensor, valid: Tensor) -> Tensor:
    """Return `hide(values, valid)` where no gradient is wanted: bits are masked twice as fast as `torch.where` chooses."""
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[values.element_size()]
    all_bits = valid.view(torch.int8).neg().to(integer)  # -1 has them all set
    return all_bits.bitwise_and_(values.view(integer)).view(values.dtype)


def as_factor(valid: Tensor, dtype: torch.dtype) -> Tensor:
    """Return 1 where valid and 0 elsewhere, in a floating dtype: floats multiply faster than truth values do."""
    return valid.view(torch.uint8).to(dtype)


def mean_over(values: Tensor, counted: Tensor) -> Tensor:
    """Return (N,) the mean of each map's counted values; 0, without gradient, for a map that has none.

    Args:
        values: (N, ...), finite also where not counted, see `hide`.
        counted: (N, ...) bool.
    """
    return torch.where(counted, values, 0.0).flatten(1).sum(1) / count(counted)


def root(squares: Tensor) -> Tensor:
    """Return square roots whose gradient at 0 is 0 instead of infinite."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)
