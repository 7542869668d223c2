"""Direct visual odometry: the camera's motion that makes a source look like the target, found by Gauss-Newton in torch.

Wang et al. 2018 (DDVO, arXiv 1712.00175, section 3.3). It has no parameters, and gradients pass through every iteration to the
depth, the pictures and the motion that it starts from.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from leadline.geometry.inverse_warp import inverse_warp, unproject
from leadline.geometry.pyramid import image_pyramid, resize_image, resize_intrinsics
from leadline.geometry.se3 import se3_exp

LEVELS, ITERATIONS = 5, 10  # as published
SMALLEST_SIDE = 8  # pixels of a level: below, six unknowns find nothing to hold on to
LEAST_IN_VIEW = 0.5  # share of the target that the source must show
_DAMPING = 1e-5  # of a diagonal of ones: where the picture has no texture, the motion stays as it is
_FLAT = 1e-12
_DEVIATION, _LEAST_LIMIT = 1.4826, 1e-3  # of a Gaussian in median lengths; of pictures in 0..1


class Refined(NamedTuple):
    """What `refine_motion` found.

    Attributes:
        source_from_target: (N, 4, 4).
        before, after: (N,) mean squared difference of the finest pictures, where the source shows the target, or Huber's in its
            place; without gradient.
    """

    source_from_target: Tensor
    before: Tensor
    after: Tensor


class _Level(NamedTuple):
    target: Tensor
    source: Tensor
    depth: Tensor
    intrinsics: Tensor
    source_intrinsics: Tensor


def refine_motion(
    target: Float[Tensor, "n c h w"],
    source: Float[Tensor, "n c hs ws"],
    depth: Float[Tensor, "n h w"],
    intrinsics: Float[Tensor, "n 3 3"],
    source_from_target: Float[Tensor, "n 4 4"],
    source_intrinsics: Float[Tensor, "n 3 3"] | None = None,
    levels: int = LEVELS,
    iterations: int = ITERATIONS,
    huber: float = 0.0,
) -> Refined:
    """Return the motion of each pair that minimises sum |source(warp(p, motion, depth)) - target(p)|^2, from a start near it.

    Inverse compositional: the Jacobian is that of the *target* moved by a small twist, so that it and its normal matrix are
    made once a level; each step is undone on the source's side, ``T <- T exp(-twist)``. From the coarsest level to the finest;
    at each the steps of a pair end when its cost rises (that step is taken back), or less than half of the target is in view.
    Coarse levels may lead astray: where the finest pictures then differ more than at the start, the start is kept.

    What moves by itself, or hides, bends the motion, since squares are not robust. With `huber`, differences beyond so many
    standard deviations (1.4826 medians at the level's start) count by their length alone, as in much odometry since; that is
    ours, and takes a normal matrix for each step.

    Call it outside autocast: in bfloat16 the normal matrix has two digits.

    Args:
        target, source: (N, C, h, w) pictures, 0..1.
        depth: (N, h, w) of the target, positive and finite; it shrinks as its inverse does.
        intrinsics: (N, 3, 3) of the target.
        source_from_target: (N, 4, 4), where to start: that of a pose network, or the identity. Translation in the depth's unit.
        source_intrinsics: (N, 3, 3) of the source; None for the target's.
        levels: of the pyramid at most; one whose shorter side has less than 8 pixels is left out.
        iterations: at each level, at most.
        huber: standard deviations, 1 or 2 for instance; 0 for squares, as published.
    """
    made = _levels(target, source, depth, intrinsics, intrinsics if source_intrinsics is None else source_intrinsics, levels)
    limit = _limit(made[0], source_from_target, huber)
    before = _cost(made[0], source_from_target, limit)
    motion = source_from_target
    for level in reversed(made):
        motion = _at_level(level, motion, iterations, huber)
    after = _cost(made[0], motion, limit)
    better = after < before
    return Refined(torch.where(better[:, None, None], motion, source_from_target), before, torch.where(better, after, before))


def motion_jacobian(
    target: Float[Tensor, "n c h w"], depth: Float[Tensor, "n h w"], intrinsics: Float[Tensor, "n 3 3"]
) -> Float[Tensor, "n c h w 6"]:
    """Return (N, C, h, w, 6) how a picture changes as its points move by a small twist (axis times angle, velocity).

    The picture's gradient, central differences with the rim repeated, times the derivative of the projection.
    """
    points = unproject(depth, intrinsics)
    x, y, z = points.unbind(-1)
    padded = pad(target, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2 * (intrinsics[:, 0, 0, None, None] / z)[:, None]
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2 * (intrinsics[:, 1, 1, None, None] / z)[:, None]
    inwards = -(across * (x / z)[:, None] + down * (y / z)[:, None])
    by_point = torch.stack([across, down, inwards], dim=-1)
    by_rotation = torch.linalg.cross(points[:, None].expand_as(by_point), by_point)
    return torch.cat([by_rotation, by_point], dim=-1)


def _levels(
    target: Tensor, source: Tensor, depth: Tensor, intrinsics: Tensor, source_intrinsics: Tensor, levels: int
) -> list[_Level]:
    hw, source_hw = (target.shape[-2], target.shape[-1]), (source.shape[-2], source.shape[-1])
    disparity = (1 / depth)[:, None]
    found: list[_Level] = []
    for small, other in zip(image_pyramid(target, levels), image_pyramid(source, levels), strict=True):
        size, other_size = (small.shape[-2], small.shape[-1]), (other.shape[-2], other.shape[-1])
        if found and min(*size, *other_size) < SMALLEST_SIDE:
            break
        found.append(
            _Level(
                small,
                other,
                1 / resize_image(disparity, size)[:, 0],
                resize_intrinsics(intrinsics, hw, size),
                resize_intrinsics(source_intrinsics, source_hw, other_size),
            )
        )
    return found


def _at_level(level: _Level, start: Tensor, iterations: int, huber: float) -> Tensor:
    jacobian = motion_jacobian(level.target, level.depth, level.intrinsics)
    limit = _limit(level, start, huber)
    solve = None if huber else _Normal(jacobian, jacobian)
    motion = kept = start
    best = torch.full_like(start[:, 0, 0], torch.inf)
    active = torch.ones_like(best, dtype=torch.bool)
    for step in range(iterations + 1):  # the last round only judges the last step
        found = _compare(level, motion, limit)
        active = active & (found.cost < best) & (found.in_view >= LEAST_IN_VIEW)
        kept = torch.where(active[:, None, None], motion, kept)
        best = torch.where(active, found.cost, best)
        if step == iterations or not active.any():
            break
        each = solve or _Normal(jacobian * found.weights[:, None, ..., None], jacobian)
        motion = torch.where(active[:, None, None], kept @ se3_exp(-each.twist(found.residual)), kept)
    return kept


class _Normal:
    """Gauss-Newton's equations for a twist, with weights in the first Jacobian: (N, C, h, w, 6) both."""

    def __init__(self, weighted: Tensor, jacobian: Tensor) -> None:
        self.weighted = weighted.flatten(1, 3)
        normal = self.weighted.mT @ jacobian.flatten(1, 3)
        # Rotation and translation have units of their own: solve for unknowns of equal weight.
        diagonal = normal.detach().diagonal(dim1=-2, dim2=-1)
        self.scale = torch.where(diagonal > _FLAT, diagonal, 1.0).rsqrt()
        even = self.scale[:, :, None] * normal * self.scale[:, None, :]
        self.even = even + _DAMPING * torch.eye(6, dtype=even.dtype, device=even.device)

    def twist(self, residual: Tensor) -> Tensor:
        """Return (N, 6) the twist of (N, C, h, w) differences."""
        slope = self.scale[:, :, None] * (self.weighted.mT @ residual.flatten(1)[..., None])
        found: Tensor = self.scale * torch.linalg.solve(self.even, slope)[..., 0]
        return found


class _Compared(NamedTuple):
    """Differences of the warped source, (N, C, h, w), 0 where it doesn't show the point; their (N, h, w) weights; sums.

    `cost` and `in_view`, the share of points that the source shows, are (N,).
    """

    residual: Tensor
    weights: Tensor
    cost: Tensor
    in_view: Tensor


def _compare(level: _Level, motion: Tensor, limit: Tensor | None) -> _Compared:
    warped = inverse_warp(level.source, level.depth, level.intrinsics, motion, level.source_intrinsics, "border")
    valid = warped.projection.valid
    residual = torch.where(valid[:, None], warped.image - level.target, 0.0)
    count = valid.flatten(1).sum(1)
    square = residual.detach().square().mean(1)
    weights = valid.to(square.dtype)
    if limit is not None:
        length, most = square.sqrt(), limit[:, None, None]
        square = torch.where(length < most, square, most * (2 * length - most))
        weights = weights * (most / length.clamp_min(_FLAT)).clamp_max(1)
    cost = square.flatten(1).sum(1) / count.clamp_min(1)
    return _Compared(residual, weights, cost, count / valid[0].numel())


def _limit(level: _Level, motion: Tensor, huber: float) -> Tensor | None:
    """Return (N,) from which length on a difference is an outlier; None for never."""
    if not huber:
        return None
    with torch.no_grad():
        found = _compare(level, motion, None)
        length = found.residual.square().mean(1).sqrt().masked_fill(found.weights == 0, torch.nan).flatten(1)
        return (huber * _DEVIATION * length.nanmedian(1).values.nan_to_num(0.0)).clamp_min(_LEAST_LIMIT)


def _cost(level: _Level, motion: Tensor, limit: Tensor | None) -> Tensor:
    with torch.no_grad():
        return _compare(level, motion, limit).cost
