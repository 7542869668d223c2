"""Smooth camera paths between the views of a scene, for films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.scene import View

FirstHit = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

FRAMES_PER_S = 10.0  # of worlds that are films
_CLEARANCE_M = 0.25
_STEP_OF_DEPTH = 0.03  # the camera moves at most this share of the depth ahead per frame


def interpolate(a: View, b: View, t: float) -> View:
    """Return the view at `t` in 0..1 between two: straight line, constant turn (slerp)."""
    turn = a.world_from_camera[:3, :3].T @ b.world_from_camera[:3, :3]
    pose = np.eye(4)
    pose[:3, :3] = a.world_from_camera[:3, :3] @ rotation_from_vector(t * vector_from_rotation(turn))
    pose[:3, 3] = (1 - t) * a.world_from_camera[:3, 3] + t * b.world_from_camera[:3, 3]
    mixed = {k: (1 - t) * getattr(a, k) + t * getattr(b, k) for k in ("fov_x_deg", "aperture_m", "focus_m")}
    return View(pose, **mixed)


def vector_from_rotation(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3,) axis times angle in radians (0..pi) of a (3, 3) rotation."""
    return np.asarray(cv2.Rodrigues(r)[0][:, 0], np.float64)


def rotation_from_vector(v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `vector_from_rotation`."""
    return np.asarray(cv2.Rodrigues(v)[0], np.float64)


def smooth_path(views: Sequence[View], frames: int, first_hit: FirstHit, rng: np.random.Generator) -> list[View]:
    """Return `frames` views along a move that starts at one of `views`, heads for another and passes through nothing.

    The move starts and ends gently, goes only as far as the speed limit allows, and keeps clear of what is ahead of it and
    before the lens. Where the way to every other view is blocked the camera turns on the spot.

    Raises:
        ValueError: there are no views.
    """
    if not views:
        raise ValueError("a path needs a view to start from")
    pairs = list(permutations(range(len(views)), 2))
    for i, j in (pairs[k] for k in rng.permutation(len(pairs))):
        share = _clear_share(views[i], views[j], frames, first_hit)
        if share > 0.05:
            path = _frames(views[i], views[j], share, frames)
            if _looks_free(path, first_hit):
                return path
    start = views[int(rng.integers(len(views)))]
    angle = rng.choice([-1.0, 1.0]) * min(0.5, 0.02 * frames)
    turned = start.world_from_camera.copy()
    turned[:3, :3] = turned[:3, :3] @ rotation_from_vector(np.array([0.0, angle, 0.0]))
    return _frames(start, replace(start, world_from_camera=turned), 1.0, frames)


def sway(rng: np.random.Generator, time_s: NDArray[np.float64], period_s: float) -> NDArray[np.float64]:
    """Return a smooth random swing about 0, mostly within -1..1, at the times given: three waves around a period."""
    periods, phases = period_s * rng.uniform(0.6, 1.7, 3), rng.uniform(0, 2 * np.pi, 3)
    return np.asarray(np.sin(2 * np.pi * time_s[:, None] / periods + phases).mean(1) * np.sqrt(2.0))


def _frames(a: View, b: View, share: float, frames: int) -> list[View]:
    t = np.linspace(0, 1, frames)
    ease = t * t * (3 - 2 * t)
    return [interpolate(a, b, float(share * e)) for e in ease]


def _clear_share(a: View, b: View, frames: int, first_hit: FirstHit) -> float:
    """How much of the way from a to b is free and slow enough, 0..1."""
    start = a.world_from_camera[:3, 3]
    way = b.world_from_camera[:3, 3] - start
    length = float(np.linalg.norm(way))
    ahead = _centre_depth([a], first_hit)[0]
    speed = _STEP_OF_DEPTH * min(ahead, 20.0) * frames / 1.5  # easing peaks at 1.5 times the mean speed
    turn = np.linalg.norm(vector_from_rotation(a.world_from_camera[:3, :3].T @ b.world_from_camera[:3, :3]))
    share = min(1.0, 0.03 * frames / max(float(turn), 1e-6))
    if length < 1e-6:
        return float(share)
    free = float(first_hit(start[None], way[None] / length)[0]) - _CLEARANCE_M
    return float(min(share, speed / length, max(free, 0.0) / length))


def _looks_free(path: Sequence[View], first_hit: FirstHit) -> bool:
    return bool((_centre_depth(path, first_hit) > _CLEARANCE_M).all())


def _centre_depth(views: Sequence[View], first_hit: FirstHit) -> NDArray[np.float64]:
    poses = np.stack([v.world_from_camera for v in views])
    return first_hit(poses[:, :3, 3], poses[:, :3, 2])
