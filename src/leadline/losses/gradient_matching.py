"""Multi-scale gradient matching (MegaDepth, arXiv 1804.00607; MiDaS, arXiv 1907.01341, equation 11; METHODS A.1.4)."""

from __future__ import annotations

from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.affine_invariant import normalised_residuals
from leadline.losses.masked import as_factor, cleared, number_valid


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
    return residual_gradient_loss(pred - target, valid, scales, reduction)


def residual_gradient_loss(
    residual: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    scales: int = 4,
    reduction: Literal["image", "batch"] = "image",
) -> Float[Tensor, " n"]:
    """Return `gradient_matching_loss` of residuals that are already made."""
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
    residuals, counted, _ = normalised_residuals(pred, target, valid)
    return residual_gradient_loss(residuals, counted, scales, reduction)


class _NeighbourDifferences(torch.autograd.Function):
    """The sum over scales; its gradient, signs over divisors, is made on the way: half the time of autograd's own."""

    @staticmethod
    def forward(ctx: Any, residual: Tensor, valid: Tensor, scales: int, reduction: str) -> Tensor:
        residual = cleared(residual, valid)
        total = residual.new_zeros(len(residual))
        gradient = torch.zeros_like(residual) if ctx.needs_input_grad[0] else None
        for level in range(scales):
            step = 2**level
            r, m = (values[:, ::step, ::step].contiguous() for values in (residual, valid))
            count = number_valid(m).to(r.dtype)
            divisor = (count if reduction == "image" else count.mean().expand_as(count)).clamp_min(1)
            pull = torch.zeros_like(r)
            for axis in (2, 1):
                last = r.shape[axis] - 1
                both = m.narrow(axis, 1, last) & m.narrow(axis, 0, last)
                difference = r.diff(dim=axis).mul_(as_factor(both, r.dtype))
                total += difference.abs().sum((1, 2)) / divisor
                if gradient is not None:
                    sign = difference.sgn_()
                    pull.narrow(axis, 1, last).add_(sign)
                    pull.narrow(axis, 0, last).sub_(sign)
            if gradient is not None:
                gradient[:, ::step, ::step].add_(pull.div_(divisor[:, None, None]))
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[:, None, None], None, None, None
