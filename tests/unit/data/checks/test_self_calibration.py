"""The focal length that points ask for, where the truth is known."""

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.checks.self_calibration import Pair, focal_factor

CAMERA = Camera.from_focal_px(300.0, (240, 384))


def pairs(degrees: float, way: tuple[float, float, float], count: int = 5, strangers: int = 12) -> list[Pair]:
    """Return 120 points each in two frames between which the camera turned and moved; `strangers` go their own ways."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        depth = rng.uniform(2, 12, 120)
        a = rng.uniform((0, 0), (384, 240), (120, 2))
        points = depth[:, None] * np.column_stack([(a - [CAMERA.cx, CAMERA.cy]) / CAMERA.fx, np.ones(120)])
        axis = rng.normal(size=3)
        turn = cv2.Rodrigues(np.radians(degrees) * axis / np.linalg.norm(axis))[0]
        b = CAMERA.project(points @ turn.T + np.multiply(way, rng.uniform(0.5, 1.5, 3)))
        b[:strangers] += rng.uniform(-20, 20, (strangers, 2))
        found.append(Pair(a + rng.normal(0, 0.2, a.shape), b + rng.normal(0, 0.2, b.shape), 0.1))
    return found


@pytest.mark.parametrize("given", [0.5, 1.0, 1.9])
def test_the_factor_is_found_from_far_away(given: float) -> None:
    assumed = Camera.from_focal_px(300.0 * given, (240, 384))
    found = focal_factor(pairs(8, (0.4, 0.1, 0.4)), assumed)
    assert found is not None
    assert found.factor * given == pytest.approx(1, abs=0.08)
    assert found.low <= found.factor <= found.high
    assert found.low * given <= 1.05
    assert found.high * given >= 0.95
    assert found.wrong == (given != 1.0)


def test_points_are_square_where_pixels_are_not() -> None:
    narrow = Camera(CAMERA.width, CAMERA.height, 300.0, 150.0, CAMERA.cx, CAMERA.cy)
    seen = [Pair(p.a * [1, 0.5] + [0, 60], p.b * [1, 0.5] + [0, 60], 0.1) for p in pairs(8, (0.4, 0.1, 0.4))]
    found = focal_factor(seen, narrow)
    assert found is not None
    assert found.factor == pytest.approx(1, abs=0.08)


def test_a_camera_that_never_turns_says_nothing() -> None:
    assert focal_factor(pairs(0, (0.4, 0.1, 0.4)), CAMERA) is None


def test_too_few_pairs_say_nothing() -> None:
    assert focal_factor([], CAMERA) is None
    assert focal_factor(pairs(8, (0.4, 0.1, 0.4), count=2), CAMERA) is None
