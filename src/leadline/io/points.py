"""The coloured points of a depth map, and a plain statement of what their coordinates are worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import radians, sqrt, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.io.preview import colourise, robust_range

# A phone's main camera sees 65 to 75 degrees along the longer side, a normal lens 40.
ASSUMED_FOV_DEG = 60.0
# A map without a known shift is shown as if the farthest point lay ten times as far as the nearest.
SHAPE_ONLY_FAR = 10.0
_ROWS_AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points that are made as they are written, so that a hundred megapixels fit into memory.

    Attributes:
        z: (h, w) float32 distance along the viewing axis; 0 where there is no point.
        pixels: (h, w, 3) uint8 sRGB.
        camera: at the map's size.
        rows, cols: the picture rows and columns that become points.
        count: how many points there are.
        unit: of the coordinates, for instance "m".
        note: what the coordinates are, in one sentence.
    """

    z: NDArray[np.float32]
    pixels: NDArray[np.uint8]
    camera: Camera
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    count: int
    unit: str
    note: str

    def records(self, dtype: np.dtype[Any], colours: NDArray[Any] | None, y_up: bool) -> Iterator[NDArray[Any]]:
        """Yield 1-D arrays of `dtype` with the fields x, y, z, red, green, blue, row by row through the picture.

        Args:
            dtype: of the records; a field "alpha" is filled with opaque.
            colours: (256,) table from the picture's 8-bit levels to the colour fields; None to keep the levels.
            y_up: x right, y up, z towards the viewer, as in OpenGL and glTF; else the camera frame: y down, z forward.
        """
        sign = np.float32(-1 if y_up else 1)
        across, down = self._ray_slopes()
        cols = slice(None) if len(self.cols) == self.z.shape[1] else self.cols
        for start in range(0, len(self.rows), _ROWS_AT_A_TIME):
            stop = min(start + _ROWS_AT_A_TIME, len(self.rows))
            rows = slice(start, stop) if len(self.rows) == len(self.z) else self.rows[start:stop]  # a slice is a view
            z, rgb = self.z[rows][:, cols], self.pixels[rows][:, cols]
            records = np.empty(z.shape, dtype)
            records["x"] = z * across[rows][:, cols]
            records["y"] = z * down[rows][:, cols] * sign
            records["z"] = z * sign
            for i, name in enumerate(("red", "green", "blue")):
                records[name] = rgb[..., i] if colours is None else colours[rgb[..., i]]
            if dtype.names is not None and "alpha" in dtype.names:
                records["alpha"] = np.iinfo(dtype["alpha"]).max
            exists = z > 0
            yield records.reshape(-1) if exists.all() else records[exists]

    def _ray_slopes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (h, w) x / z and y / z of each pixel's centre."""
        c = self.camera
        if c.distortion:
            rays = c.rays().astype(np.float32)
            return rays[..., 0], rays[..., 1]
        across = (np.arange(c.width) + 0.5 - c.cx) / c.fx
        down = (np.arange(c.height) + 0.5 - c.cy) / c.fy
        return (
            np.broadcast_to(across.astype(np.float32), c.hw),  # views: no memory for what repeats
            np.broadcast_to(down.astype(np.float32)[:, None], c.hw),
        )


def cloud_of(
    depth: DepthMap,
    pixels: NDArray[np.uint8] | None = None,
    *,
    max_points: int | None = None,
    max_slope_deg: float | None = None,
    baseline_m: float | None = None,
) -> Cloud:
    """Return the points of a map: metric where the map is, else a shape, and say which.

    Args:
        depth: the map. Without a camera a horizontal view of 60 degrees is assumed, and the note says so.
        pixels: (h, w, 3) uint8 sRGB at the map's size; None for the colours of `colourise`.
        max_points: thin the picture's grid evenly until no more points than this are left.
        max_slope_deg: leave out points where the surface is steeper than this against the image plane, such as 88: between
            an object and what is behind it, networks draw a skirt that is not there.
        baseline_m: of a stereo pair, in metres; without it a pixel_disparity gives distances in baselines.

    Raises:
        LeadlineError: the picture has another size, or no point is left.
    """
    if pixels is None:
        pixels = colourise(depth)
    if pixels.shape != (*depth.hw, 3):
        raise LeadlineError(f"a picture of shape {pixels.shape} for a map of {depth.hw}: expected (h, w, 3) at the map's size")
    camera = depth.camera or Camera.from_fov_deg(ASSUMED_FOV_DEG, depth.hw)
    located, unit, note = _located(depth if depth.camera else replace_map(depth, camera=camera), baseline_m)
    if depth.camera is None:
        note += f" No camera is known: a horizontal view of {ASSUMED_FOV_DEG:g} degrees is assumed, so x and y are a guess."
    z = np.maximum(located.values, 0)  # the map holds 0 where it is not valid
    if max_slope_deg is not None:
        z[_steep(z, camera, max_slope_deg)] = 0
    exists = z > 0
    rows, cols, count = _thinned(exists, max_points)
    if count == 0:
        raise LeadlineError("no pixel of the map has a distance: a point cloud needs at least one")
    return Cloud(z, pixels, camera, rows, cols, count, unit, note)


