"""The reverse Huber loss (Laina et al. 2016, arXiv 1606.00373; METHODS D.3): L1 for small residuals, squares for large ones."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import hide, mean_over

SHARE = 0.2  # c as a share of the largest residual


def berhu_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    threshold: Literal["batch", "map"] | float = "batch",
    share: float = SHARE,
) -> Float[Tensor, " n"]:
    """Return (N,) means of |x| where |x| <= c, else (x^2 + c^2) / (2 c), with x = pred - target.

    c is a constant of the step, without a gradient. With one, the largest residual would be pushed up: a larger c makes all
    squares cheaper (`test_the_largest_residual_is_pulled_down`).

    Args:
        pred, target: (N, h, w) in one unit, metres as published.
        valid: (N, h, w) bool.
        threshold: "batch" takes c = `share` * max |x| over the whole batch, as published, so that a map's loss depends on its
            neighbours; "map" takes each map's own; a number is c itself.
        share: of the largest residual.
    """
    x = (hide(pred, valid) - hide(target, valid)).abs()
    if isinstance(threshold, str):
        largest = x.detach().amax((1, 2)) if threshold == "map" else x.detach().amax().expand(len(x))
        c = share * largest[:, None, None]
    else:
        c = torch.full((len(x), 1, 1), threshold, dtype=x.dtype, device=x.device)
    squared = x > c
    divisor = torch.where(c > 0, c, 1.0)
    # The branch not taken must stay finite: x^2 overflows float16 long before |x|.
    return mean_over(torch.where(squared, (torch.where(squared, x, 0.0).square() + c.square()) / (2 * divisor), x), valid)
