"""Correlations along rows: each left pixel with every right pixel of its row, as a pyramid (RAFT-Stereo, section 3.2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def correlation_pyramid(left: Tensor, right: Tensor, levels: int) -> list[Tensor]:
    """Return (N, h, w, w / 2^i) for each level i: dot products over C, divided by its root, then averaged in pairs.

    Only the right picture's columns are averaged, so that fine structures of the left one stay (equation 1 and figure 2).

    Args:
        left, right: (N, C, h, w) features.
        levels: of the pyramid.
    """
    volume = torch.einsum("nchw,nchv->nhwv", left, right) / math.sqrt(left.shape[1])
    pyramid = [volume]
    for _ in range(levels - 1):
        pyramid.append(F.avg_pool2d(pyramid[-1], (1, 2), (1, 2)))
    return pyramid


def look_up(pyramid: list[Tensor], column: Tensor, radius: int) -> Tensor:
    """Return (N, levels (2 radius + 1), h, w) correlations around a column of the right picture, linear between two.

    Args:
        pyramid: of `correlation_pyramid`.
        column: (N, h, w) index of the right picture's column, of its first pixel's centre at 0. On level i it is divided by
            2^i, as released; the exact centre of a mean of pairs would lie (2^i - 1) / 2^(i + 1) farther left.
        radius: correlations on either side, at steps of one pixel of each level. Beyond the rim they are 0.
    """
    steps = torch.arange(-radius, radius + 1, device=column.device, dtype=column.dtype)
    found = []
    for level, volume in enumerate(pyramid):
        at = column[..., None] / 2**level + steps
        low = at.floor()
        share = at - low
        found.append((1 - share) * _gather(volume, low) + share * _gather(volume, low + 1))
    return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


def expected_column(volume: Tensor, sharpness: Tensor) -> Tensor:
    """Return the (N, h, w) mean column of the right picture, weighted by the softmax of its correlations.

    Columns to the right of the pixel's own would be negative disparities and have no weight (soft argmax: GC-Net, Kendall et
    al. 2017, arXiv 1703.04309, equation 1).

    Args:
        volume: (N, h, w, w) correlations.
        sharpness: what they are multiplied by before the softmax.
    """
    column = torch.arange(volume.shape[-1], device=volume.device)
    behind = column > torch.arange(volume.shape[-2], device=volume.device)[:, None]
    weight = torch.softmax((sharpness * volume).masked_fill(behind, -1e4), dim=-1)
    return (weight * column.to(volume.dtype)).sum(-1)


def _gather(volume: Tensor, at: Tensor) -> Tensor:
    """Return the (N, h, w, K) entries of (N, h, w, W) at whole columns, 0 where there is none."""
    last = volume.shape[-1] - 1
    inside = (at >= 0) & (at <= last)
    values = volume.gather(-1, at.clamp(0, last).long())
    return torch.where(inside, values, torch.zeros_like(values))
