"""A rectified pair as its own teacher: each picture, warped by the other's disparity, must look like the other (METHODS D.8).

Pixel disparity is positive: a left pixel at x is seen at x - disparity in the right picture. The first pixel's centre is at
x = 0.5. Losses give (N,), one value a pair.
"""

from __future__ import annotations

from math import ceil

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import conv2d, pad

from leadline.losses.masked import mean_over

BLUR_SIGMA_PX = 1.0  # recalled, not read in the paper


def sample_along_rows(
    values: Float[Tensor, "n c h w"], x: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> tuple[Float[Tensor, "n c h w"], Bool[Tensor, "n h w"]]:
    """Read each row between its pixels, linearly; differentiable in `values` and `x`.

    As `leadline.geometry.sample_bilinear` reads: x = 0.5 is the first pixel's centre; half a pixel at the rim, where there is
    nothing to interpolate with, is not valid. (grid_sample with align_corners=False and no padding agrees inside.)

    Args:
        values: (N, C, h, w).
        x: (N, h, w) positions from the left rim, pixels.
        valid: (N, h, w) bool, of `values`; a sample is valid only if each pixel that has a share in it is.

    Returns:
        (N, C, h, w) samples, 0 where not valid, and (N, h, w) bool.
    """
    width = values.shape[-1]
    position = x - 0.5
    inside = (position >= 0) & (position <= width - 1)  # False for NaN
    position = torch.where(inside, position, 0.0)
    first = position.detach().floor().long()
    second = (first + 1).clamp_max(width - 1)
    share = position - first
    seen = inside & valid.gather(2, first) & (valid.gather(2, second) | (share == 0))
    shown = torch.where(valid[:, None], values, 0.0)
    channels = values.shape[1]
    a, b = (shown.gather(3, index[:, None].expand(-1, channels, -1, -1)) for index in (first, second))
    return torch.where(seen[:, None], a + share[:, None] * (b - a), 0.0), seen


def left_from_right(
    right: Float[Tensor, "n c h w"],
    disparity_left: Float[Tensor, "n h w"],
    valid_left: Bool[Tensor, "n h w"],
    valid_right: Bool[Tensor, "n h w"] | None = None,
) -> tuple[Float[Tensor, "n c h w"], Bool[Tensor, "n h w"]]:
    """Return the right picture as the left camera sees it, and where: samples at x - disparity_left, its own disparity."""
    return _from_other(right, -1, disparity_left, valid_left, valid_right)


def right_from_left(
    left: Float[Tensor, "n c h w"],
    disparity_right: Float[Tensor, "n h w"],
    valid_right: Bool[Tensor, "n h w"],
    valid_left: Bool[Tensor, "n h w"] | None = None,
) -> tuple[Float[Tensor, "n c h w"], Bool[Tensor, "n h w"]]:
    """Return the left picture as the right camera sees it, and where: samples at x + disparity_right, its own disparity."""
    return _from_other(left, 1, disparity_right, valid_right, valid_left)


def stereo_alignment_loss(
    left: Float[Tensor, "n c h w"],
    right: Float[Tensor, "n c h w"],
    disparity_left: Float[Tensor, "n h w"],
    disparity_right: Float[Tensor, "n h w"],
    valid_left: Bool[Tensor, "n h w"],
    valid_right: Bool[Tensor, "n h w"],
    blur_sigma_px: float = BLUR_SIGMA_PX,
) -> Float[Tensor, " n"]:
    """Return (N,) mean |G*I_left - warped G*I_right|, plus the same from the right (Kuznietsov et al. 2017, arXiv 1702.02706).

    G is a Gaussian: from farther off, disparities still find their way. Means are over channels and over the valid pixels that
    land inside the other picture: a pixel sent outside costs nothing. Occluded pixels count, though they have no match.

    Args:
        left, right: (N, C, h, w) pictures of a rectified pair, without holes.
        disparity_left, disparity_right: (N, h, w) pixels, positive.
        valid_left, valid_right: (N, h, w) bool, of the disparities.
        blur_sigma_px: of G; 0 for none.
    """
    left, right = blur(left, blur_sigma_px), blur(right, blur_sigma_px)
    seen_left, there_left = left_from_right(right, disparity_left, valid_left)
    seen_right, there_right = right_from_left(left, disparity_right, valid_right)
    return mean_over((left - seen_left).abs().mean(1), there_left) + mean_over((right - seen_right).abs().mean(1), there_right)


def left_right_consistency_loss(
    disparity_left: Float[Tensor, "n h w"],
    disparity_right: Float[Tensor, "n h w"],
    valid_left: Bool[Tensor, "n h w"],
    valid_right: Bool[Tensor, "n h w"],
) -> Float[Tensor, " n"]:
    """Return (N,) mean |d_left(x) - d_right(x - d_left(x))|, plus the same from the right.

    Godard et al. 2017 (arXiv 1609.03677). Any pair of equal constants is consistent: this goes with
    `stereo_alignment_loss`, not alone.

    Args:
        disparity_left, disparity_right: (N, h, w) pixels, positive.
        valid_left, valid_right: (N, h, w) bool: both ends of a comparison must be valid.
    """
    d_left, d_right = torch.where(valid_left, disparity_left, 0.0), torch.where(valid_right, disparity_right, 0.0)
    seen_left, there_left = left_from_right(d_right[:, None], d_left, valid_left, valid_right)
    seen_right, there_right = right_from_left(d_left[:, None], d_right, valid_right, valid_left)
    return mean_over((d_left - seen_left[:, 0]).abs(), there_left) + mean_over((d_right - seen_right[:, 0]).abs(), there_right)


def blur(image: Float[Tensor, "n c h w"], sigma_px: float) -> Float[Tensor, "n c h w"]:
    """Return the picture under a Gaussian cut off at 3 sigma, its rim pixels repeated outwards; as it is for sigma 0."""
    if sigma_px == 0:
        return image
    radius = ceil(3 * sigma_px)
    steps = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (steps / sigma_px).square())
    kernel = kernel / kernel.sum()
    flat = pad(image.flatten(0, 1)[:, None], (radius, radius, radius, radius), mode="replicate")
    flat = conv2d(conv2d(flat, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return flat.view_as(image)


def _from_other(
    other: Tensor, direction: int, disparity: Tensor, valid: Tensor, valid_other: Tensor | None
) -> tuple[Tensor, Tensor]:
    width = other.shape[-1]
    centres = torch.arange(width, dtype=disparity.dtype, device=disparity.device) + 0.5
    x = centres + direction * torch.where(valid, disparity, 0.0)
    seen, there = sample_along_rows(other, x, torch.ones_like(valid) if valid_other is None else valid_other)
    there = there & valid
    return torch.where(there[:, None], seen, 0.0), there
