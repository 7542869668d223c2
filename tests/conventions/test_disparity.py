"""What is near and what is far, and which way things move between two eyes. Each test names the plausible wrong reading."""

import numpy as np

from leadline.camera import Camera
from leadline.depth_map import METRIC_DISPARITY, PIXEL_DISPARITY, RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity
from leadline.geometry import pixel_disparity_from_depth, project_into, right_from_left

CAMERA = Camera.from_fov_deg(60, (6, 8))


def test_near_is_the_larger_disparity_not_the_smaller() -> None:
    disparity = DepthMap([[1.0, 10.0]]).to_disparity()
    assert disparity.values[0, 0] > disparity.values[0, 1]


def test_larger_numbers_are_closer_exactly_for_the_disparities() -> None:
    assert [Kind(q, Ambiguity.METRIC).near_is_large for q in Quantity] == [False, False, True, True]


def test_nearness_grows_towards_the_camera_for_every_quantity() -> None:
    for kind, near, far in [
        (Kind(Quantity.DEPTH, Ambiguity.METRIC), 1.0, 9.0),
        (Kind(Quantity.RAY_DISTANCE, Ambiguity.METRIC), 1.0, 9.0),
        (METRIC_DISPARITY, 9.0, 1.0),
        (PIXEL_DISPARITY, 9.0, 1.0),
        (RELATIVE_DISPARITY, 9.0, -1.0),
    ]:
        nearness = DepthMap([[near, far]], kind=kind).nearness()
        assert nearness[0, 0] > nearness[0, 1], kind


def test_pixel_disparity_is_positive_and_leads_left_in_the_right_picture() -> None:
    depth = np.full((6, 8), 2.0)
    disparity = pixel_disparity_from_depth(depth, CAMERA.fx, baseline_m=0.1)
    assert (disparity > 0).all()
    landing = project_into(CAMERA, right_from_left(0.1), depth, CAMERA)
    expected = CAMERA.pixel_centres()[..., 0] - disparity  # x_right = x_left - disparity, not plus
    assert np.allclose(landing.xy[landing.valid][:, 0], expected[landing.valid])


def test_the_right_camera_sits_at_plus_x_so_points_move_by_minus_the_baseline() -> None:
    assert right_from_left(0.1)[0, 3] == -0.1
    assert np.linalg.inv(right_from_left(0.1))[0, 3] == 0.1  # the right camera's centre in the left frame


def test_depth_is_z_not_the_distance_along_the_ray() -> None:
    kind = Kind(Quantity.RAY_DISTANCE, Ambiguity.METRIC)
    wall = DepthMap(2.0 * CAMERA.ray_lengths(), kind=kind, camera=CAMERA)  # flat, 2 m ahead
    assert np.allclose(wall.to_depth().values, 2.0)


def test_pixel_disparity_scales_with_the_picture_and_disparity_does_not() -> None:
    depth = np.full((6, 8), 4.0)
    small = pixel_disparity_from_depth(depth, CAMERA.fx, 0.1)
    large = pixel_disparity_from_depth(depth, CAMERA.resize((12, 16)).fx, 0.1)
    assert np.allclose(large, 2 * small)
    assert np.allclose(DepthMap(small, kind=PIXEL_DISPARITY, camera=CAMERA).to_depth(0.1).values, 4.0)
