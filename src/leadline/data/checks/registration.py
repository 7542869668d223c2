"""Truth shifted against the picture: its edges are looked for in the picture, around where they should be.

Where depth jumps, pictures have an edge more often than elsewhere. So the strength of the picture's edges, averaged over the
places of the truth's edges, is highest when the two lie on each other; it is worked out for all small shifts (a
cross-correlation of gradient magnitudes), tile by tile, so that resampling the tiles (bootstrap, Efron 1979) tells how far
the place of the maximum can be trusted. Tiles at one place are drawn together: in a film, or a fixed rig, they show the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.checks.finding import Finding, Look
from leadline.depth_map import DepthMap
from leadline.sample import Sample

WORK_SIDE = 640  # pictures are shrunk to about so many pixels on the longer side
LARGEST_SHIFT = 32  # pixels of the shrunk picture that are searched in each direction, less on small ones
TOLERATED = 2.0  # pixels of the shrunk picture: sensors' truth is no better
TILES = (3, 4)  # down, across
LEAST_EDGE_PIXELS = 60  # in a tile, else it has no say
LEAST_TILES, LEAST_PLACES = 8, 5
LEAST_JUMP = 0.05  # relative, between pixels two apart
STEEPER_THAN_AROUND = 3.0  # a jump is steeper than the slopes beside it; a slanted floor is not
RESAMPLES = 200
LEAST_CERTAINTY = 0.98  # of the resamples must lie beyond what is tolerated ...
LARGEST_SPREAD = 8  # ... and 90 % of them within so many pixels in each direction
LEAST_RISE = 3.0  # standard deviations of the correlation over all shifts: lower is no peak

Array = NDArray[np.float32]


class Tile(NamedTuple):
    """A part of one picture.

    Attributes:
        response: (2 r + 1, 2 r + 1) the picture's edge strength at the truth's edges, by the shift in y and x, less its mean.
        weight: grows with the number of the truth's edges.
        place: its number within the picture.
        scale: pixels of the picture as it is for one of the shrunk one.
    """

    response: Array
    weight: float
    place: int
    scale: int


class Registration:
    """Judges where the edges of all truths lie in their pictures."""

    def __init__(self) -> None:
        self._tiles: list[Tile] = []
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        self._looked += 1
        if look.depth is not None and look.depth.hw == look.hw:
            self._tiles += tiles_of(look.sample, look.depth)

    def findings(self) -> Iterator[Finding]:
        """Yield a shift beyond what is tolerated, if it is certain."""
        # Sizes may differ within a set: only the most frequent size of the search is counted.
        radii = [tile.response.shape[0] for tile in self._tiles]
        radius = max(set(radii), key=radii.count) // 2 if radii else 0
        tiles = [tile for tile in self._tiles if tile.response.shape[0] == 2 * radius + 1]
        places = {tile.place for tile in tiles}
        if len(tiles) < LEAST_TILES or len(places) < LEAST_PLACES or radius <= TOLERATED:
            return
        responses, weights = np.stack([tile.response for tile in tiles]), np.array([tile.weight for tile in tiles])
        mean = _smooth(np.average(responses, axis=0, weights=weights))
        x, y = peak(mean)
        rise, at_zero, spread = float(mean.max()), float(mean[radius, radius]), float(mean.std())
        drawn = resampled(np.array([tile.place for tile in tiles]), RESAMPLES)
        again = [peak(_smooth(np.average(responses[i], axis=0, weights=weights[i]))) for i in drawn]
        low, high = np.percentile(again, (5, 95), axis=0)
        certainty = float((np.hypot(*np.array(again).T) > TOLERATED).mean())
        if certainty < LEAST_CERTAINTY or (high - low).max() > LARGEST_SPREAD or rise < LEAST_RISE * spread:
            return
        scale = int(np.median([tile.scale for tile in tiles]))
        yield Finding(
            "truth shifted against the picture", "error", "likely",
            f"its edges are found {way(x * scale, y * scale)} in the picture (90 % of {RESAMPLES} resamples: x "
            f"{low[0] * scale:+.0f} to {high[0] * scale:+.0f}, y {low[1] * scale:+.0f} to {high[1] * scale:+.0f} px; the "
            f"picture's edges are {rise / spread:.1f} deviations stronger there, {at_zero / spread:.1f} in place)",
            "register the depth to the picture (warp it with both cameras), or use the picture that it was measured with",
            (), self._looked,
        )  # fmt: skip


def resampled(places: NDArray[np.int64], count: int) -> list[NDArray[np.intp]]:
    """Return `count` draws of tile numbers: places with replacement, and all tiles of a place together."""
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(places == place) for place in np.unique(places)]
    return [np.concatenate([groups[k] for k in rng.integers(len(groups), size=len(groups))]) for _ in range(count)]


def tiles_of(sample: Sample, depth: DepthMap) -> list[Tile]:
    """Return the tiles of one sample that hold enough of the truth's edges."""
    import cv2

    scale = max(1, round(max(depth.hw) / WORK_SIDE))
    height, width = depth.hw[0] // scale, depth.hw[1] // scale
    radius = min(LARGEST_SHIFT, max(height, width) // 16)
    if min(height, width) < 6 * radius or radius < 1:
        return []
    whole = slice(0, height * scale), slice(0, width * scale)
    picture = cv2.resize(sample.image[whole], (width, height), interpolation=cv2.INTER_AREA)
    middle = slice(scale // 2, height * scale, scale), slice(scale // 2, width * scale, scale)
    truth, found = truth_edges(depth, middle), picture_edges(np.asarray(picture, np.uint8))
    tiles = []
    rows, columns = (np.linspace(radius, n - radius, k + 1).astype(int) for n, k in zip((height, width), TILES, strict=True))
    for i, (top, bottom) in enumerate(pairwise(rows)):
        for j, (left, right) in enumerate(pairwise(columns)):
            part = truth[top:bottom, left:right]
            if (part > 0).sum() < LEAST_EDGE_PIXELS:
                continue
            around = found[top - radius : bottom + radius, left - radius : right + radius]
            response = cv2.matchTemplate(around, part, cv2.TM_CCORR) / part.sum()
            tiles.append(
                Tile(np.asarray(response - response.mean(), np.float32), float(np.sqrt(part.sum())), TILES[1] * i + j, scale)
            )
    return tiles


def truth_edges(depth: DepthMap, part: tuple[slice, slice]) -> Array:
    """Return (h, w) how far the truth jumps at each pixel, relative, at most 0.4; 0 where it does not, or it isn't known."""
    values, valid = depth.values[part], depth.valid[part]
    if not depth.kind.near_is_large and depth.unit:
        near = np.where(valid & (values > 0), 1 / np.where(values > 0, values, 1), 0)
    else:  # an unknown shift makes values near 0 meaningless: count from below the smallest
        low, high = np.percentile(values[valid], (1, 99)) if valid.any() else (0.0, 1.0)
        near = np.where(valid, np.maximum(values - low, 0) + 0.1 * (high - low), 0)
    return np.asarray(np.maximum(_jumps(near, valid), _jumps(near.T, valid.T).T), np.float32)


def picture_edges(image: NDArray[np.uint8]) -> Array:
    """Return (h, w) root of the gradient's magnitude over its mean around each pixel, so that rich textures don't outvote."""
    import cv2

    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.8)
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, 1:-1], down[1:-1] = grey[:, 2:] - grey[:, :-2], grey[2:] - grey[:-2]
    strength = np.sqrt(np.hypot(across, down))
    return np.asarray(strength / (cv2.blur(strength, (41, 41)) + 0.5), np.float32)


