import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap, Kind
from leadline.evaluation.resampling import resampled
from leadline.evaluation.truth import resized_truth

HW = (9, 14)
PIXELS = Kind.parse("pixel_disparity/metric")


def random_map(valid=None, kind=RELATIVE_DISPARITY, **more):
    return DepthMap(np.random.default_rng(0).random(HW), valid, kind, **more)


@pytest.mark.parametrize(
    ("mode", "flag"),
    [
        ("bilinear", cv2.INTER_LINEAR),
        ("bilinear_written_as_cubic", cv2.INTER_LINEAR),
        ("cubic", cv2.INTER_CUBIC),
        ("area", cv2.INTER_AREA),
    ],
)
def test_modes_are_opencvs_with_the_flag_where_it_belongs(mode, flag):
    prediction = random_map()
    found = resampled(prediction, (20, 30), mode).values
    np.testing.assert_array_equal(found, cv2.resize(prediction.values, (30, 20), interpolation=flag))


def test_a_flag_in_the_place_of_the_third_argument_is_bilinear():
    """What the published Booster evaluation writes; it is the reason for a mode of its own."""
    prediction = random_map()
    found = resampled(prediction, (20, 30), "bilinear_written_as_cubic").values
    np.testing.assert_array_equal(found, cv2.resize(prediction.values, (30, 20), cv2.INTER_CUBIC))
    assert np.abs(found - resampled(prediction, (20, 30), "cubic").values).max() > 0.01


@pytest.mark.parametrize("hw", [(20, 30), (5, 7), (1, 1), (9, 30)])
def test_bilinear_between_corners_keeps_them_and_is_linear_between(hw):
    y, x = np.mgrid[: HW[0], : HW[1]].astype(float)
    plane = DepthMap(1 + 2 * y + 3 * x, None, RELATIVE_DISPARITY)
    found = resampled(plane, hw, "bilinear_corners").values
    rows, columns = np.linspace(0, HW[0] - 1, hw[0]), np.linspace(0, HW[1] - 1, hw[1])
    if hw == (1, 1):
        rows, columns = np.zeros(1), np.zeros(1)
    np.testing.assert_allclose(found, 1 + 2 * rows[:, None] + 3 * columns, rtol=1e-6)


def test_bilinear_between_corners_is_that_of_torch():
    torch = pytest.importorskip("torch")
    values = random_map().values
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values.copy())[None, None], (21, 25), mode="bilinear", align_corners=True
    )[0, 0].numpy()
    np.testing.assert_allclose(resampled(random_map(), (21, 25), "bilinear_corners").values, expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["bilinear", "bilinear_corners", "cubic", "area", "nearest"])
@pytest.mark.parametrize("hw", [(20, 30), (5, 7)])
def test_nothing_of_a_hole_gets_into_a_valid_pixel(mode, hw):
    valid = np.ones(HW, bool)
    valid[4, 6] = False
    clean = np.ones(HW)
    poisoned = clean.copy()
    poisoned[4, 6] = 1e6
    holed = DepthMap(poisoned, valid, RELATIVE_DISPARITY)
    # The map holds 0 where it is not valid; a filter that mixes it in gives something else than 1.
    found = resampled(holed, hw, mode)
    np.testing.assert_allclose(found.values[found.valid], 1, atol=1e-6)
    assert found.valid.any()
    assert not found.valid.all() or mode == "nearest"


def test_stereo_pixels_grow_with_the_picture_and_the_camera_too():
    camera = Camera.from_focal_px(20, HW)
    found = resampled(DepthMap(np.full(HW, 5.0), None, PIXELS, camera), (18, 28), "bilinear")
    np.testing.assert_allclose(found.values, 10)
    assert found.camera.fx == 40
    truth = resized_truth(DepthMap(np.full(HW, 5.0), None, PIXELS, camera), (18, 7))
    np.testing.assert_allclose(truth.values, 2.5)
    assert truth.camera.fx == 10


def test_truth_at_a_quarter_of_its_size_is_picked_and_never_mixed():
    values = np.arange(16 * 8, dtype=float).reshape(16, 8) + 1
    found = resized_truth(DepthMap(values), (4, 2)).values
    np.testing.assert_array_equal(found, values[2::4, 2::4])
