"""Stereo pairs that are not rectified, are swapped, or whose truth says something else than the two pictures.

Points that look alike in both pictures are matched (SIFT, Lowe 2004; the better of two candidates must be much better, and
the match must hold both ways). In a rectified pair a match has the same row in both, and lies farther left in the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.checks.finding import Finding, Look
from leadline.depth_map import Quantity

FEATURES = 700
WORK_SIDE = 1280  # larger pictures are shrunk
LEAST_MATCHES = 40
CLEARLY_BETTER = 0.7  # Lowe's ratio
LARGEST_DY, WARN_DY = 1.5, 0.8  # pixels: median offset of the rows of matches
STRAY = 1.0  # pixels: if the offsets scatter more around a smooth field, the matches are wrong rather than the pair
SWAPPED_SHARE = 0.8
LEAST_TRUE = 30  # matches with a known disparity
LEAST_DISPARITY = 3.0  # px: below, ratios are noise
DISAGREE_PX, DISAGREE_SHARE = 1.5, 0.04  # median difference of matches and truth: both must be exceeded
COMMON = 0.5  # of the pairs that can be judged
STEADY = 0.05  # relative spread of the ratio if one factor explains it


class Matches(NamedTuple):
    """Points that both pictures show, (n, 2) pixel positions in the pictures as they are; pixel centres at + 0.5."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]


