from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.models.registry import make_model
from leadline.training.checkpoint import Progress, latest_checkpoint
from leadline.training.config import LossConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.loop import learning_share, make_optimiser, run_loop
from leadline.training.task import LossReport
from leadline.training.tasks.supervised import SupervisedTask

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


def config(run_dir: Path, steps: int = 4, precision: str = "32-true", **trainer: int) -> TrainConfig:
    settings = {"log_every": 1, "validate_every": 2, "checkpoint_every": 2, "threads": 1} | trainer
    return TrainConfig(
        "leadline-tiny.test",
        str(run_dir),
        loss=LossConfig(scales=2),
        optimiser=OptimiserConfig(steps=steps, warmup_steps=2),
        trainer=TrainerConfig(accelerator="cpu", precision=precision, **settings),  # type: ignore[arg-type]
    )


def ramps(start: int, step: int = 1) -> Iterator[Batch]:
    """Batches that depend on their number alone: brighter is nearer."""
    while True:
        rng = np.random.default_rng(start)
        disparity = np.kron(rng.random((2, 4, 4)), np.ones((8, 8))).astype(np.float32)
        image = np.repeat((disparity * 200)[..., None], 3, axis=3).astype(np.uint8)
        yield Batch(image, disparity, rng.random(disparity.shape) < 0.9)
        start += step


class Small(nn.Module):
    """What the loop needs of a network, in a few hundred numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 8, 3, padding=1)
        self.decoder = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.decoder(self.encoder(image).relu())[:, 0]
        return out


def network(seed: int = 0, name: str = "") -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make_model(name) if name else Small()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def supervised(wrapped: nn.Module, device: torch.device) -> SupervisedTask:
    return SupervisedTask(wrapped, LossConfig(scales=2), device)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_two_steps_end_to_end_change_the_weights_and_leave_a_whole_run(tmp_path: Path, precision: str) -> None:
    trained, scores = network(name="leadline-tiny"), iter([0.3, 0.2])
    run = config(tmp_path / "run", steps=2, precision=precision, validate_every=1)
    best = run_loop(run, trained, supervised, ramps, lambda _: {"score": next(scores)})
    before = network(name="leadline-tiny").state_dict()
    changed = {k for k, v in trained.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {name for name, _ in trained.named_parameters()}
    assert json.loads((best / "progress.json").read_text())["step"] == 1  # the higher score came first
    assert json.loads((latest_checkpoint(tmp_path / "run") / "progress.json").read_text())["step"] == 2
    assert set(load_file(best / "weights.safetensors")) == set(before)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "train/loss" in line] == [1, 2]
    assert {"speed/images_per_s", "speed/minutes_left", "train/data", "train/gradient"} <= set(lines[0])


def test_a_network_learns_that_brighter_is_nearer(tmp_path: Path) -> None:
    run = config(tmp_path / "run", steps=40, log_every=10, checkpoint_every=100)
    run_loop(replace(run, optimiser=replace(run.optimiser, lr=3e-3)), network(), supervised, ramps)
    losses = [json.loads(line)["train/loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.6 * losses[0]


def test_a_resumed_run_ends_bit_for_bit_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    through, stopped = config(tmp_path / "through", 5), config(tmp_path / "stopped", 5)
    whole = run_loop(through, network(), supervised, ramps)
    run_loop(stopped, network(), supervised, ramps, stop_after=3)  # not a multiple of checkpoint_every
    resumed = run_loop(stopped, network(seed=1), supervised, ramps, resume=True)  # what it starts from must not matter
    for name in ("weights.safetensors", "raw.safetensors"):
        one, two = load_file(whole / name), load_file(resumed / name)
        assert all(torch.equal(one[key], two[key]) for key in one)
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (whole, resumed)]
    moments = [[t for s in state["optimiser"]["state"].values() for t in s.values()] for state in states]
    assert all(torch.equal(a, b) for a, b in zip(*moments, strict=True))


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    run_loop(config(tmp_path / "run", 5, checkpoint_every=1, keep=2), network(), supervised, ramps)
    assert sorted(p.name for p in (tmp_path / "run" / "checkpoints").iterdir()) == ["step-00000004", "step-00000005"]


def test_an_interrupted_run_keeps_its_last_step(tmp_path: Path) -> None:
    def interrupted(start: int, step: int) -> Iterator[Batch]:
        stream = ramps(start)
        yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_loop(config(tmp_path / "run"), network(), supervised, interrupted)
    assert latest_checkpoint(tmp_path / "run").name == "step-00000001"


class Poisoned:
    """A task whose loss is not a number in chosen steps."""

    def __init__(self, wrapped: nn.Module, bad: set[int]) -> None:
        self.wrapped, self.bad = wrapped, bad

    def step(self, batch: Batch, number: int) -> LossReport:
        loss = self.wrapped(torch.from_numpy(batch.image).permute(0, 3, 1, 2).float() / 255).mean()
        return LossReport(loss * (torch.nan if number in self.bad else 1))


def test_a_step_that_is_not_finite_is_skipped_and_counted(tmp_path: Path) -> None:
    trained = network()
    run_loop(config(tmp_path / "run", 3), trained, lambda n, _: Poisoned(n, {1}), ramps)
    assert json.loads((latest_checkpoint(tmp_path / "run") / "progress.json").read_text())["skipped"] == 1
    assert all(torch.isfinite(p).all() for p in trained.parameters())


def test_a_run_that_stays_not_finite_stops_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="not finite in 21 steps") as caught:
        run_loop(config(tmp_path / "run", 99), network(), lambda n, _: Poisoned(n, set(range(99))), ramps)
    assert "\n" not in str(caught.value)


def test_a_run_folder_is_not_overwritten_and_nothing_is_resumed_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="nothing to resume"):
        run_loop(config(tmp_path / "run"), network(), supervised, ramps, resume=True)
    run_loop(config(tmp_path / "run", 1), network(), supervised, ramps)
    with pytest.raises(LeadlineError, match="already holds a run"):
        run_loop(config(tmp_path / "run", 1), network(), supervised, ramps)


def test_the_learning_rate_rises_and_falls_by_steps_or_by_the_clock() -> None:
    by_steps = OptimiserConfig(steps=100, warmup_steps=10, final_share=0.1)
    shares = [learning_share(Progress(step), by_steps) for step in range(101)]
    assert shares[0] == pytest.approx(0.1, rel=0.01)
    assert np.argmax(shares) == 9
    assert shares[100] == pytest.approx(0.1)
    by_clock = replace(by_steps, minutes=1.0, warmup_steps=1)
    assert learning_share(Progress(7, seconds=30), by_clock) == pytest.approx(0.55)


def test_encoder_and_decoder_learn_at_their_own_rates_and_biases_do_not_decay() -> None:
    net = network()
    groups = make_optimiser(net, OptimiserConfig(lr=3.0, encoder_lr=2.0, weight_decay=0.5)).param_groups
    home = {id(p): g for g in groups for p in g["params"]}
    for name, parameter in net.named_parameters():
        group = home[id(parameter)]
        assert group["peak_lr"] == (2.0 if name.startswith("encoder.") else 3.0)
        assert group["weight_decay"] == (0.5 if parameter.ndim > 1 else 0.0)
