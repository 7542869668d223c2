"""From a prediction to the depth that is compared: its quantity, its size, its fit and its clamp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import Fit, fit_median_scale, fit_robust_scale, fit_robust_scale_shift, fit_scale, fit_scale_shift
from leadline.alignment.inverse import depth_of_fit
from leadline.alignment.pixels import taken
from leadline.depth_map import RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.resampling import resampled
from leadline.evaluation.truth import Truth

Values = NDArray[np.float64]

# A disparity of 0 is infinitely far. Up to scale, this share of the largest one stands for it until the depth is clamped.
_FARTHEST_SHARE = 1e-8
_TRIMMED_SHARE = 0.05  # UniDepth, utils/evaluation_depth.py: ssi(), qtl
_GRID = 64  # MoGe, moge/test/metrics.py

_SOLVERS: dict[str, Callable[..., Fit]] = {
    "scale": fit_scale,
    "scale_shift": fit_scale_shift,
    "median_scale": fit_median_scale,
    "robust_scale": fit_robust_scale,
    "robust_scale_shift": fit_robust_scale_shift,
}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A prediction beside the truth.

    Attributes:
        truth: what it is compared with.
        protocol: how.
        prepared: the prediction in the quantity of the fit, at the truth's size.
        fit: in the protocol's space; scale 1 and shift 0 where nothing is fitted.
        depth: (n,) float64 positive depth at the pixels that count.
        failed: there is no usable prediction; the nearest depth stands for it.
    """

    truth: Truth
    protocol: Protocol
    prepared: DepthMap
    fit: Fit
    depth: Values
    failed: bool = False

    @cached_property
    def whole_depth(self) -> Values:
        """(h, w) float64 positive depth of the whole picture; the nearest depth where there is no prediction."""
        clamped = _clamped(
            _applied(self.fit, self.prepared.values.astype(np.float64), self.protocol), self.truth, self.protocol
        )
        return np.where(self.prepared.valid, clamped, self.protocol.nearest_m)


def reason_to_refuse(kind: Kind, protocol: Protocol) -> str:
    """Return why maps of a kind can't be scored under a protocol, or ""."""
    quantity, ambiguity = kind
    if protocol.space == "order":
        return ""
    if ambiguity is Ambiguity.ORDINAL:
        return "scale and shift can't be fitted to an order"
    if protocol.space == "pixel_disparity":
        right = kind == Kind(Quantity.PIXEL_DISPARITY, Ambiguity.METRIC)
        return "" if right else "it compares stereo disparities in pixels"
    if protocol.space == "none" and ambiguity is not Ambiguity.METRIC:
        return "it compares metres and fits nothing"
    if ambiguity is Ambiguity.AFFINE_INVARIANT:
        near_is_large = quantity in (Quantity.DISPARITY, Quantity.PIXEL_DISPARITY)
        if near_is_large != (protocol.space == "disparity") or quantity is Quantity.RAY_DISTANCE:
            own = Quantity.DISPARITY if near_is_large else quantity
            return f"it fits in {protocol.space}, and the map's unknown shift is one of {own}: its inverse is of no known kind"
        if not protocol.finds_shift:
            return f"{protocol.solver} fits no shift, and that of the map is unknown"
    return ""


