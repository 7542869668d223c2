"""Learning from another network's labels without its worst mistakes (Depth Anything V2, arXiv 2406.09414; METHODS C.2)."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.affine_invariant import normalise
from leadline.losses.gradient_matching import gradient_matching_loss
from leadline.losses.masked import mean_over
from leadline.losses.select import kth_smallest

GRADIENT_WEIGHT = 2.0  # L_ssi : L_gm = 1 : 2
IGNORED_SHARE = 0.1


def pseudo_label_loss(
    pred: Float[Tensor, "n h w"],
    label: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    gradient_weight: float = GRADIENT_WEIGHT,
    ignored_share: float = IGNORED_SHARE,
    scales: int = 4,
    gradient_over: Literal["kept", "all"] = "kept",
) -> Float[Tensor, " n"]:
    """Return (N,) mean |p - l| over a map's kept pixels plus `gradient_weight` times gradient matching.

    The `ignored_share` of a map's pixels with the largest |p - l| is ignored: there the label is more likely wrong than the
    student. p and l are the maps without median and mean absolute deviation: first over all valid pixels, to find these, then
    over the kept ones, which the loss is made of. With the former alone a student learns to put all its deviation into the
    ignored pixels and to be flat elsewhere. The mean is over the kept ones, without MiDaS's half (the authors in issue 108 of
    their repository; METHODS C.1).

    Args:
        pred, label: (N, h, w) disparity of the student and of the teacher.
        valid: (N, h, w) bool.
        gradient_weight, scales: of gradient matching.
        ignored_share: 0 to 1; ceil(share * M) pixels are ignored, fewer where several are equally wrong.
        gradient_over: "kept" leaves ignored pixels out of the gradient term too; "all" matches gradients everywhere. The paper
            does not say which.
    """
    target, possible, _ = normalise(label, valid)
    kept = valid = valid & possible[:, None, None]
    ours, _, _ = normalise(pred, valid)
    if ignored_share > 0:
        kept = keep_smallest((ours - target).detach().abs(), valid, 1 - ignored_share)
        target, possible, _ = normalise(label, kept)
        kept, valid = kept & possible[:, None, None], valid & possible[:, None, None]
        ours, _, _ = normalise(pred, kept)
    data = mean_over((ours - target).abs(), kept)
    if gradient_weight == 0:
        return data
    return data + gradient_weight * gradient_matching_loss(ours, target, kept if gradient_over == "kept" else valid, scales)


def keep_smallest(errors: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], share: float) -> Bool[Tensor, "n h w"]:
    """Return (N, h, w) bool: the floor(share * M) smallest of each map's M valid errors, and those equal to the largest."""
    flat, mask = errors.flatten(1), valid.flatten(1)
    kept = (share * mask.sum(1)).floor().long()
    largest = kth_smallest(flat, mask, kept)
    return (mask & (flat <= largest[:, None]) & (kept > 0)[:, None]).view_as(valid)
