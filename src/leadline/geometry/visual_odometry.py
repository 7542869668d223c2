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


class Refined(NamedTuple):
    """What `refine_motion` found.

    Attributes:
        source_from_target: (N, 4, 4).
        before, after: (N,) mean squared difference of the finest pictures, where the source shows the target; without gradient.
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
) -> Refined:
    """Return the motion of each pair that minimises sum |source(warp(p, motion, depth)) - target(p)|^2, from a start near it.

    Inverse compositional: the Jacobian is that of the *target* moved by a small twist, so that it and its normal matrix are
    made once a level; each step is undone on the source's side, ``T <- T exp(-twist)``. From the coarsest level to the finest;
    at each the steps of a pair end when its cost rises (that step is taken back), or less than half of the target is in view.
    Coarse levels may lead astray: where the finest pictures then differ more than at the start, the start is kept.

    Call it outside autocast: in bfloat16 the normal matrix has two digits.

    Args:
        target, source: (N, C, h, w) pictures, 0..1.
        depth: (N, h, w) of the target, positive and finite; it shrinks as its inverse does.
        intrinsics: (N, 3, 3) of the target.
        source_from_target: (N, 4, 4), where to start: that of a pose network, or the identity. Translation in the depth's unit.
        source_intrinsics: (N, 3, 3) of the source; None for the target's.
        levels: of the pyramid at most; one whose shorter side has less than 8 pixels is left out.
        iterations: at each level, at most.
    """
    made = _levels(target, source, depth, intrinsics, intrinsics if source_intrinsics is None else source_intrinsics, levels)
    before = _cost(made[0], source_from_target)
    motion = source_from_target
    for level in reversed(made):
        motion = _at_level(level, motion, iterations)
    after = _cost(made[0], motion)
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


def _at_level(level: _Level, start: Tensor, iterations: int) -> Tensor:
    jacobian = motion_jacobian(level.target, level.depth, level.intrinsics).flatten(1, 3)
    normal = jacobian.mT @ jacobian
    # Rotation and translation have units of their own: solve for unknowns of equal weight.
    diagonal = normal.detach().diagonal(dim1=-2, dim2=-1)
    scale = torch.where(diagonal > _FLAT, diagonal, 1.0).rsqrt()
    even = scale[:, :, None] * normal * scale[:, None, :]
    even = even + _DAMPING * torch.eye(6, dtype=even.dtype, device=even.device)
    motion = kept = start
    best = torch.full_like(start[:, 0, 0], torch.inf)
    active = torch.ones_like(best, dtype=torch.bool)
    for step in range(iterations + 1):  # the last round only judges the last step
        residual, cost, in_view = _residual(level, motion)
        active = active & (cost < best) & (in_view >= LEAST_IN_VIEW)
        kept = torch.where(active[:, None, None], motion, kept)
        best = torch.where(active, cost, best)
        if step == iterations or not active.any():
            break
        slope = scale[:, :, None] * (jacobian.mT @ residual.flatten(1)[..., None])
        twist = scale * torch.linalg.solve(even, slope)[..., 0]
        motion = torch.where(active[:, None, None], kept @ se3_exp(-twist), kept)
    return kept


def _residual(level: _Level, motion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (N, C, h, w) differences, 0 where the source doesn't show the point, and (N,) cost and share in view."""
    warped = inverse_warp(level.source, level.depth, level.intrinsics, motion, level.source_intrinsics, "border")
    valid = warped.projection.valid
    residual = torch.where(valid[:, None], warped.image - level.target, 0.0)
    count = valid.flatten(1).sum(1)
    cost = residual.detach().square().mean(1).flatten(1).sum(1) / count.clamp_min(1)
    return residual, cost, count / valid[0].numel()


def _cost(level: _Level, motion: Tensor) -> Tensor:
    with torch.no_grad():
        return _residual(level, motion)[1]
