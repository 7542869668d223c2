"""The k-th smallest value of every row, with another k in each: batched selection."""

from __future__ import annotations

import torch
from torch import Tensor


def kth_smallest(values: Tensor, valid: Tensor, k: Tensor) -> Tensor:
    """Return (N,) the k-th smallest (from 1) of each row's valid values; differentiable; rows with k < 1 give 0.

    torch.kthvalue takes one k for all rows and torch.sort is five times slower, so the k-th is made the *median*: of M values
    plus 2k - 1 - M infinities it is the middle one (minus infinities where that is negative), and nanmedian is batched and
    ignores NaN.

    Args:
        values: (N, P).
        valid: (N, P) bool.
        k: (N,) integers, at most each row's number of valid values.
    """
    count = valid.count_nonzero(1)
    padding = 2 * k - 1 - count
    columns = torch.arange(int(padding.abs().amax()), device=values.device)
    infinities = torch.where(padding > 0, torch.inf, -torch.inf).to(values.dtype)[:, None]
    pad = torch.where(columns[None] < padding.abs()[:, None], infinities, torch.nan)
    found = torch.cat([torch.where(valid, values, torch.nan), pad], dim=1).nanmedian(1).values
    return torch.where(k >= 1, found, 0.0)
