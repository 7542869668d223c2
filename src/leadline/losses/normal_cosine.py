"""Angles between surface normals, of a head that predicts them or of a depth map.

All return (N,) the mean of 1 - cos, 0 for a map without a pixel that counts: Eigen & Fergus 2015 (arXiv 1411.4734; METHODS D.2)
with a 1 in front, so that a perfect map scores 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import hide, mean_over, root


def normal_cosine_loss(
    pred: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) means of 1 - pred . target, both made unit vectors; pixels where a vector is 0 score 1 without a gradient.

    It ignores depth altogether: a wall at the wrong distance has the right normal.
    """
    return mean_over(1 - (_unit(pred, valid) * _unit(target, valid)).sum(1), valid)


def depth_normal_cosine_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    intrinsics: Float[Tensor, "n 3 3"],
) -> Float[Tensor, " n"]:
    """Return (N,) `normal_cosine_loss` of two (N, h, w) positive depths seen by one camera each; any scale is forgiven."""
    ours, counted = normals_from_depth(pred, valid & (target > 0), intrinsics)
    theirs, _ = normals_from_depth(target, valid & (target > 0), intrinsics)
    return normal_cosine_loss(ours, theirs, counted)


def gradient_normal_cosine_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], weight: float = 1.0
) -> Float[Tensor, " n"]:
    """Return (N,) `normal_cosine_loss` of (-d_x f, -d_y f, 1), the normals of a map taken as a height field; no camera needed.

    As Hu et al. 2019 (arXiv 1803.08673) on depth. A shift of the map is ignored, its scale is not, and `weight`, a
    number in front of both gradients, sets how steep counts as steep: 1 suits depth in metres at a coarse grid.
    """
    ours, counted = _height_normals(pred, valid, weight)
    theirs, _ = _height_normals(target, valid, weight)
    return normal_cosine_loss(ours, theirs, counted)


def normals_from_depth(
    depth: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], intrinsics: Float[Tensor, "n 3 3"]
) -> tuple[Float[Tensor, "n 3 h w"], Bool[Tensor, "n h w"]]:
    """Return unit normals in the camera frame, facing the camera (a floor's is (0, -1, 0)), and where they exist.

    A point of the plane through a pixel, its right and its lower neighbour fulfils m . point = 1, that is m . ray = 1 / depth,
    and rays are linear in x and y: three differences of disparity give m, exact on every plane. Differences of next neighbours
    are taken, not of those two apart as in `leadline.geometry.normals`, for which a chequerboard of errors would be flat.

    Args:
        depth: (N, h, w) z-depth, positive where valid, in any unit.
        valid: (N, h, w) bool; a normal needs three valid pixels, so the last row and column have none.
        intrinsics: (N, 3, 3) in pixels, the first pixel's centre at (0.5, 0.5).
    """
    disparity = 1 / hide(depth, valid, by=1.0)
    across, down, counted = _differences(disparity, valid)
    fx, fy, cx, cy = (intrinsics[:, i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    height, width = depth.shape[1:]
    x = torch.arange(width, dtype=depth.dtype, device=depth.device) + 0.5
    y = torch.arange(height, dtype=depth.dtype, device=depth.device)[:, None] + 0.5
    away = torch.stack([fx * across, fy * down, disparity - (x - cx) * across - (y - cy) * down], 1)
    return _unit(-away, counted), counted


def _height_normals(values: Tensor, valid: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    across, down, counted = _differences(hide(values, valid), valid)
    return torch.stack([-weight * across, -weight * down, torch.ones_like(across)], 1), counted


def _differences(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return differences to the right and to the lower neighbour, 0 where a pixel lacks one, and where it has both."""
    across, down = torch.zeros_like(values), torch.zeros_like(values)
    counted = torch.zeros_like(valid)
    counted[:, :-1, :-1] = valid[:, :-1, :-1] & valid[:, :-1, 1:] & valid[:, 1:, :-1]
    across[:, :, :-1] = values[:, :, 1:] - values[:, :, :-1]
    down[:, :-1] = values[:, 1:] - values[:, :-1]
    return torch.where(counted, across, 0.0), torch.where(counted, down, 0.0), counted


def _unit(vectors: Tensor, valid: Tensor) -> Tensor:
    shown = torch.where(valid[:, None], vectors, 0.0)
    length = root(shown.square().sum(1, keepdim=True))
    return shown / torch.where(length > 0, length, 1.0)
