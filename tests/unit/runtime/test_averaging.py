"""runtime/averaging.py: one answer from several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.averaging import AveragedPredictor
from leadline.runtime.predictor import load_predictor

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


class Reds:
    """Says how red a pixel is; `lean` more at the right of whatever it is shown, which no picture means."""

    def __init__(self, kind: Kind = RELATIVE_DISPARITY, scale: float = 1.0, shift: float = 0.0, lean: float = 0.0) -> None:
        self.card = ModelCard("reds", kind, sha256="ab", scores={"p": {"delta1": 1.0}})
        self.scale, self.shift, self.lean = scale, shift, lean

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        values = image[..., 0] / 255 + self.lean * np.linspace(-1, 1, image.shape[1])
        return Prediction(DepthMap((1 + values) * self.scale + self.shift, None, self.card.kind, camera, "reds"), notes=("so",))


REDNESS = PICTURE[..., 0] / 255 + 1


def test_the_mean_with_the_mirrored_picture_has_no_side() -> None:
    prediction = AveragedPredictor([Reds(lean=0.3)])(PICTURE)
    np.testing.assert_allclose(prediction.depth.values, REDNESS, atol=0.02)
    assert np.abs(Reds(lean=0.3)(PICTURE).depth.values - REDNESS).max() > 0.25
    flipped = AveragedPredictor([Reds(lean=0.3)])(PICTURE[:, ::-1])
    np.testing.assert_allclose(flipped.depth.values[:, ::-1], prediction.depth.values, atol=0.02)


def test_uncertainty_is_the_standard_deviation_of_the_answers() -> None:
    prediction = AveragedPredictor([Reds(METRIC_DEPTH, lean=0.3)])(PICTURE)
    assert prediction.uncertainty is not None
    np.testing.assert_allclose(prediction.uncertainty, np.abs(0.3 * np.linspace(-1, 1, 64))[None].repeat(48, 0), atol=1e-6)
    assert prediction.notes == ("so",)


def test_answers_come_to_the_first_ones_numbers_as_far_as_their_kind_is_free() -> None:
    for kind, scale, shift in ((RELATIVE_DISPARITY, 7.0, -30.0), (Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT), 7.0, 0.0)):
        both = AveragedPredictor([Reds(kind), Reds(kind, scale, shift)], mirrored=False)(PICTURE)
        np.testing.assert_allclose(both.depth.values, REDNESS, atol=1e-5)
        assert both.depth.kind == kind
    metres = AveragedPredictor([Reds(METRIC_DEPTH), Reds(METRIC_DEPTH, 3.0)], mirrored=False)(PICTURE)
    np.testing.assert_allclose(metres.depth.values, 2 * REDNESS, atol=1e-5)


def test_a_constant_answer_is_left_out_and_said() -> None:
    prediction = AveragedPredictor([Reds(), Reds(scale=0.0, shift=2.0)], mirrored=False)(PICTURE)
    np.testing.assert_allclose(prediction.depth.values, REDNESS, atol=1e-6)
    assert any("left out of the mean" in note for note in prediction.notes)


def test_a_pixel_is_valid_where_it_is_in_all() -> None:
    class Half(Reds):
        def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
            depth = super().__call__(image).depth
            valid = np.ones(depth.hw, bool)
            valid[:, :8] = False
            return Prediction(DepthMap(depth.values, valid, depth.kind))

    valid = AveragedPredictor([Half()])(PICTURE).depth.valid
    assert not valid[:, :8].any()
    assert not valid[:, -8:].any()
    assert valid[:, 8:-8].all()


def test_card_says_what_is_averaged() -> None:
    one, two = AveragedPredictor([Reds()]).card, AveragedPredictor([Reds(), Reds()], mirrored=False).card
    assert (one.name, one.sha256, one.scores) == ("reds+mirrored", "ab", {})
    assert two.name == "reds+reds"
    assert two.sha256 not in ("ab", "")


def test_what_has_no_mean_is_refused() -> None:
    ordinal = Kind(Quantity.DISPARITY, Ambiguity.ORDINAL)
    with pytest.raises(LeadlineError, match="an order has no mean"):
        AveragedPredictor([Reds(ordinal)])
    with pytest.raises(LeadlineError, match="maps of one kind"):
        AveragedPredictor([Reds(), Reds(METRIC_DEPTH)])
    with pytest.raises(LeadlineError, match="no network"):
        AveragedPredictor([])


def test_a_real_network_takes_a_reduced_picture_and_gives_any_size() -> None:
    network = load_predictor()
    averaged = AveragedPredictor([network])
    assert averaged.longer_side_needed() == network.longer_side_needed()  # type: ignore[attr-defined]
    depth = averaged(PICTURE, Camera.from_fov_deg(60, (480, 640)), output_hw=(96, 128)).depth
    assert depth.hw == (96, 128)
    assert depth.camera is not None
    assert depth.camera.hw == (96, 128)
    mixed = AveragedPredictor([network, Reds()])
    assert mixed.longer_side_needed() > 10**6  # the other one wants all that there is
    assert mixed(PICTURE, output_hw=(96, 128)).depth.hw == (96, 128)


def test_it_is_close_to_the_network_it_averages() -> None:
    network = load_predictor()
    gradient = np.linspace(0, 255, 96)[:, None, None].repeat(128, 1).repeat(3, 2).astype(np.uint8)
    plain, mean = network(gradient).depth.values, AveragedPredictor([network])(gradient).depth.values
    assert np.corrcoef(plain.ravel(), mean.ravel())[0, 1] > 0.9
    assert replace(network.card, name="", scores={}) == replace(AveragedPredictor([network]).card, name="")


def test_each_view_comes_with_its_own_camera() -> None:
    seen: list[Camera | None] = []

    class Looks(Reds):
        def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
            seen.append(camera)
            return super().__call__(image, camera)

    camera = Camera(64, 48, 60.0, 61.0, 20.0, 24.0)
    depth = AveragedPredictor([Looks()])(PICTURE, camera).depth
    assert depth.camera == camera
    assert [each.cx for each in seen if each] == [20.0, 44.0]  # 64 - 20: the corner is at 0
