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

from leadline.losses.select import kth_smallest

TRIMMED_SHARE = 0.8  # U_m / M: the largest 20 % of an image's residuals are dropped
# A map whose mean absolute deviation is below this share of its largest magnitude has no shape to compare.
FLAT_SHARE = 1e-6


def ssi_mae_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) half the mean absolute difference after both maps lost their median and mean absolute deviation.

    L = 1/(2M) sum |p_i - t_i| with p = (pred - median) / mean|pred - median|, likewise t (equations 5 and 6).
    """
    residuals, valid = _normalised_residuals(pred, target, valid)
    return residuals.abs().sum(1) / (2 * _count(valid))


def ssi_trimmed_mae_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], share: float = TRIMMED_SHARE
) -> Float[Tensor, " n"]:
    """Return (N,) `ssi_mae_loss` over the smallest `share` of each map's residuals; the divisor stays 2M (equation 7).

    Wrong truth and occlusion edges are outliers that must not attract gradient. floor(share * M) residuals are kept.
    """
    residuals, valid = _normalised_residuals(pred, target, valid)
    return trimmed_mean_loss(residuals, valid, share)


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
    p, t, m = _hidden(pred, target, valid)
    count = _count(m)
    p_mean, t_mean = p.sum(1) / count, t.sum(1) / count
    p_centred = torch.where(m, p - p_mean[:, None], 0.0)
    t_centred = torch.where(m, t - t_mean[:, None], 0.0)
    variance = p_centred.square().sum(1)
    solvable = variance > (FLAT_SHARE * p.detach().abs().amax(1)).square() * count
    scale = (p_centred * t_centred).sum(1) / torch.where(solvable, variance, 1.0)
    loss = (scale[:, None] * p_centred - t_centred).square().sum(1) / (2 * count)
    return torch.where(solvable, loss, 0.0)


def normalise(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return values without median and deviation (mean absolute) over `valid`, 0 elsewhere; whether they can be; the deviation.

    The last two are (N,).

    A map that is (nearly) constant over its valid pixels, or has none, can't be normalised: it comes back as zeros and False.
    The median of an even count is the lower of the two middle values, as in the released code.
    """
    flat, mask = torch.where(valid, values, 0.0).flatten(1), valid.flatten(1)
    normalised, possible, spread = _normalise(flat, mask)
    return normalised.view_as(values), possible, spread


def _normalise(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    normalised, spread = _Normalise.apply(values, valid)  # type: ignore[no-untyped-call]
    return normalised, _has_shape(spread.detach(), values.detach()), spread


def _has_shape(spread: Tensor, values: Tensor) -> Tensor:
    return spread > FLAT_SHARE * values.abs().amax(1).clamp_min(torch.finfo(values.dtype).tiny)


class _Normalise(torch.autograd.Function):
    """(N, P) values, 0 where not valid, to (x - median) / spread and spread; its gradient in a third of autograd's passes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        count = _count(valid)
        median = torch.where(valid, values, torch.nan).nanmedian(1, keepdim=True)
        # A row without a valid pixel has no median: take any number, the mask removes it below.
        centred = (values - median.values.nan_to_num(0.0)).mul_(valid)
        spread = torch.linalg.vector_norm(centred, 1, 1) / count
        inverse = torch.where(_has_shape(spread, values), 1 / spread, 0.0)[:, None]
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(centred, inverse, median.indices, count, valid)
        return centred * inverse, spread

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor, of_spread: Tensor) -> tuple[Tensor, None]:
        centred, inverse, position, count, valid = ctx.saved_tensors
        # d spread / d centred is sign / M, and the spread divides all values.
        along = (outer * centred).sum(1, keepdim=True) * inverse.square()
        gradient = centred.sgn().mul_((of_spread[:, None] - along) / count[:, None]).addcmul_(outer, inverse).mul_(valid)
        # Every value also lost the median, which is one of them.
        return gradient.scatter_add_(1, position, -gradient.sum(1, keepdim=True)), None


class _TrimmedMean(torch.autograd.Function):
    """`trimmed_mean_loss`, with its gradient: signs over 2M where a residual is kept."""

    @staticmethod
    def forward(ctx: Any, residuals: Tensor, valid: Tensor, share: float) -> Tensor:
        hidden = torch.where(valid, residuals, 0.0)
        magnitudes = hidden.abs()
        count = _count(valid)
        kept = (share * valid.count_nonzero(1)).floor().long()
        largest = kth_smallest(magnitudes, valid, kept)[:, None]
        inside = valid & (magnitudes <= largest)
        # Of those equal to the largest, only some are kept: they share the gradient of those.
        surplus = inside.count_nonzero(1) - kept
        value = ((magnitudes * inside).sum(1) - surplus * largest[:, 0]) / (2 * count)
        if ctx.needs_input_grad[0]:
            gradient = hidden.sgn_().mul_(inside).div_((2 * count)[:, None])
            if surplus.any():
                equal = inside & (magnitudes == largest)
                gradient *= torch.where(equal, (1 - surplus / equal.count_nonzero(1).clamp_min(1))[:, None], 1.0).to(gradient)
            ctx.save_for_backward(gradient)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[:, None], None, None


def _normalised_residuals(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N, h w) differences of the normalised maps and the flat mask; rows whose target is flat are masked out."""
    p, t, m = _hidden(pred, target, valid)
    t, possible, _ = _normalise(t, m)
    m = m & possible[:, None]
    p, _, _ = _normalise(torch.where(m, p, 0.0), m)
    return torch.where(m, p - t, 0.0), m


def _hidden(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Flatten, and replace what the mask hides *before* any arithmetic, so that no NaN reaches a gradient."""
    return torch.where(valid, pred, 0.0).flatten(1), torch.where(valid, target, 0.0).flatten(1), valid.flatten(1)


def _count(valid: Tensor) -> Tensor:
    return valid.count_nonzero(1).clamp_min(1)  # half the time of sum
