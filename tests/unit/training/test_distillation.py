"""Students: the objective, the frozen encoder, the recipes' way through the loop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from tests.unit.data.small_tom_world import write_tom_world
from tests.unit.data.test_label_shards import write_labels
from tests.unit.models.small_configs import depth_anything, enliven

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.losses.pseudo_label import pseudo_label_loss
from leadline.models.frozen_encoder import FrozenEncoder, feature_map, load_frozen_encoder
from leadline.models.hf_trainable import load_hf_trainable
from leadline.models.registry import load_trained, make_model
from leadline.recipes import load_recipe
from leadline.training import override, train
from leadline.training.config import LossConfig, TrainConfig
from leadline.training.distillation import prepare_distillation, taught_sources
from leadline.training.distillation_settings import DEPTH_ANYTHING_V1, DEPTH_ANYTHING_V2, DistillationSettings
from leadline.training.tasks.distillation import DistillationTask

CPU = torch.device("cpu")
LOSS = LossConfig(stride=1, scales=2, anchor_weight=0.0)
PLAIN = DistillationSettings(on=True, perturb=False, cutmix=0.0, encoder="none")
BOTH = frozenset({1})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def small() -> Any:
    torch.manual_seed(0)
    return make_model("leadline-tiny").eval()


def batch(source: tuple[int, ...] = (1, 0, 1, 0), hw: tuple[int, int] = (64, 64)) -> Batch:
    """Noise; odd sources have labels."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (len(source), *hw, 3), dtype=np.uint8)
    disparity = rng.random((len(source), *hw), dtype=np.float32)
    return Batch(image, disparity, rng.random(disparity.shape) < 0.9, source=np.array(source))


def task(network: Any, settings: DistillationSettings, frozen: FrozenEncoder | None = None) -> DistillationTask:
    return DistillationTask(network, settings, LOSS, CPU, BOTH, frozen)


def expected_losses(network: Any, given: Batch, rows: list[int], **how: float) -> torch.Tensor:
    pred = network(network.normalise(torch.from_numpy(given.image[rows])))
    label, valid = torch.from_numpy(given.disparity[rows]), torch.from_numpy(given.valid[rows])
    return pseudo_label_loss(pred, label, valid, scales=2, **how).mean()  # type: ignore[arg-type]


def test_the_loss_is_the_plain_average_of_truth_and_labels() -> None:
    network, given = small(), batch()
    report = task(network, PLAIN).step(given, 0)
    truth, labels = (expected_losses(network, given, rows, gradient_weight=0, ignored_share=0) for rows in ([1, 3], [0, 2]))
    torch.testing.assert_close(report.loss, (truth + labels) / 2)
    torch.testing.assert_close(report.parts["labelled"], truth.detach())
    torch.testing.assert_close(report.parts["unlabelled"], labels.detach())


def test_the_worst_pixels_of_labels_alone_are_ignored_and_gradients_weigh_the_same_in_both() -> None:
    network, given = small(), batch()
    settings = replace(PLAIN, gradient_weight=2.0, ignored_share=0.1)
    report = task(network, settings).step(given, 0)
    truth = expected_losses(network, given, [1, 3], gradient_weight=2, ignored_share=0)
    labels = expected_losses(network, given, [0, 2], gradient_weight=2, ignored_share=0.1)
    torch.testing.assert_close(report.loss, (truth + labels) / 2)


@pytest.mark.parametrize("source", [(0, 0), (1, 1)])
def test_a_batch_of_one_sort_has_that_sorts_loss(source: tuple[int, ...]) -> None:
    network, given = small(), batch(source)
    expected = expected_losses(network, given, [0, 1], gradient_weight=0, ignored_share=0)
    torch.testing.assert_close(task(network, PLAIN).step(given, 0).loss, expected)


def test_pictures_with_truth_are_never_perturbed() -> None:
    network, given = small(), batch()
    plain, strong = (task(network, s).step(given, 0).parts for s in (PLAIN, replace(PLAIN, perturb=True, cutmix=1.0)))
    torch.testing.assert_close(plain["labelled"], strong["labelled"])
    assert plain["unlabelled"] != strong["unlabelled"]


