"""Poses that are not rigid, run the wrong way, have other axes or another unit than the depth.

A pose is tried out: the points of one sample are taken into another one's camera, where their depth must meet that sample's
own. The pose as stated and its classic misreadings are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.checks.finding import Finding, Look
from leadline.depth_map import DepthMap
from leadline.geometry import transform

POINTS = 2000
TOLERANCE = 1e-3  # of a rotation's entries; seven digits in a text file are well below it
LEAST_SEEN = 0.35  # of the points must land on valid depth under a reading, or it says nothing
LEAST_MOTION = 0.02  # median relative depth error if the camera is taken to stand still: less tells no pose from another
WRONG, RIGHT = 0.04, 0.03  # median relative depth error: as stated at least, as it should be at most
LEAST_GAIN = 2.5  # times smaller under the better reading
LEAST_PAIRS, AGREEING = 3, 0.8
ANCHOR_AGE = 12  # samples after which a sample is compared no more

# A camera frame with x right, y up, z backward, as in OpenGL, Blender and Habitat.
_Y_UP = np.diag([1.0, -1.0, -1.0, 1.0])
_UNITS = {"1/1000": 1e-3, "1/100": 1e-2, "1/10": 0.1, "10": 10.0, "100": 100.0, "1000": 1000.0, "1/5": 0.2, "5": 5.0}
_STATED = "as stated"
_STILL = "still"


class Posed(NamedTuple):
    """What is kept of a sample."""

    folder: str
    turn: int
    depth: DepthMap
    camera: Camera
    pose: NDArray[np.float64]


def find_not_rigid(look: Look) -> Iterator[Finding]:
    """Judge the pose of one sample by itself."""
    pose = look.sample.world_from_camera
    if pose is None:
        return
    if why := _not_rigid(np.asarray(pose, np.float64)):
        yield Finding(
            "pose that is not rigid", "error", "certain", why,
            "expected a (4, 4) matrix with a rotation, a translation in metres and the last row 0 0 0 1",
        )  # fmt: skip


class Poses:
    """Takes points from sample to sample and compares the readings of the poses."""

    def __init__(self) -> None:
        self._anchor: Posed | None = None
        self._looked = 0
        self._errors: list[dict[str, float]] = []

    def see(self, look: Look) -> None:
        """Look at one sample, and compare it with an earlier one of the same folder."""
        self._looked += 1
        depth, camera, pose = look.metric_depth, look.depth_camera, look.sample.world_from_camera
        if depth is None or camera is None or pose is None or _not_rigid(np.asarray(pose, np.float64)):
            return
        mine = Posed(look.name.rpartition("/")[0], self._looked, depth, camera, np.asarray(pose, np.float64))
        anchor = self._anchor
        if anchor is None or anchor.folder != mine.folder or mine.turn - anchor.turn > ANCHOR_AGE:
            self._anchor = mine
            return
        errors = reading_errors(anchor, mine)
        if _STILL in errors and errors[_STILL] < LEAST_MOTION:
            return  # the next one may have moved farther from the same anchor
        self._anchor = mine
        if errors:
            self._errors.append(errors)

    def findings(self) -> Iterator[Finding]:
        """Yield the reading that explains the depths clearly better than the stated one, if there is one."""
        stated = np.array([errors.get(_STATED, np.inf) for errors in self._errors])
        if len(stated) < LEAST_PAIRS:
            return
        wrong = float(np.median(stated))
        best, right = _STATED, wrong
        for reading in {reading for errors in self._errors for reading in errors} - {_STATED, _STILL}:
            other = np.array([errors.get(reading, np.inf) for errors in self._errors])
            if (other < stated).mean() >= AGREEING and float(np.median(other)) < right:
                best, right = reading, float(np.median(other))
        if best == _STATED or wrong < WRONG or right > RIGHT or wrong < LEAST_GAIN * right:
            return
        mistake, remedy = _explained(best)
        missed = "most points miss the picture" if np.isinf(wrong) else f"depths differ by {wrong:.1%}"
        yield Finding(
            mistake, "error", "likely",
            f"from frame to frame {missed} with the poses as stated, by {right:.1%} if {best} ({len(stated)} pairs)",
            remedy, (), self._looked,
        )  # fmt: skip


def reading_errors(first: Posed, second: Posed) -> dict[str, float]:
    """Return the median relative depth error in the second sample by reading of the poses; those that say nothing are left out.

    Under a right reading most points land, so that it is never left out where there is overlap.
    """
    a, b = first.pose, second.pose
    readings = {
        _STATED: np.linalg.inv(b) @ a,
        "they are camera from world": b @ np.linalg.inv(a),
        "the camera's y points up and z back": _Y_UP @ np.linalg.inv(b) @ a @ _Y_UP,
        "they are camera from world with y up and z back": _Y_UP @ b @ np.linalg.inv(a) @ _Y_UP,
        _STILL: np.eye(4),
    }
    for factor, number in _UNITS.items():
        scaled = readings[_STATED].copy()
        scaled[:3, 3] *= number
        readings[f"their unit is {factor} of the depth's"] = scaled
    flat = np.flatnonzero(first.depth.valid)
    chosen = flat[:: max(1, flat.size // POINTS)]
    points = first.depth.values.ravel()[chosen, None] * first.camera.rays().reshape(-1, 3)[chosen]
    errors = {reading: _error(transform(b_from_a, points), second) for reading, b_from_a in readings.items()}
    return {reading: error for reading, error in errors.items() if error is not None}


def _error(points: NDArray[np.float64], second: Posed) -> float | None:
    """Return the median of \\|z / z' - 1\\| over the (n, 3) points that land on valid depth, None if too few do."""
    ahead = points[points[:, 2] > 0.01]
    if len(ahead) < LEAST_SEEN * len(points) or not len(points):
        return None
    x, y = np.floor(second.camera.project(ahead)).T
    inside = (x >= 0) & (x < second.camera.width) & (y >= 0) & (y < second.camera.height)
    x, y, z = x[inside].astype(np.intp), y[inside].astype(np.intp), ahead[inside, 2]
    known = second.depth.valid[y, x]
    if known.sum() < LEAST_SEEN * len(points):
        return None
    return float(np.median(np.abs(second.depth.values[y, x][known] / z[known] - 1)))


def _not_rigid(pose: NDArray[np.float64]) -> str:
    """Return why a matrix is no rigid pose, or nothing."""
    if pose.shape != (4, 4):
        return f"a pose of shape {pose.shape}"
    if not np.isfinite(pose).all():
        return "a pose that holds NaN or infinity"
    turn = pose[:3, :3]
    if (off := float(np.abs(turn @ turn.T - np.eye(3)).max())) > TOLERANCE:
        return f"its rotation times its transpose differs from 1 by {off:.2g}"
    if np.linalg.det(turn) < 0:
        return "its rotation mirrors (determinant -1)"
    if np.abs(pose[3] - (0, 0, 0, 1)).max() > TOLERANCE:
        return f"its last row is {' '.join(f'{x:g}' for x in pose[3])}"
    return ""


def _explained(reading: str) -> tuple[str, str]:
    """Return the mistake's name and remedy."""
    if "unit" in reading:
        return "poses and depth of different units", "bring the translations to metres, or correct the depth's unit"
    if reading == "the camera's y points up and z back":
        return "poses with other axes", "multiply each pose by diag(1, -1, -1, 1) from the right"
    if "y up" in reading:
        return "poses the wrong way round", "invert each pose and multiply it by diag(1, -1, -1, 1) from the right"
    return "poses the wrong way round", "invert each pose: world_from_camera is wanted"
