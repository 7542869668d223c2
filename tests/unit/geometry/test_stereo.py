import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.geometry import pixel_disparity_from_depth, right_from_left, transform


def test_disparity_and_depth_are_inverses_through_the_map_as_well() -> None:
    camera = Camera.from_fov_deg(70, (4, 5))
    depth = np.random.default_rng(0).uniform(1, 9, (4, 5))
    disparity = DepthMap(pixel_disparity_from_depth(depth, camera.fx, 0.2), kind=PIXEL_DISPARITY, camera=camera)
    assert np.allclose(disparity.to_depth(0.2).values, depth, rtol=1e-6)


def test_no_depth_and_infinite_depth_have_no_disparity() -> None:
    assert pixel_disparity_from_depth([0.0, np.inf, np.nan, -1.0], 100, 0.1).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("focal_px", "baseline_m"), [(0, 0.1), (100, 0), (-1, 0.1), (100, float("nan"))])
def test_a_rig_without_extent_is_refused(focal_px: float, baseline_m: float) -> None:
    with pytest.raises(LeadlineError, match="positive"):
        pixel_disparity_from_depth(np.ones(2), focal_px, baseline_m)


def test_a_point_before_the_right_camera_is_left_of_its_place_in_the_left_frame() -> None:
    assert transform(right_from_left(0.1), [0.1, 0.0, 2.0]).tolist() == [0.0, 0.0, 2.0]
