"""How much of a map lies on planes, under each reading of its numbers.

Walls, floors, roads and table tops are planes, and a plane ``n . P = c`` seen by a pinhole, P = z r with the ray r through the
pixel (x, y), says n . r / c = 1/z: **1/z is affine in the pixel's position**, whatever the focal length. So for numbers v

    =============  ==========================  ====================================
    reading        affine on a plane           because
    =============  ==========================  ====================================
    depth          1 / v                       v = z
    ray_distance   \\|r\\| / v                   v = z \\|r\\|  (the only one that needs a camera)
    disparity      v                           v = k / z (+ constant)
    =============  ==========================  ====================================

and the wrong readings bend the planes. The right one is the one under which the few largest planes hold the most pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap

Reading = Literal["depth", "ray_distance", "disparity"]

POINTS = 1500  # pixels looked at in a map, spread evenly
TRIPLES = 160  # planes tried for each that is found
PLANES = 4  # the largest ones that are counted
TOLERANCE = 0.006  # of the value: a structured-light camera's noise at 2 to 3 m
SMALLEST_SHARE = 0.04  # of the points: less is chance


@dataclass(frozen=True)
class Support:
    """What the largest planes of one map hold under one reading.

    Attributes:
        share: of the points, on all of these planes together.
        planes: (k, 3) coefficients (a, b, c) of ``field = a x + b y + c`` with x, y from -0.5 to 0.5 over the longer side.
        shares: (k,) of the points on each.
    """

    share: float
    planes: NDArray[np.float64]
    shares: NDArray[np.float64]


def plane_supports(depth: DepthMap, camera: Camera | None, rng: np.random.Generator) -> dict[Reading, Support]:
    """Return the support of each reading that can be tried: ray_distance needs a camera; none if too little is valid."""
    chosen = _spread(depth.valid & (depth.values > 0), rng)
    if len(chosen) < POINTS // 5:
        return {}
    width = depth.hw[1]
    rows, columns = np.divmod(chosen, width)
    xy = (np.stack([columns, rows], axis=1) + 0.5) / max(depth.hw) - 0.5
    values = depth.values.ravel()[chosen].astype(np.float64)
    fields: dict[Reading, NDArray[np.float64]] = {"depth": 1 / values, "disparity": values}
    if camera is not None and camera.hw == depth.hw:
        fields["ray_distance"] = camera.ray_lengths().ravel()[chosen] / values
    triples = _triples(xy, rng)
    return {reading: _support(field, xy, triples) for reading, field in fields.items()} if len(triples) else {}


def plane_normals(support: Support, hw: tuple[int, int], camera: Camera) -> NDArray[np.float64]:
    """Return (k, 3) vectors N of the planes N . P = 1 in the camera's frame, where the support is that of a 1/z field.

    1/z = N . r with the ray r = ((x - cx) / fx, (y - cy) / fy, 1). A plane lies 1 / \\|N\\| from the camera, along N.
    """
    side = max(hw)
    a, b, c = support.planes.T
    at_centre = a * (camera.cx / side - 0.5) + b * (camera.cy / side - 0.5) + c
    return np.stack([a * camera.fx / side, b * camera.fy / side, at_centre], axis=1)


def _spread(valid: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return flat indices of at most POINTS valid pixels: one at random from each equal stretch."""
    index = np.flatnonzero(valid)
    if index.size <= POINTS:
        return index
    edges = np.linspace(0, index.size, POINTS + 1).astype(np.int64)
    return index[rng.integers(edges[:-1], edges[1:])]


def _triples(xy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (t, 3) indices of points that are close enough to lie on one surface and far enough apart to define it."""
    count = 4 * PLANES * TRIPLES
    first = rng.integers(len(xy), size=count)
    others = rng.integers(len(xy), size=(count, 24))
    distance = np.linalg.norm(xy[others] - xy[first][:, None], axis=2)
    near = (distance > 0.03) & (distance < 0.2)
    order = np.argsort(~near, axis=1, kind="stable")[:, :2]
    both = np.take_along_axis(near, order, axis=1).all(axis=1)
    picked = np.take_along_axis(others, order, axis=1)
    triples = np.column_stack([first, picked])[both]
    a, b = xy[triples[:, 1]] - xy[triples[:, 0]], xy[triples[:, 2]] - xy[triples[:, 0]]
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return triples[area > 0.002]


def _support(field: NDArray[np.float64], xy: NDArray[np.float64], triples: NDArray[np.int64]) -> Support:
    """Find the largest planes one after another (sequential RANSAC, Fischler and Bolles 1981)."""
    design = np.column_stack([xy, np.ones(len(xy))])
    left = np.ones(len(xy), bool)
    planes, shares = [], []
    for _ in range(PLANES):
        usable = triples[left[triples].all(axis=1)][:TRIPLES]
        if not len(usable) or left.sum() < 3:
            break
        models = np.asarray(np.linalg.solve(design[usable], field[usable][..., None])[..., 0], np.float64)
        error = np.abs(models @ design[left].T / field[left] - 1)
        best = models[np.argsort(-(error < 2 * TOLERANCE).sum(axis=1))[:5]]
        fitted = [_refined(model, design[left], field[left]) for model in best]
        on = [np.abs(design @ model / field - 1) < TOLERANCE for model in fitted]
        counts = [int((mask & left).sum()) for mask in on]
        winner = int(np.argmax(counts))
        if counts[winner] < SMALLEST_SHARE * len(xy):
            break
        planes.append(fitted[winner])
        shares.append(counts[winner] / len(xy))
        left &= ~on[winner]
    return Support(float(sum(shares)), np.array(planes).reshape(-1, 3), np.array(shares))


def _refined(model: NDArray[np.float64], design: NDArray[np.float64], field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the plane to its inliers by least squares of the relative error, with a tolerance that closes in."""
    for factor in (3.0, 2.0, 1.0, 1.0):
        on = np.abs(design @ model / field - 1) < factor * TOLERANCE
        if on.sum() < 3:
            return model
        weighted = design[on] / field[on][:, None]
        model = np.asarray(np.linalg.lstsq(weighted, np.ones(len(weighted)), rcond=None)[0], np.float64)
    return model
