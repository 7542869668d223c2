"""Files of camera paths: KITTI's rows of twelve numbers, TUM's rows of time, place and quaternion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write

TrajectoryFormat = Literal["kitti", "tum"]
_MATRIX, _TUM = (12, 16), 8  # numbers a row


class Trajectory(NamedTuple):
    """A camera's path.

    Attributes:
        poses: (N, 4, 4) world_from_camera; x right, y down, z forward in the camera.
        times_s: (N,), None if the file has none.
    """

    poses: NDArray[np.float64]
    times_s: NDArray[np.float64] | None = None


def write_trajectory(
    path: str | PathLike[str],
    poses: NDArray[np.float64],
    layout: TrajectoryFormat = "kitti",
    times_s: Sequence[float] | NDArray[np.float64] | None = None,
) -> Path:
    """Write a path.

    Args:
        path: of the file.
        poses: (N, 4, 4) world_from_camera.
        layout: "kitti", the upper three rows of each matrix in a line; "tum", ``time x y z qx qy qz qw``.
        times_s: of each pose; "tum" needs them.

    Raises:
        LeadlineError: "tum" without a time for each pose, or the file can't be written.
    """
    path = Path(path)
    if layout == "tum":
        if times_s is None or len(times_s) != len(poses):
            raise LeadlineError(
                f"{'no' if times_s is None else len(times_s)} times for {len(poses)} poses: expected one each; say the frame "
                "rate, or write kitti"
            )
        rows = [[time, *pose[:3, 3], *quaternion(pose[:3, :3])] for time, pose in zip(times_s, poses, strict=True)]
    else:
        rows = [list(pose[:3].ravel()) for pose in poses]
    with atomic_write(path) as temporary:
        temporary.write_text("".join(" ".join(f"{value:.9g}" for value in row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_trajectory(path: str | PathLike[str]) -> Trajectory:
    """Read a path: rows of 12 (KITTI) or 16 numbers, of 8 (TUM), or the ``camera.json`` of a rendered film.

    Raises:
        LeadlineError: the file is missing or holds no path.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(f"can't read {path} ({type(error).__name__}): expected a text file of poses") from None
    if path.suffix.lower() == ".json":
        return _of_json(text, path)
    lines = [line.replace(",", " ").split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    widths = {len(line) for line in lines}
    if len(widths) != 1 or not widths & {*_MATRIX, _TUM}:
        found = ", ".join(map(str, sorted(widths))) or "no"
        raise LeadlineError(
            f"{path} has rows of {found} numbers: expected 12 (KITTI), 16 (4 x 4 matrices) or 8 (TUM) in every row"
        )
    try:
        rows = np.array(lines, dtype=np.float64)
    except ValueError:
        raise LeadlineError(f"{path} has words between its numbers: expected rows of numbers") from None
    if rows.shape[1] == _TUM:
        poses = np.tile(np.eye(4), (len(rows), 1, 1))
        poses[:, :3, 3] = rows[:, 1:4]
        poses[:, :3, :3] = [rotation_of(row) for row in rows[:, 4:]]
        return Trajectory(poses, rows[:, 0])
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = rows[:, :12].reshape(-1, 3, 4)
    return Trajectory(poses)


def quaternion(rotation: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return (x, y, z, w) of a (3, 3) rotation, w not negative.

    It is the eigenvector of the largest eigenvalue of a symmetric matrix (Bar-Itzhack 2000), which has no case where it divides
    by something small.
    """
    r = rotation
    matrix = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
            [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
            [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], 0],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r[0, 0] + r[1, 1] + r[2, 2]],
        ]
    )
    vector = np.linalg.eigh(matrix, UPLO="L")[1][:, -1]
    x, y, z, w = vector if vector[3] >= 0 else -vector
    return float(x), float(y), float(z), float(w)


def rotation_of(xyzw: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3, 3) rotation of a quaternion, its real part last; its length does not matter.

    Raises:
        LeadlineError: the quaternion has no length.
    """
    q = np.asarray(xyzw, np.float64)
    length = float(np.linalg.norm(q))
    if not (np.isfinite(length) and length > 0):
        raise LeadlineError(f"quaternion {tuple(xyzw)}: expected four numbers that are not all zero")
    v, w = q[:3] / length, q[3] / length
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + 2 * w * cross + 2 * cross @ cross)


def _of_json(text: str, path: Path) -> Trajectory:
    try:
        views = json.loads(text)["views"]
        poses = np.array([view["world_from_camera"] for view in views], np.float64)
    except (ValueError, KeyError, TypeError):
        poses = np.zeros(0)
    if poses.ndim != 3 or poses.shape[1:] != (4, 4):
        raise LeadlineError(
            f"{path} holds no path: expected views with world_from_camera, as leadline synth --video writes them"
        )
    return Trajectory(poses)
