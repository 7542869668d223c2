"""Two rectified pictures to pixel_disparity: what every stereo matcher takes and gives, and the check that both views agree.

Sign, for the whole project: a point at x in the left picture is at x - pixel_disparity in the right one. Nearer points have
larger disparities; with parallel cameras and equal principal points none is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import PIXEL_DISPARITY, DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction

SEMI_GLOBAL = "sgm"
LARGEST_DIFFERENCE_PX = 1.0  # between the two views' disparities of one point


@dataclass(frozen=True, eq=False)
class StereoPrediction(Prediction):
    """What a matcher says of a pair.

    Attributes:
        depth: (h, w) pixel_disparity of the left picture; not valid where there is no match that can be trusted.
        confidence: (h, w) float32 in 0..1, 0 where not valid; larger is surer. It ranks pixels, it is no probability.
    """

    confidence: NDArray[np.float32] | None = None


class StereoPredictor(Protocol):
    """Anything that turns a rectified pair into a pixel_disparity."""

    @property
    def card(self) -> ModelCard:
        """Who it is and what its maps mean."""
        ...

    def __call__(self, left: NDArray[np.uint8], right: NDArray[np.uint8], camera: Camera | None = None) -> StereoPrediction:
        """Match two (h, w, 3) uint8 sRGB pictures of one size; `camera` is the left one's and goes into the map."""
        ...


class Agreement(NamedTuple):
    """How the two views' disparities agree, at each pixel of the left picture.

    Attributes:
        agrees: (h, w) bool: the matched pixel of the right picture leads back to within `LARGEST_DIFFERENCE_PX`.
        confidence: (h, w) float32 in 0..1, 0 where they don't agree.
    """

    agrees: NDArray[np.bool_]
    confidence: NDArray[np.float32]


def check_pair(left: Any, right: Any) -> None:
    """Refuse what is no pair.

    Raises:
        LeadlineError: not two (h, w, 3) uint8 arrays of one size.
    """
    for name, picture in (("left", left), ("right", right)):
        fits = isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
        if not fits or not picture.size:
            found = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
            raise LeadlineError(f"a {name} picture of {found}: expected a NumPy array (height, width, 3) of uint8")
    if left.shape != right.shape:
        raise LeadlineError(
            f"a left picture of {left.shape[1]} x {left.shape[0]} and a right one of {right.shape[1]} x {right.shape[0]}: "
            "expected one size; rectify both with the rig's calibration (cv2.stereoRectify), don't resize one of them"
        )


