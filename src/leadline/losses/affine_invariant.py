"""The scale- and shift-invariant losses of MiDaS (arXiv 1907.01341, section 5; METHODS A.1).

All take (N, h, w) `pred`, `target` and bool `valid` and return (N,): one value a map, 0 (with zero gradient) for a map that
says nothing: no valid pixel, or a target without spread. What lies behind the mask, NaN included, changes neither value nor
gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import as_factor, cleared, count, hide, mean_over, number_valid
from leadline.losses.select import kth_smallest, lower_median

TRIMMED_SHARE = 0.8  # U_m / M: the largest 20 % of an image's residuals are dropped
# A map whose mean absolute deviation is below this share of its largest magnitude has no shape to compare.
FLAT_SHARE = 1e-6


def ssi_mae_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) half the mean absolute difference after both maps lost their median and mean absolute deviation.

    L = 1/(2M) sum |p_i - t_i| with p = (pred - median) / mean|pred - median|, likewise t (equations 5 and 6).
    """
    residuals, counted, _ = normalised_residuals(pred, target, valid)
    return mean_over(residuals.abs(), counted) / 2


def ssi_trimmed_mae_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], share: float = TRIMMED_SHARE
) -> Float[Tensor, " n"]:
    """Return (N,) `ssi_mae_loss` over the smallest `share` of each map's residuals; the divisor stays 2M (equation 7).

    Wrong truth and occlusion edges are outliers that must not attract gradient. floor(share * M) residuals are kept.
    """
    residuals, counted, _ = normalised_residuals(pred, target, valid)
    return trimmed_mean_loss(residuals.flatten(1), counted.flatten(1), share)


def trimmed_mean_loss(residuals: Tensor, valid: Tensor, share: float = TRIMMED_SHARE) -> Float[Tensor, " n"]:
    """Return (N,) the sum of the floor(share * M) smallest magnitudes of each row of (N, P) residuals, over 2M."""
    loss: Tensor = _TrimmedMean.apply(residuals, valid, share)  # type: ignore[no-untyped-call]
    return loss


def ssi_mse_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) 1/(2M) sum (s pred + t - target)^2 with the least-squares s and t, which are part of the graph (equation 4).

    Maps whose fit has no unique solution (fewer than two different valid predictions) count 0.
    """
    p, t, m = hide(pred, valid).flatten(1), hide(target, valid).flatten(1), valid.flatten(1)
    number = count(m)
    p_mean, t_mean = p.sum(1) / number, t.sum(1) / number
    p_centred = torch.where(m, p - p_mean[:, None], 0.0)
    t_centred = torch.where(m, t - t_mean[:, None], 0.0)
    variance = p_centred.square().sum(1)
    solvable = variance > (FLAT_SHARE * p.detach().abs().amax(1)).square() * number
    scale = (p_centred * t_centred).sum(1) / torch.where(solvable, variance, 1.0)
    loss = (scale[:, None] * p_centred - t_centred).square().sum(1) / (2 * number)
    return torch.where(solvable, loss, 0.0)


def normalise(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return values without median and deviation (mean absolute) over `valid`, 0 elsewhere; whether they can be; the deviation.

    The last two are (N,).

    A map that is (nearly) constant over its valid pixels, or has none, can't be normalised: it comes back as zeros and False.
    The median of an even count is the lower of the two middle values, as in the released code.
    """
    flat: tuple[Tensor, Tensor, Tensor] = _Normalise.apply(values.flatten(1), valid.flatten(1))  # type: ignore[no-untyped-call]
    normalised, possible, spread = flat
    return normalised.view_as(values), possible, spread


def normalised_residuals(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the difference of the normalised maps, the mask without maps whose target is flat, and the prediction's deviation.

    The difference is 0 where that mask is False, unless such a target has NaN in it: the losses here don't read that.
    """
    valid = valid.contiguous()  # a strided view is gathered once, not in every step
    theirs, possible, _ = normalise(target, valid)
    counted = valid & possible[:, None, None]
    ours, _, spread = normalise(pred, counted)
    return ours - theirs, counted, spread


class _Normalise(torch.autograd.Function):
    """(N, P) values to (x - median) / spread, 0 where not valid, and spread; the gradient in few passes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        divisor = count(valid)
        median, column = lower_median(values, valid)
        centred = cleared(values - median[:, None], valid)
        spread = centred.abs().sum(1) / divisor
        largest = torch.maximum((centred.amax(1) + median).abs(), (centred.amin(1) + median).abs())
        possible = spread > FLAT_SHARE * largest.clamp_min(torch.finfo(values.dtype).tiny)
        inverse = torch.where(possible, 1 / spread, 0.0)[:, None]
        ctx.mark_non_differentiable(possible)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(centred, inverse, column, divisor, valid)
        return centred * inverse, possible, spread

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor, _: Tensor, of_spread: Tensor) -> tuple[Tensor, None]:
        centred, inverse, column, divisor, valid = ctx.saved_tensors
        # d spread / d centred is sign / M, and the spread divides all values.
        along = torch.linalg.vecdot(outer, centred)[:, None] * inverse.square()
        gradient = centred.sgn().mul_((of_spread[:, None] - along) / divisor[:, None]).addcmul_(outer, inverse)
        gradient = cleared(gradient, valid)
        # Every value also lost the median, which is one of them.
        return gradient.scatter_add_(1, column[:, None], -gradient.sum(1, keepdim=True)), None


class _TrimmedMean(torch.autograd.Function):
    """`trimmed_mean_loss`, with its gradient: signs over 2M where a residual is kept."""

    @staticmethod
    def forward(ctx: Any, residuals: Tensor, valid: Tensor, share: float) -> Tensor:
        hidden = cleared(residuals, valid)
        magnitudes = hidden.abs()
        number, divisor = number_valid(valid), 2 * count(valid)
        kept = (share * number).floor().int()
        largest = kth_smallest(magnitudes, valid, kept)
        # A dropped residual first counts as much as the largest kept one, which is then taken away.
        value = (magnitudes.clamp_max(largest[:, None]).sum(1) - (number - kept) * largest) / divisor
        if ctx.needs_input_grad[0]:
            inside = magnitudes <= largest[:, None]
            gradient = hidden.sgn_().mul_(as_factor(inside, hidden.dtype)).div_(divisor[:, None])
            # Of those equal to the largest, only some are kept: they share the gradient of those.
            surplus = number_valid(inside & valid) - kept
            if surplus.any():
                equal = valid & (magnitudes == largest[:, None])
                gradient *= torch.where(equal, (1 - surplus / count(equal))[:, None], 1.0).to(gradient)
            ctx.save_for_backward(gradient)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[:, None], None, None
