"""Truth enlarged against the picture: two cameras of unlike lenses, or a crop of one of them, taken for one.

The same measure as in `registration`, with the truth's edges scaled about the picture's middle by a range of factors, at half
the size.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leadline.data.checks.finding import Finding, Look
from leadline.data.checks.registration import TILES, Array, peak, picture_edges, resampled, truth_edges, way
from leadline.depth_map import DepthMap

WORK_SIDE = 320
FACTORS = tuple(round(1 + 0.02 * step, 2) for step in range(-8, 9))
TOLERATED = 0.03
LARGEST_SHIFT = 16  # pixels of the shrunk picture
MOST_SAMPLES = 64  # more tell nothing new, and each keeps 1 MB
LEAST_EDGE_PIXELS = 25
LEAST_TILES, LEAST_PLACES = 10, 6
RESAMPLES = 100
LEAST_CERTAINTY = 0.98
LEAST_GAIN = 1.25  # the height of the maximum, against that with the truth as it is


class Enlargement:
    """Judges by which factor the edges of all truths must be scaled to lie on those of their pictures."""

    def __init__(self) -> None:
        self._tiles: list[tuple[Array, float, int]] = []  # (factors, 2 r + 1, 2 r + 1) responses, weight, place
        self._steps: list[int] = []
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        self._looked += 1
        if look.depth is None or look.depth.hw != look.hw or len(self._steps) >= MOST_SAMPLES:
            return
        step = max(1, round(max(look.hw) / WORK_SIDE))
        if tiles := _tiles_of(look.sample.image, look.depth, step):
            self._steps.append(step)
            self._tiles += tiles

    def findings(self) -> Iterator[Finding]:
        """Yield a factor beyond what is tolerated, if it is certain."""
        if len(self._tiles) < LEAST_TILES or len({place for *_, place in self._tiles}) < LEAST_PLACES:
            return
        responses = np.stack([response for response, *_ in self._tiles])
        weights = np.array([weight for _, weight, _ in self._tiles])
        rises = _rises(responses, weights)
        best, as_it_is = int(rises.argmax()), FACTORS.index(1.0)
        drawn = resampled(np.array([place for *_, place in self._tiles]), RESAMPLES)
        again = np.array([FACTORS[int(_rises(responses[i], weights[i]).argmax())] for i in drawn])
        side = again > 1 if FACTORS[best] > 1 else again < 1
        certainty = float((side & (np.abs(again - 1) >= TOLERATED)).mean())
        if certainty < LEAST_CERTAINTY or rises[best] < LEAST_GAIN * rises[as_it_is]:
            return
        low, high = np.percentile(again, (5, 95))
        x, y = peak(np.average(responses[:, best], axis=0, weights=weights))
        step = int(np.median(self._steps))
        aside = f" about the middle and moved {way(x * step, y * step)}" if x or y else " about the middle"
        times = rises[best] / max(rises[as_it_is], 1e-6)
        yield Finding(
            "truth of another scale than the picture", "error", "likely",
            f"its edges lie on the picture's best if it is scaled by {FACTORS[best]:.2f}{aside} ({low:.2f} to {high:.2f} in "
            f"90 % of {RESAMPLES} resamples; the match is {times:.1f} times as strong as in place)",
            "picture and depth come from two cameras: register the depth to the picture with the calibration of both",
            (), self._looked,
        )  # fmt: skip


def _rises(responses: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the height of the maximum over all shifts, by factor."""
    mean = np.tensordot(weights / weights.sum(), responses, axes=1)
    return np.asarray(mean.reshape(len(FACTORS), -1).max(axis=1))


def _tiles_of(image: NDArray[np.uint8], depth: DepthMap, step: int) -> list[tuple[Array, float, int]]:
    import cv2

    height, width = depth.hw[0] // step, depth.hw[1] // step
    radius = LARGEST_SHIFT
    if min(height, width) < 8 * radius:
        return []
    picture = cv2.resize(image[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA)
    middle = slice(step // 2, height * step, step), slice(step // 2, width * step, step)
    truth, found = truth_edges(depth, middle), picture_edges(np.asarray(picture, np.uint8))
    scaled = np.stack([_scaled(truth, factor) for factor in FACTORS])
    tiles = []
    rows, columns = (np.linspace(radius, n - radius, k + 1).astype(int) for n, k in zip((height, width), TILES, strict=True))
    for i, (top, bottom) in enumerate(pairwise(rows)):
        for j, (left, right) in enumerate(pairwise(columns)):
            parts = np.ascontiguousarray(scaled[:, top:bottom, left:right])
            if min((part > 0).sum() for part in parts) < LEAST_EDGE_PIXELS:
                continue
            around = found[top - radius : bottom + radius, left - radius : right + radius]
            response = np.stack([_response(around, part) for part in parts])
            tiles.append((response, float(np.sqrt(parts.sum() / len(parts))), TILES[1] * i + j))
    return tiles


def _response(around: Array, part: Array) -> Array:
    import cv2

    response = cv2.matchTemplate(around, part, cv2.TM_CCORR) / part.sum()
    smooth = cv2.GaussianBlur(response - response.mean(), (0, 0), 0.8)
    return np.asarray(smooth, np.float32)


def _scaled(edges: Array, factor: float) -> Array:
    """Return the edges scaled about the middle; thin lines stay lines, because each pixel is looked up, not carried over."""
    import cv2

    height, width = edges.shape
    # In OpenCV's positions, where the first pixel's centre is 0, the middle is (n - 1) / 2.
    matrix = np.array([[factor, 0, (width - 1) / 2 * (1 - factor)], [0, factor, (height - 1) / 2 * (1 - factor)]])
    return np.asarray(cv2.warpAffine(edges, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)