def fitted(prediction: DepthMap, truth: Truth, protocol: Protocol, baseline_m: float | None = None) -> Fitted | str:
    """Fit a prediction to the truth.

    Args:
        prediction: of any size and of a kind that `reason_to_refuse` has nothing against.
        truth: with one pixel that counts, or more.
        protocol: see there for the order of the steps.
        baseline_m: of the stereo pair, for a metric pixel_disparity.

    Returns:
        The fitted prediction; or why it is none, in one line: a hole where truth counts, a map that lies on its side, or
        another size under "refuse".

    Raises:
        LeadlineError: the map can't be turned into the quantity that is fitted: a camera or a baseline is missing.
    """
    sizes = f"a prediction of {_size(prediction.hw)} for a truth of {_size(truth.hw)}"
    if prediction.hw != truth.hw and protocol.resize == "refuse":
        return f"{sizes}, and the protocol resizes nothing"
    if lies_on_its_side(prediction.hw, truth.hw):
        return f"{sizes}: it lies on its side, turn it by 90 degrees"
    quantity = Quantity.DISPARITY if protocol.space == "disparity" else Quantity.DEPTH
    resize_as = quantity if protocol.resize_as == "space" else Quantity(protocol.resize_as)
    prepared = _as_quantity(prediction, resize_as if prediction.hw != truth.hw else quantity, protocol, baseline_m)
    prepared = _as_quantity(resampled(prepared, truth.hw, protocol.resize), quantity, protocol, baseline_m)
    if protocol.normalise == "min_max":
        prepared = _min_max(prepared)
    if not prepared.valid.all() and (holes := int(np.count_nonzero(~prepared.valid.ravel()[truth.index]))):
        return f"{holes} of {truth.index.size} scored pixels have no prediction"
    pred = taken(prepared.values, truth.index)
    if protocol.clamp == "range_before_fit":
        pred = np.clip(pred, truth.nearest, truth.cap)
    fit = _fit(pred, truth, protocol)
    if protocol.clamp == "disparity_floor":
        return Fitted(truth, protocol, prepared, fit, depth_of_fit(pred, fit.scale, fit.shift, truth.smallest_disparity))
    return Fitted(truth, protocol, prepared, fit, _clamped(_applied(fit, pred, protocol), truth, protocol))


def nearest_everywhere(truth: Truth, protocol: Protocol) -> Fitted:
    """Return what stands for a failed prediction: the nearest depth at every pixel."""
    nowhere = DepthMap(np.zeros(truth.hw), np.zeros(truth.hw, dtype=bool), RELATIVE_DISPARITY)
    depth = np.full(truth.index.shape, protocol.nearest_m)
    return Fitted(truth, protocol, nowhere, Fit(0.0, 0.0, 0, 0.0), depth, failed=True)


def _fit(pred: Values, truth: Truth, protocol: Protocol) -> Fit:
    if protocol.solver == "none":
        return Fit(1.0, 0.0, 0, 0.0)
    target = truth.disparity if protocol.space == "disparity" else truth.depth
    picked: Any = slice(None)
    if protocol.fit_on == "grid_64":
        picked = grid_of_nearest(truth.hw, truth.index)
    elif protocol.fit_on == "least_wrong_95_percent":
        error = np.abs(pred - target)
        picked = error < np.quantile(error, 1 - _TRIMMED_SHARE)
        picked = picked if picked.any() else slice(None)
    if protocol.solver == "mean_shift":  # of logarithms: alpha of Eigen et al. 2014 (arXiv 1406.2283), eq. 1
        shift = float(np.log(truth.depth[picked]).mean() - np.log(np.maximum(pred[picked], np.finfo(float).tiny)).mean())
        return Fit(1.0, shift, int(pred[picked].size), 0.0)
    weight = {"weight": 1 / truth.depth[picked]} if protocol.fit_weight == "inverse_depth" else {}
    return _SOLVERS[protocol.solver](pred[picked], target[picked], **weight)


def _applied(fit: Fit, pred: Values, protocol: Protocol) -> Values:
    """Return the aligned prediction: disparity in a protocol of disparity, else depth."""
    if protocol.space == "log_depth":
        return np.asarray(pred * np.exp(fit.shift))
    return fit.apply(pred) if protocol.fits else pred


def _clamped(aligned: Values, truth: Truth, protocol: Protocol) -> Values:
    """Return positive depth, perhaps in the memory of `aligned`."""
    smallest = protocol.nearest_m
    if protocol.space != "disparity":
        return np.asarray(np.clip(aligned, smallest, np.inf if protocol.clamp == "positive" else truth.cap))
    if protocol.clamp == "disparity_floor":
        np.maximum(aligned, truth.smallest_disparity, out=aligned)
        return np.divide(1, aligned, out=aligned)
    if protocol.clamp == "disparity_floor_farthest_truth":
        return np.asarray(1 / np.maximum(aligned, truth.disparity.min()))
    positive = aligned > 0
    depth = np.where(positive, 1 / np.where(positive, aligned, 1.0), truth.cap)
    if protocol.clamp == "range_published":
        depth[aligned < 0] = smallest
    return np.asarray(np.clip(depth, smallest, truth.cap))


