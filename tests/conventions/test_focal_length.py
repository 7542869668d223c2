"""What a focal length is given in. Each test names the plausible wrong reading."""

from math import atan, degrees, hypot

import pytest

from leadline.camera import Camera
from leadline.errors import LeadlineError


def test_the_35_mm_equivalent_compares_diagonals_not_widths() -> None:
    camera = Camera.from_focal_35mm(26, (3024, 4032))  # a phone's main camera, 4:3, where the film is 3:2
    assert camera.fx == pytest.approx(26 / hypot(36, 24) * hypot(4032, 3024))
    assert camera.fx != pytest.approx(26 / 36 * 4032, rel=0.01)
    diagonal = 2 * degrees(atan(hypot(4032, 3024) / 2 / camera.fx))
    assert diagonal == pytest.approx(2 * degrees(atan(hypot(36, 24) / 2 / 26)))  # 79.5 degrees, as the maker states


def test_the_35_mm_equivalent_of_a_portrait_photo_is_that_of_the_same_camera_turned() -> None:
    assert Camera.from_focal_35mm(26, (4032, 3024)).fx == pytest.approx(Camera.from_focal_35mm(26, (3024, 4032)).fx)


def test_on_a_3_to_2_picture_the_35_mm_equivalent_is_the_film_itself() -> None:
    assert Camera.from_focal_35mm(50, (2000, 3000)).fx == pytest.approx(50 / 36 * 3000)


@pytest.mark.parametrize("focal_mm", [4.2, 26, 50, 200])
def test_a_focal_length_that_can_only_be_millimetres_is_refused(focal_mm: float) -> None:
    with pytest.raises(LeadlineError, match="millimetres"):
        Camera.from_focal_px(focal_mm, (3024, 4032))


def test_a_short_focal_length_on_a_small_picture_is_believed() -> None:
    assert Camera.from_focal_px(50, (120, 160)).fx == 50


def test_the_field_of_view_is_horizontal_not_diagonal_or_vertical() -> None:
    camera = Camera.from_fov_deg(90, (100, 400))
    assert camera.fx == pytest.approx(200)
    assert camera.fov_deg == pytest.approx((90, 2 * degrees(atan(50 / 200))))


def test_the_field_of_view_reaches_from_edge_to_edge_not_from_centre_to_centre() -> None:
    assert Camera.from_focal_px(2, (4, 4)).fov_deg[0] == pytest.approx(90)