def _located(depth: DepthMap, baseline_m: float | None) -> tuple[DepthMap, str, str]:
    """Return the map as some z-depth, the unit, and the statement that goes with it."""
    quantity, ambiguity = depth.kind
    match ambiguity:
        case Ambiguity.METRIC if quantity is Quantity.PIXEL_DISPARITY and baseline_m is None:
            return depth.to_depth(1.0), "baselines", "Not metric: distances in baselines of the stereo pair."
        case Ambiguity.METRIC:
            return depth.to_depth(baseline_m), "m", "Metric: coordinates in metres."
        case Ambiguity.SCALE_INVARIANT:
            return depth.to_depth(), "unknown", "Not metric: true up to one unknown scale factor."
        case _:
            return _shape(depth), "none", (
                f"Not metric, a shape for looking at only: the shift of a {depth.kind} map is unknown, so its values were "
                f"stretched to distances from 1 to {SHAPE_ONLY_FAR:g}; don't measure in it."
            )  # fmt: skip


def _shape(depth: DepthMap) -> DepthMap:
    low, high = robust_range(depth)
    share = np.clip((depth.values - low) / (high - low), 0, 1)
    if depth.kind.near_is_large:
        z = 1 / (1 / SHAPE_ONLY_FAR + (1 - 1 / SHAPE_ONLY_FAR) * share)
    else:
        z = 1 + (SHAPE_ONLY_FAR - 1) * share
    shape = replace_map(depth, values=z, kind=Kind(Quantity.DEPTH, depth.kind.ambiguity))
    return shape if depth.kind.quantity is not Quantity.RAY_DISTANCE else replace_map(shape, values=z / _lengths(shape))


def _lengths(depth: DepthMap) -> NDArray[np.float64]:
    assert depth.camera is not None
    return depth.camera.ray_lengths()


def _steep(z: NDArray[np.float32], camera: Camera, max_slope_deg: float) -> NDArray[np.bool_]:
    """Whether a pixel and a direct neighbour span a surface steeper than the limit: |dz| > tan * z / focal for one pixel."""
    if not 0 < max_slope_deg < 90:
        raise LeadlineError(f"max_slope_deg {max_slope_deg:g}: expected an angle between 0 and 90, such as 88")
    limit = tan(radians(max_slope_deg))
    steep = np.zeros(z.shape, bool)
    for a, b, mark_a, mark_b, focal in (
        (z[:, 1:], z[:, :-1], steep[:, 1:], steep[:, :-1], camera.fx),
        (z[1:], z[:-1], steep[1:], steep[:-1], camera.fy),
    ):
        nearer = np.minimum(a, b)
        too_steep = (np.abs(a - b) > np.float32(limit / focal) * nearer) & (nearer > 0)
        mark_a |= too_steep
        mark_b |= too_steep
    return steep


def _thinned(exists: NDArray[np.bool_], max_points: int | None) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Return the rows and columns of an even grid that holds at most `max_points` points, and their number."""
    if max_points is not None and max_points < 1:
        raise LeadlineError(f"max_points {max_points}: expected at least 1")
    height, width = exists.shape
    rows, cols = np.arange(height), np.arange(width)
    count = int(np.count_nonzero(exists))
    share = 1.0
    while max_points is not None and count > max_points:
        share *= min(0.99, sqrt(max_points / count))
        rows, cols = (_evenly(side, max(1, int(side * share))) for side in (height, width))
        count = int(np.count_nonzero(exists[np.ix_(rows, cols)]))
    return rows, cols, count


def _evenly(side: int, wanted: int) -> NDArray[np.intp]:
    """Return `wanted` of `side` indices, each in the middle of its share."""
    return ((np.arange(wanted) + 0.5) * side / wanted).astype(np.intp)
