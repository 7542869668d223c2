"""Several views of one picture must agree (Li, Klein & Yao 2017, arXiv 1607.00730; METHODS D.4).

Each picture comes as k augmented views (flipped, cropped, zoomed, recoloured); `view_from_common`, (N, k, 2, 3), says where a
common frame's position lands in each view, in pixels from the top-left corner (the first pixel's centre is (0.5, 0.5)).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import grid_sample

from leadline.losses.regression import l2_loss

SET_WEIGHT = 1.0  # lambda


def set_loss(
    pred: Float[Tensor, "n k h w"],
    target: Float[Tensor, "n k h w"],
    valid: Bool[Tensor, "n k h w"],
    view_from_common: Float[Tensor, "n k 2 3"],
    common_from_view_scale: Float[Tensor, "n k"] | None = None,
    weight: float = SET_WEIGHT,
    single: Callable[[Tensor, Tensor, Tensor], Tensor] = l2_loss,
) -> Float[Tensor, " n"]:
    """Return (N,) mean over a set's views of `single`, each against its own truth, plus `weight` times `set_consistency_loss`.

    Args:
        pred, target, valid: (N, k, h, w) of each view, in the view's own frame.
        view_from_common: see the module.
        common_from_view_scale: (N, k) factor that makes a view's values comparable: zooming by z divides depth by z, so z for
            depth and 1 / z for disparity. None for 1.
        weight: lambda.
        single: a loss of (pred, target, valid), (M, h, w) each, that gives (M,).
    """
    n, k = pred.shape[:2]
    own = single(pred.flatten(0, 1), target.flatten(0, 1), valid.flatten(0, 1)).view(n, k).mean(1)
    common, shown = to_common_frame(pred, valid, view_from_common)
    if common_from_view_scale is not None:
        common = common * common_from_view_scale[:, :, None, None]
    return own + weight * set_consistency_loss(common, shown)


def set_consistency_loss(maps: Float[Tensor, "n k h w"], valid: Bool[Tensor, "n k h w"]) -> Float[Tensor, " n"]:
    """Return (N,) mean of (D_i - D_j)^2 over all pairs i < j of a set's maps and all pixels valid in both; 0 without any.

    It knows no truth: k equal wrong maps cost nothing. The maps lie in one frame and one scale; affine-invariant predictions
    must be normalised first.
    """
    shown = torch.where(valid, maps, 0.0)
    members = valid.sum(1)
    mean = shown.sum(1) / members.clamp_min(1)
    centred = torch.where(valid, shown - mean[:, None], 0.0)
    # Over the pairs of c numbers, sum (a - b)^2 = c * sum (a - mean)^2.
    pairs = members * (members - 1) // 2
    return (members * centred.square().sum(1)).sum((1, 2)) / pairs.sum((1, 2)).clamp_min(1)


def to_common_frame(
    values: Float[Tensor, "n k h w"], valid: Bool[Tensor, "n k h w"], view_from_common: Float[Tensor, "n k 2 3"]
) -> tuple[Float[Tensor, "n k h w"], Bool[Tensor, "n k h w"]]:
    """Return the views' values, bilinear, where the common frame's pixels land in them, and whether all that was read is valid.

    The common frame has the views' size. Half a pixel at a view's rim, where nothing is left to interpolate with, is not valid.
    """
    n, k, h, w = values.shape
    x = torch.arange(w, dtype=values.dtype, device=values.device) + 0.5
    y = torch.arange(h, dtype=values.dtype, device=values.device) + 0.5
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    homogeneous = torch.stack([grid_x, grid_y, torch.ones_like(grid_x)], -1).view(1, h * w, 3)
    xy = homogeneous @ view_from_common.to(values.dtype).flatten(0, 1).transpose(1, 2)
    # With align_corners=False -1 and 1 are the picture's borders, as in leadline's convention.
    grid = (xy * (2 / xy.new_tensor([w, h])) - 1).view(n * k, h, w, 2)
    layers = torch.stack([torch.where(valid, values, 0.0), valid.to(values.dtype)], 2).flatten(0, 1)
    read = grid_sample(layers, grid, mode="bilinear", padding_mode="zeros", align_corners=False).view(n, k, 2, h, w)
    share = read[:, :, 1]
    whole = share > 1 - 1e-3  # rounding; what is missing below that is divided out
    return torch.where(whole, read[:, :, 0] / torch.where(whole, share, 1.0), 0.0), whole
