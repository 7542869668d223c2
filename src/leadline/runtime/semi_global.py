"""Semi-global matching (Hirschmueller, TPAMI 2008), OpenCV's implementation, made whole: range, margins, both views, holes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import PIXEL_DISPARITY
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard
from leadline.runtime.stereo import (
    SEMI_GLOBAL,
    StereoPrediction,
    check_pair,
    compare_views,
    fill_from_background,
    make_prediction,
    mirrored,
)

STEPS_PER_PX = 16  # OpenCV's fixed point
RANGE_MULTIPLE = 16  # of OpenCV's number of disparities
# OpenCV's own recommendations (its StereoSGBM page and sample), not tuned on any benchmark.
BLOCK = 3
SMALL_STEP, LARGE_STEP = 8, 32  # penalties for a step of one pixel and for more, times channels times block area
UNIQUENESS_PERCENT = 10
PREFILTER_CAP = 63
SPECKLE_SHARE = 6e-4  # of the picture: smaller islands are noise; 100 pixels of a picture of 450 x 375
SPECKLE_STEP_PX = 2
# Mean difference of neighbours, in 0..255 units; a camera's noise alone is more.
TEXTURE_WINDOW, LEAST_TEXTURE = 15, 0.25
# The range is found on a picture of this width, in which disparities may reach these shares of it.
COARSE_WIDTH = 400
COARSE_RANGE = -0.05, 0.5
RANGE_PERCENTILES = 0.2, 99.8
RANGE_MARGIN_SHARE, RANGE_MARGIN_PX = 0.15, 4.0
LEAST_COARSE_MATCHES = 0.02  # share of the picture
# Paths in eight directions need all costs in memory; above so many, OpenCV's three directions are used.
MOST_COSTS = 200_000_000


class SemiGlobalMatching:
    """The classical baseline: no weights, no training.

    Both views are matched; a pixel is valid where they agree within a pixel (`leadline.runtime.stereo.compare_views`), where
    its match is unique and not at an end of the range, where there is any texture, and where it is no speckle. The rest, mainly
    what one camera alone sees, is not valid.
    The first columns, whose match may lie outside the right picture, are matched too: both pictures get a margin of repeated
    columns, and what was matched to the margin is not valid.

    Args:
        disparity_range: smallest and largest disparity in pixels; by default found on a small copy of the pair, with a margin.
        fill: fill holes from the background, so that every pixel is valid; its confidence stays 0.

    Raises:
        LeadlineError: an empty range.
    """

    def __init__(self, disparity_range: tuple[float, float] | None = None, *, fill: bool = False) -> None:
        if disparity_range is not None and not disparity_range[0] < disparity_range[1]:
            low, high = disparity_range
            raise LeadlineError(f"disparities from {low:g} to {high:g} px: expected the smaller one first, for instance 0 128")
        self._range, self._fill = disparity_range, fill
        self._card = ModelCard(
            SEMI_GLOBAL,
            PIXEL_DISPARITY,
            licence="Apache-2.0",
            size_multiple=1,
            notes="semi-global matching of OpenCV (Hirschmueller 2008): no weights; fails on glass, mirrors and plain walls",
        )

    @property
    def card(self) -> ModelCard:
        """Who it is and what its maps mean."""
        return self._card

    def __call__(self, left: NDArray[np.uint8], right: NDArray[np.uint8], camera: Camera | None = None) -> StereoPrediction:
        """Match a pair; see `leadline.runtime.stereo.StereoPredictor`.

        Raises:
            LeadlineError: the pictures are no pair, or the range is wider than they are.
        """
        check_pair(left, right)
        notes: tuple[str, ...] = ()
        if self._range is None:
            found = find_range(left, right)
            if found is None:
                found = 0.0, max(16.0, 0.25 * left.shape[1])
                notes = ("too few matches to find the range of disparities: 0 to a quarter of the width was searched",)
            low, high = found
        else:
            low, high = self._range
        if high - low > 2 * left.shape[1]:
            raise LeadlineError(
                f"disparities from {low:g} to {high:g} px in pictures {left.shape[1]} px wide: expected a range that fits in"
            )
        values, valid, confidence = _match_both(left, right, low, high)
        if self._fill:
            values, valid = fill_from_background(values, valid), np.full(valid.shape, bool(valid.any()))
        return make_prediction(self._card, values, valid, confidence, camera, notes)


def find_range(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> tuple[float, float] | None:
    """Return the smallest and largest disparity of a pair, with a margin, from small copies; None without matches."""
    import cv2

    width = left.shape[1]
    scale = min(1.0, COARSE_WIDTH / width)
    small = [left, right]
    if scale < 1:
        small = [cv2.resize(p, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for p in small]  # type: ignore[misc]
    low, high = (share * small[0].shape[1] for share in COARSE_RANGE)
    values, valid, _ = _match_both(small[0], small[1], low, high)
    if valid.mean() < LEAST_COARSE_MATCHES:
        return None
    first, last = np.percentile(values[valid], RANGE_PERCENTILES) * (width / small[0].shape[1])
    margin = RANGE_MARGIN_SHARE * (last - first) + RANGE_MARGIN_PX / scale
    return float(first - margin), float(last + margin)


def _match_both(
    left: NDArray[Any], right: NDArray[Any], low: float, high: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Return disparity, validity and confidence of the left picture, after matching both ways."""
    ours, our_valid = _match(left, right, low, high)
    theirs, their_valid = _match(mirrored(right), mirrored(left), low, high)
    agreement = compare_views(ours, mirrored(theirs), our_valid, mirrored(their_valid))
    sure = agreement.agrees & _has_texture(left)
    valid = sure & _no_speckle(np.where(sure, ours, np.float32(low - 1)), low)
    return ours, valid, agreement.confidence