def _as_quantity(prediction: DepthMap, quantity: Quantity, protocol: Protocol, baseline_m: float | None) -> DepthMap:
    """Return the map as disparity or depth, up to what the fit finds."""
    own = prediction.kind.quantity
    if own is quantity or (own is Quantity.PIXEL_DISPARITY and quantity is Quantity.DISPARITY and protocol.fits):
        return prediction
    if quantity is Quantity.DISPARITY:
        return prediction.to_disparity(baseline_m)
    if own not in (Quantity.DISPARITY, Quantity.PIXEL_DISPARITY):
        return prediction.to_depth(baseline_m)
    disparity = prediction.to_disparity(baseline_m)
    metric = disparity.kind.ambiguity is Ambiguity.METRIC and protocol.cap_m is not None
    floor = 1 / protocol.cap_m if metric and protocol.cap_m else _FARTHEST_SHARE * float(disparity.values.max(initial=0.0))
    if floor <= 0:
        raise LeadlineError(f"a {prediction.kind} prediction without a positive value: it has no depth; is its sign right?")
    kind = Kind(Quantity.DEPTH, disparity.kind.ambiguity)
    return replace_map(disparity, values=1 / np.maximum(disparity.values, floor), kind=kind)


def _min_max(prediction: DepthMap) -> DepthMap:
    """Return the values with their valid range mapped to 0..1; a constant map becomes 0."""
    seen = prediction.values[prediction.valid].astype(np.float64)
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
    kind = Kind(prediction.kind.quantity, Ambiguity.AFFINE_INVARIANT)
    return replace_map(prediction, values=(prediction.values - low) / ((high - low) or 1.0), kind=kind)


def lies_on_its_side(hw: tuple[int, int], truth_hw: tuple[int, int]) -> bool:
    """Whether a map has the shape of the truth turned by 90 degrees: a photo whose EXIF orientation was not obeyed, say."""
    (h, w), (truth_h, truth_w) = hw, truth_hw
    is_square = max(truth_h, truth_w) < 1.05 * min(truth_h, truth_w)
    return not is_square and abs(h * truth_h - w * truth_w) <= 0.02 * w * truth_w


def grid_of_nearest(hw: tuple[int, int], index: NDArray[np.int64], side: int = _GRID) -> NDArray[np.int64]:
    """Return which of the pixels that count MoGe fits on: for each cell of a grid the valid pixel nearest to its centre.

    The search for a cell is within a window of the cell's size, rounded up, whose corner is rounded to whole pixels; a cell
    without a valid pixel there has none (mask_aware_nearest_resize of microsoft/MoGe, utils/geometry_torch.py). A pixel may be
    the nearest of two cells and then counts twice, as there.

    Args:
        hw: of the truth.
        index: (n,) flat positions of the pixels that count, rising.
        side: cells along each axis.

    Returns:
        (m,) positions in `index`, m <= side * side.
    """
    place = np.full(hw[0] * hw[1], -1, dtype=np.int64)
    place[index] = np.arange(index.size)
    rows, from_row = _windows(hw[0], side)
    columns, from_column = _windows(hw[1], side)
    flat = rows[:, None, :, None] * hw[1] + columns[None, :, None, :]
    inside = ((rows >= 0) & (rows < hw[0]))[:, None, :, None] & ((columns >= 0) & (columns < hw[1]))[None, :, None, :]
    found = np.where(inside, place[np.where(inside, flat, 0)], -1).reshape(side * side, -1)
    distance = (from_row[:, None, :, None] ** 2 + from_column[None, :, None, :] ** 2).reshape(side * side, -1)
    nearest = np.argmin(np.where(found >= 0, distance, np.inf), axis=1)
    chosen = found[np.arange(side * side), nearest]
    return np.asarray(chosen[chosen >= 0])


def _windows(length: int, side: int) -> tuple[NDArray[np.int64], Values]:
    """Return (side, k) the pixels in each cell's window along one axis, and how far their centres are from the cell's."""
    step = max(1.0, length / side)
    centre = (np.arange(side) + 0.5) / side * length
    first = np.rint(centre - step / 2).astype(np.int64)
    pixels = first[:, None] + np.arange(ceil(step))
    return pixels, pixels + 0.5 - centre[:, None]


def _size(hw: tuple[int, int]) -> str:
    return f"{hw[1]} x {hw[0]}"