class Stereo:
    """Judges each stereo pair; a mistake that only a few pairs show is a warning, because matches can mislead."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Finding]] = {}
        self._judged = 0

    def see(self, look: Look) -> None:
        """Look at one sample; those that are no stereo pair are passed over."""
        right = getattr(look.sample, "right", None)
        if right is None:
            return
        if right.shape != look.sample.image.shape:
            evidence = f"{right.shape[1]} x {right.shape[0]} beside {look.hw[1]} x {look.hw[0]}"
            remedy = "check that the two belong together"
            finding = Finding("right picture of another size", "error", "certain", evidence, remedy)
        else:
            found = match(look.sample.image, right)
            if len(found.left) < LEAST_MATCHES:
                return
            self._judged += 1
            judged = _judge(look, found)
            if judged is None:
                return
            finding = judged
        self._found.setdefault(finding.mistake, {})[look.name] = finding

    def findings(self) -> Iterator[Finding]:
        """Yield one finding a mistake, with the evidence of the first pair that shows it."""
        for found in self._found.values():
            first = replace(next(iter(found.values())), names=tuple(found), looked=self._judged)
            few = first.sure != "certain" and len(found) < COMMON * self._judged
            yield replace(first, level="warning", sure="possible") if few else first


def _judge(look: Look, found: Matches) -> Finding | None:
    """Return the first mistake of a pair: what is not rectified has no disparity to compare."""
    dx, dy = (found.left - found.right).T
    if (finding := _rows(dy, found.left)) is not None:
        return finding
    if (share := float((dx < -1).mean())) > SWAPPED_SHARE:
        return Finding(
            "left and right swapped", "error", "likely",
            f"{share:.0%} of {len(dx)} matches lie farther right in the right picture (median {np.median(-dx):.1f} px)",
            "swap the two pictures",
        )  # fmt: skip
    return _truth(look, found)


def match(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> Matches:
    """Return the points that both pictures show."""
    import cv2

    scale = min(1.0, WORK_SIDE / max(left.shape[:2]))
    positions, descriptors = [], []
    for image in (left, right):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        points, described = cv2.SIFT.create(nfeatures=FEATURES).detectAndCompute(grey, None)
        if described is None or len(points) < 2:
            return Matches(np.zeros((0, 2)), np.zeros((0, 2)))
        # OpenCV puts the first pixel's centre at 0.
        positions.append((np.array([point.pt for point in points]) + 0.5) / scale)
        descriptors.append(np.asarray(described, np.float32))
    pairs = [_best(*descriptors), _best(*descriptors[::-1])]
    mutual = [(i, j) for i, j in pairs[0].items() if pairs[1].get(j) == i]
    index = np.array(mutual, dtype=np.intp).reshape(-1, 2)
    return Matches(positions[0][index[:, 0]], positions[1][index[:, 1]])


def _best(one: NDArray[np.float32], other: NDArray[np.float32]) -> dict[int, int]:
    """Return for each description the nearest other one, if the second nearest is much farther."""
    distance = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    nearest = np.argpartition(distance, 1, axis=1)[:, :2]
    pair = np.take_along_axis(distance, nearest, axis=1)
    nearest = np.take_along_axis(nearest, np.argsort(pair, axis=1), axis=1)
    pair = np.sort(np.maximum(pair, 0), axis=1)
    clear = pair[:, 0] < CLEARLY_BETTER**2 * pair[:, 1]
    return {int(i): int(nearest[i, 0]) for i in np.flatnonzero(clear)}


def _rows(dy: NDArray[np.float64], xy: NDArray[np.float64]) -> Finding | None:
    """Judge the offset of the rows: a smooth field is a pair that is not rectified, a wild one are wrong matches."""
    typical = float(np.median(np.abs(dy)))
    if typical <= WARN_DY:
        return None
    design = np.column_stack([xy / xy.max(), np.ones(len(xy))])
    keep = np.abs(dy - np.median(dy)) < 3 * max(1.0, float(np.median(np.abs(dy - np.median(dy)))))
    for _ in range(4):
        field = np.linalg.lstsq(design[keep], dy[keep], rcond=None)[0]
        stray = np.abs(dy - design @ field)
        keep = stray < max(STRAY, 2.5 * float(np.median(stray)))
    scatter = float(np.median(stray))
    if scatter > STRAY:
        return None
    sure = typical > LARGEST_DY
    return Finding(
        "pair that is not rectified", "error" if sure else "warning", "likely" if sure else "possible",
        f"matching points differ by {typical:.1f} rows in the median, {np.percentile(dy[keep], 5):+.1f} to "
        f"{np.percentile(dy[keep], 95):+.1f} over the picture ({len(dy)} matches)",
        "rectify both pictures with the rig's calibration (cv2.stereoRectify)",
    )  # fmt: skip


def _truth(look: Look, found: Matches) -> Finding | None:
    """Compare the matches' disparity with the truth's."""
    expected = _expected(look)
    if expected is None:
        return None
    disparity, what = expected
    left = _at(disparity, found.left)
    dx = found.left[:, 0] - found.right[:, 0]
    known = left > LEAST_DISPARITY
    if known.sum() < LEAST_TRUE:
        return None
    off = np.abs(dx[known] - left[known])
    if np.median(off) < max(DISAGREE_PX, DISAGREE_SHARE * float(np.median(left[known]))):
        return None
    evidence = (
        f"matching points are {np.median(dx[known]):.1f} px apart in the median, {what} says {np.median(left[known]):.1f}"
    )
    right = _at(disparity, found.right)
    in_right = right > LEAST_DISPARITY
    if in_right.sum() >= LEAST_TRUE and np.median(np.abs(dx[in_right] - right[in_right])) < DISAGREE_PX:
        return Finding(
            "truth of the right picture", "error", "likely",
            f"{evidence}; at the points' places in the right picture it agrees",
            "use the left picture's disparity, or mirror both pictures and swap them",
        )  # fmt: skip
    ratio = dx[known] / left[known]
    factor = float(np.median(ratio))
    if float(np.median(np.abs(ratio - factor))) < STEADY * abs(factor):
        return Finding(
            "wrong scale of the disparity", "error", "likely", f"{evidence}: a factor of {factor:.3g}",
            "correct the scale of the files, or focal length and baseline; a picture's width scales its disparity",
        )  # fmt: skip
    shift = float(np.median(dx[known] - left[known]))
    if float(np.median(np.abs(dx[known] - left[known] - shift))) < 1.0:
        return Finding(
            "shifted disparity", "error", "likely", f"{evidence}: an offset of {shift:+.1f} px",
            "the two pictures were cropped differently: add the offset to the disparity (StereoPair.offset_px)",
        )  # fmt: skip
    return None


def _expected(look: Look) -> tuple[NDArray[np.float64], str] | None:
    """Return (h, w) the pixel_disparity that the truth implies, 0 where unknown, and what says so."""
    depth, baseline, camera = look.depth, getattr(look.sample, "baseline_m", None), look.depth_camera
    if depth is None or depth.hw != look.hw:
        return None
    if depth.kind.quantity is Quantity.PIXEL_DISPARITY and depth.unit:
        return np.where(depth.valid, depth.values, 0).astype(np.float64), "the truth"
    if depth.kind.quantity is Quantity.DEPTH and depth.unit and baseline and camera is not None:
        positive = depth.valid & (depth.values > 0)
        offset = float(getattr(look.sample, "offset_px", 0.0))
        disparity = np.where(positive, camera.fx * baseline / np.where(positive, depth.values, 1) - offset, 0)
        return disparity, "depth with focal length and baseline"
    return None


def _at(disparity: NDArray[np.float64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
    column, row = np.floor(xy).astype(np.intp).T
    height, width = disparity.shape
    return np.asarray(disparity[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)])
