"""Optical flow: (N, 2, h, w) pixels (x, y) by which each pixel of one picture moves to where the other shows the same thing."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from leadline.geometry.inverse_warp import Padding, pixel_centres, sample


def warp_by_flow(
    source: Float[Tensor, "n c h w"], flow: Float[Tensor, "n 2 h w"], padding: Padding = "border"
) -> tuple[Float[Tensor, "n c h w"], Bool[Tensor, "n h w"]]:
    """Return the source sampled at p + flow(p), and (N, h, w) bool where all pixels that the sample needs are there.

    Args:
        source: (N, C, h, w), pictures or another flow.
        flow: (N, 2, h, w) from the target to the source, pixels of their common size.
        padding: see `leadline.geometry.inverse_warp.sample`.
    """
    h, w = flow.shape[-2:]
    xy = pixel_centres((h, w), flow) + flow.permute(0, 2, 3, 1)
    x, y = xy.unbind(-1)
    valid = (x >= 0.5) & (x <= w - 0.5) & (y >= 0.5) & (y <= h - 0.5)
    return sample(source, xy, padding), valid


def flow_difference(
    forward: Float[Tensor, "n 2 h w"], backward: Float[Tensor, "n 2 h w"]
) -> tuple[Float[Tensor, "n 2 h w"], Bool[Tensor, "n h w"]]:
    """Return forward(p) + backward(p + forward(p)), zero where there and back leads to p again, and where it can be told.

    Args:
        forward, backward: (N, 2, h, w) from the first picture to the second, and from the second to the first.
    """
    seen, valid = warp_by_flow(backward, forward)
    return forward + seen, valid
