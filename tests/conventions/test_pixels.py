"""Where pixels are, and what cropping, resizing and flipping do to a camera. Each test names the plausible wrong reading."""

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.geometry import sample_bilinear

PICTURE = np.random.default_rng(0).integers(0, 256, (12, 16)).astype(np.float64)
CAMERA = Camera(16, 12, 20.0, 21.0, 7.0, 6.5)
POINTS = np.random.default_rng(1).uniform((-0.3, -0.25, 2), (0.3, 0.25, 4), (100, 3))


def test_the_first_pixels_centre_is_at_one_half_not_at_zero() -> None:
    assert CAMERA.pixel_centres()[0, 0].tolist() == [0.5, 0.5]
    assert CAMERA.pixel_centres()[-1, -1].tolist() == [15.5, 11.5]


def test_pixel_centres_are_x_y_not_row_column() -> None:
    assert CAMERA.pixel_centres()[2, 5].tolist() == [5.5, 2.5]


def test_a_centred_camera_looks_through_half_the_width_not_half_the_width_minus_one() -> None:
    assert Camera.from_fov_deg(60, (12, 16)).cx == 8.0


def test_opencv_intrinsics_gain_half_a_pixel_not_lose_it() -> None:
    opencv = [[400.0, 0, 319.5], [0, 400.0, 239.5], [0, 0, 1]]  # a centred VGA camera where first centres are at 0
    camera = Camera.from_opencv(opencv, (480, 640))
    assert (camera.cx, camera.cy) == (320.0, 240.0)
    pixel, _ = cv2.projectPoints(np.array([[0.1, 0.2, 1.0]]), np.zeros(3), np.zeros(3), np.array(opencv), None)
    assert np.allclose(camera.project([0.1, 0.2, 1.0]), pixel.ravel() + 0.5)


def test_sampling_at_a_centre_gives_that_pixel_and_between_two_their_mean() -> None:
    values, valid = sample_bilinear(PICTURE, CAMERA.pixel_centres())
    assert valid.all()
    assert np.array_equal(values, PICTURE)
    between, _ = sample_bilinear(PICTURE, [[4.0, 2.5]])
    assert between == pytest.approx((PICTURE[2, 3] + PICTURE[2, 4]) / 2)


def test_a_crop_moves_the_principal_point_and_leaves_the_focal_length() -> None:
    cropped = CAMERA.crop(3, 2, 8, 6)
    assert cropped.hw == (6, 8)
    assert (cropped.fx, cropped.fy) == (CAMERA.fx, CAMERA.fy)
    assert np.allclose(cropped.project(POINTS), CAMERA.project(POINTS) - (3, 2))  # not + (3, 2)


def test_a_resize_scales_focal_length_and_principal_point_alike() -> None:
    resized = CAMERA.resize((24, 48))
    assert np.allclose(resized.project(POINTS), CAMERA.project(POINTS) * (3, 2))  # not (p + 0.5) * s - 0.5


def test_the_resized_camera_is_the_one_of_a_picture_that_cv2_resized() -> None:
    x_of_pixel = np.tile(np.arange(16) + 0.5, (12, 1))  # a picture that holds its own x position
    shrunk = cv2.resize(x_of_pixel, (8, 6), interpolation=cv2.INTER_AREA)
    assert np.allclose(CAMERA.resize((6, 8)).pixel_centres()[..., 0] * 2, shrunk)


def test_crop_and_resize_commute_when_both_are_scaled() -> None:
    one = CAMERA.crop(4, 2, 8, 6).resize((12, 16))
    other = CAMERA.resize((24, 32)).crop(8, 4, 16, 12)
    assert one == other


def test_a_flip_mirrors_about_the_pictures_middle_not_the_principal_point() -> None:
    flipped = CAMERA.flip()
    assert flipped.cx == 9.0  # 16 - 7, not 15 - 7
    mirrored = flipped.project(POINTS * (-1, 1, 1))
    assert np.allclose(mirrored, CAMERA.project(POINTS) * (-1, 1) + (16, 0))
    assert flipped.flip() == CAMERA


@pytest.mark.parametrize("lens", [(-0.2, 0.05, 0.004, -0.007, 0.01), (0.1, 0.0, -0.003, 0.005)])
def test_a_flip_turns_the_sign_of_p2_not_of_p1(lens: tuple[float, ...]) -> None:
    camera = Camera(640, 480, 400.0, 410.0, 300.0, 250.0, lens)
    flipped = camera.flip()
    assert flipped.distortion == (*lens[:3], -lens[3], *lens[4:])
    seen, _ = cv2.projectPoints(POINTS, np.zeros(3), np.zeros(3), camera.intrinsics, np.array(lens))
    mirrored, _ = cv2.projectPoints(
        POINTS * (-1, 1, 1), np.zeros(3), np.zeros(3), flipped.intrinsics, np.array(flipped.distortion)
    )
    assert np.allclose(mirrored[:, 0], seen[:, 0] * (-1, 1) + (640, 0), atol=1e-9)


def test_distortion_is_left_alone_by_crop_and_resize() -> None:
    camera = Camera(640, 480, 400.0, 410.0, 300.0, 250.0, (-0.2, 0.05, 0.004, -0.007, 0.01))
    changed = camera.crop(100, 50, 400, 300).resize((150, 200))
    assert changed.distortion == camera.distortion
    assert np.allclose(changed.project(POINTS), (camera.project(POINTS) - (100, 50)) / 2)


def test_the_camera_frame_is_x_right_y_down_z_forward() -> None:
    right, down = CAMERA.project([0.1, 0, 1]), CAMERA.project([0, 0.1, 1])  # y down: not the y up of OpenGL
    assert right[0] > CAMERA.cx
    assert down[1] > CAMERA.cy
