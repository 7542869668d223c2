"""Places of a picture whose distance is known: typed in, or from a sparse or dense depth file, or a cloud."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth
from leadline.scale.observations import Numbers, Observations, in_space
from leadline.scale.ply import read_ply_points

_POINT = re.compile(r"(?P<x>[-+.\deE]+),(?P<y>[-+.\deE]+)=(?P<length>[-+.\deE]+)\s*(?P<unit>[a-z]*)")
_OBJECT = re.compile(
    r"(?P<x>[-+.\deE]+),(?P<y>[-+.\deE]+)[,:](?P<x2>[-+.\deE]+),(?P<y2>[-+.\deE]+)=(?P<length>[-+.\deE]+)\s*(?P<unit>[a-z]*)"
)
_UNITS = {"": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001}
# More points than this are gathered by tiles of the picture, because neighbours err together.
_MOST_SINGLE = 64
_TILES = 8
# A dense file says no more than so many of its pixels, evenly spread.
_MOST_POINTS = 20_000


@dataclass(frozen=True, eq=False)
class MetricPoints:
    """Places with their distances.

    Attributes:
        xy: (n, 2) float64 positions in pixels from the top-left corner; a whole number is the pixel that starts there.
        distance_m: (n,) float64, metres.
        along_ray: whether distances are from the camera to the place, as a tape or a laser measures, and not depth (z).
        origin: what they are, for messages.
        by_hand: few, each meant: one that can't be used is refused instead of left out.
    """

    xy: Numbers
    distance_m: Numbers
    along_ray: bool = False
    origin: str = "points"
    by_hand: bool = False

    def __post_init__(self) -> None:
        if self.xy.shape != (self.distance_m.size, 2):
            raise LeadlineError(f"positions of shape {self.xy.shape} for {self.distance_m.size} distances: expected (n, 2)")
        bad = ~(np.isfinite(self.distance_m) & (self.distance_m > 0))
        if bad.any():
            i = int(np.argmax(bad))
            raise LeadlineError(
                f"distance {self.distance_m[i]:g} m at ({self.xy[i, 0]:g}, {self.xy[i, 1]:g}): expected a positive number of "
                "metres; measure again or leave the point out"
            )


def parse_points(texts: Sequence[str], along_ray: bool = False) -> MetricPoints:
    """Read points such as ``"320,240=2.4m"``: pixel x, y and the distance in m (or cm, mm).

    Raises:
        LeadlineError: a text is no point, or a distance not positive.
    """
    rows = [_numbers(text, _POINT, "X,Y=DISTANCE such as 320,240=2.4m", ("x", "y")) for text in texts]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return MetricPoints(table[:, :2], table[:, 2], along_ray, "points", by_hand=True)


def parse_lengths(texts: Sequence[str]) -> list[tuple[tuple[float, float], tuple[float, float], float]]:
    """Read objects such as ``"100,200:100,420=1.96m"``: two pixels and the length between them; returns (a, b, metres).

    Raises:
        LeadlineError: a text is no object, or a length not positive.
    """
    found = []
    for text in texts:
        example = "X1,Y1:X2,Y2=LENGTH such as 100,200:100,420=1.96m"
        x, y, x2, y2, length = _numbers(text, _OBJECT, example, ("x", "y", "x2", "y2"))
        if not length > 0:
            raise LeadlineError(f"length {length:g} m in {text!r}: expected a positive number of metres")
        found.append(((x, y), (x2, y2), length))
    return found


def read_points(
    path: str | PathLike[str],
    camera: Camera | None,
    *,
    baseline_m: float | None = None,
    kind: Kind | str | None = None,
    convention: str | None = None,
) -> MetricPoints:
    """Read the known distances of a file.

    * A depth file (png16, npz, exr, tiff, pfm, npy) at the map's size, sparse or dense: metres, 1/m, or stereo pixels with
      camera and baseline. Files that don't say what they are need `kind` (``"depth/metric"``) or, if they hold integers,
      `convention` (``"kitti"``, ``"nyu"``, ...).
    * An .npz with arrays ``xy`` (n, 2) and ``depth`` (n,), metres.
    * A .ply cloud in the camera's frame (x right, y down, z forward, metres), which is projected by `camera`. A LiDAR's own
      frame must be moved there first.

    Args:
        path: the file.
        camera: of the map, at its size.
        baseline_m: for a pixel_disparity.
        kind, convention: as in `leadline.io.depth.read_depth`.

    Raises:
        LeadlineError: the file can't be read, is not metric, or the camera or baseline is missing.
    """
    path = Path(path)
    if path.suffix.lower() == ".ply":
        return points_of_cloud(read_ply_points(path), camera, path.name)
    if path.suffix.lower() == ".npz" and (listed := _listed(path)) is not None:
        return listed
    depth = read_depth(path, kind=kind, convention=convention)
    if depth.kind.ambiguity is not Ambiguity.METRIC:
        raise LeadlineError(
            f"{path.name} holds {depth.kind}: expected metric distances to fit to; that is itself a relative map"
        )
    if depth.camera is None and camera is not None and camera.hw == depth.hw:
        depth = DepthMap(depth.values, depth.valid, depth.kind, camera, depth.source)
    return points_of_map(depth.to_depth(baseline_m), path.name)


def points_of_map(depth: DepthMap, origin: str = "depth map", most: int = _MOST_POINTS) -> MetricPoints:
    """Return the valid pixels of a metric depth map as points at their centres, evenly thinned to `most`.

    Raises:
        LeadlineError: the map has no valid pixel.
    """
    rows, columns = np.nonzero(depth.valid & (depth.values > 0))
    if rows.size == 0:
        raise LeadlineError(f"{origin} has no valid pixel: expected at least one distance")
    # A random draw, because every n-th pixel of a grid falls into columns.
    if rows.size > most:
        kept = np.sort(np.random.default_rng(0).choice(rows.size, most, replace=False))
        rows, columns = rows[kept], columns[kept]
    xy = np.stack([columns, rows], axis=1).astype(np.float64) + 0.5
    return MetricPoints(xy, depth.values[rows, columns].astype(np.float64), False, origin)


def points_of_cloud(cloud: Numbers, camera: Camera | None, origin: str = "cloud") -> MetricPoints:
    """Return the (n, 3) camera-frame points that are seen: where two fall on one pixel, the nearer.

    Raises:
        LeadlineError: there is no camera, or no point in the picture.
    """
    if camera is None:
        raise LeadlineError(f"no camera to project {origin}: give the focal length (--focal-px or --fov-deg)")
    front = cloud[np.isfinite(cloud).all(axis=1) & (cloud[:, 2] > 1e-3)]
    xy = camera.project(front)
    inside = ((xy >= 0) & (xy < (camera.width, camera.height))).all(axis=1)
    xy, z = xy[inside], front[inside, 2]
    if z.size == 0:
        raise LeadlineError(
            f"none of the {len(cloud)} points of {origin} is in the picture: expected the camera's frame (x right, y down, "
            "z forward, metres); move the cloud there first"
        )
    flat = np.floor(xy[:, 1]).astype(np.int64) * camera.width + np.floor(xy[:, 0]).astype(np.int64)
    order = np.lexsort((z, flat))
    nearest = order[np.diff(flat[order], prepend=-1) > 0]
    return MetricPoints(xy[nearest], z[nearest], False, origin)


def observe(depth: DepthMap, points: MetricPoints, *, zero_shift: bool = False) -> tuple[Observations, bool, int]:
    """Read a map at points with known distances.

    The pixel that holds a point counts, not a mixture of four: across an edge the mean of two depths is none.

    Args:
        depth: the map.
        points: in its pixels.
        zero_shift: as in `in_space`.

    Returns:
        The observations, whether a shift has to be found, and how many points fell on pixels without a value.

    Raises:
        LeadlineError: a point lies outside the picture, none can be used, or a camera is missing.
    """
    height, width = depth.hw
    column, row = np.floor(points.xy).astype(np.int64).T
    outside = (column < 0) | (row < 0) | (column >= width) | (row >= height)
    if outside.any():
        x, y = points.xy[int(np.argmax(outside))]
        raise LeadlineError(
            f"point ({x:g}, {y:g}) lies outside the picture of {width} x {height}: expected 0 <= x < {width}, 0 <= y < {height}"
        )
    prepared, shift = in_space(depth, zero_shift)
    there = prepared.valid[row, column]
    if points.by_hand and not there.all():
        x, y = points.xy[int(np.argmin(there))]
        raise LeadlineError(f"the map has no value at point ({x:g}, {y:g}): choose a pixel beside it")
    if not there.any():
        raise LeadlineError(f"no point of {points.origin} falls on a pixel with a value: is it of this picture?")
    column, row, distance = column[there], row[there], points.distance_m[there]
    lengths = _ray_lengths(depth, row, column) if points.along_ray else None
    z = distance if lengths is None else distance / lengths
    match prepared.kind.quantity:
        case Quantity.DISPARITY:
            target = 1 / z
        case Quantity.RAY_DISTANCE:
            target = distance if points.along_ray else z * _ray_lengths(depth, row, column)
        case _:
            target = z
    pred = prepared.values[row, column].astype(np.float64)
    group = _groups(row, column, depth.hw)
    return Observations(pred, target, group, prepared.kind.quantity), shift, int(np.count_nonzero(~there))


def _ray_lengths(depth: DepthMap, row: NDArray[np.int64], column: NDArray[np.int64]) -> Numbers:
    if depth.camera is None:
        raise LeadlineError("no camera to turn a distance along the ray into depth: give --focal-px or --fov-deg")
    lengths: Numbers = depth.camera.ray_lengths()[row, column]
    return lengths


def _groups(row: NDArray[np.int64], column: NDArray[np.int64], hw: tuple[int, int]) -> NDArray[np.int64]:
    if row.size <= _MOST_SINGLE:
        return np.arange(row.size)
    return row * _TILES // hw[0] * _TILES + column * _TILES // hw[1]


def _listed(path: Path) -> MetricPoints | None:
    """Return the points of an .npz that lists them, None of one that holds a map."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not {"xy", "depth"} <= set(arrays.files):
                return None
            xy, depth = arrays["xy"].astype(np.float64), arrays["depth"].astype(np.float64)
    except (OSError, ValueError, EOFError):
        return None  # read_depth says what is wrong with it
    if depth.ndim != 1 or xy.shape != (depth.size, 2):
        raise LeadlineError(f"{path.name}: xy of shape {xy.shape} and depth of {depth.shape}: expected (n, 2) and (n,)")
    return MetricPoints(xy, depth, False, path.name)


def _numbers(text: str, pattern: re.Pattern[str], example: str, places: Sequence[str]) -> list[float]:
    match = pattern.fullmatch(text.strip())
    if match is None or match["unit"] not in _UNITS:
        raise LeadlineError(f"{text!r}: expected {example}, in m, cm or mm")
    try:
        return [*(float(match[name]) for name in places), float(match["length"]) * _UNITS[match["unit"]]]
    except ValueError:
        raise LeadlineError(f"{text!r}: expected {example}") from None
