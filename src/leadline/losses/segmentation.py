"""Losses of a network that says what each pixel is: weighted cross entropy, and soft Dice."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.losses.masked import mean_over


def weighted_cross_entropy_loss(logits: Tensor, target: Tensor, valid: Tensor, weights: Sequence[float]) -> Tensor:
    """Return (N,) means over the valid pixels of ``-w_c log softmax(logits)_c``, c the true class.

    The sum is divided by the number of pixels, not by the sum of their weights: so a picture full of a common class counts less
    than one with a rare one.

    Args:
        logits: (N, K, h, w).
        target: (N, h, w) integers below K; anything where not valid.
        valid: (N, h, w) bool. A map without a valid pixel has loss 0, without gradient.
        weights: w, one a class.

    Raises:
        LeadlineError: shapes or the number of weights don't fit.
    """
    _check(logits, target, len(weights))
    known = torch.where(valid, target, 0).long()
    each = F.cross_entropy(
        logits, known, torch.tensor(list(weights), dtype=logits.dtype, device=logits.device), reduction="none"
    )
    return mean_over(each, valid)


def soft_dice_loss(logits: Tensor, target: Tensor, valid: Tensor, classes: Sequence[int]) -> Tensor:
    """Return (N,) ``1 - (2 sum p g + 1) / (sum p + sum g + 1)`` over the batch, averaged over `classes`; the same for each map.

    p is the softmax probability of a class and g its truth, 0 or 1, over all valid pixels (V-Net, arXiv 1606.04797, equation in
    section 3, without its squares). Sums run over the batch, since a class that one picture lacks gives its own Dice no
    gradient worth having; a class that the whole batch lacks is left out.

    Args:
        logits: (N, K, h, w).
        target: (N, h, w) integers below K; anything where not valid.
        valid: (N, h, w) bool.
        classes: that are averaged over.

    Raises:
        LeadlineError: shapes don't fit.
    """
    _check(logits, target, logits.shape[1])
    counted = valid.to(logits.dtype)
    probability = torch.softmax(logits, dim=1) * counted[:, None]
    known = torch.where(valid, target, 0).long()
    true = torch.stack([(known == index) & valid for index in classes], dim=1).to(logits.dtype)
    said = probability[:, list(classes)]
    overlap, total, claimed = ((true * said).sum((0, 2, 3)), true.sum((0, 2, 3)), said.sum((0, 2, 3)))
    dice = 1 - (2 * overlap + 1) / (claimed + total + 1)
    present = total > 0
    return (torch.where(present, dice, 0.0).sum() / present.sum().clamp_min(1)).expand(logits.shape[0])


def _check(logits: Tensor, target: Tensor, classes: int) -> None:
    fits = logits.ndim == 4 and target.shape == (logits.shape[0], *logits.shape[2:]) and logits.shape[1] == classes
    if not fits:
        raise LeadlineError(
            f"logits of {tuple(logits.shape)} for a target of {tuple(target.shape)} and {classes} classes: "
            "expected (N, classes, h, w) and (N, h, w)"
        )
