from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from leadline.data.views import View
from leadline.depth_map import RELATIVE_DISPARITY
from leadline.models.depth_network import DepthNetwork
from leadline.predictor import ModelCard
from leadline.training.predictor import NetworkPredictor
from leadline.training.validation import held_out_validation


class Red(DepthNetwork):
    """Calls what is red near, or far."""

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(sign))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.sign * image[:, 0] + 3


def red_views() -> list[View]:
    rng = np.random.default_rng(0)
    views = []
    for h, w in ((96, 128), (128, 96)):
        disparity = np.kron(rng.integers(20, 200, (h // 32, w // 32)), np.ones((32, 32)))
        image = np.stack([disparity, 0 * disparity, 0 * disparity], axis=-1).astype(np.uint8)
        disparity = (disparity / 100).astype(np.float16)
        disparity[:4] = -1  # not valid
        disparity[-4:] = 0  # sky: must not count
        views.append(View(image, disparity))
    return views


def test_a_network_that_is_right_up_to_scale_and_shift_scores_full_marks() -> None:
    scores = held_out_validation(red_views(), input_size=128)(Red())
    assert scores["delta1"] > 0.97  # bilinear resampling blurs the patches' edges
    assert scores["score"] == scores["delta1"]
    assert scores["images"] == 2


def test_a_network_whose_near_is_far_scores_no_more_than_a_constant() -> None:
    validate = held_out_validation(red_views(), input_size=128)
    assert validate(Red(-1.0))["delta1"] == pytest.approx(validate(Red(1.0))["delta1"])  # MiDaS's fit may be negative ...
    assert validate(Red(0.0))["delta1"] < 0.6  # ... so the control is a network that says nothing


def test_a_predictor_gives_the_map_at_the_pictures_size_with_its_kind() -> None:
    image = red_views()[0].image
    card = ModelCard("red.test", RELATIVE_DISPARITY, input_size=128)
    prediction = NetworkPredictor(Red(), card)(image)
    assert prediction.depth.hw == image.shape[:2]
    assert prediction.depth.kind == RELATIVE_DISPARITY
    np.testing.assert_allclose(prediction.depth.values, (image[..., 0] - 127.0) / 128 + 3, atol=1e-5)
