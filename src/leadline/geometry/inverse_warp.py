"""Differentiable view synthesis: what a source's picture looks like from the target's camera, given the target's depth.

In torch and batched; `leadline.geometry.warp` is the same for one pair of views in NumPy. Intrinsics are (N, 3, 3) in pixels
without skew; the picture's top-left **corner** is (0, 0) and the first pixel's centre (0.5, 0.5), see `leadline.camera`. That
is `grid_sample` with ``align_corners=False``: -1 and 1 are the picture's edges, not the centres of its outermost pixels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import grid_sample

Padding = Literal["border", "zeros"]

NEAREST = 1e-3  # what lies nearer to the source's plane, or behind it, is not seen; in the unit of the depth


class Projection(NamedTuple):
    """Where the target's pixels land in a source.

    Attributes:
        xy: (N, h, w, 2) positions from the source's top-left corner, pixels; finite everywhere.
        depth: (N, h, w) z-depth of the points in the source's frame; compare it with the source's own depth there.
        valid: (N, h, w) bool: in front of the source, and where all pixels that a bilinear sample needs are there.
    """

    xy: Tensor
    depth: Tensor
    valid: Tensor


class Warped(NamedTuple):
    """A source's picture as the target sees it.

    Attributes:
        image: (N, C, h, w); with padding "zeros" 0 where not valid, with "border" the nearest pixel of the source's rim.
        projection: where it was sampled.
    """

    image: Tensor
    projection: Projection


def pixel_centres(hw: tuple[int, int], like: Tensor) -> Float[Tensor, "h w 2"]:
    """Return (h, w, 2) the (x, y) position of every pixel's centre, the first at (0.5, 0.5)."""
    y = torch.arange(hw[0], dtype=like.dtype, device=like.device) + 0.5
    x = torch.arange(hw[1], dtype=like.dtype, device=like.device) + 0.5
    return torch.stack([x.expand(hw), y[:, None].expand(hw)], dim=-1)


def unproject(depth: Float[Tensor, "n h w"], intrinsics: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n h w 3"]:
    """Return (N, h, w, 3) camera-frame points (x right, y down, z forward) of (N, h, w) z-depth, in its unit."""
    centres = pixel_centres((depth.shape[-2], depth.shape[-1]), depth)
    focal, middle = _focal_and_middle(intrinsics)
    return torch.cat([(centres - middle) / focal * depth[..., None], depth[..., None]], dim=-1)


def project_into(
    depth: Float[Tensor, "n h w"],
    intrinsics: Float[Tensor, "n 3 3"],
    source_from_target: Float[Tensor, "n 4 4"],
    source_intrinsics: Float[Tensor, "n 3 3"] | None = None,
    source_hw: tuple[int, int] | None = None,
) -> Projection:
    """Return where each pixel of the target lands in the source: ``K_s T D(p) K^-1 p`` (Zhou et al. 2017, equation 2).

    Args:
        depth: (N, h, w) z-depth of the target, positive and finite.
        intrinsics: (N, 3, 3) of the target.
        source_from_target: (N, 4, 4), translation in the depth's unit. (The wrong reading, target_from_source, moves everything
            the other way and still looks plausible.)
        source_intrinsics: (N, 3, 3) of the source; None for the target's.
        source_hw: its size; None for the target's.
    """
    points = unproject(depth, intrinsics)
    turned = (points.flatten(1, 2) @ source_from_target[:, :3, :3].mT).view(points.shape)
    moved = turned + source_from_target[:, None, None, :3, 3]
    z = moved[..., 2]
    ahead = z > NEAREST
    focal, middle = _focal_and_middle(intrinsics if source_intrinsics is None else source_intrinsics)
    xy = moved[..., :2] / torch.where(ahead, z, NEAREST)[..., None] * focal + middle
    h, w = source_hw or depth.shape[-2:]
    size = torch.tensor([w, h], dtype=xy.dtype, device=xy.device)
    inside = ((xy >= 0.5) & (xy <= size - 0.5)).all(-1)
    return Projection(xy, z, ahead & inside)


def sample(source: Float[Tensor, "n c h w"], xy: Float[Tensor, "n a b 2"], padding: Padding = "zeros") -> Tensor:
    """Return (N, C, a, b) bilinear samples at positions from the top-left corner; differentiable in both.

    (0.5, 0.5) gives the first pixel exactly. Outside, "border" repeats the rim and "zeros" fades to 0 within a pixel.
    """
    h, w = source.shape[-2:]
    size = torch.tensor([w, h], dtype=xy.dtype, device=xy.device)
    return grid_sample(source, xy * (2 / size) - 1, mode="bilinear", padding_mode=padding, align_corners=False)


def inverse_warp(
    source: Float[Tensor, "n c hs ws"],
    depth: Float[Tensor, "n h w"],
    intrinsics: Float[Tensor, "n 3 3"],
    source_from_target: Float[Tensor, "n 4 4"],
    source_intrinsics: Float[Tensor, "n 3 3"] | None = None,
    padding: Padding = "zeros",
) -> Warped:
    """Return the source's picture as the target's camera would see it; arguments as for `project_into` and `sample`.

    What hides behind something in the source shows that thing instead: occlusion is for the loss to find.
    """
    landing = project_into(depth, intrinsics, source_from_target, source_intrinsics, (source.shape[-2], source.shape[-1]))
    image = sample(source, landing.xy, padding)
    if padding == "zeros":
        image = torch.where(landing.valid[:, None], image, 0.0)
    return Warped(image, landing)


def rigid_flow(
    depth: Float[Tensor, "n h w"],
    intrinsics: Float[Tensor, "n 3 3"],
    source_from_target: Float[Tensor, "n 4 4"],
    source_intrinsics: Float[Tensor, "n 3 3"] | None = None,
) -> tuple[Float[Tensor, "n 2 h w"], Bool[Tensor, "n h w"]]:
    """Return (N, 2, h, w) the pixels (x, y) by which a still scene moves from the target to the source, and where it is ahead.

    ``K_s T D(p) K^-1 p - p`` (Yin and Shi 2018, GeoNet, arXiv 1803.02276, equation 1). It may lead out of the source's picture.
    """
    landing = project_into(depth, intrinsics, source_from_target, source_intrinsics)
    flow = landing.xy - pixel_centres((depth.shape[-2], depth.shape[-1]), depth)
    return flow.permute(0, 3, 1, 2), landing.depth > NEAREST


def _focal_and_middle(intrinsics: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N, 1, 1, 2) focal lengths and principal points."""
    focal = torch.stack([intrinsics[:, 0, 0], intrinsics[:, 1, 1]], dim=-1)
    return focal[:, None, None], intrinsics[:, None, None, :2, 2]
