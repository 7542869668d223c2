"""How far a camera's path is from the true one: ATE and RPE, as the package evo defines them.

Poses are (N, 4, 4) world_from_camera. A path learnt from one camera has neither a unit nor the truth's axes, so it is aligned
first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

Poses = NDArray[np.float64]
Values = NDArray[np.float64]
Alignment = Literal["none", "rigid", "scale", "similarity"]

_SMALLEST = 1e-12  # of the variance of positions, below which a path is one point


@dataclass(frozen=True)
class PathErrors:
    """Errors of a path after alignment.

    Attributes:
        frames: poses that were compared.
        scale: that the path was multiplied by; 1 without.
        ate_rmse, ate_mean, ate_max: absolute trajectory error: distances between positions, in the truth's unit.
        rpe_rmse, rpe_rotation_rmse_deg: relative pose error over `delta` frames: of translations, and of rotations in degrees.
        delta: see above.
    """

    frames: int
    scale: float
    ate_rmse: float
    ate_mean: float
    ate_max: float
    rpe_rmse: float
    rpe_rotation_rmse_deg: float
    delta: int


def path_errors(pred: Poses, target: Poses, alignment: Alignment = "similarity", delta: int = 1) -> PathErrors:
    """Return ATE and RPE of a path.

    Args:
        pred, target: (N, 4, 4) world_from_camera of the same frames.
        alignment: "none"; "rigid", turned and moved onto the truth; "scale", multiplied alone; "similarity", both.
        delta: frames between the poses that RPE compares.

    Raises:
        LeadlineError: paths of different length, fewer than two poses, a path without motion, or a delta beyond the end.
    """
    _check(pred, target)
    if not 1 <= delta < len(pred):
        raise LeadlineError(f"delta {delta} for a path of {len(pred)} poses: expected 1 to {len(pred) - 1}")
    aligned, scale = align_path(pred, target, alignment)
    absolute = absolute_errors(aligned, target)
    moved, turned_deg = relative_errors(aligned, target, delta)
    return PathErrors(
        len(pred), scale, _rms(absolute), float(absolute.mean()), float(absolute.max()), _rms(moved), _rms(turned_deg), delta
    )


def align_path(pred: Poses, target: Poses, alignment: Alignment = "similarity") -> tuple[Poses, float]:
    """Return a path brought to another by least squares over positions (Umeyama 1991, equations 40 to 42), and the scale.

    With "scale" the path is only multiplied, by the scale of the best similarity, as evo does: both should start at the same
    pose, see `from_first`.

    Raises:
        LeadlineError: as in `path_errors`.
    """
    _check(pred, target)
    if alignment == "none":
        return pred, 1.0
    x, y = pred[:, :3, 3], target[:, :3, 3]
    centred_x, centred_y = x - x.mean(0), y - y.mean(0)
    variance = float((centred_x**2).sum(1).mean())
    if variance < _SMALLEST:
        raise LeadlineError("a path without motion can't be aligned: expected a camera that moves; check the network's motion")
    u, spectrum, vt = np.linalg.svd(centred_y.T @ centred_x / len(x))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])  # no mirror
    rotation = (u * signs) @ vt
    scale = float((spectrum * signs).sum() / variance) if alignment in ("scale", "similarity") else 1.0
    found = pred.copy()
    found[:, :3, 3] *= scale
    if alignment == "scale":
        return found, scale
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = rotation, y.mean(0) - scale * rotation @ x.mean(0)
    return moved @ found, scale


def absolute_errors(pred: Poses, target: Poses) -> Values:
    """Return (N,) distances between positions (evo: APE of the translation part)."""
    return np.asarray(np.linalg.norm(pred[:, :3, 3] - target[:, :3, 3], axis=1))


def relative_errors(pred: Poses, target: Poses, delta: int = 1) -> tuple[Values, Values]:
    """Return (M,) errors of translation and (M,) of rotation in degrees of the motions over `delta` frames.

    The pairs are frames 0 and delta, delta and 2 delta, and so on; the error is ``inverse(true motion) @ motion``, and its
    translation and its angle are what is measured (evo: RPE, a delta in frames, not all pairs).
    """
    first = np.arange(0, len(pred) - delta, delta)
    off = invert(_motions(target, first, delta)) @ _motions(pred, first, delta)
    cosine = np.clip((np.trace(off[:, :3, :3], axis1=1, axis2=2) - 1) / 2, -1, 1)
    r = off[:, :3, :3]
    # Near no rotation the cosine says nothing of the angle; the sine does.
    sine = np.linalg.norm([r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]], axis=0) / 2
    return np.linalg.norm(off[:, :3, 3], axis=1), np.degrees(np.arctan2(sine, cosine))


def from_first(poses: Poses) -> Poses:
    """Return (N, 4, 4) poses in the frame of the first camera, as KITTI's files are."""
    return np.asarray(invert(poses[:1]) @ poses)


def invert(poses: Poses) -> Poses:
    """Return the inverses of (N, 4, 4) rigid motions."""
    found = np.tile(np.eye(4), (len(poses), 1, 1))
    turned = poses[:, :3, :3].transpose(0, 2, 1)
    found[:, :3, :3], found[:, :3, 3] = turned, -(turned @ poses[:, :3, 3:])[..., 0]
    return found


def _motions(poses: Poses, first: NDArray[np.int64], delta: int) -> Poses:
    return np.asarray(invert(poses[first]) @ poses[first + delta])


def _rms(values: Values) -> float:
    return float(np.sqrt((values**2).mean()))


def _check(pred: Poses, target: Poses) -> None:
    if pred.shape != target.shape or pred.shape[1:] != (4, 4):
        raise LeadlineError(f"paths of shape {pred.shape} and {target.shape}: expected (N, 4, 4) poses of the same frames")
    if len(pred) < 2:
        raise LeadlineError(f"a path of {len(pred)} pose: expected at least two")
    if not (np.isfinite(pred).all() and np.isfinite(target).all()):
        raise LeadlineError("a path has poses that are not finite: leave these frames out of both")
