import json
from math import inf, nan

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.camera import Camera
from leadline.errors import LeadlineError

LENSES = [
    (-0.28, 0.09, 0.0012, -0.0008, 0.0),  # a webcam's barrel
    (0.12, -0.05, -0.002, 0.003, 0.01),
    (-0.35, 0.12, 0.001, 0.0005),  # four coefficients
]


def distorted(lens: tuple[float, ...]) -> Camera:
    return Camera(640, 480, 410.0, 405.0, 330.0, 236.0, lens)


@pytest.mark.parametrize("lens", [(), *LENSES])
def test_projection_agrees_with_opencv(lens: tuple[float, ...]) -> None:
    camera = distorted(lens)
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-1, 1, (50, 2)), rng.uniform(2, 5, (50, 1))], axis=1)
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.intrinsics, np.array(lens) if lens else None)
    assert np.allclose(camera.project(points), expected[:, 0], atol=1e-9)


@pytest.mark.parametrize("lens", [(), *LENSES])
def test_rays_project_back_to_the_pixel_centres_to_a_billionth_of_a_pixel(lens: tuple[float, ...]) -> None:
    camera = distorted(lens)
    assert np.abs(camera.project(camera.rays()) - camera.pixel_centres()).max() < 1e-9


@pytest.mark.parametrize("lens", LENSES)
def test_rays_agree_with_opencv_as_far_as_opencv_goes(lens: tuple[float, ...]) -> None:
    camera = distorted(lens)
    pixels = camera.pixel_centres()[200:280, 280:360].reshape(-1, 1, 2)  # near the centre, where its five steps suffice
    expected = cv2.undistortPoints(pixels, camera.intrinsics, np.array(lens)).reshape(80, 80, 2)
    assert np.allclose(camera.rays()[200:280, 280:360, :2], expected, atol=1e-6)


def test_a_lens_that_folds_the_picture_is_refused() -> None:
    with pytest.raises(LeadlineError, match="folds a picture of 640 x 480"):
        Camera(640, 480, 200.0, 200.0, 320.0, 240.0, (-0.6, 0.0, 0.0, 0.0)).rays()


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"width": 0}, "at least 1 x 1"),
        ({"fx": 0.0}, "fx = 0"),
        ({"fy": nan}, "fy = nan"),
        ({"cx": inf}, "principal point"),
        ({"distortion": (0.1,)}, "1 distortion coefficients"),
    ],
)
def test_impossible_numbers_are_refused(fields: dict[str, object], match: str) -> None:
    numbers: dict[str, object] = {"width": 4, "height": 3, "fx": 4.0, "fy": 4.0, "cx": 2.0, "cy": 1.5, **fields}
    with pytest.raises(LeadlineError, match=match):
        Camera(**numbers)  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(st.floats(1, 130), st.integers(1, 4000), st.integers(1, 4000))
def test_the_field_of_view_asked_for_is_the_one_got(fov_deg: float, height: int, width: int) -> None:
    camera = Camera.from_fov_deg(fov_deg, (height, width))
    assert camera.fov_deg[0] == pytest.approx(fov_deg)
    assert camera.hw == (height, width)
    assert (camera.cx, camera.cy) == (width / 2, height / 2)


@pytest.mark.parametrize("fov_deg", [0, -10, 137, 180, nan])
def test_a_field_of_view_that_is_no_pinholes_is_refused(fov_deg: float) -> None:
    with pytest.raises(LeadlineError, match="field of view"):
        Camera.from_fov_deg(fov_deg, (480, 640))


@pytest.mark.parametrize("focal", [0, -3, nan, inf])
def test_a_focal_length_that_is_no_length_is_refused(focal: float) -> None:
    with pytest.raises(LeadlineError, match="positive"):
        Camera.from_focal_px(focal, (480, 640))
    with pytest.raises(LeadlineError, match="positive"):
        Camera.from_focal_35mm(focal, (480, 640))


def test_opencv_intrinsics_need_a_three_by_three_matrix() -> None:
    with pytest.raises(LeadlineError, match=r"\(3, 3\)"):
        Camera.from_opencv(np.eye(4), (480, 640))


def test_opencv_distortion_may_come_as_the_array_that_calibration_returns() -> None:
    camera = Camera.from_opencv([[400, 0, 319.5], [0, 400, 239.5], [0, 0, 1]], (480, 640), np.array([[0.1, 0, 0, 0, 0]]))
    assert camera.distortion == (0.1, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("lens", [(), *LENSES])
def test_a_camera_survives_json(lens: tuple[float, ...]) -> None:
    camera = distorted(lens)
    assert Camera.from_dict(json.loads(json.dumps(camera.to_dict()))) == camera


def test_a_dictionary_that_is_no_camera_is_refused_by_the_missing_name() -> None:
    with pytest.raises(LeadlineError, match="'fx'"):
        Camera.from_dict({"width": 4, "height": 3})


def test_ray_lengths_are_one_on_the_optical_axis_only() -> None:
    lengths = Camera.from_fov_deg(90, (5, 5)).ray_lengths()
    assert lengths[2, 2] == 1
    assert (np.delete(lengths.ravel(), 12) > 1).all()
    assert lengths[2, 4] == pytest.approx(np.hypot(1, 0.8))  # centre of the last pixel: 2 of the 2.5 pixels to the edge
