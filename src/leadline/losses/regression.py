"""Plain differences, for heads that answer in metres, in 1/m or in pixels of disparity.

All take (N, h, w) `pred`, `target` in one unit and bool `valid`, and return (N,): a map's mean, 0 for a map without a valid
pixel. They ignore nothing. Sparse-to-dense (Ma & Karaman, arXiv 1709.07492) compares the first two with berHu and prefers L1.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import hide, mean_over


def l1_loss(pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum |pred - target|."""
    return mean_over((hide(pred, valid) - hide(target, valid)).abs(), valid)


def l2_loss(pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum (pred - target)^2: no root and no half."""
    return mean_over((hide(pred, valid) - hide(target, valid)).square(), valid)


def log_l1_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum |ln pred - ln target| over pixels with a positive target; the same for depth and for disparity.

    A prediction of 0 or less counts as the smallest normal number and has no gradient: use a positive head.
    """
    residual, counted = log_residual(pred, target, valid)
    return mean_over(residual.abs(), counted)


def log_residual(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> tuple[Float[Tensor, "n h w"], Bool[Tensor, "n h w"]]:
    """Return d = ln pred - ln target, 0 where it does not count, and where it counts: valid and target > 0.

    A sky of disparity 0 is valid and has no logarithm. The floor under the prediction is the smallest normal number: with a
    softplus before it gradients stay finite down to there.
    """
    counted = valid & (target > 0)
    floor = torch.finfo(pred.dtype).tiny
    return hide(pred, counted, by=1.0).clamp_min(floor).log() - hide(target, counted, by=1.0).log(), counted
