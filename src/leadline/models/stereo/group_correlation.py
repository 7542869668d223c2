"""Adaptive group correlation (CREStereo, Li et al., CVPR 2022, arXiv 2203.11483, section 3.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GROUPS = 4
WINDOW = 9  # pixels searched: a row of 9, or 3 x 3


def window_steps(square: bool, like: Tensor) -> Tensor:
    """Return (9, 2) offsets (x, y): a row from -4 to 4, or a square of 3 x 3, row by row."""
    if square:
        steps = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    else:
        steps = [(x, 0) for x in range(-4, 5)]
    return torch.tensor(steps, dtype=like.dtype, device=like.device)


def group_correlation(left: Tensor, right: Tensor, flow: Tensor, square: bool, offsets: Tensor | None = None) -> Tensor:
    """Return (N, GROUPS * 9, h, w): the mean products of each group of channels with nine places of the right picture.

    Args:
        left, right: (N, C, h, w) features, C a multiple of GROUPS.
        flow: (N, 2, h, w) where each left pixel is looked for, x and y, in pixels of this grid.
        square: search 3 x 3 places instead of 9 in a row; the updates take turns, so that a pair that is rectified badly is
            matched too.
        offsets: (N, 18, h, w) learned shifts of the nine places, x and y of each in turn; the features are then sampled at
            each place. Without them the right features are warped once, and their neighbours, repeated at the rim, are the
            places ("local" correlation of the finest level, equation 1).
    """
    n, c, h, w = left.shape
    grid = pixel_grid(left) + flow
    if offsets is None:
        places = _neighbours(sample(right, grid), square)
    else:
        steps = window_steps(square, left)[None, :, :, None, None] + offsets.reshape(n, WINDOW, 2, h, w)
        at = (grid[:, None] + steps).transpose(1, 2).reshape(n, 2, WINDOW * h, w)
        places = sample(right, at).reshape(n, c, WINDOW, h, w)
    products = left[:, :, None] * places
    return products.reshape(n, GROUPS, c // GROUPS, WINDOW, h, w).mean(2).reshape(n, GROUPS * WINDOW, h, w)


def _neighbours(features: Tensor, square: bool) -> Tensor:
    """Return (N, C, 9, h, w): each pixel's nine neighbours, the rim repeated."""
    h, w = features.shape[-2:]
    up, side = (1, 1) if square else (0, 4)
    around = F.pad(features, (side, side, up, up), mode="replicate")
    windows = [around[:, :, y : y + h, x : x + w] for y in range(2 * up + 1) for x in range(2 * side + 1)]
    return torch.stack(windows, dim=2)


def pixel_grid(features: Tensor) -> Tensor:
    """Return (1, 2, h, w) the column and row of every pixel, the first pixel's centre at 0."""
    h, w = features.shape[-2:]
    x = torch.arange(w, device=features.device, dtype=features.dtype).expand(h, w)
    y = torch.arange(h, device=features.device, dtype=features.dtype)[:, None].expand(h, w)
    return torch.stack([x, y])[None]


def sample(features: Tensor, at: Tensor) -> Tensor:
    """Return (N, C, H, W) bilinear samples of (N, C, h, w) at (N, 2, H, W) columns and rows; beyond the rim lies 0.

    Positions count from the first pixel's centre, so align_corners=True here is no resizing.
    """
    h, w = features.shape[-2:]
    x, y = at[:, 0] * (2 / (w - 1)) - 1, at[:, 1] * (2 / (h - 1)) - 1
    grid = torch.stack([x, y], dim=-1)
    return F.grid_sample(features, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
