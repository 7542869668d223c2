"""The truth of a sample as a protocol wants it: disparity, with the pixels that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import Ambiguity, DepthMap, Quantity
from leadline.errors import LeadlineError
from leadline.evaluation.protocol import Protocol
from leadline.sample import Sample


@dataclass(frozen=True, eq=False)
class Truth:
    """What a prediction is compared with.

    Attributes:
        disparity: (h, w) float64 inverse depth, 1/m, or up to scale with its smallest counting value 1; 0 where nothing counts.
        counts: (h, w) bool, the pixels that are scored.
        smallest_disparity: the clamp of the aligned disparity, 1/cap.
        in_metres: whether depth has a unit.
    """

    disparity: NDArray[np.float64]
    counts: NDArray[np.bool_]
    smallest_disparity: float
    in_metres: bool


def truth_of(sample: Sample, protocol: Protocol) -> Truth:
    """Turn a sample's truth into disparity (steps 1 of `Protocol`).

    A stereo truth becomes metric where focal length and baseline are known; the offset of its crops is added first.

    Raises:
        LeadlineError: the sample has no truth, or one of unknown shift, which is no depth.
    """
    if sample.depth is None:
        raise LeadlineError(f"sample {sample.name!r} has no depth to compare with")
    disparity, in_metres = _inverse_depth(sample, sample.depth)
    counts = sample.depth.valid & (disparity > 0)
    if in_metres:
        counts &= (disparity >= 1 / protocol.cap_m) & (disparity <= 1 / protocol.nearest_m)
        return Truth(np.where(counts, disparity, 0), counts, 1 / protocol.cap_m, True)
    farthest = disparity[counts].min() if counts.any() else 1.0
    return Truth(np.where(counts, disparity / farthest, 0), counts, 1.0, False)


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


def _inverse_depth(sample: Sample, depth: DepthMap) -> tuple[NDArray[np.float64], bool]:
    """Return inverse depth and whether it is in 1/m."""
    if depth.kind.ambiguity not in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
        raise LeadlineError(f"sample {sample.name!r} has a {depth.kind} truth: expected one that is known at least up to scale")
    metric = depth.kind.ambiguity is Ambiguity.METRIC
    if depth.kind.quantity is not Quantity.PIXEL_DISPARITY:
        return depth.to_disparity().values.astype(np.float64), metric
    stereo = sample if isinstance(sample, StereoPair) else None
    shifted = depth.values.astype(np.float64) + (stereo.offset_px if stereo else 0.0)
    if stereo and stereo.baseline_m and depth.camera:
        return shifted / (depth.camera.fx * stereo.baseline_m), metric
    return shifted, False
