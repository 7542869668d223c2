import numpy as np
import pytest

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.geometry import depth_from_ray_distance, ray_distance_from_depth, transform, unproject

CAMERA = Camera(8, 6, 9.0, 10.0, 3.5, 3.2, (0.05, -0.01, 0.002, 0.001))


def test_unprojected_points_project_to_their_pixels_and_have_their_depth() -> None:
    depth = np.random.default_rng(0).uniform(1, 5, CAMERA.hw)
    points = unproject(depth, CAMERA)
    assert np.array_equal(points[..., 2], depth)
    assert np.allclose(CAMERA.project(points), CAMERA.pixel_centres(), atol=1e-9)


def test_ray_distance_is_the_length_of_the_point_and_converts_back() -> None:
    depth = np.random.default_rng(0).uniform(1, 5, CAMERA.hw)
    distance = ray_distance_from_depth(depth, CAMERA)
    assert np.allclose(distance, np.linalg.norm(unproject(depth, CAMERA), axis=-1))
    assert np.allclose(depth_from_ray_distance(distance, CAMERA), depth)


@pytest.mark.parametrize("convert", [unproject, ray_distance_from_depth, depth_from_ray_distance])
def test_a_map_of_another_size_than_the_camera_is_refused(convert: object) -> None:
    with pytest.raises(LeadlineError, match="resize or crop them together"):
        convert(np.ones((6, 9)), CAMERA)


def test_a_transform_turns_then_moves_and_undoes_itself() -> None:
    b_from_a = np.array([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    assert transform(b_from_a, [1.0, 0, 0]).tolist() == [1, 3, 3]
    points = np.random.default_rng(0).normal(size=(4, 5, 3))
    assert np.allclose(transform(np.linalg.inv(b_from_a), transform(b_from_a, points)), points)
    assert np.array_equal(transform(b_from_a[:3], points), transform(b_from_a, points))


def test_float32_depth_is_computed_with_in_float64() -> None:
    assert unproject(np.ones(CAMERA.hw, np.float32), CAMERA).dtype == np.float64
