"""GeoNet's adaptive consistency: where flow there and back disagrees, nothing is compared (METHODS D.11).

Yin and Shi 2018 (arXiv 1803.02276, section 3.4). Flows are in pixels; `leadline.geometry.flow.flow_difference` gives the
differences. A hidden pixel has no way back: without the mask, consistency makes flow worse (their ablation).
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import as_factor, mean_over, root

LEAST_PX, SHARE = 3.0, 0.05  # alpha and beta, as published


def consistent_pixels(
    difference: Float[Tensor, "n 2 h w"],
    flow: Float[Tensor, "n 2 h w"],
    valid: Bool[Tensor, "n h w"],
    least_px: float = LEAST_PX,
    share: float = SHARE,
) -> Bool[Tensor, "n h w"]:
    """Return (N, h, w) bool: ||difference|| < max(least_px, share ||flow||), and valid. No gradient passes.

    Args:
        difference: (N, 2, h, w) of flow there and back.
        flow: (N, 2, h, w) there.
        valid: (N, h, w) bool, where the difference can be told.
        least_px: in pixels of the flow: at half the picture's size, half as many mean the same.
        share: of the flow's length.
    """
    shown = valid[:, None]
    there_and_back = torch.where(shown, difference, 0.0).detach().norm(dim=1)
    most: Tensor = (share * torch.where(shown, flow, 0.0).detach().norm(dim=1)).clamp_min(least_px)
    kept: Tensor = valid & (there_and_back < most)
    return kept


def flow_consistency_loss(difference: Float[Tensor, "n 2 h w"], kept: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Return (N,) mean |dx| + |dy| of the differences that are kept; a flow that is consistent nowhere costs nothing."""
    return mean_over(torch.where(kept[:, None], difference, 0.0).abs().sum(1), kept)


def end_point_error(pred: Float[Tensor, "n 2 h w"], target: Float[Tensor, "n 2 h w"], valid: Bool[Tensor, "n h w"]) -> Tensor:
    """Return (N,) mean ||pred - target||, pixels, of the valid ones: what flow is scored by."""
    shown = valid[:, None]
    length = root((torch.where(shown, pred, 0.0) - torch.where(shown, target, 0.0)).square().sum(1))
    return (length * as_factor(valid, length.dtype)).flatten(1).sum(1) / valid.flatten(1).sum(1).clamp_min(1)
