"""`leadline train` on stereo networks: builds, resumes, starts from weights, validates, and its checkpoint can be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from leadline.cli.load import load
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.stereo_layers import layered_pair
from leadline.errors import LeadlineError
from leadline.evaluation.runner import predict
from leadline.models.stereo.registry import make_stereo_model
from leadline.recipes import load_recipe
from leadline.sample import Sample
from leadline.training import train
from leadline.training.config import TrainConfig, from_json, override, to_json
from leadline.training.stereo import prepare_stereo


def small(run_dir: Path, *changes: str) -> TrainConfig:
    return override(
        load_recipe("leadline_stereo"),
        [
            "model.architecture=raft-stereo-tiny", f"run_dir={run_dir}", "data.sources=layers:20", "data.shapes=32x64",
            "data.batch_size=2", "stereo.iterations=2", "optimiser.minutes=0", "optimiser.steps=4", "optimiser.warmup_steps=1",
            "trainer.checkpoint_every=2", "trainer.validate_every=100", "trainer.precision=32-true", "trainer.trackers=",
            *changes,
        ],
    )  # fmt: skip


def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    train(small(tmp_path / "parts", "optimiser.steps=2", "optimiser.schedule=constant"))
    same = train(small(tmp_path / "flat", "optimiser.schedule=constant"))
    parts = train(small(tmp_path / "parts", "optimiser.schedule=constant"), resume=True)
    for key, value in load_file(same / "weights.safetensors").items():
        torch.testing.assert_close(load_file(parts / "weights.safetensors")[key], value, rtol=0, atol=0)
    start = small(tmp_path / "next", f"model.weights={same}")
    begun = prepare_stereo(start).network.state_dict()
    assert all(torch.equal(begun[key], value) for key, value in load_file(same / "weights.safetensors").items())

    predictor = load(str(same))
    pair = layered_pair(np.random.default_rng(0), (60, 90), 12)
    depth = predict(predictor, StereoPair("a", pair.left, right=pair.right))
    assert str(depth.kind) == "pixel_disparity/metric"
    assert depth.hw == (60, 90)
    with pytest.raises(LeadlineError, match="no right picture"):
        predict(predictor, Sample("a", pair.left))
    with pytest.raises(LeadlineError, match="left and a right"):
        predictor(pair.left)


def test_semi_global_matching_is_loaded_by_its_name() -> None:
    pair = layered_pair(np.random.default_rng(1), (60, 120), 12)
    depth = predict(load("sgm"), StereoPair("a", pair.left, right=pair.right))
    assert str(depth.kind) == "pixel_disparity/metric"


@pytest.mark.parametrize("name", ["leadline_stereo", "raft_stereo", "crestereo", "stereo_finetune"])
def test_each_recipe_survives_its_file_and_names_a_stereo_network(name: str) -> None:
    recipe = load_recipe(name)
    assert from_json(to_json(recipe)) == recipe
    assert recipe.model.architecture in ("leadline-stereo-s", "raft-stereo", "crestereo")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("data.shapes=40x64", "multiples of 32"),
        ("data.mixing=proportional", "expected weighted or equal"),
        ("model.weights=nothing.safetensors", "nothing.safetensors"),
        ("model.head=sigmoid", "expected own"),
    ],
)
def test_what_a_stereo_network_cannot_take_is_refused(tmp_path: Path, change: str, says: str) -> None:
    with pytest.raises(LeadlineError, match=says):
        prepare_stereo(small(tmp_path, change))


def test_validation_counts_pixels_off_by_more_than_two(tmp_path: Path) -> None:
    from leadline.training.stereo import stereo_validation

    network = make_stereo_model("raft-stereo-tiny").eval()
    pair = layered_pair(np.random.default_rng(0), (64, 96), 12)
    said = stereo_validation([pair])(network)
    with torch.no_grad():
        views = [network.normalise(torch.from_numpy(p[None])) for p in (pair.left, pair.right)]
        error = np.abs(network(*views)[0].numpy() - pair.disparity)
    assert said["epe"] == pytest.approx(error.mean(), rel=1e-3)
    assert said["score"] == pytest.approx(1 - (error > 2).mean(), abs=1e-3)