def test_a_student_that_has_not_left_the_frozen_encoder_has_nothing_to_align() -> None:
    network, given = small(), batch()
    frozen = FrozenEncoder(small().encoder, (127.0,) * 3, (128.0,) * 3)
    frozen.network.load_state_dict(network.encoder.state_dict())
    settings = replace(PLAIN, encoder="lite0")
    assert task(network, settings, frozen).step(given, 0).parts["features"] == 0
    for parameter in network.encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1) if parameter.ndim > 1 else None
    far = task(network, settings, frozen).step(given, 0)
    near = task(network, replace(settings, margin=-1.0), frozen).step(given, 0)
    assert far.parts["features"] > 0.15
    assert near.parts["features"] == 0  # nothing is farther than that
    truth_only = task(network, settings, frozen).step(batch((0, 0)), 0)
    assert "features" not in truth_only.parts


def test_a_few_steps_bring_a_student_closer_to_truth_labels_and_the_frozen_encoder() -> None:
    network, given = small(), batch(hw=(32, 64))
    slope = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32), given.disparity.shape).copy()
    given = given._replace(disparity=slope)
    learning = task(network, replace(PLAIN, margin=1.0, gradient_weight=2.0), load_frozen_encoder("lite0"))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    found = []
    for number in range(8):
        report = learning.step(given, number)
        optimiser.zero_grad()
        report.loss.backward()
        optimiser.step()
        found.append(report.parts)
    assert all(found[-1][name] < 0.9 * found[0][name] for name in ("labelled", "unlabelled", "features"))


def test_nothing_of_the_frozen_encoder_is_trained_or_kept() -> None:
    network, given = small(), batch()
    frozen = load_frozen_encoder("lite0", 32)
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    frozen.train()
    report = task(network, replace(DEPTH_ANYTHING_V1, stride=32), frozen).step(given, 0)
    report.loss.backward()
    assert not frozen.network.training
    assert all(torch.equal(value, before[name]) for name, value in frozen.state_dict().items())
    assert all(parameter.grad is None for parameter in frozen.parameters())
    assert any(parameter.grad is not None for parameter in network.encoder.parameters())
    assert not any("frozen" in name for name in network.state_dict())


def test_features_have_the_stride_that_was_asked_for_or_a_finer_one() -> None:
    pixels = torch.zeros(1, 64, 96, 3, dtype=torch.uint8)
    assert load_frozen_encoder("lite0", 16)(pixels).shape == (1, 112, 4, 6)
    assert load_frozen_encoder("lite0", 32)(pixels).shape == (1, 320, 2, 3)
    tokens = torch.arange(1 + 6.0).reshape(1, 7, 1)  # one token of no place, then 2 x 3
    assert feature_map([tokens], (28, 42), 16, patch=14).tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
    with pytest.raises(LeadlineError, match="an encoder that gives str: expected feature maps"):
        feature_map("nothing", (28, 42), 16)
    with pytest.raises(LeadlineError, match="a depth_anything is no backbone of transformers"):
        load_frozen_encoder(depth_anything())
    with pytest.raises(LeadlineError, match="frozen encoder 'vgg': expected one of lite0, lite1, lite2, or hf:NAME"):
        load_frozen_encoder("vgg")


def dinov2() -> Any:
    return transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=70, out_features=["stage2"]
    )


def test_a_dinov2_takes_pictures_of_any_size_and_a_student_of_another_width_learns_a_projection() -> None:
    frozen = load_frozen_encoder(dinov2())
    network, given = small(), batch()
    config = TrainConfig("x", "x", distillation=DEPTH_ANYTHING_V2)
    network.projection = torch.nn.Conv2d(112, 24, 1, bias=False)
    report = task(network, replace(config.distillation, margin=1.0), frozen).step(given, 0)
    assert 0 < report.parts["features"] < 2
    report.loss.backward()
    assert network.projection.weight.grad.abs().sum() > 0
    network.zero_grad()
    task(network, config.distillation, frozen).step(batch((0, 0)), 0).loss.backward()
    assert network.projection.weight.grad is not None  # as several processes want it


