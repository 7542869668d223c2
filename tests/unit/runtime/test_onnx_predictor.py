from dataclasses import replace

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.runtime import onnx_predictor
from leadline.runtime.engine import EngineOptions
from leadline.runtime.onnx_predictor import OnnxPredictor


def noise(h, w, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


def test_the_map_is_the_networks_at_the_pictures_size(mean_onnx, card, gradient_photo):
    prediction = OnnxPredictor(mean_onnx(), card)(gradient_photo)
    depth = prediction.depth
    assert depth.hw == (48, 80)
    assert depth.kind == RELATIVE_DISPARITY
    assert depth.source == "mean.test"
    assert depth.valid.all()
    assert prediction.notes == ()
    inside = np.s_[4:-4, 4:-4]  # a picture that is linear inside survives any resampling
    np.testing.assert_allclose(depth.values[inside], gradient_photo.mean(axis=2)[inside], atol=1.0)


@pytest.mark.parametrize("hw", [(1, 1), (3, 2000), (2000, 3), (1, 64), (300, 7), (333, 500)])
@pytest.mark.parametrize("side", ["longer", "shorter", "area"])
def test_any_shape_of_picture_gets_a_map_of_its_size(mean_onnx, card, hw, side):
    predictor = OnnxPredictor(mean_onnx(), replace(card, resize_side=side))
    depth = predictor(np.full((*hw, 3), 77, np.uint8)).depth
    assert depth.hw == hw
    np.testing.assert_allclose(depth.values, 77, rtol=1e-5)


def test_positions_are_kept_not_shifted(mean_onnx, card):
    """A bright square's centre of mass stays where it is, to a tenth of a pixel of the picture."""
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[30:50, 100:130] = 255
    values = OnnxPredictor(mean_onnx(), card)(picture).depth.values.astype(np.float64)
    y, x = np.mgrid[0:120, 0:160] + 0.5
    assert (values * x).sum() / values.sum() == pytest.approx(115, abs=0.1)
    assert (values * y).sum() / values.sum() == pytest.approx(40, abs=0.1)


@pytest.mark.parametrize("hw", [(48, 80), (80, 48), (500, 500), (10, 300)])
@pytest.mark.parametrize("shrink", [1, 2])
def test_a_fixed_size_gets_the_whole_picture_and_gives_back_its_part(mean_onnx, card, hw, shrink):
    predictor = OnnxPredictor(mean_onnx(shape=(1, 3, 64, 96), shrink=shrink), card)
    _y, x = np.mgrid[0 : hw[0], 0 : hw[1]]
    picture = np.stack([200 * x / hw[1]] * 3, axis=-1).astype(np.uint8)
    depth = predictor(picture).depth
    assert depth.hw == hw
    middle = depth.values[:, hw[1] // 2]
    np.testing.assert_allclose(middle, 100, atol=5)  # squashing or keeping the padding would move this
    assert predictor.longer_side_needed() == 96


def test_a_map_of_half_the_inputs_size_is_stretched_over_the_picture(mean_onnx, card, gradient_photo):
    whole = OnnxPredictor(mean_onnx("a.onnx"), card)(gradient_photo).depth.values
    half = OnnxPredictor(mean_onnx("b.onnx", shrink=2), card)(gradient_photo).depth.values
    np.testing.assert_allclose(half[4:-4, 4:-4], whole[4:-4, 4:-4], atol=1.0)


def test_many_pictures_give_what_single_calls_give(mean_onnx, card):
    predictor = OnnxPredictor(mean_onnx(), card)
    pictures = [noise(48, 64, 0), noise(64, 48, 1), *(noise(48, 64, seed) for seed in range(2, 13))]
    for picture, prediction in zip(pictures, predictor.predict_many(pictures), strict=True):
        np.testing.assert_allclose(prediction.depth.values, predictor(picture).depth.values, rtol=1e-5)


def test_a_picture_decoded_small_gives_a_map_of_full_size(mean_onnx, card, gradient_photo):
    predictor = OnnxPredictor(mean_onnx(), card)
    camera = Camera.from_fov_deg(60, (480, 800))
    depth = predictor(gradient_photo, camera, output_hw=(480, 800)).depth
    assert depth.hw == (480, 800)
    assert depth.camera == camera


def test_the_camera_follows_the_maps_size(mean_onnx, card, gradient_photo):
    predictor = OnnxPredictor(mean_onnx(), card)
    camera = Camera.from_fov_deg(60, (48, 80))
    assert predictor(gradient_photo, camera).depth.camera == camera
    assert predictor(gradient_photo, camera, output_hw=(96, 160)).depth.camera == camera.resize((96, 160))


def test_numbers_that_are_not_finite_become_invalid_pixels_with_a_note(mean_onnx, card):
    picture = np.full((64, 64, 3), 100, np.uint8)
    picture[:32] = 0  # log 0
    prediction = OnnxPredictor(mean_onnx(logarithm=True), card)(picture)
    assert not prediction.depth.valid[:31].any()
    assert prediction.depth.valid[33:].all()
    np.testing.assert_allclose(prediction.depth.values[33:], np.log(100), rtol=1e-5)
    assert "not finite" in prediction.notes[0]


def test_bf16_that_overflows_is_replaced_by_fp32_once(mean_onnx, card, gradient_photo, monkeypatch):
    loaded = []

    class Bf16:
        name, device, precision, streams, input_hw = "openvino", "CPU", "bf16", 1, None

        def run(self, batch):
            return np.full((len(batch), *batch.shape[2:]), np.nan, np.float32)

    original = onnx_predictor.make_engine

    def make(path, options):
        loaded.append(options.precision)
        return Bf16() if options.precision == "bf16" else original(path, options)

    monkeypatch.setattr(onnx_predictor, "make_engine", make)
    predictor = OnnxPredictor(mean_onnx(), card, EngineOptions(precision="bf16"))
    for _ in range(2):
        prediction = predictor(gradient_photo)
        assert prediction.depth.valid.all()
        assert prediction.notes == ("bf16 arithmetic gave numbers that are not finite: fp32 was used instead",)
    assert loaded == ["bf16", "fp32"]


def test_bf16_is_close_to_fp32(mean_onnx, card, gradient_photo):
    pytest.importorskip("openvino")
    path = mean_onnx()
    try:
        quick = OnnxPredictor(path, card, EngineOptions("openvino", precision="bf16"))
    except LeadlineError as error:
        pytest.skip(str(error))
    exact = OnnxPredictor(path, card, EngineOptions("openvino"))
    np.testing.assert_allclose(quick(gradient_photo).depth.values, exact(gradient_photo).depth.values, rtol=0.02, atol=1)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        "photo.jpg",
    ],
)
def test_what_is_no_rgb_picture_is_refused(mean_onnx, card, picture):
    with pytest.raises(LeadlineError, match="expected a NumPy array"):
        OnnxPredictor(mean_onnx(), card)(picture)
