"""MiDaS's whole loss: trimmed residuals and matched gradients of one pair of normalised maps."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.affine_invariant import TRIMMED_SHARE, normalised_residuals, trimmed_mean_loss
from leadline.losses.gradient_matching import residual_gradient_loss

GRADIENT_WEIGHT = 0.5  # alpha of METHODS A.1.5


class SsiTerms(NamedTuple):
    """The two terms, and the mean absolute deviation that the prediction was divided by; (N,) each."""

    data: Tensor
    gradient: Tensor
    spread: Tensor


def scale_anchor(spread: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Return the square of the mean log of a batch's spreads: 0 where predictions deviate by about 1 from their medians.

    Losses that divide by the spread leave the scale free, and an optimiser then lets it grow without end (leadline's first
    network answered in millions). The mean over the batch is held, not each map's spread: maps may differ in scale.
    A map without spread says nothing.
    """
    known = spread > 0
    logs = torch.where(known, spread, 1.0).log().sum() / known.sum().clamp_min(1)
    return logs.square()


def ssi_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    gradient_weight: float = GRADIENT_WEIGHT,
    share: float = TRIMMED_SHARE,
    scales: int = 4,
    reduction: Literal["image", "batch"] = "image",
) -> tuple[Tensor, SsiTerms]:
    """Return (N,) trimmed residual plus `gradient_weight` times gradient loss, and its terms (METHODS A.1.5).

    Equals ``ssi_trimmed_mae_loss + gradient_weight * ssi_gradient_loss`` with the normalisation done once.
    """
    residuals, counted, spread = normalised_residuals(pred, target, valid)
    data = trimmed_mean_loss(residuals.flatten(1), counted.flatten(1), share)
    gradient = residual_gradient_loss(residuals, counted, scales, reduction)
    return data + gradient_weight * gradient, SsiTerms(data, gradient, spread)
