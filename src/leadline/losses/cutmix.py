"""The loss of a picture that was put together from two (Depth Anything V1, arXiv 2401.10891, section 3.2; METHODS C.1)."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import count, number_valid
from leadline.losses.pseudo_label import pseudo_label_loss


def cutmix_loss(
    pred: Float[Tensor, "n h w"],
    label: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    inside: Bool[Tensor, "n h w"],
    gradient_weight: float = 0.0,
    ignored_share: float = 0.0,
    scales: int = 4,
) -> Float[Tensor, " n"]:
    """Return (N,) the loss inside the pasted region and that outside, each normalised by itself, by their shares of pixels.

    L = |B|/M rho(d on B, d* on B) + |1-B|/M rho(d off B, d* off B), where rho is `pseudo_label_loss`, by default mean |n(d) -
    n(d*)| alone. The two regions show two scenes, whose scales and shifts have nothing to do with each other: one
    normalisation over both would ask the network to guess them.

    Args:
        pred: (N, h, w) disparity of the student on the mixed picture.
        label: (N, h, w) disparity of the teacher, mixed in the same way from those of the two clean pictures.
        valid: (N, h, w) bool.
        inside: (N, h, w) bool, the region B; all True, or all False, for a picture that is not mixed.
        gradient_weight, ignored_share, scales: see `pseudo_label_loss`.
    """
    total = _share(valid, inside, pred) * pseudo_label_loss(
        pred, label, (valid & inside).contiguous(), gradient_weight, ignored_share, scales
    )
    if not bool(inside.all()):
        outside = (valid & ~inside).contiguous()
        rest = pseudo_label_loss(pred, label, outside, gradient_weight, ignored_share, scales)
        total = total + _share(valid, ~inside, pred) * rest
    return total


def _share(valid: Tensor, region: Tensor, like: Tensor) -> Tensor:
    return number_valid(valid & region).to(like.dtype) / count(valid)
