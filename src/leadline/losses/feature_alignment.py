"""Features held close to those of a frozen encoder, but not too close (Depth Anything V1, arXiv 2401.10891; METHODS C.1)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from leadline.losses.masked import mean_over

MARGIN = 0.85  # the paper's alpha


def feature_alignment_loss(
    features: Float[Tensor, "n c h w"],
    frozen: Float[Tensor, "n c h w"],
    valid: Bool[Tensor, "n h w"],
    margin: float = MARGIN,
) -> Float[Tensor, " n"]:
    """Return (N,) the mean over places of 1 - cos(f, f'), where places with a cosine above `margin` count 0.

    A semantic encoder gives all parts of one thing like features, whatever their depths: an exact match would wipe out what
    depth needs. In the paper the term goes with unlabelled pictures only. As its 1/HW, the divisor here is the number of
    valid places, those above the margin included. A margin of 1 leaves nothing out.

    Args:
        features: (N, C, h, w) of the network in training.
        frozen: (N, C, h, w) of the frozen encoder; no gradient goes there.
        valid: (N, h, w) bool.
        margin: cosine from which on features are close enough.
    """
    shown = valid[:, None]
    cosine = cosine_similarity(torch.where(shown, features, 0.0), torch.where(shown, frozen.detach(), 0.0), dim=1)
    counted = valid & (cosine.detach() <= margin)
    return mean_over(torch.where(counted, 1 - cosine, 0.0), valid)
