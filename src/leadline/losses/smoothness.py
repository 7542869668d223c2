"""Smoothness of a predicted map: first order, held back at edges of the picture, and second order (METHODS D.8 to D.12).

Both give (N,), one value a map, and compare pixels only where all of them are valid. No truth is needed: these are priors.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import mean_over

EPSILON = 1e-7  # monodepth2 adds it to the mean disparity


def mean_normalised(pred: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, "n h w"]:
    """Return (N, h, w) maps over their means of valid pixels; 0 where not valid. For positive maps, such as disparity.

    Without it smoothness is cheapest for a map that shrinks to zero (Wang et al. 2018, DDVO, arXiv 1712.00175).
    """
    shown = torch.where(valid, pred, 0.0)
    mean = shown.sum((1, 2), keepdim=True) / valid.sum((1, 2), keepdim=True).clamp_min(1)
    return shown / (mean + EPSILON)


def edge_aware_smoothness_loss(
    pred: Float[Tensor, "n h w"],
    image: Float[Tensor, "n c h w"],
    valid: Bool[Tensor, "n h w"],
    edge_strength: float = 1.0,
    *,
    normalise: bool = True,
) -> Float[Tensor, " n"]:
    """Return (N,) mean |dx d| exp(-k |dx I|) + mean |dy d| exp(-k |dy I|), with d the map over its mean.

    |dx I| is a mean over channels (Godard et al. 2019, monodepth2, arXiv 1806.01260, equation 3). Without
    normalisation it is the regulariser of Kuznietsov et al. 2017, whose 1/255 is for pictures in 0..255 (METHODS D.8).

    Args:
        pred: (N, h, w) disparity, positive where it is normalised.
        image: (N, C, h, w), 0..1, without holes.
        valid: (N, h, w) bool: a difference counts where both neighbours are valid.
        edge_strength: k.
        normalise: see `mean_normalised`.
    """
    d = mean_normalised(pred, valid) if normalise else torch.where(valid, pred, 0.0)
    loss = torch.zeros(len(d), dtype=d.dtype, device=d.device)
    for axis in (-1, -2):
        edge = _difference(image, axis).abs().mean(1)
        cost = _difference(d, axis).abs() * torch.exp(-edge_strength * edge)
        loss = loss + mean_over(cost, _both(valid, axis))
    return loss


def second_order_smoothness_loss(pred: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Return (N,) the means of |dxx d|, |dxy d|, |dyx d| and |dyy d|, added (Zhou et al. 2017, arXiv 1704.07813, and its code).

    A plane costs nothing if `pred` is disparity, which is linear in x and y on it; in depth it does cost. The map's scale
    counts: it is not normalised.

    Args:
        pred: (N, h, w).
        valid: (N, h, w) bool: a second difference counts where all its pixels are valid.
    """
    d = torch.where(valid, pred, 0.0)
    loss = torch.zeros(len(d), dtype=d.dtype, device=d.device)
    for first in (-1, -2):
        slope, there = _difference(d, first), _both(valid, first)
        for second in (-1, -2):
            loss = loss + mean_over(_difference(slope, second).abs(), _both(there, second))
    return loss


def _difference(values: Tensor, axis: int) -> Tensor:
    return values.diff(dim=axis)


def _both(valid: Tensor, axis: int) -> Tensor:
    length = valid.shape[axis] - 1
    if length < 1:  # no neighbours on this axis
        return valid.narrow(axis, 0, 0)
    return valid.narrow(axis, 1, length) & valid.narrow(axis, 0, length)
