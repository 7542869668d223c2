"""The k-th smallest value of every row, with another k in each: batched selection.

torch.kthvalue takes one k for all rows, and torch.sort orders what nobody asks for. On a CPU NumPy's partition, row by row,
takes a tenth of torch.nanmedian's time (8 rows of 65,536 float32); elsewhere nanmedian does all rows at once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leadline.losses.masked import number_valid


def kth_smallest(values: Tensor, valid: Tensor, k: Tensor) -> Tensor:
    """Return (N,) the k-th smallest (from 1) of each row's valid values; differentiable; rows with k < 1 give 0.

    Args:
        values: (N, P).
        valid: (N, P) bool.
        k: (N,) integers, at most each row's number of valid values.
    """
    found, _ = _select(values, valid, k)
    return torch.where(k >= 1, found, 0.0)


def lower_median(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N,) each row's median over its valid values, the lower of the two middle ones, and a column that holds it.

    A row without a valid value gives 0 and any column.
    """
    count = number_valid(valid)
    found, column = _select(values, valid, (count + 1) // 2)
    return torch.where(count >= 1, found, 0.0), column


def _select(values: Tensor, valid: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    return (_by_partition if values.device.type == "cpu" else _by_median)(values, valid, k)


def _by_partition(values: Tensor, valid: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    shown = torch.where(valid, values, torch.inf)
    readable = shown.detach()
    if values.dtype == torch.bfloat16:  # NumPy has none; float32 holds all its values
        readable = readable.float()
    columns = []
    for row, number in zip(readable.numpy(), k.clamp_min(1).tolist(), strict=True):
        kth = np.partition(row, number - 1)[number - 1]
        columns.append(int((row == kth).argmax()))
    column = torch.tensor(columns)
    return shown.gather(1, column[:, None])[:, 0], column


def _by_median(values: Tensor, valid: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Make the k-th the middle one: of M values plus 2k - 1 - M infinities (minus infinities where that is negative) it is the
    median, and nanmedian is batched and ignores NaN.
    """
    padding = 2 * k - 1 - number_valid(valid)
    columns = torch.arange(int(padding.abs().amax()), device=values.device)
    infinities = torch.where(padding > 0, torch.inf, -torch.inf).to(values.dtype)[:, None]
    pad = torch.where(columns[None] < padding.abs()[:, None], infinities, torch.nan)
    median = torch.cat([torch.where(valid, values, torch.nan), pad], dim=1).nanmedian(1)
    return median.values, median.indices.clamp_max(values.shape[1] - 1)
