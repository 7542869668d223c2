"""What a fit of metres rests on: numbers of a map beside the same places in metres, in the space where they compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError

Numbers = NDArray[np.float64]


class Observations(NamedTuple):
    """Pixels of one or more maps with their truth.

    Attributes:
        pred: (n,) float64, the map's numbers in `space`.
        target: (n,) float64, the truth in `space`: metres, or 1/m for disparity.
        group: (n,) int64; what is drawn or left out together: pixels of one image, of one tile, or a point by itself.
        space: the quantity that both are in.
    """

    pred: Numbers
    target: Numbers
    group: NDArray[np.int64]
    space: Quantity

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(np.unique(self.group).size)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Observations:
        """Return the observations of a mask or of (m,) positions."""
        return Observations(self.pred[chosen], self.target[chosen], self.group[chosen], self.space)


def joined(parts: Sequence[Observations]) -> Observations:
    """Return the observations of several images as one, each image a group.

    Raises:
        LeadlineError: there are none, or they are of different spaces.
    """
    spaces = {part.space for part in parts}
    if len(spaces) != 1:
        found = ", ".join(sorted(spaces)) or "none"
        raise LeadlineError(f"maps to fit in {found}: expected one or more maps of one quantity; fit each sort alone")
    group = np.concatenate([np.full(part.pred.size, number) for number, part in enumerate(parts)])
    return Observations(
        np.concatenate([part.pred for part in parts]), np.concatenate([part.target for part in parts]), group, spaces.pop()
    )


def in_space(depth: DepthMap, zero_shift: bool = False) -> tuple[DepthMap, bool]:
    """Return a map in the space where it is fitted to metres, and whether a shift is unknown there.

    A map that is known up to scale becomes depth: metres are a multiple of it. One with an unknown shift stays in its own
    quantity, because its inverse is nothing (disparity plus a constant is fitted to disparity). A metric map is taken as known
    up to scale, so that a wrong scale can be mended. A pixel_disparity is a disparity up to focal length and baseline.

    Args:
        depth: the map.
        zero_shift: take the unknown shift for zero. That is a guess, and mostly a wrong one.

    Raises:
        LeadlineError: the map is ordinal, or a camera is missing that turns ray distance into depth.
    """
    quantity, ambiguity = depth.kind
    if ambiguity is Ambiguity.ORDINAL:
        raise LeadlineError(
            f"a {depth.kind} map has an order but no values to scale: expected a map known up to scale, or scale and shift; "
            "take another model"
        )
    shift_unknown = ambiguity is Ambiguity.AFFINE_INVARIANT and not zero_shift
    known = Ambiguity.AFFINE_INVARIANT if shift_unknown else Ambiguity.SCALE_INVARIANT
    space = Quantity.DISPARITY if quantity is Quantity.PIXEL_DISPARITY else quantity
    relative = replace_map(depth, kind=Kind(space, known))
    return (relative, True) if shift_unknown else (relative.to_depth(), False)


def metres_of(values: Numbers, space: Quantity) -> Numbers:
    """Return (n,) distances in metres of numbers in a space; infinite where a disparity is not positive."""
    if space is not Quantity.DISPARITY:
        return values
    metres: Numbers = np.divide(1.0, values, out=np.full(values.shape, np.inf), where=values > 0)
    return metres
