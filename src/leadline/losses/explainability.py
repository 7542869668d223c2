"""SfMLearner's explainability: a mask that the network predicts says what the motion of a camera can't explain (METHODS D.9).

Zhou et al. 2017 (arXiv 1704.07813, section 3.2). The mask is given as logits: the authors' two channels and their softmax are
the sigmoid of one. Losses give (N,), one value a target picture.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from leadline.losses.masked import hide, mean_over


def explained_l1_loss(
    target: Float[Tensor, "n c h w"],
    warped: Float[Tensor, "n c h w"],
    valid: Bool[Tensor, "n h w"],
    logits: Float[Tensor, "n h w"] | None = None,
) -> Float[Tensor, " n"]:
    """Return (N,) mean E |target - warped| over the pixels that the source sees (equation 3), for one source.

    Args:
        target, warped: (N, C, h, w) pictures; the error is their mean over channels.
        valid: (N, h, w) bool, where the source has something to sample.
        logits: (N, h, w) of E, the share of the error that the camera's motion ought to explain; None for 1.
    """
    shown = valid[:, None]
    error = (torch.where(shown, target, 0.0) - torch.where(shown, warped, 0.0)).abs().mean(1)
    if logits is not None:
        error = error * torch.sigmoid(hide(logits, valid))
    return mean_over(error, valid)


def explainability_prior_loss(logits: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Return (N,) mean -ln E, the cross entropy to a mask of ones (equation 4): without it E = 0 would explain everything."""
    return softplus(-logits).flatten(1).mean(1)
