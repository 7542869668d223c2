"""The ground under a camera: the plane of a map's floor or road, and how high the camera stands over it."""

from __future__ import annotations

from math import cos, radians
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.geometry import normals_from_depth, unproject
from leadline.scale.observations import Numbers

# The ground's normal is at most so far from the picture's vertical: a camera looks down or rolls, but is not lying.
_TILT_DEG = 40.0
_ROUGH_DEG = 20.0  # and that of a pixel so much farther: maps are rough
# A pixel lies on the plane if its depth is within this share of the plane's there.
_TOLERANCE = 0.04
# Ground is what nothing lies below: of all pixels at most this share may.
_MOST_BELOW = 0.05
# A plane that holds less of the lower half is a table top, a step or chance.
_FEWEST = 0.1
_SAMPLED = 4000
_HYPOTHESES = 400
_REFITS = 5


class Ground(NamedTuple):
    """A plane below the camera.

    Attributes:
        normal: (3,) unit vector of the camera's frame that points down, away from the camera.
        height: distance from camera to plane, in the map's unit.
        inliers: (h, w) bool, pixels of the lower half on it.
        share: of the lower half's valid pixels, how many are on it.
    """

    normal: Numbers
    height: float
    inliers: NDArray[np.bool_]
    share: float


def fit_ground(depth: DepthMap, seed: int = 0) -> Ground:
    """Find the ground plane of a depth map by RANSAC over back-projected points of its lower half.

    Only pixels whose surface faces up take part: else a plane through walls and floor can win by chance.
    A point p of the plane fulfils n'p = 1 with n' = normal / height. Depth errs by a share of itself, and so does n'p: one
    tolerance is right near and far. The plane with the most pixels wins, among those that are roughly level and have almost
    nothing below them; its pixels are then refitted by least squares in n'.

    Args:
        depth: depth in any unit, with a camera that is roughly upright and sees the ground in the lower half.
        seed: of the draws.

    Raises:
        LeadlineError: there is no camera, or no ground to be found.
    """
    if depth.camera is None:
        raise LeadlineError("no camera to find the ground with: give the focal length (--focal-px or --fov-deg)")
    seen = depth.valid & (depth.values > 0)
    lower = seen & (np.arange(depth.hw[0])[:, None] >= depth.hw[0] // 2)
    level = lower & _level_pixels(depth.values, seen, depth.camera)
    cloud = unproject(depth.values, depth.camera)
    rng = np.random.default_rng(seed)
    points, others = _some(cloud[level], rng), _some(cloud[seen], rng)
    best, plane = 0.0, None
    for _ in range(_HYPOTHESES if len(points) >= 3 else 0):
        found = _through(points[rng.integers(0, len(points), 3)])
        if found is None or np.mean(others @ found > 1 + 3 * _TOLERANCE) > _MOST_BELOW:
            continue
        agreeing = float(np.mean(np.abs(points @ found - 1) <= _TOLERANCE))
        if agreeing > best:
            best, plane = agreeing, found
    for _ in range(_REFITS):
        on = np.zeros(0) if plane is None else np.abs(points @ plane - 1) <= _TOLERANCE
        if np.count_nonzero(on) < 3:
            break
        assert plane is not None
        plane = _level(np.linalg.lstsq(points[on], np.ones(np.count_nonzero(on)), rcond=None)[0].astype(np.float64))
    inliers = level & (np.abs(cloud @ plane - 1) <= _TOLERANCE) if plane is not None else np.zeros_like(level)
    share = float(np.count_nonzero(inliers)) / max(int(np.count_nonzero(lower)), 1)
    if plane is None or share < _FEWEST:
        raise LeadlineError(
            f"no ground: {share:.0%} of the lower half lies on one level plane, expected at least {_FEWEST:.0%} and nothing "
            "below it; take a picture that shows the floor or road, or use points"
        )
    length = float(np.linalg.norm(plane))
    return Ground(plane / length, 1 / length, inliers, share)


def _level_pixels(depth: NDArray[np.float32], seen: NDArray[np.bool_], camera: Camera) -> NDArray[np.bool_]:
    """Return (h, w) which pixels have a surface that faces up, roughly; the map is smoothed first, in disparity."""
    import cv2

    side = max(depth.shape) // 100 | 1
    disparity = np.where(seen, 1 / np.where(seen, depth, 1), 0).astype(np.float32)
    # A box is symmetric and a plane's disparity linear, so that planes stay what they are.
    weight = cv2.blur(seen.astype(np.float32), (side, side))
    smooth = cv2.blur(disparity, (side, side)) / np.maximum(weight, 1e-6)
    normals, found = normals_from_depth(1 / np.maximum(smooth, 1e-12), camera, seen)
    return np.asarray(found & (normals[..., 1] < -cos(radians(_TILT_DEG + _ROUGH_DEG))))


def _through(corners: Numbers) -> Numbers | None:
    """Return n' of the plane through three points, None if they are in line or it is not level."""
    try:
        return _level(np.linalg.solve(corners, np.ones(3)).astype(np.float64))
    except np.linalg.LinAlgError:
        return None


def _level(plane: Numbers) -> Numbers | None:
    # y points down: so does the normal of what lies below.
    return plane if plane[1] > cos(radians(_TILT_DEG)) * np.linalg.norm(plane) else None


def _some(points: Numbers, rng: np.random.Generator) -> Numbers:
    return points if len(points) <= _SAMPLED else points[rng.choice(len(points), _SAMPLED, replace=False)]
