"""Pairs of points as ordinal losses take them: where they lie, which is in front, and drawing them from a dense map.

A relation says where the first point lies, seen from the second: FARTHER (+1), EQUAL (0) or CLOSER (-1), the sign of
z_first - z_second. In disparity the closer point has the *larger* number, in depth the smaller one: each function that reads
numbers takes `near_is_large`.

Positions are xy in pixels of the map that is read: its top-left corner is (0, 0) and the centre of the pixel with index i is at
i + 0.5. A point reads the pixel in which it lies; nothing is interpolated.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from leadline.errors import LeadlineError

FARTHER, EQUAL, CLOSER = 1, 0, -1

PAIRS_PER_IMAGE = 5000  # MiDaS's re-implementation of the ReDWeb loss (METHODS D.7)
# Points whose disparities differ by a smaller share than this are equal; 0.02 is recalled, later code of the authors has 0.03.
EQUAL_WITHIN = 0.02


class PointPairs(NamedTuple):
    """Pairs of points of a batch of maps.

    Attributes:
        xy: (N, P, 2, 2) positions: pair, first or second point, x before y.
        relation: (N, P) integers: FARTHER, EQUAL or CLOSER, of the first point.
        valid: (N, P) bool: which pairs there are; images with fewer pairs are filled up with others.
    """

    xy: Float[Tensor, "n p 2 2"]
    relation: Int[Tensor, "n p"]
    valid: Bool[Tensor, "n p"]


def read_pairs(values: Float[Tensor, "n h w"], pairs: PointPairs) -> tuple[Float[Tensor, "n p"], Float[Tensor, "n p"]]:
    """Return the (N, P) numbers at the first and at the second points; 0, without gradient, for pairs that are not valid.

    Raises:
        LeadlineError: shapes don't fit, or a valid pair lies outside the map.
    """
    n, height, width = values.shape
    count = pairs.relation.shape[1]
    if pairs.xy.shape != (n, count, 2, 2) or pairs.relation.shape != (n, count) or pairs.valid.shape != (n, count):
        shapes = ", ".join(str(tuple(t.shape)) for t in pairs)
        raise LeadlineError(f"pairs of shapes {shapes} for {n} maps: expected (n, p, 2, 2), (n, p) and (n, p)")
    # Not valid pairs may hold anything, NaN included: replace it before it becomes an index.
    column, row = torch.where(pairs.valid[..., None, None], pairs.xy, 0.0).floor().long().unbind(3)
    outside = (column < 0) | (column >= width) | (row < 0) | (row >= height)
    if bool(outside.any()):
        worst = pairs.xy[outside][0].tolist()
        raise LeadlineError(f"a point at {worst} of a map of {width} x {height}: expected it inside; scale pairs with the map")
    picked = values.flatten(1).gather(1, (row * width + column).flatten(1)).view(n, count, 2)
    picked = torch.where(pairs.valid[..., None], picked, 0.0)
    return picked[..., 0], picked[..., 1]


def draw_pairs(
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    generator: torch.Generator,
    count: int = PAIRS_PER_IMAGE,
    equal_within: float = EQUAL_WITHIN,
    *,
    near_is_large: bool = True,
) -> PointPairs:
    """Draw pairs of valid pixels, each pixel with the same chance, and tell their relation from the ratio of the target.

    With ratio r = target_first / target_second, the first has the larger number where r > 1 + s, the smaller one where
    r < 1 / (1 + s), and else both are equal, s being `equal_within` (Xian et al. 2018; METHODS D.7). A ratio
    ignores the target's scale, but not its shift.

    Args:
        target: (N, h, w), not negative, of any scale. Pairs with a negative number have no ratio and are not valid.
        valid: (N, h, w) bool. A map with fewer than two valid pixels gets no valid pair.
        generator: draws the pairs; may live on another device than the target.
        count: pairs per map.
        equal_within: s.
        near_is_large: True for disparity, False for depth.
    """
    n, _, width = target.shape
    mask = valid.flatten(1)
    total = mask.sum(1, keepdim=True)
    # The k-th valid pixel of each map is the first one up to which k are valid.
    uniform = torch.rand((n, 2 * count), generator=generator, device=generator.device, dtype=torch.float64)
    kth = torch.minimum((uniform.to(total.device) * total).long() + 1, total)
    index = torch.searchsorted(mask.cumsum(1), kth).clamp_max(mask.shape[1] - 1)
    picked = torch.where(mask, target.flatten(1), 0.0).gather(1, index).view(n, count, 2)
    index = index.view(n, count, 2)
    first, second = picked.unbind(2)
    larger = first > (1 + equal_within) * second
    smaller = second > (1 + equal_within) * first
    relation = (larger.long() - smaller.long()) * (CLOSER if near_is_large else FARTHER)
    xy = torch.stack([index % width, index // width], dim=3).to(target.dtype) + 0.5
    usable = (total > 1) & (index[..., 0] != index[..., 1]) & (picked >= 0).all(2)
    return PointPairs(xy, relation, usable)
