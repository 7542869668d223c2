"""Pictures at half, a quarter, ... of their size, and the intrinsics that belong to them, in torch."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate


def image_pyramid(image: Float[Tensor, "n c h w"], levels: int) -> list[Tensor]:
    """Return `levels` pictures, the given one first, each half as high and as wide as the one before (rounded up).

    Each is the mean over the area that a pixel covers in the one before, so edges of the picture stay edges: the intrinsics of
    a level are those of `resize_intrinsics`.
    """
    found = [image]
    for _ in range(levels - 1):
        h, w = found[-1].shape[-2:]
        found.append(resize_image(found[-1], ((h + 1) // 2, (w + 1) // 2)))
    return found


def resize_image(image: Float[Tensor, "n c h w"], hw: tuple[int, int]) -> Tensor:
    """Return the picture at another size: means over areas where it shrinks, bilinear where it grows."""
    h, w = image.shape[-2:]
    if (h, w) == tuple(hw):
        return image
    if hw[0] <= h and hw[1] <= w:
        return interpolate(image, size=tuple(hw), mode="area")
    return interpolate(image, size=tuple(hw), mode="bilinear", align_corners=False)


def resize_intrinsics(
    intrinsics: Float[Tensor, "*n 3 3"], from_hw: tuple[int, int], to_hw: tuple[int, int]
) -> Float[Tensor, "*n 3 3"]:
    """Return the (..., 3, 3) intrinsics of the picture resampled from one size to another.

    Focal length and principal point are multiplied alike, because the corner is at (0, 0) (see `leadline.camera`); with the
    first pixel's centre there half a pixel would have to be taken off first.
    """
    factors = [to_hw[1] / from_hw[1], to_hw[0] / from_hw[0], 1.0]
    return intrinsics * torch.tensor(factors, dtype=intrinsics.dtype, device=intrinsics.device)[:, None]
