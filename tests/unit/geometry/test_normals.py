import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.camera import Camera
from leadline.geometry import normals_from_depth

CAMERA = Camera(40, 30, 35.0, 36.0, 19.0, 16.0)


def plane_depth(normal: np.ndarray, offset: float, camera: Camera = CAMERA) -> np.ndarray:
    """Depth of all points x with normal . x = offset."""
    return offset / (camera.rays() @ normal)


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.1, 50))
def test_the_normals_of_a_plane_are_exact_up_to_its_border(x: float, y: float, distance: float) -> None:
    normal = np.array([x, y, -1.0]) / np.linalg.norm([x, y, -1.0])
    normals, found = normals_from_depth(plane_depth(normal, -distance), CAMERA)
    assert found.all()
    assert np.allclose(normals, normal, atol=1e-9)


def test_a_floors_normal_is_minus_y_since_y_points_down() -> None:
    depth = plane_depth(np.array([0.0, 1.0, 0.0]), 1.5)  # 1.5 m below the camera
    normals, found = normals_from_depth(depth, CAMERA, depth > 0)
    below = CAMERA.pixel_centres()[..., 1] > CAMERA.cy + 2
    assert found[below].all()
    assert np.allclose(normals[below], (0, -1, 0), atol=1e-9)


def test_normals_face_the_camera_also_on_a_ceiling() -> None:
    depth = plane_depth(np.array([0.0, -1.0, 0.0]), 1.5)
    normals, found = normals_from_depth(depth, CAMERA, depth > 0)
    assert np.allclose(normals[found], (0, 1, 0), atol=1e-9)


def test_an_edge_between_two_planes_does_not_bend_the_normals_beside_it() -> None:
    near, far = np.array([0.2, 0.1, -1.0]), np.array([-0.3, 0.2, -1.0])
    left = np.arange(40) < 20
    depth = np.where(left, plane_depth(near, -1.0), plane_depth(far, -4.0))
    normals, _ = normals_from_depth(depth, CAMERA)
    expected = np.where(left[:, None], near / np.linalg.norm(near), far / np.linalg.norm(far))
    assert np.allclose(normals, np.broadcast_to(expected, normals.shape), atol=1e-9)


def test_the_normals_of_a_sphere_agree_with_its_closed_form() -> None:
    camera = Camera.from_fov_deg(40, (200, 200))
    centre, radius = np.array([0.0, 0.0, 4.0]), 1.0
    rays = camera.rays()
    a, b, c = (rays * rays).sum(-1), rays @ centre, centre @ centre - radius**2
    root = b * b - a * c
    depth = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0)
    normals, found = normals_from_depth(depth, camera)
    exact = (depth[..., None] * rays - centre) / radius
    facing = found & (np.abs((exact * rays).sum(-1)) > 0.3)  # not at the rim
    error = np.degrees(np.arccos(np.clip((normals * exact).sum(-1), -1, 1)))
    assert facing.sum() > 5000
    assert error[facing].max() < 3
    assert np.median(error[facing]) < 0.3


def test_pixels_without_valid_neighbours_have_no_normal_and_nan_stays_behind_the_mask() -> None:
    depth = np.full(CAMERA.hw, np.nan)
    depth[10:13, 10:13] = 2.0
    depth[20, 20] = 2.0
    normals, found = normals_from_depth(depth, CAMERA)
    assert found[10:13, 10:13].all()
    assert found.sum() == 9
    assert np.isfinite(normals).all()
    assert not normals[~found].any()


def test_the_picture_does_not_wrap_around() -> None:
    depth = np.zeros(CAMERA.hw)
    depth[:, [0, -1]] = 2.0  # two columns that touch only around the back
    assert not normals_from_depth(depth, CAMERA)[1].any()


@pytest.mark.parametrize("hw", [(1, 1), (1, 5), (5, 1)])
def test_a_picture_one_pixel_high_or_wide_has_no_normals(hw: tuple[int, int]) -> None:
    assert not normals_from_depth(np.ones(hw), Camera(hw[1], hw[0], 5.0, 5.0, hw[1] / 2, hw[0] / 2))[1].any()
