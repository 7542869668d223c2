"""What Depth4ToM fine-tunes a network with on virtual labels (arXiv 2307.15052, and its code; METHODS B.2)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.gradient_matching import gradient_matching_loss
from leadline.losses.least_squares import align
from leadline.losses.regression import l2_loss

GRADIENT_WEIGHT = 0.5  # of the aligned gradient term; the unaligned one has weight 1


def virtual_label_loss(
    pred: Float[Tensor, "n h w"],
    label: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"] | None = None,
    scales: int = 4,
) -> Float[Tensor, " n"]:
    """Return (N,) [MSE(s d + t, D) + 0.5 G(s d + t, D)] + G(d, D) + MSE(d, D), d the prediction and D the label.

    MSE is 1/(2M) sum of squares, G gradient matching on `scales` levels, s and t the least-squares fit, part of the graph. The
    labels come from the same network, so that their own scale and shift mean something: the terms without a fit hold them. This
    loss therefore forgives a scale and shift in one half only; for labels of another network use `ssi_mse`.

    Args:
        pred, label: (N, h, w) disparity of the network that is fine-tuned, and of the same network before.
        valid: (N, h, w) bool; None for all pixels, as published.
        scales: of the gradient terms.
    """
    if valid is None:
        valid = torch.ones_like(pred, dtype=torch.bool)
    # Without a unique fit, a constant prediction, the aligned half has nothing to say.
    aligned, unique = align(pred, label, valid)
    affine = l2_loss(aligned, label, valid) / 2 + GRADIENT_WEIGHT * gradient_matching_loss(aligned, label, valid, scales)
    raw = l2_loss(pred, label, valid) / 2 + gradient_matching_loss(pred, label, valid, scales)
    return torch.where(unique, affine, 0.0) + raw