def _jumps(near: NDArray[np.floating], valid: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the jumps along rows: between the pixels left and right of each, if steeper than the slopes beyond these."""
    out = np.zeros(near.shape)
    if near.shape[1] < 8:
        return out

    def rise(a: slice, b: slice) -> NDArray[np.floating]:
        total = near[:, a] + near[:, b]
        known = valid[:, a] & valid[:, b] & (total > 0)
        return np.where(known, 2 * np.abs(near[:, a] - near[:, b]) / np.where(known, total, 1), 0)

    far_left, left, right, far_right = slice(0, -6), slice(2, -4), slice(4, -2), slice(6, None)
    jump, beside = rise(left, right), np.maximum(rise(far_left, left), rise(right, far_right))
    out[:, 3:-3] = np.where((jump > LEAST_JUMP) & (jump > STEEPER_THAN_AROUND * beside), np.minimum(jump, 0.4), 0)
    return out


def _smooth(response: NDArray[np.floating]) -> Array:
    import cv2

    return np.asarray(cv2.GaussianBlur(response.astype(np.float32), (0, 0), 1.0), np.float32)


def peak(response: Array) -> tuple[int, int]:
    """Return the shift (x, y) of the maximum."""
    row, column = np.unravel_index(int(response.argmax()), response.shape)
    radius = response.shape[0] // 2
    return int(column) - radius, int(row) - radius


def way(x: int, y: int) -> str:
    """Return a shift in words."""
    parts = [f"{abs(x)} px further {'right' if x > 0 else 'left'}"] if x else []
    parts += [f"{abs(y)} px further {'down' if y > 0 else 'up'}"] if y else []
    return " and ".join(parts)
