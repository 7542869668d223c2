from dataclasses import replace

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.predictor import Prediction
from leadline.runtime.tiling import TiledPredictor, _axis


def scene(h, w):
    """A smooth truth with a step, and a picture that holds it in 16 bits of two channels."""
    y, x = np.mgrid[0:h, 0:w]
    truth = 20000 + 12000 * np.sin(x / 60) + 9000 * np.cos(y / 45 + x / 200)
    truth[h // 3 : h // 2, w // 4 : w // 2] += 15000
    coded = np.round(truth).astype(np.uint16)
    return np.stack([coded >> 8, coded & 255, 0 * coded], axis=-1).astype(np.uint8), coded.astype(np.float32)


class Distorting:
    """Reads the truth off the picture and distorts it, differently at each call, by a positive scale and a shift."""

    def __init__(self, card, seed=0, flat_tiles=False):
        self.card = card
        self.calls = 0
        self._rng = np.random.default_rng(seed)
        self._flat = flat_tiles

    def __call__(self, image, camera=None):
        self.calls += 1
        truth = image[..., 0].astype(np.float32) * 256 + image[..., 1]
        scale, shift = (1.0, 0.0) if self.calls == 1 else self._rng.uniform((0.2, -9000), (5, 9000))
        values = np.full_like(truth, 7) if self._flat and self.calls > 1 else scale * truth + shift
        return Prediction(DepthMap(values, kind=self.card.kind, camera=camera, source="d"))


@pytest.mark.parametrize("hw", [(300, 400), (401, 299), (130, 700)])
@pytest.mark.parametrize("overlap", [0.25, 0.5])
def test_tiles_of_distorted_truth_give_the_truth_without_steps(card, hw, overlap):
    picture, truth = scene(*hw)
    predictor = Distorting(card)
    depth = TiledPredictor(predictor, tile_px=128, overlap=overlap)(picture).depth
    assert predictor.calls > 8
    spread = np.ptp(truth)
    error = depth.values - truth
    assert np.abs(error).max() < 1e-4 * spread
    # A seam would be a line of jumps in the error between neighbouring pixels.
    for axis in (0, 1):
        assert np.abs(np.diff(error, axis=axis)).max() < 1e-4 * spread


class OfBits:
    """Keeps the low bits of detail in tiles only: the whole picture's map is coarse."""

    def __init__(self, card):
        self.card = card

    def __call__(self, image, camera=None):
        truth = image[..., 0].astype(np.float32) * 256 + image[..., 1]
        if max(truth.shape) > 200:
            truth = np.round(truth / 4096) * 4096
        return Prediction(DepthMap(truth, kind=self.card.kind))


def test_tiles_add_detail_that_the_whole_picture_lacks(card):
    picture, truth = scene(300, 400)
    coarse = OfBits(card)(picture).depth.values
    fine = TiledPredictor(OfBits(card), tile_px=128)(picture).depth.values
    assert np.abs(fine - truth).mean() < 0.5 * np.abs(coarse - truth).mean()


def test_tiles_that_contradict_the_whole_picture_are_left_out(card):
    picture, truth = scene(300, 400)
    values = TiledPredictor(Distorting(card, flat_tiles=True), tile_px=128)(picture).depth.values
    np.testing.assert_allclose(values, truth, rtol=1e-5)


def test_small_pictures_are_predicted_once(card):
    picture, _ = scene(100, 120)
    predictor = Distorting(card)
    TiledPredictor(predictor, tile_px=128)(picture)
    TiledPredictor(predictor, tile_px=32, from_pixels=100 * 120 + 1)(picture)
    assert predictor.calls == 2


def test_the_default_tile_is_a_quarter_of_the_longer_side(card):
    picture, _ = scene(300, 400)
    predictor = Distorting(replace(card, input_size=64))
    TiledPredictor(predictor)(picture)
    assert predictor.calls == 1 + 7 * 5


def test_invalid_pixels_and_the_camera_are_those_of_the_whole_picture(card):
    picture, _ = scene(300, 400)
    camera = Camera.from_fov_deg(60, (300, 400))

    class Holey(Distorting):
        def __call__(self, image, camera=None):
            depth = super().__call__(image, camera).depth
            assert camera is not None
            assert camera.hw == depth.hw
            valid = np.ones(depth.hw, bool)
            valid[:10, :10] = False
            return Prediction(DepthMap(depth.values, valid, METRIC_DEPTH, camera), notes=("a note",))

    prediction = TiledPredictor(Holey(card), tile_px=128)(picture, camera)
    assert prediction.depth.camera == camera
    assert prediction.depth.kind == METRIC_DEPTH
    assert not prediction.depth.valid[:10, :10].any()
    assert prediction.depth.valid[12:].all()
    assert prediction.notes == ("a note",)


@pytest.mark.parametrize("length", [100, 128, 129, 500, 1000])
def test_weights_along_an_axis_sum_to_one_and_vanish_at_borders(length):
    total = np.zeros(length)
    for start, weights in _axis(length, 128, 0.3):
        total[start : start + len(weights)] += weights
        if start > 0:
            assert weights[0] < 1e-3
        if start + len(weights) < length:
            assert weights[-1] < 1e-3
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_nonsense_options_are_refused(card):
    with pytest.raises(LeadlineError, match=r"overlap 0\.9"):
        TiledPredictor(Distorting(card), overlap=0.9)
    with pytest.raises(LeadlineError, match="tiles of 3 pixels"):
        TiledPredictor(Distorting(card), tile_px=3)
