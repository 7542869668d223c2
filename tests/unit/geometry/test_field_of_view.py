import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.geometry import Window, crop_to_fov

KITTI = Camera(1242, 375, 721.5, 721.5, 609.6, 172.9)
SQUEEZED = Camera(1242, 375, 721.5, 600.0, 609.6, 172.9)  # its pixels are not square


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([KITTI, SQUEEZED]), st.floats(20, 60), st.sampled_from([(192, 640), (128, 416), (96, 320)]))
def test_the_field_of_view_is_reached_to_a_pixel_and_the_pixels_are_square(
    whole: Camera, fov_deg: float, hw: tuple[int, int]
) -> None:
    window, camera = crop_to_fov(whole, fov_deg, hw)
    assert camera.hw == hw
    assert 2 * np.degrees(np.arctan(hw[1] / 2 / camera.fx)) == pytest.approx(fov_deg, abs=0.1)
    assert camera.fx == pytest.approx(camera.fy, rel=2 / window.height)


def test_two_cameras_see_the_same_number_of_pixels_per_angle_afterwards() -> None:
    wide = Camera(1936, 1216, 1060.0, 1055.0, 960.0, 620.0)
    one, other = (crop_to_fov(camera, 60, (192, 640))[1] for camera in (KITTI, wide))
    assert one.fx == pytest.approx(other.fx, rel=0.01)


def test_points_land_where_the_cropped_and_resized_picture_shows_them() -> None:
    window, camera = crop_to_fov(KITTI, 50, (192, 384))
    points = np.random.default_rng(0).uniform((-1, -0.3, 4), (1, 0.3, 9), (50, 3))
    in_window = KITTI.project(points) - (window.x, window.y)
    assert np.allclose(camera.project(points), in_window * (384 / window.width, 192 / window.height))


def test_the_window_lies_around_the_principal_point_and_inside_the_picture() -> None:
    off_centre = Camera(640, 480, 600.0, 600.0, 560.0, 240.0)
    window, camera = crop_to_fov(off_centre, 40, (256, 256))
    assert window.x + window.width == 640  # as far right as the picture goes
    assert camera.cx > 128
    centred, _ = crop_to_fov(KITTI, 30, (64, 128))
    assert centred.x + centred.width / 2 == pytest.approx(KITTI.cx, abs=1)


def test_a_window_cuts_pictures_and_maps_alike() -> None:
    picture = np.arange(5 * 7 * 3).reshape(5, 7, 3)
    window = Window(2, 1, 3, 2)
    assert np.array_equal(window.crop(picture), picture[1:3, 2:5])
    assert window.crop(picture[..., 0]).shape == (2, 3)


def test_more_than_the_picture_shows_is_refused_with_what_it_shows() -> None:
    with pytest.raises(LeadlineError, match=r"1242 x 375 \(81 x 29 degrees\)"):
        crop_to_fov(KITTI, 90, (192, 640))
    with pytest.raises(LeadlineError, match="wider shape"):
        crop_to_fov(KITTI, 60, (480, 640))


@pytest.mark.parametrize("fov_deg", [0, -5, 180, float("nan")])
def test_an_angle_that_is_none_is_refused(fov_deg: float) -> None:
    with pytest.raises(LeadlineError, match="degrees"):
        crop_to_fov(KITTI, fov_deg, (192, 640))
