"""Multi-scale gradient matching (MegaDepth, arXiv 1804.00607; MiDaS, arXiv 1907.01341, equation 11; METHODS A.1.4)."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.affine_invariant import normalise


def gradient_matching_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    scales: int = 4,
    reduction: Literal["image", "batch"] = "image",
) -> Float[Tensor, " n"]:
    """Return (N,) the sum over scales of mean absolute differences between neighbouring residuals R = pred - target.

    Level k takes every 2^k-th pixel (no averaging, as the released code) and counts a difference only when both neighbours are
    valid.

    Args:
        pred, target: (N, h, w), already in one space (see `normalise`).
        valid: (N, h, w) bool.
        scales: levels, starting at full resolution.
        reduction: "image" divides each map's sum at a level by its own number of valid pixels, "batch" by the batch's mean
            number, so that the mean over maps is MiDaS's batch-based reduction: maps with few valid pixels weigh less.
    """
    residual = torch.where(valid, torch.where(valid, pred, 0.0) - torch.where(valid, target, 0.0), 0.0)
    total = torch.zeros(len(residual), dtype=residual.dtype, device=residual.device)
    for level in range(scales):
        step = 2**level
        r, m = residual[:, ::step, ::step], valid[:, ::step, ::step]
        across = torch.where(m[:, :, 1:] & m[:, :, :-1], r[:, :, 1:] - r[:, :, :-1], 0.0).abs().sum((1, 2))
        down = torch.where(m[:, 1:] & m[:, :-1], r[:, 1:] - r[:, :-1], 0.0).abs().sum((1, 2))
        count = m.sum((1, 2)).to(r.dtype)
        divisor = count if reduction == "image" else count.mean().expand_as(count)
        total = total + (across + down) / divisor.clamp_min(1)
    return total


def ssi_gradient_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    scales: int = 4,
    reduction: Literal["image", "batch"] = "image",
) -> Float[Tensor, " n"]:
    """Return (N,) `gradient_matching_loss` after both maps lost their median and mean absolute deviation."""
    target, possible, _ = normalise(target, valid)
    valid = valid & possible[:, None, None]
    return gradient_matching_loss(normalise(pred, valid)[0], target, valid, scales, reduction)
