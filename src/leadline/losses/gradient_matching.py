"""Multi-scale gradient matching (MegaDepth, arXiv 1804.00607; MiDaS, arXiv 1907.01341, equation 11; METHODS A.1.4)."""

from __future__ import annotations

from typing import Any, Literal

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
    residual = torch.where(valid, pred, 0.0) - torch.where(valid, target, 0.0)
    return residual_gradient_loss(residual, valid, scales, reduction)


def residual_gradient_loss(
    residual: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    scales: int = 4,
    reduction: Literal["image", "batch"] = "image",
) -> Float[Tensor, " n"]:
    """Return `gradient_matching_loss` of residuals that are already made, and finite behind the mask."""
    total: Tensor = _NeighbourDifferences.apply(residual, valid, scales, reduction)  # type: ignore[no-untyped-call]
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


class _NeighbourDifferences(torch.autograd.Function):
    """The sum over scales; its gradient, signs over divisors, is made on the way: a third of the time of autograd's own."""

    @staticmethod
    def forward(ctx: Any, residual: Tensor, valid: Tensor, scales: int, reduction: str) -> Tensor:
        total = residual.new_zeros(len(residual))
        gradient = torch.zeros_like(residual) if ctx.needs_input_grad[0] else None
        mask = valid.to(residual.dtype)  # floats multiply twice as fast as truth values
        for level in range(scales):
            step = 2**level
            r, m = (values[:, ::step, ::step].contiguous() for values in (residual, mask))
            count = valid[:, ::step, ::step].sum((1, 2)).to(r.dtype)
            divisor = (count if reduction == "image" else count.mean().expand_as(count)).clamp_min(1)
            for axis in (2, 1):
                last = r.shape[axis] - 1
                difference = r.diff(dim=axis).mul_(m.narrow(axis, 1, last)).mul_(m.narrow(axis, 0, last))
                total += torch.linalg.vector_norm(difference, 1, (1, 2)) / divisor
                if gradient is not None:
                    pull = difference.sgn_().div_(divisor[:, None, None])
                    at_level = gradient[:, ::step, ::step]
                    at_level.narrow(axis, 1, last).add_(pull)
                    at_level.narrow(axis, 0, last).sub_(pull)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[:, None, None], None, None, None
