from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.models.metric_head import LogDepth, SigmoidDepth, make_metric
from leadline.models.registry import load_trained, make_model, start_model
from leadline.runtime.sizing import network_input
from leadline.training.config import ModelConfig, TrainConfig, to_json
from leadline.training.predictor import NetworkPredictor

LOGITS = torch.tensor([-3.0, 0.0, 4.0])


def test_a_sigmoid_head_gives_the_share_of_max_depth() -> None:
    expected = [20 / (1 + math.exp(-float(x))) for x in LOGITS]
    np.testing.assert_allclose(SigmoidDepth(20)(LOGITS), expected, rtol=1e-6)


def test_a_log_head_is_limited_in_use_but_not_in_training() -> None:
    head = LogDepth(20)
    expected = [math.exp(float(x)) for x in LOGITS]
    np.testing.assert_allclose(head.train()(LOGITS), expected, rtol=1e-6)
    np.testing.assert_allclose(head.eval()(LOGITS), [*expected[:2], 20], rtol=1e-6)


@pytest.mark.parametrize("head", ["sigmoid", "log"])
def test_a_fresh_head_starts_nearly_flat_in_the_middle_of_the_scale(head: str) -> None:
    torch.manual_seed(0)
    network = make_metric(make_model("leadline-tiny"), head, 64)
    assert network.kind == METRIC_DEPTH
    depth = network(torch.randn(2, 3, 32, 64))
    np.testing.assert_allclose(depth.detach(), 8, rtol=0.1)  # the geometric mean of 1 m and 64 m
    depth.log().square().mean().backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]


def test_names_of_parameters_stay_and_so_do_the_encoders() -> None:
    plain, metric = make_model("leadline-tiny"), make_metric(make_model("leadline-tiny"), "log", 80)
    assert set(plain.state_dict()) == set(metric.state_dict())


@pytest.mark.parametrize(
    ("head", "max_depth", "message"),
    [("tanh", 80, "expected one of sigmoid, log"), ("log", 0.5, "expected metres, more than 1")],
)
def test_a_wrong_head_is_refused(head: str, max_depth: float, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        make_metric(make_model("leadline-tiny"), head, max_depth)


def checkpoint(folder: Path, model: ModelConfig) -> Path:
    """Write what training writes."""
    torch.manual_seed(0)
    network = start_model(vars(model))
    folder.mkdir()
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, folder / "weights.safetensors", network.description())
    (folder / "config.json").write_text(to_json(TrainConfig("a.trained", "runs/a", model=model)))
    return folder


def test_a_trained_metric_network_is_loaded_as_one(tmp_path: Path) -> None:
    settings = ModelConfig("leadline-tiny", imagenet=False, head="sigmoid", max_depth=30)
    network, name = load_trained(checkpoint(tmp_path / "a", settings))
    card = network.card(name)
    assert (card.name, card.kind) == ("a.trained", METRIC_DEPTH)
    depth = NetworkPredictor(network)(np.zeros((40, 60, 3), np.uint8)).depth
    assert depth.kind == METRIC_DEPTH
    np.testing.assert_allclose(depth.values, math.sqrt(30), rtol=0.1)


def test_the_last_layer_is_new_after_relative_weights_and_kept_after_metric_ones(tmp_path: Path) -> None:
    relative = checkpoint(tmp_path / "relative", ModelConfig("leadline-tiny", imagenet=False))
    metric = checkpoint(tmp_path / "metric", ModelConfig("leadline-tiny", imagenet=False, head="log", max_depth=30))
    for folder, kept in ((relative, False), (metric, True)):
        weights = str(folder / "weights.safetensors")
        network = start_model({"architecture": "leadline-tiny", "weights": weights, "head": "log", "max_depth": 30})
        source, _ = load_trained(folder)
        assert torch.equal(network.last_layer.weight, source.last_layer.weight) == kept
        assert torch.equal(network.get_parameter("refine.weight"), source.get_parameter("refine.weight"))


def test_a_relative_checkpoint_stays_one(tmp_path: Path) -> None:
    network, name = load_trained(checkpoint(tmp_path / "a", ModelConfig("midas-tiny", imagenet=False)))
    card = network.card(name)
    assert (card.kind, card.mean, card.size_multiple) == (RELATIVE_DISPARITY, (123.675, 116.28, 103.53), 32)
    with pytest.raises(LeadlineError, match="is no checkpoint"):
        load_trained(tmp_path)


@pytest.mark.parametrize("name", ["leadline-tiny", "midas-tiny"])
def test_training_normalises_pictures_as_prediction_does(name: str) -> None:
    network = make_model(name)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    got = network.normalise(torch.from_numpy(pixels)[None])
    np.testing.assert_allclose(got[0], network_input(pixels, (32, 64), network.card("a.b")), atol=1e-6)
    assert got.is_contiguous(memory_format=torch.channels_last)
