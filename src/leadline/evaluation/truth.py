"""The truth of a sample as a protocol wants it: disparity, with the pixels that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.evaluation.protocol import Protocol
from leadline.sample import Sample

SCALED_DISPARITY = Kind(Quantity.DISPARITY, Ambiguity.SCALE_INVARIANT)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a prediction is compared with: the pixels that count, gathered, because truth is often sparse.

    Attributes:
        hw: the map's size.
        index: (n,) int64, the flat positions of the pixels that count.
        disparity: (n,) float64 inverse depth there: 1/m, or up to scale with 1 as its smallest value.
        smallest_disparity: the clamp of the aligned disparity, 1/cap.
        in_metres: whether depth has a unit.
    """

    hw: tuple[int, int]
    index: NDArray[np.int64]
    disparity: NDArray[np.float64]
    smallest_disparity: float
    in_metres: bool

    def as_map(self) -> DepthMap:
        """Return the truth as a map of disparity up to scale, for pictures."""
        values, counts = np.zeros(self.hw), np.zeros(self.hw, dtype=bool)
        values.flat[self.index], counts.flat[self.index] = self.disparity, True
        return DepthMap(values, counts, SCALED_DISPARITY)


def truth_of(sample: Sample, protocol: Protocol) -> Truth:
    """Turn a sample's truth into disparity (step 1 of `Protocol`).

    A stereo truth becomes metric where focal length and baseline are known; the offset of its crops is added first.

    Raises:
        LeadlineError: the sample has no truth, or one of unknown shift, which is no depth.
    """
    if sample.depth is None:
        raise LeadlineError(f"sample {sample.name!r} has no depth to compare with")
    if sample.depth.kind.ambiguity not in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
        raise LeadlineError(
            f"sample {sample.name!r} has a {sample.depth.kind} truth: expected one that is known at least up to scale"
        )
    depth = sample.depth.to_depth() if sample.depth.kind.quantity is Quantity.RAY_DISTANCE else sample.depth
    index = np.flatnonzero(depth.valid & (depth.values > 0))
    disparity, in_metres = _inverse_depth(sample, depth, depth.values.ravel()[index].astype(np.float64))
    if not in_metres:
        return Truth(depth.hw, index, disparity / disparity.min(initial=np.inf), 1.0, False)
    inside = (disparity >= 1 / protocol.cap_m) & (disparity <= 1 / protocol.nearest_m)
    return Truth(depth.hw, index[inside], disparity[inside], 1 / protocol.cap_m, True)


def disparity_of(prediction: DepthMap) -> DepthMap:
    """Return a prediction as disparity, up to the scale and shift that will be fitted (step 2 of `Protocol`).

    Raises:
        LeadlineError: the prediction's kind is not disparity up to scale and shift and can't be turned into it.
    """
    quantity, ambiguity = prediction.kind
    if ambiguity is Ambiguity.ORDINAL:
        raise LeadlineError(
            f"a {prediction.kind} prediction: scale and shift can't be fitted to an order; use an ordinal metric"
        )
    return prediction if quantity in (Quantity.DISPARITY, Quantity.PIXEL_DISPARITY) else prediction.to_disparity()


def _inverse_depth(sample: Sample, depth: DepthMap, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return the inverse depth of the map's gathered values, and whether it is in 1/m."""
    metric = depth.kind.ambiguity is Ambiguity.METRIC
    if depth.kind.quantity is Quantity.DEPTH:
        return 1 / values, metric
    if depth.kind.quantity is Quantity.DISPARITY:
        return values, metric
    if not isinstance(sample, StereoPair):
        return values, False
    shifted = values + sample.offset_px
    if sample.baseline_m is None or depth.camera is None:
        return shifted, False
    return shifted / (depth.camera.fx * sample.baseline_m), metric