def _match(left: NDArray[Any], right: NDArray[Any], low: float, high: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return disparity and validity of the left picture alone."""
    import cv2

    smallest = int(np.floor(low))
    count = max(1, int(np.ceil((high - smallest + 1) / RANGE_MULTIPLE))) * RANGE_MULTIPLE
    before, after = max(0, smallest + count), max(0, -smallest)
    wide = [cv2.copyMakeBorder(p, 0, 0, before, after, cv2.BORDER_REPLICATE) for p in (left, right)]
    weight = left.shape[2] * BLOCK**2
    every_direction = wide[0].shape[0] * wide[0].shape[1] * count <= MOST_COSTS
    matcher = cv2.StereoSGBM.create(
        minDisparity=smallest,
        numDisparities=count,
        blockSize=BLOCK,
        P1=SMALL_STEP * weight,
        P2=LARGE_STEP * weight,
        disp12MaxDiff=-1,  # both views are matched in full instead
        preFilterCap=PREFILTER_CAP,
        uniquenessRatio=UNIQUENESS_PERCENT,
        speckleWindowSize=0,
        mode=cv2.STEREO_SGBM_MODE_HH if every_direction else cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    steps = matcher.compute(wide[0], wide[1])[:, before : before + left.shape[1]]
    # OpenCV marks what it could not match with one less than the smallest disparity; 0 would be a number.
    values: NDArray[np.float32] = steps.astype(np.float32) / np.float32(STEPS_PER_PX)
    # At the ends of the range lies what fits everywhere alike (a plain wall) or better outside it.
    inner = (values > smallest + 0.5) & (values < smallest + count - 1.5)
    return values, inner


def _has_texture(picture: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where neighbours in a row differ at all: where nothing does (burnt out, black), every disparity fits alike."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    change = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    around = cv2.blur(change, (TEXTURE_WINDOW, TEXTURE_WINDOW), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(around > LEAST_TEXTURE)


def _no_speckle(values: NDArray[np.float32], low: float) -> NDArray[np.bool_]:
    """Return where a pixel belongs to an island of one surface that is large enough; what is not valid is `low` - 1."""
    import cv2

    unknown = int(np.floor(low) - 2) * STEPS_PER_PX
    steps = np.where(values >= low - 0.5, np.rint(values * STEPS_PER_PX), unknown).astype(np.int16)
    cv2.filterSpeckles(steps, unknown, max(1, round(SPECKLE_SHARE * steps.size)), SPECKLE_STEP_PX * STEPS_PER_PX)
    return np.asarray(steps != unknown)