def test_a_depth_anything_is_a_student_too() -> None:
    network = enliven(load_hf_trainable(depth_anything())).eval()
    settings = replace(PLAIN, encoder="hf:x", margin=1.0)
    report = task(network, settings, load_frozen_encoder(dinov2())).step(batch(hw=(56, 70)), 0)
    assert report.parts["features"] > 0


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("margin=1.5", r"distillation\.margin=1\.5: expected a cosine"),
        ("ignored_share=1", r"distillation\.ignored_share=1\.0: expected 0 \(nothing\) up to less than 1"),
        ("cutmix=-0.1", r"distillation\.cutmix=-0\.1: expected a probability"),
        ("gradient_weight=-1", r"distillation\.gradient_weight=-1\.0: expected 0 or more"),
        ("encoder=dino", r"distillation\.encoder=dino: expected none, lite0 to 2, or hf:NAME"),
        ("stride=8", r"distillation\.stride=8: expected"),
    ],
)
def test_a_wrong_setting_is_one_line(change: str, line: str) -> None:
    with pytest.raises(LeadlineError, match=line):
        override(TrainConfig("x", "x"), [f"distillation.{change}"])


def test_what_a_student_can_not_have_is_one_line(tmp_path: Path) -> None:
    config = TrainConfig("x", "x", distillation=PLAIN)
    with pytest.raises(LeadlineError, match=r"distillation\.on with model\.head=log, .*expected own and sum"):
        prepare_distillation(override(config, ["model.head=log"]), small(), ())
    with pytest.raises(LeadlineError, match=r"distillation\.on with leadline-tom-seg: expected a network of depth"):
        train(override(config, ["model.architecture=leadline-tom-seg", "data.sources=x", f"run_dir={tmp_path}"]))
    pairs = batch()._replace(pairs=np.zeros((4, 1, 5), np.float32))
    with pytest.raises(LeadlineError, match="a source of pairs of points"):
        task(small(), PLAIN).step(pairs, 0)


def test_label_shards_and_labelled_photos_are_a_teachers() -> None:
    assert taught_sources(["worlds/rooms", "shards:labels", "photos::labels", "tum_rgbd@x", "worlds/a#film"]) == {1, 2}


def settings(root: Path, run: str) -> list[str]:
    return [
        f"data.cache={root / 'cache'}", f"run_dir={root / run}", "model.architecture=leadline-tiny", "model.imagenet=false",
        "data.shapes=32x64", "data.batch_size=3", "data.longest=64", "optimiser.steps=4", "optimiser.warmup_steps=1",
        "trainer.threads=1", "trainer.accelerator=cpu", "trainer.trackers=jsonl", "trainer.log_every=1",
        "trainer.checkpoint_every=2", "model.frozen_stages=0", "data.validation_views=2",
    ]  # fmt: skip


def test_v1_trains_on_a_world_and_shards_and_a_stopped_run_ends_in_the_same_weights(tmp_path: Path) -> None:
    write_tom_world(tmp_path / "world")
    labels = write_labels(tmp_path, 9, shard_images=4)
    transformers.Dinov2Backbone(dinov2()).save_pretrained(tmp_path / "dinov2")
    sources = [f"data.sources={tmp_path / 'world'},shards:{labels}", "data.weights=1,2"]
    sources.append(f"distillation.encoder=hf:{tmp_path / 'dinov2'}")

    def config(run: str) -> TrainConfig:
        return override(load_recipe("student_v1"), [*settings(tmp_path, run), *sources])

    whole = train(config("whole"))
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    losses = [line for line in log if any("unlabelled" in key for key in line)]
    assert len(losses) == 4
    assert all(any(key.endswith(part) for key in losses[0]) for part in ("labelled", "unlabelled", "features"))

    with pytest.raises(KeyboardInterrupt):
        train(override(config("stopped"), ["trainer.validate_every=2"]), validation=interrupt)
    resumed = train(config("stopped"), resume=True)
    weights, again = (load_file(best.parent / "step-00000004" / "raw.safetensors") for best in (whole, resumed))
    half_way = load_file(whole.parent / "step-00000002" / "raw.safetensors")
    assert not torch.equal(weights["projection.weight"], half_way["projection.weight"])  # it is trained along
    assert all(torch.equal(value, again[name]) for name, value in weights.items())
    network, name = load_trained(whole)
    assert name == "leadline-s.student-v1"
    assert not hasattr(network, "projection")


def interrupt(network: torch.nn.Module) -> dict[str, float]:
    raise KeyboardInterrupt


def test_v2_trains_on_shards_alone(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, 6, shard_images=4)
    config = override(
        load_recipe("student_v2"), [*settings(tmp_path, "run"), f"data.sources=shards:{labels}", "optimiser.steps=1"]
    )
    best = train(override(config, ["distillation.encoder=none"]))
    assert (best / "weights.safetensors").is_file()
