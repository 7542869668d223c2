"""The scale and shift that bring one map closest to another, as part of the graph."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.affine_invariant import FLAT_SHARE
from leadline.losses.masked import count, hide, mean_over


def fit_scale_shift(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """Return (N,) s, t and whether they are unique, where sum (s pred + t - target)^2 is smallest (METHODS A.1.1).

    The closed form is taken with both means removed: exact also where the values are large against their spread. A map with
    fewer than two different valid predictions gets s = 0 and t = the target's mean.
    """
    p, t = hide(pred, valid), hide(target, valid)
    p_mean, t_mean = mean_over(p, valid), mean_over(t, valid)
    p_centred = torch.where(valid, p - p_mean[:, None, None], 0.0)
    variance = p_centred.square().sum((1, 2))
    unique = variance > (FLAT_SHARE * p.detach().abs().amax((1, 2))).square() * count(valid)
    covariance = (p_centred * torch.where(valid, t - t_mean[:, None, None], 0.0)).sum((1, 2))
    scale = torch.where(unique, covariance / torch.where(unique, variance, 1.0), 0.0)
    return scale, t_mean - scale * p_mean, unique


def align(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> tuple[Float[Tensor, "n h w"], Bool[Tensor, " n"]]:
    """Return s pred + t, 0 where not valid, and (N,) whether the fit is unique."""
    scale, shift, unique = fit_scale_shift(pred, target, valid)
    fitted = scale[:, None, None] * hide(pred, valid) + shift[:, None, None]
    return torch.where(valid, fitted, 0.0), unique
