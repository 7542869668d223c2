import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.camera import Camera
from leadline.geometry import project_into, sample_bilinear, transform, unproject

CAMERA_A = Camera(30, 20, 28.0, 29.0, 14.0, 11.0)
CAMERA_B = Camera(24, 18, 20.0, 21.0, 12.5, 8.5, (0.02, 0.0, 0.001, 0.002))
TURN = np.array([[0.98, 0.0, 0.2, 0.3], [0.0, 1.0, 0.0, -0.1], [-0.2, 0.0, 0.98, 0.05], [0, 0, 0, 1]])


def test_without_motion_every_pixel_lands_on_itself() -> None:
    landing = project_into(CAMERA_A, np.eye(4), np.full(CAMERA_A.hw, 3.0), CAMERA_A)
    assert landing.valid.all()
    assert np.allclose(landing.xy, CAMERA_A.pixel_centres())
    assert (landing.depth == 3).all()


def test_landing_is_unprojecting_moving_and_projecting() -> None:
    depth = np.random.default_rng(0).uniform(2, 6, CAMERA_B.hw)
    landing = project_into(CAMERA_A, TURN, depth, CAMERA_B)
    points = transform(TURN, unproject(depth, CAMERA_B))
    assert 0 < landing.valid.sum() < landing.valid.size
    assert np.allclose(landing.xy[landing.valid], CAMERA_A.project(points)[landing.valid])
    assert np.allclose(landing.depth[landing.valid], points[..., 2][landing.valid])
    assert not landing.xy[~landing.valid].any()


def test_the_transform_is_a_from_b_not_b_from_a() -> None:
    forward = np.eye(4)
    forward[2, 3] = 1.0  # b's camera is 1 m ahead of a's: a point 2 m before b is 3 m before a
    landing = project_into(CAMERA_A, forward, np.full(CAMERA_A.hw, 2.0), CAMERA_A)
    assert np.allclose(landing.depth[landing.valid], 3.0)
    away = np.abs(landing.xy - (CAMERA_A.cx, CAMERA_A.cy)) <= np.abs(CAMERA_A.pixel_centres() - (CAMERA_A.cx, CAMERA_A.cy))
    assert away[landing.valid].all()  # it shrinks towards the middle


def test_points_behind_the_other_camera_or_without_depth_are_not_valid() -> None:
    backward = np.eye(4)
    backward[2, 3] = -5.0
    assert not project_into(CAMERA_A, backward, np.full(CAMERA_A.hw, 2.0), CAMERA_A).valid.any()
    holes = np.array([np.nan, np.inf, 0.0, -1.0])
    depth = np.resize(holes, CAMERA_A.hw)
    landing = project_into(CAMERA_A, np.eye(4), depth, CAMERA_A)
    assert not landing.valid.any()
    assert np.isfinite(landing.xy).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 7.5), st.floats(0.5, 4.5))
def test_a_linear_picture_is_sampled_exactly(x: float, y: float) -> None:
    centres = np.stack(np.meshgrid(np.arange(8) + 0.5, np.arange(5) + 0.5), axis=-1)
    picture = centres @ (3.0, -2.0) + 7
    value, valid = sample_bilinear(picture, [x, y])
    assert valid
    assert value == pytest.approx(3 * x - 2 * y + 7)


def test_half_a_pixel_at_the_rim_and_everything_outside_is_not_valid() -> None:
    picture = np.ones((5, 8))
    positions = [[0.49, 2], [7.51, 2], [4, 0.49], [4, 4.51], [-3, 2], [np.nan, 2], [np.inf, 2]]
    value, valid = sample_bilinear(picture, positions)
    assert not valid.any()
    assert not value.any()


def test_a_sample_needs_only_the_pixels_that_have_a_share_in_it() -> None:
    picture = np.array([[1.0, 2.0, np.nan]])
    value, valid = sample_bilinear(picture, [[1.5, 0.5], [1.6, 0.5]], np.isfinite(picture))
    assert valid.tolist() == [True, False]
    assert value.tolist() == [2.0, 0.0]


def test_colours_are_sampled_together_and_integers_become_float64() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[:, 1] = (10, 20, 255)
    value, valid = sample_bilinear(picture, [[1.0, 1.0]])
    assert valid.all()
    assert value.tolist() == [[5.0, 10.0, 127.5]]
