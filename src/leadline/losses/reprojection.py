"""Errors of several warped sources as one loss, each part of monodepth2's a switch (METHODS D.10).

`leadline.losses.photometric.photometric_loss` is the whole objective in one call; here the errors are given, so that an
ablation, or a method with masks of its own, can put them together in another way. Errors are (S, N, h, w), the loss (N,).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import as_factor, mean_over
from leadline.losses.photometric import TIE_NOISE, minimum_reprojection, moving_pixels

Combination = Literal["minimum", "mean"]


class Reprojected(NamedTuple):
    """What `reprojection_loss` found.

    Attributes:
        loss: (N,) mean error of the pixels that some source sees; those left out count 0.
        counted: (N, h, w) bool: seen, and not left out by the auto-mask.
    """

    loss: Tensor
    counted: Tensor


def reprojection_loss(
    errors: Float[Tensor, "s n h w"],
    valid: Bool[Tensor, "s n h w"] | None = None,
    identity: Float[Tensor, "s n h w"] | None = None,
    combination: Combination = "minimum",
    generator: torch.Generator | None = None,
    noise: float = TIE_NOISE,
) -> Reprojected:
    """Return the loss of each target over its sources (Godard et al. 2019, arXiv 1806.01260, equations 4 and 5).

    Args:
        errors: (S, N, h, w) photometric errors of the warped sources, 0 where not valid.
        valid: (S, N, h, w) bool; None means everywhere.
        identity: (S, N, h, w) errors of the sources as they are. Pixels that these explain better are left out; None leaves
            none out.
        combination: "minimum" over the sources, or their "mean", as methods before; that of `identity`, too.
        generator, noise: see `leadline.losses.photometric.moving_pixels`.
    """
    if combination == "minimum":
        found = minimum_reprojection(errors, valid)
        error, seen = found.error, found.valid
    else:
        error, seen = _mean(errors, valid)
    counted = seen
    if identity is not None:
        with torch.no_grad():
            still = identity.amin(0) if combination == "minimum" else identity.mean(0)
            counted = seen & moving_pixels(error.detach(), still, generator, noise)
    return Reprojected(mean_over(torch.where(counted, error, 0.0), seen), counted)


def _mean(errors: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the mean over the sources that see a pixel, and where there is one."""
    if valid is None:
        return errors.mean(0), torch.ones_like(errors[0], dtype=torch.bool)
    seen = valid.any(0)
    number = as_factor(valid, errors.dtype).sum(0).clamp_min(1)
    return torch.where(seen, torch.where(valid, errors, 0.0).sum(0) / number, 0.0), seen
