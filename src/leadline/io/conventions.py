"""How data sets store depth in integers, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import METRIC_DEPTH, PIXEL_DISPARITY, DepthMap, Kind
from leadline.errors import LeadlineError


@dataclass(frozen=True)
class Convention:
    """What the counts of a data set's PNG files mean: value = offset + scale * count.

    Attributes:
        name: as users type it.
        kind: what the values are.
        scale: metres or pixels for one count.
        offset: the value of count 0, if count 0 meant a value.
        unknown: the counts that mean "no measurement".
        rotated_bits: the stored 16 bits are the count rotated left by so many places.
        dtype: of the file.
    """

    name: str
    kind: Kind
    scale: float
    offset: float = 0.0
    unknown: tuple[int, ...] = (0,)
    rotated_bits: int = 0
    dtype: type[np.uint8] | type[np.uint16] = np.uint16

    @property
    def largest_count(self) -> int:
        """The largest count that is a measurement."""
        top = int(np.iinfo(self.dtype).max)
        return top - 1 if top in self.unknown else top

    def decode(self, stored: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return (h, w) values and their validity from a file's integers.

        Raises:
            LeadlineError: the file holds no such integers.
        """
        if stored.dtype not in (np.uint8, np.uint16) or stored.ndim != 2:
            raise LeadlineError(f"{stored.dtype} numbers of shape {stored.shape}: {self.name} has grey pixels of 8 or 16 bits")
        counts = stored
        if self.rotated_bits:
            wide = stored.astype(np.uint16)
            counts = (wide >> self.rotated_bits) | (wide << (16 - self.rotated_bits))
        return from_counts(counts, self.scale, self.offset), ~np.isin(counts, self.unknown)

    def encode(self, depth: DepthMap) -> NDArray[Any]:
        """Return the integers that the data set would store for a map.

        Raises:
            LeadlineError: the map is of another kind, or its values don't fit.
        """
        if depth.kind != self.kind:
            raise LeadlineError(
                f"the {self.name} convention stores {self.kind}, this map is {depth.kind}: convert it, or give none"
            )
        try:
            counts = to_counts(depth, self.scale, self.offset, self.largest_count)
        except LeadlineError as error:
            raise LeadlineError(f"{error} (the {self.name} convention)") from None
        if self.rotated_bits:
            counts = np.bitwise_or(counts << self.rotated_bits, counts >> (16 - self.rotated_bits), dtype=np.uint16)
        return counts.astype(self.dtype)


_ALL = (
    Convention("kitti", METRIC_DEPTH, 1 / 256),
    Convention("kitti_disparity", PIXEL_DISPARITY, 1 / 256),
    Convention("nyu", METRIC_DEPTH, 1 / 1000),
    Convention("scannet", METRIC_DEPTH, 1 / 1000),
    Convention("seven_scenes", METRIC_DEPTH, 1 / 1000, unknown=(0, 65535)),
    Convention("tum", METRIC_DEPTH, 1 / 5000),
    Convention("matterport", METRIC_DEPTH, 1 / 4000),
    # The sky lies at the far plane, 655.35 m, which is no measurement.
    Convention("vkitti2", METRIC_DEPTH, 1 / 100, unknown=(0, 65535)),
    Convention("cityscapes", PIXEL_DISPARITY, 1 / 256, offset=-1 / 256),
    Convention("sun", METRIC_DEPTH, 1 / 1000, rotated_bits=3),
    # Quarter-size files of 2003 and third-size files of 2005 and 2006; from 2014 on Middlebury has PFM.
    Convention("middlebury2003", PIXEL_DISPARITY, 1 / 4, dtype=np.uint8),
    Convention("middlebury2005", PIXEL_DISPARITY, 1 / 3, dtype=np.uint8),
)
CONVENTIONS = {convention.name: convention for convention in _ALL}


def convention_named(name: str) -> Convention:
    """Return a convention.

    Raises:
        LeadlineError: there is none of that name; the names are listed.
    """
    try:
        return CONVENTIONS[name]
    except KeyError:
        raise LeadlineError(f"unknown depth convention {name!r}: expected one of {', '.join(CONVENTIONS)}") from None


def from_counts(counts: NDArray[Any], scale: float, offset: float) -> NDArray[np.float32]:
    """Return ``offset + scale * counts``, computed in float64 once for each possible count."""
    table: NDArray[np.float32] = (offset + scale * np.arange(np.iinfo(counts.dtype).max + 1, dtype=np.float64)).astype(
        np.float32
    )
    return table.take(counts)


def to_counts(depth: DepthMap, scale: float, offset: float, largest: int) -> NDArray[np.uint16]:
    """Return (h, w) counts, 0 where not valid, so that ``offset + scale * count`` is within half a step of each value.

    A valid value less than half a step above count 0 becomes count 1, because 0 says "no measurement".

    Raises:
        LeadlineError: a value would need a negative count or one above `largest`.
    """
    counts = np.empty(depth.hw, np.uint16)
    for start in range(0, depth.hw[0], 64):  # strips that stay in the cache; all in float64 is three times as slow
        rows = slice(start, start + 64)
        exact = np.rint((depth.values[rows].astype(np.float64) - offset) / scale)
        exact[~depth.valid[rows]] = 1
        if exact.size and not (exact.min() >= 0 and exact.max() <= largest):
            _refuse_range(depth, scale, offset, largest)
        counts[rows] = np.maximum(exact, 1)
    counts *= depth.valid
    return counts


def _refuse_range(depth: DepthMap, scale: float, offset: float, largest: int) -> None:
    lowest, highest = depth.values[depth.valid].min(), depth.values[depth.valid].max()
    unit = f" {depth.unit}" if depth.unit else ""
    raise LeadlineError(
        f"values from {lowest:g} to {highest:g}{unit} at {scale:g} a step: "
        f"expected {offset:g} to {offset + scale * largest:g}; leave the scale out to have one chosen, or write npz, exr or pfm"
    )
