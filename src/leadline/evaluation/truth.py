"""The truth of a sample as a protocol wants it: depth, with the pixels that count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.pixels import flat_index, taken
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.crops import window_of
from leadline.evaluation.protocol import Protocol
from leadline.sample import Sample

SCALED_DISPARITY = Kind(Quantity.DISPARITY, Ambiguity.SCALE_INVARIANT)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a prediction is compared with: the pixels that count, gathered, because truth is often sparse.

    Attributes:
        hw: the map's size.
        index: (n,) int64, the flat positions of the pixels that count.
        disparity: (n,) float64 inverse depth there: 1/m, or up to scale with 1 as its smallest value; in a protocol of
            pixel_disparity the pixels themselves.
        nearest, cap: the range of depth that counts, in metres; without a unit 0 and 1; `cap` is infinite for no cap.
        in_metres: whether depth has a unit.
        outside: how many valid pixels of the crop lie outside the range.
        valid_range: the smallest and largest depth of the crop before the range was applied, metres; NaN without pixels.
        given_depth: (n,) float64 metres, where that is what the truth was read as; else it is computed.
    """

    hw: tuple[int, int]
    index: NDArray[np.int64]
    disparity: NDArray[np.float64]
    nearest: float
    cap: float
    in_metres: bool
    outside: int = 0
    valid_range: tuple[float, float] = (np.nan, np.nan)
    given_depth: NDArray[np.float64] | None = None

    @cached_property
    def depth(self) -> NDArray[np.float64]:
        """(n,) float64 depth of the pixels that count, in metres or up to scale with 1 as its largest value."""
        return 1 / self.disparity if self.given_depth is None else self.given_depth

    @property
    def smallest_disparity(self) -> float:
        """1/cap; 0 for no cap."""
        return 1 / self.cap

    def as_map(self) -> DepthMap:
        """Return the truth as a map of disparity up to scale, for pictures."""
        values, counts = np.zeros(self.hw), np.zeros(self.hw, dtype=bool)
        values.flat[self.index], counts.flat[self.index] = self.disparity, True
        return DepthMap(values, counts, SCALED_DISPARITY)


def truth_of(sample: Sample, protocol: Protocol, hw: tuple[int, int] | None = None) -> Truth:
    """Return the pixels of a sample's truth that count under a protocol.

    A stereo truth becomes metric where focal length and baseline are known; the offset of its crops is added first.

    Args:
        sample: with truth.
        protocol: its size, crop, range and space are applied.
        hw: size to compare at, where the protocol resizes the truth to the prediction; None for the truth's own.

    Raises:
        LeadlineError: the sample has no truth, one of unknown shift, which is no depth, or one that the protocol can't use.
    """
    depth = _usable_truth(sample, protocol)
    depth = resized_truth(depth, protocol.score_hw or hw or depth.hw)
    counts = depth.valid
    if protocol.crop:
        window = window_of(protocol.crop, depth.hw)
        inside = np.zeros(depth.hw, dtype=bool)
        cut = np.s_[window.top : window.bottom, window.left : window.right]
        inside[cut] = counts[cut]
        counts = inside
    index = flat_index(counts)
    values = taken(depth.values, index)
    if not values.min(initial=np.inf) > 0:
        above = np.flatnonzero(values > 0)
        index, values = index[above], values[above]
    if protocol.space == "pixel_disparity":
        return Truth(depth.hw, index, values, 0.0, np.inf, False)
    disparity, in_metres = _inverse_depth(sample, depth, values)
    if not in_metres and protocol.space == "none":
        raise LeadlineError(
            f"sample {sample.name!r} has a {depth.kind} truth without a unit: protocol {protocol.name} compares metres; "
            "take one that fits a scale"
        )
    if not in_metres:
        return Truth(depth.hw, index, disparity / disparity.min(initial=np.inf), 0.0, 1.0, False)
    cap = np.inf if protocol.cap_m is None else protocol.cap_m
    if not disparity.size:
        return Truth(depth.hw, index, disparity, protocol.nearest_m, cap, True)
    given = values if depth.kind.quantity is Quantity.DEPTH else None
    low, high = float(disparity.min()), float(disparity.max())
    lost = 0
    if not 1 / cap < low <= high < 1 / protocol.nearest_m:  # mostly all are within, which two numbers tell
        if protocol.bounds == "exclusive":
            within = (disparity > 1 / cap) & (disparity < 1 / protocol.nearest_m)
        else:
            within = (disparity >= 1 / cap) & (disparity <= 1 / protocol.nearest_m)
        kept = np.flatnonzero(within)
        lost = index.size - kept.size
        index, disparity = index[kept], disparity[kept]
        given = None if given is None else given[kept]
    return Truth(depth.hw, index, disparity, protocol.nearest_m, cap, True, lost, (1 / high, 1 / low), given)


def resized_truth(depth: DepthMap, hw: tuple[int, int]) -> DepthMap:
    """Return a truth at another size: each pixel that of the nearest, because the mean of two depths is none.

    A pixel_disparity is multiplied by the ratio of the widths, as the focal length is.
    """
    if depth.hw == hw:
        return depth
    rows = (2 * np.arange(hw[0]) + 1) * depth.hw[0] // (2 * hw[0])
    columns = (2 * np.arange(hw[1]) + 1) * depth.hw[1] // (2 * hw[1])
    picked = np.ix_(rows, columns)
    factor = hw[1] / depth.hw[1] if depth.kind.quantity is Quantity.PIXEL_DISPARITY else 1.0
    camera = depth.camera and depth.camera.resize(hw)
    return replace_map(depth, values=factor * depth.values[picked], valid=depth.valid[picked], camera=camera)


def _usable_truth(sample: Sample, protocol: Protocol) -> DepthMap:
    depth = sample.depth
    if depth is None:
        raise LeadlineError(f"sample {sample.name!r} has no depth to compare with")
    quantity, ambiguity = depth.kind
    if ambiguity not in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
        raise LeadlineError(f"sample {sample.name!r} has a {depth.kind} truth: expected one that is known at least up to scale")
    if protocol.space == "pixel_disparity" and depth.kind != Kind(Quantity.PIXEL_DISPARITY, Ambiguity.METRIC):
        raise LeadlineError(
            f"sample {sample.name!r} has a {depth.kind} truth: protocol {protocol.name} compares pixel_disparity; take another"
        )
    return depth.to_depth() if quantity is Quantity.RAY_DISTANCE else depth


def _inverse_depth(sample: Sample, depth: DepthMap, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return the inverse depth of the map's gathered values, and whether it is in 1/m."""
    metric = depth.kind.ambiguity is Ambiguity.METRIC
    if depth.kind.quantity is Quantity.DEPTH:
        return 1 / values, metric
    if depth.kind.quantity is Quantity.DISPARITY:
        return values, metric
    if not isinstance(sample, StereoPair):
        return values, False
    factor = depth.hw[1] / sample.depth.hw[1] if sample.depth is not None else 1.0
    shifted = values + factor * sample.offset_px
    if sample.baseline_m is None or depth.camera is None:
        return shifted, False
    return shifted / (depth.camera.fx * sample.baseline_m), metric
