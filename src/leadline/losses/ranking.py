"""Ranking losses: which of two points is in front, and nothing else (DIW and ReDWeb; METHODS D.5 and D.7).

Both give (N,): one value a map, 0 for a map without a valid pair. Pairs and relations are those of
`leadline.losses.point_pairs`: CLOSER (-1) asks for the larger number in a disparity, for the smaller one in a depth.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from leadline.losses.point_pairs import (
    CLOSER,
    EQUAL,
    EQUAL_WITHIN,
    FARTHER,
    PAIRS_PER_IMAGE,
    PointPairs,
    draw_pairs,
    read_pairs,
)
from leadline.losses.select import kth_smallest

EASY_SHARE = 0.25  # of the unequal pairs, those with the smallest losses, which ReDWeb leaves out


def ranking_loss(
    pred: Float[Tensor, "n h w"], pairs: PointPairs, *, near_is_large: bool = True, easy_share: float = 0.0
) -> Float[Tensor, " n"]:
    """Return (N,) the mean over pairs of log(1 + exp(-r (p_first - p_second))), or (p_first - p_second)^2 for equal points.

    r is +1 where the first point is to have the larger number and -1 where the second is (Chen et al. 2016, arXiv 1604.03901,
    whose r is the order of depth: `near_is_large=False`).

    Args:
        pred: (N, h, w), any unit: no scale is fixed but by the equal pairs, no shift at all.
        pairs: at most P for each map.
        near_is_large: True where `pred` is disparity, False where it is depth or log depth.
        easy_share: share of the unequal pairs that count 0, those with the smallest losses; 0.25 is ReDWeb's improvement
            (Xian et al. 2018). The divisor stays the number of all pairs.

    Raises:
        LeadlineError: shapes don't fit, or a valid pair lies outside the map.
    """
    first, second = read_pairs(pred, pairs)
    order = pairs.relation * (CLOSER if near_is_large else FARTHER)
    difference = first - second
    unequal = pairs.valid & (order != EQUAL)
    equal = pairs.valid & (order == EQUAL)
    hard = torch.where(unequal, softplus(-order * difference), 0.0)
    total = torch.where(equal, difference.square(), 0.0).sum(1)
    total = total + (_hardest(hard, unequal, easy_share) if easy_share else hard.sum(1))
    return total / pairs.valid.sum(1).clamp_min(1)


def redweb_ranking_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    generator: torch.Generator,
    count: int = PAIRS_PER_IMAGE,
    equal_within: float = EQUAL_WITHIN,
    easy_share: float = EASY_SHARE,
    *,
    near_is_large: bool = True,
) -> Float[Tensor, " n"]:
    """Return (N,) `ranking_loss` over pairs drawn anew from the target at each call, without the easiest of them.

    Xian et al. 2018, *Monocular relative depth perception with web stereo data supervision*, as METHODS D.7 has it: the paper
    was read in other works only.

    Args:
        pred, target: (N, h, w), both disparity, or both depth (`near_is_large=False`); the target not negative.
        valid: (N, h, w) bool.
        generator: draws the pairs.
        count, equal_within: see `draw_pairs`.
        easy_share: see `ranking_loss`.
        near_is_large: whether both maps are disparity.
    """
    pairs = draw_pairs(target, valid, generator, count, equal_within, near_is_large=near_is_large)
    return ranking_loss(pred, pairs, near_is_large=near_is_large, easy_share=easy_share)


def _hardest(losses: Tensor, counted: Tensor, easy_share: float) -> Tensor:
    """Return (N,) the sum of each row's counted losses without the floor(easy_share * M) smallest."""
    number = counted.sum(1)
    dropped = (easy_share * number).floor().long()
    border = kth_smallest(losses, counted, dropped)
    above = counted & (losses > border[:, None])
    # Of the losses that equal the border, as many count as are needed to keep number - dropped.
    ties = (number - dropped - above.sum(1)) * border
    return torch.where(above, losses, 0.0).sum(1) + ties
