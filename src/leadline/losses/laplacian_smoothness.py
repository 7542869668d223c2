"""DDVO's prior: second differences of disparity, held back where the picture bends (METHODS D.12)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import mean_over


def laplacian_smoothness_loss(
    pred: Float[Tensor, "n h w"],
    image: Float[Tensor, "n c h w"],
    valid: Bool[Tensor, "n h w"],
    edge_strength: float = 1.0,
) -> Float[Tensor, " n"]:
    """Return (N,) mean (|dxx d| + |dxy d| + |dyy d|) exp(-k |dxx I + dyy I|), over pixels away from the rim.

    Wang et al. 2018 (arXiv 1712.00175). The Laplacian is the four neighbours less four times the pixel; its absolute value, a
    mean over channels, counts (recalled: the paper may keep the sign). dxy is a quarter of the alternating
    sum of the four diagonal neighbours. A plane costs nothing in disparity. The map's scale counts: DDVO normalises it first
    (`leadline.losses.smoothness.mean_normalised`).

    Args:
        pred: (N, h, w).
        image: (N, C, h, w), 0..1, without holes.
        valid: (N, h, w) bool: a pixel counts where all nine around it are valid.
        edge_strength: k, recalled.
    """
    if min(pred.shape[-2:]) < 3:  # no pixel has all its neighbours
        return (torch.where(valid, pred, 0.0) * 0).sum((1, 2))
    d = torch.where(valid, pred, 0.0)
    xx, yy = _bent(d)
    diagonal = (d[:, 2:, 2:] - d[:, 2:, :-2] - d[:, :-2, 2:] + d[:, :-2, :-2]) / 4
    image_xx, image_yy = _bent(image)
    bent = (image_xx + image_yy).abs().mean(1)
    h, w = d.shape[-2:]
    around = torch.stack([valid[:, y : y + h - 2, x : x + w - 2] for y in range(3) for x in range(3)]).all(0)
    return mean_over((xx.abs() + diagonal.abs() + yy.abs()) * torch.exp(-edge_strength * bent), around)


def _bent(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the second differences along x and along y of all pixels but the rim's."""
    middle = 2 * values[..., 1:-1, 1:-1]
    across = values[..., 1:-1, 2:] + values[..., 1:-1, :-2] - middle
    along = values[..., 2:, 1:-1] + values[..., :-2, 1:-1] - middle
    return across, along