def mirrored(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a picture or map seen in a mirror: a mirrored right picture is a left one of the mirrored scene."""
    return np.ascontiguousarray(picture[:, ::-1])


def compare_views(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    left_valid: NDArray[np.bool_],
    right_valid: NDArray[np.bool_],
    largest_px: float = LARGEST_DIFFERENCE_PX,
) -> Agreement:
    """Compare the disparity of each left pixel with that of the right pixel it is matched to.

    The confidence is the mean of two shares over a window of 9 x 9 around the pixel, times the pixel's own agreement
    ``exp(-|d_left - d_right| / largest_px)``: pixels that agree, and pixels whose disparity lies within `largest_px` of the
    window's median. A lone match in a hole is thus doubted.

    Args:
        left, right: (h, w) pixel_disparity of the left and of the right picture, both positive for points in front.
        left_valid, right_valid: (h, w) where there is one at all.
        largest_px: largest difference.
    """
    import cv2

    height, width = left.shape
    x = np.arange(width, dtype=np.float32) - np.where(left_valid, left, 0)
    column = np.rint(x).astype(np.intp)
    inside = left_valid & (column >= 0) & (column < width)
    there = np.clip(column, 0, width - 1)
    row = np.arange(height)[:, None]
    difference = np.abs(left - right[row, there])
    agrees = inside & right_valid[row, there] & (difference <= largest_px)

    known = np.where(agrees, left, 0).astype(np.float32)
    typical = cv2.medianBlur(known, 5)
    near = (agrees & (np.abs(known - typical) <= largest_px)).astype(np.float32)
    # The mean of the two shares is the share of their mean.
    support = cv2.blur(0.5 * (near + agrees.astype(np.float32)), (9, 9), borderType=cv2.BORDER_REPLICATE)
    own = np.exp(-np.where(agrees, difference, 0) / largest_px)
    return Agreement(agrees, np.where(agrees, own * support, 0).astype(np.float32))


def fill_from_background(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return (h, w) values without holes: each takes the smaller of the nearest ones to its left and right.

    What one camera alone sees lies behind (Hirschmueller 2008, section 2.6; KITTI's devkit fills the same way). A row without
    any value takes the nearest row that has one; a map without any value is all 0.
    """
    height, width = values.shape
    if not valid.any():
        return np.zeros_like(values)
    column = np.broadcast_to(np.arange(width), (height, width))
    before = np.maximum.accumulate(np.where(valid, column, -1), axis=1)
    after = np.minimum.accumulate(np.where(valid, column, width)[:, ::-1], axis=1)[:, ::-1]
    row = np.arange(height)[:, None]
    far = np.float32(np.inf)
    one = np.where(before >= 0, values[row, np.maximum(before, 0)], far)
    other = np.where(after < width, values[row, np.minimum(after, width - 1)], far)
    filled = np.where(valid, values, np.minimum(one, other))
    rows = np.flatnonzero(valid.any(axis=1))
    nearest = rows[np.abs(np.arange(height)[:, None] - rows).argmin(axis=1)]
    return np.asarray(filled[nearest], dtype=np.float32)


def depth_from_pair(disparity: DepthMap, baseline_m: float, offset_px: float = 0.0) -> DepthMap:
    """Return metric z-depth, ``fx * baseline_m / (pixel_disparity + offset_px)``; not valid where that is not positive.

    Args:
        disparity: pixel_disparity with its camera.
        baseline_m: distance of the cameras, metres.
        offset_px: doffs: how far right of the left principal point the right one is.

    Raises:
        LeadlineError: no camera, or a baseline that is not positive.
    """
    if not baseline_m > 0:
        raise LeadlineError(f"baseline {baseline_m:g} m: expected a positive distance of the cameras in metres")
    shifted = replace_map(disparity, values=disparity.values + np.float32(offset_px))
    return shifted.to_depth(baseline_m)


def make_prediction(
    card: ModelCard,
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    confidence: NDArray[np.float32] | None,
    camera: Camera | None,
    notes: tuple[str, ...] = (),
) -> StereoPrediction:
    """Return a prediction whose map carries the card's name and the left camera."""
    disparity = DepthMap(values, valid, PIXEL_DISPARITY, camera, card.name)
    trusted = None
    if confidence is not None:
        trusted = np.where(disparity.valid, np.clip(confidence, 0, 1), 0).astype(np.float32)
    return StereoPrediction(disparity, notes=notes, confidence=trusted)


def load_stereo_predictor(name: str | PathLike[str] = SEMI_GLOBAL, *, fill: bool = False) -> StereoPredictor:
    """Load a matcher by name.

    Args:
        name: ``"sgm"`` for semi-global matching, or an ONNX file that leadline exported from a stereo network.
        fill: semi-global matching alone: fill holes from the background, so that every pixel is valid.

    Raises:
        LeadlineError: no such matcher, or a file that is no stereo network.
    """
    if str(name) == SEMI_GLOBAL:
        from leadline.runtime.semi_global import SemiGlobalMatching

        return SemiGlobalMatching(fill=fill)
    path = Path(name)
    if path.suffix.lower() == ".onnx" or path.is_file():
        from leadline.runtime.stereo_network import OnnxStereoPredictor

        return OnnxStereoPredictor(path)
    raise LeadlineError(f"no stereo matcher {str(name)!r}: expected {SEMI_GLOBAL}, or an .onnx file of a stereo network")
