"""One image of a result for eyes: photo, prediction, truth, error map and SSIM map, in colours that compare."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.figures import colour_bar, map_uri, photo_uri, signed_colours
from leadline.evaluation.fitting import fitted
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.resampling import resampled
from leadline.evaluation.runner import predict
from leadline.evaluation.truth import SCALED_DISPARITY, truth_of
from leadline.io.preview import UNKNOWN_COLOUR, colour_table, grey_levels, robust_range
from leadline.metrics.structural import Space, SsimInputs, structural_similarity
from leadline.predictor import Predictor
from leadline.sample import Sample

SIDE = 480  # the longer side of a picture, in pixels
ERROR_LIMIT = 0.5  # relative error at which the colours end: the same in all reports, so that they compare
ERROR_LIMIT_PX = 5.0  # the same for stereo
# Maps with fewer measurements than this share would vanish: each is spread to the pixels around it, in the picture alone.
SPARSE_SHARE = 0.3
_SPREAD_PX = 3.0
_UNKNOWN = np.full((1, 3), UNKNOWN_COLOUR, np.uint8)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """A picture of the report.

    Attributes:
        title: what it shows.
        uri: of its data, "" where there is none.
        legend: in HTML.
        hw: its size, pixels.
    """

    title: str
    uri: str = ""
    legend: str = ""
    hw: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Compared:
    """A prediction and the truth in the numbers that the protocol compares.

    Attributes:
        pred: disparity after the fit, or stereo disparity in pixels, at the truth's size.
        target: the same of the truth, valid at the pixels that count.
        unit: "m" where the inverse of both is metres, "px" for stereo, "" up to scale.
        in_disparity: whether the protocol's metrics get disparity, not depth.
    """

    pred: DepthMap
    target: DepthMap
    unit: str
    in_disparity: bool = False

    @property
    def counted(self) -> NDArray[np.bool_]:
        """(h, w) bool, where both have a number."""
        return self.pred.valid & self.target.valid

    @property
    def error(self) -> Values:
        """(h, w) float64, positive for too far: (z - z*) / z*, or (d* - d) / d*, or for stereo d* - d in pixels; else 0."""
        pred, target = (np.where(self.counted, m.values.astype(np.float64), 1.0) for m in (self.pred, self.target))
        if self.unit == "px":
            return target - pred
        return 1 - pred / target if self.in_disparity else target / pred - 1


def panels_of(sample: Sample, predictor: Predictor, protocol: Protocol) -> list[Panel]:
    """Predict a sample again and draw it.

    What can't be drawn is a panel that says why: one odd image must not cost the report.

    Returns:
        Photo, prediction, truth, error map, SSIM map.
    """
    shrunk = _shrunk_photo(sample.image)
    photo = Panel("photo", photo_uri(shrunk), hw=(shrunk.shape[0], shrunk.shape[1]))
    try:
        both = compared(sample, predictor, protocol)
    except Exception as error:  # a predictor may be anything
        return [photo, Panel(f"no prediction to draw: {type(error).__name__}: {error}")]
    if isinstance(both, str):
        return [photo, Panel(f"no prediction to draw: {both}")]
    low, high = robust_range(both.target)
    if not both.counted.any():
        return [photo, Panel("no pixel has both a prediction and a truth")]
    return [
        photo,
        _map_panel("prediction, as compared", both.pred, (low, high), both.unit),
        _map_panel("truth", both.target, (low, high), both.unit),
        _error_panel(both),
        _ssim_panel(both),
    ]


def compared(sample: Sample, predictor: Predictor, protocol: Protocol) -> Compared | str:
    """Predict a sample and fit the prediction as the protocol does; return why not where there is nothing to compare.

    Raises:
        LeadlineError: the prediction or the truth is of a kind that the protocol can't use.
    """
    if protocol.space == "order":
        return "the protocol compares the order of points, which has no error map"
    prediction = predict(predictor, sample)
    truth = truth_of(sample, protocol, prediction.hw if protocol.resized == "truth" else None)
    if not truth.index.size:
        return "no pixel of the truth counts"
    target = truth.as_map()
    if protocol.space == "pixel_disparity":
        return Compared(resampled(prediction, truth.hw, protocol.resize), target, "px")
    baseline_m = sample.baseline_m if isinstance(sample, StereoPair) else None
    result = fitted(prediction, truth, protocol, baseline_m)
    if isinstance(result, str):
        return result
    pred = DepthMap(1 / result.whole_depth, result.prepared.valid, SCALED_DISPARITY)
    return Compared(pred, target, "m" if truth.in_metres else "", protocol.compared == "disparity")


def ssim_map(both: Compared) -> tuple[Values, NDArray[np.bool_], float]:
    """Return (h, w) SSIM of the two disparities over the truth's range, where it counts, and its mean.

    A window counts where truth and prediction are known at all of its 7 x 7 pixels (METHODS F: bright is similar).

    Raises:
        LeadlineError: the maps are smaller than a window.
    """
    target = DepthMap(both.target.values, both.counted, both.target.kind)
    found = structural_similarity(both.pred, target, SsimInputs(Space.FITTED_DISPARITY)).ssim
    return found.map, found.counted, found.tally.value


def _map_panel(title: str, depth: DepthMap, value_range: tuple[float, float], unit: str) -> Panel:
    values, valid = _shown(depth.values.astype(np.float64), depth.valid)
    levels = grey_levels(DepthMap(values, valid, depth.kind), value_range)
    table = colour_table("inferno")
    low, high = value_range
    labels = [_distance(value, unit) for value in (low, (low + high) / 2, high)]
    legend = colour_bar(table[1:], [f"{labels[0]} far", labels[1], f"near {labels[2]}"])
    return Panel(title, map_uri(levels, table), legend, (levels.shape[0], levels.shape[1]))


def _error_panel(both: Compared) -> Panel:
    limit = ERROR_LIMIT_PX if both.unit == "px" else ERROR_LIMIT
    error, counted = _shown(both.error, both.counted)
    levels = np.where(counted, 128 + np.rint(127 * np.clip(error / limit, -1, 1)), 0).astype(np.uint8)
    table = signed_colours()
    if both.unit == "px":
        what, ends = "error of the disparity in pixels", (f"{limit:g} px too near", f"{limit:g} px too far")
    else:
        what = "error of the disparity, (d* − d) / d*" if both.in_disparity else "error of the depth, (z − z*) / z*"
        ends = f"−{limit:.0%} too near", f"+{limit:.0%} too far"
    beyond = float(np.mean(np.abs(both.error[both.counted]) > limit))
    title = f"{what}; {beyond:.1%} of the pixels lie beyond the colours"
    uri, legend = map_uri(levels, np.concatenate([_UNKNOWN, table])), colour_bar(table, [ends[0], "0", ends[1]])
    return Panel(title, uri, legend, (levels.shape[0], levels.shape[1]))


def _ssim_panel(both: Compared) -> Panel:
    try:
        similarity, counted, mean = ssim_map(both)
    except LeadlineError as error:
        return Panel(f"no SSIM map: {error}")
    if not isfinite(mean):
        return Panel("no SSIM map: no window of 7 x 7 pixels has truth throughout")
    values, valid = _shown(np.where(counted, similarity, 0.0), counted, fill=False)
    levels = np.where(valid, 1 + np.rint(254 * np.clip(values, 0, 1)), 0).astype(np.uint8)
    table = colour_table("viridis")
    legend = colour_bar(table[1:], ["0 or less: different", "1: similar"])
    title = f"SSIM of the fitted disparity, mean {mean:.3f}"
    return Panel(title, map_uri(levels, table), legend, (levels.shape[0], levels.shape[1]))


def _distance(value: float, unit: str) -> str:
    """Return a disparity as people read it: metres, pixels, or depth up to scale."""
    if unit == "px":
        return f"{value:.3g} px"
    return (f"{1 / value:.3g} {unit}" if value > 0 else "∞").strip()


def _shown(values: Values, valid: NDArray[np.bool_], fill: bool = True) -> tuple[Values, NDArray[np.bool_]]:
    """Return a map at the size that is shown; with `fill`, sparse measurements are spread to the pixels around them first."""
    import cv2

    if fill and 0 < valid.mean() < SPARSE_SHARE:
        values, valid = _spread(values, valid)
    hw = _shown_hw(values.shape)
    if hw == values.shape:
        return values, valid
    # Means of the pixels that have a number; half of them must, or a thin border would grow.
    weight = cv2.resize(valid.astype(np.float64), hw[::-1], interpolation=cv2.INTER_AREA)
    total = cv2.resize(np.where(valid, values, 0.0), hw[::-1], interpolation=cv2.INTER_AREA)
    known = weight >= 0.5
    return np.where(known, total / np.where(known, weight, 1.0), 0.0), np.asarray(known)


def _spread(values: Values, valid: NDArray[np.bool_]) -> tuple[Values, NDArray[np.bool_]]:
    """Return a map in which each empty pixel within 3 pixels of a measurement has that of the nearest one."""
    import cv2

    distance, label = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(label.max()) + 1)
    of_label[label[valid]] = values[valid]
    near = np.asarray(distance <= _SPREAD_PX)
    return np.where(near, of_label[label], 0.0), near


def _shrunk_photo(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    hw = _shown_hw(pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, hw[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _shown_hw(hw: tuple[int, ...]) -> tuple[int, int]:
    share = min(1.0, SIDE / max(hw))
    return max(1, round(hw[0] * share)), max(1, round(hw[1] * share))
