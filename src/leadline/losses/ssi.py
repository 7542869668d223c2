"""MiDaS's whole loss: trimmed residuals and matched gradients of one pair of normalised maps."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.affine_invariant import TRIMMED_SHARE, normalise, trimmed_mean_loss
from leadline.losses.gradient_matching import gradient_matching_loss

GRADIENT_WEIGHT = 0.5  # alpha of METHODS A.1.5


class SsiTerms(NamedTuple):
    """The two terms, (N,) each."""

    data: Tensor
    gradient: Tensor


def ssi_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    gradient_weight: float = GRADIENT_WEIGHT,
    share: float = TRIMMED_SHARE,
    scales: int = 4,
    reduction: Literal["image", "batch"] = "image",
) -> tuple[Tensor, SsiTerms]:
    """Return (N,) trimmed residual plus `gradient_weight` times gradient loss, and both terms (METHODS A.1.5).

    Equals ``ssi_trimmed_mae_loss + gradient_weight * ssi_gradient_loss`` with the normalisation done once.
    """
    t, possible = normalise(target, valid)
    valid = valid & possible[:, None, None]
    p, _ = normalise(pred, valid)
    data = trimmed_mean_loss(torch.where(valid, p - t, 0.0).flatten(1), valid.flatten(1), share)
    gradient = gradient_matching_loss(p, t, valid, scales, reduction)
    return data + gradient_weight * gradient, SsiTerms(data, gradient)
