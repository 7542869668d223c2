from __future__ import annotations

import json
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tests.unit.training.small import SquaredError, ramp, ramps, small_config, small_network
from torch import nn

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.training.checkpoint import latest_checkpoint
from leadline.training.config import LossConfig
from leadline.training.loop import run_loop
from leadline.training.summary import read_summary
from leadline.training.task import LossReport
from leadline.training.tasks.supervised import SupervisedTask

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


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
    trained, scores = small_network(name="leadline-tiny"), iter([0.3, 0.2])
    run = small_config(tmp_path / "run", steps=2, precision=precision, validate_every=1)
    best = run_loop(run, trained, supervised, ramps, lambda _: {"score": next(scores)})
    before = small_network(name="leadline-tiny").state_dict()
    changed = {k for k, v in trained.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {name for name, _ in trained.named_parameters()}
    assert json.loads((best / "progress.json").read_text())["step"] == 1  # the higher score came first
    assert json.loads((latest_checkpoint(tmp_path / "run") / "progress.json").read_text())["step"] == 2
    assert set(load_file(best / "weights.safetensors")) == set(before)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "train/loss" in line] == [1, 2]
    assert {"speed/images_per_s", "speed/minutes_left", "train/data", "train/gradient"} <= set(lines[0])


def test_a_network_learns_that_brighter_is_nearer(tmp_path: Path) -> None:
    run = small_config(tmp_path / "run", steps=40, log_every=10, checkpoint_every=100)
    run_loop(replace(run, optimiser=replace(run.optimiser, lr=3e-3)), small_network(), SquaredError, ramps)
    losses = [json.loads(line)["train/loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.6 * losses[0]


def test_a_resumed_run_ends_bit_for_bit_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    through, stopped = small_config(tmp_path / "through", 5), small_config(tmp_path / "stopped", 5)
    whole = run_loop(through, small_network(), SquaredError, ramps)
    run_loop(stopped, small_network(), SquaredError, ramps, stop_after=3)  # not a multiple of checkpoint_every
    resumed = run_loop(stopped, small_network(seed=1), SquaredError, ramps, resume=True)  # what it starts from must not matter
    for name in ("weights.safetensors", "raw.safetensors"):
        one, two = load_file(whole / name), load_file(resumed / name)
        assert all(torch.equal(one[key], two[key]) for key in one)
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (whole, resumed)]
    moments = [[t for s in state["optimiser"]["state"].values() for t in s.values()] for state in states]
    assert all(torch.equal(a, b) for a, b in zip(*moments, strict=True))


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    run_loop(small_config(tmp_path / "run", 5, checkpoint_every=1, keep=2), small_network(), SquaredError, ramps)
    assert sorted(p.name for p in (tmp_path / "run" / "checkpoints").iterdir()) == ["step-00000004", "step-00000005"]


def test_an_interrupted_run_keeps_its_last_step(tmp_path: Path) -> None:
    def interrupted(start: int, step: int) -> Iterator[Batch]:
        stream = ramps(start)
        yield next(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_loop(small_config(tmp_path / "run"), small_network(), SquaredError, interrupted)
    assert latest_checkpoint(tmp_path / "run").name == "step-00000001"


class Named(NamedTuple):
    """A batch that knows its views."""

    image: NDArray[np.uint8]
    names: tuple[str, ...]


def named(start: int, step: int = 1) -> Iterator[Named]:
    for number in count(start, step):
        yield Named(ramp(number).image, (f"room/{number}-0", f"room/{number}-1"))


class Poisoned:
    """A task whose loss is not a number for chosen batches, or its gradient is not."""

    def __init__(self, wrapped: nn.Module, bad: Collection[int], gradient: bool = False) -> None:
        self.wrapped, self.bad, self.gradient = wrapped, bad, gradient

    def step(self, batch: Named, number: int) -> LossReport:
        loss = self.wrapped(torch.from_numpy(batch.image).permute(0, 3, 1, 2).float() / 255).mean()
        bad = any(name == f"room/{b}-0" for b in self.bad for name in batch.names)
        if bad and self.gradient:
            return LossReport(loss + (loss - loss.detach()).abs().sqrt())  # the root's slope at zero is infinite
        return LossReport(loss * (torch.nan if bad else 1))


@pytest.mark.parametrize(("gradient", "fault"), [(False, "loss"), (True, "gradient")])
def test_a_step_that_is_not_finite_is_skipped_counted_and_its_views_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gradient: bool, fault: str
) -> None:
    trained = small_network()
    run_loop(small_config(tmp_path / "run", 3), trained, lambda n, _: Poisoned(n, {1}, gradient), named)
    assert all(torch.isfinite(p).all() for p in trained.parameters())
    assert read_summary(tmp_path / "run").skipped == 1
    skipped = [json.loads(line) for line in (tmp_path / "run" / "skipped.jsonl").read_text().splitlines()]
    assert skipped == [{"step": 1, "not_finite": fault, "names": ["room/1-0", "room/1-1"]}]
    assert f"step 1 left out, its {fault} is not finite: room/1-0, room/1-1" in capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert ["train/loss" in line for line in lines] == [True, False, True]  # what was left out is in no mean


def test_only_the_views_of_the_batch_that_is_to_blame_are_named(tmp_path: Path) -> None:
    run = small_config(tmp_path / "run", 2)
    run = replace(run, optimiser=replace(run.optimiser, accumulate=2))
    run_loop(run, small_network(), lambda n, _: Poisoned(n, {3}), named)
    skipped = [json.loads(line) for line in (tmp_path / "run" / "skipped.jsonl").read_text().splitlines()]
    assert skipped == [{"step": 1, "not_finite": "loss", "names": ["room/3-0", "room/3-1"]}]


def test_a_run_that_stays_not_finite_stops_with_one_line_that_names_the_views(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="not finite in 21 steps in a row, the last at step 23 with room/23-0") as caught:
        run_loop(
            small_config(tmp_path / "run", 99, checkpoint_every=100),
            small_network(),
            lambda n, _: Poisoned(n, range(3, 99)),
            named,
        )
    assert "\n" not in str(caught.value)
    assert "skipped.jsonl" in str(caught.value)


def test_steps_that_fail_now_and_then_stop_no_run(tmp_path: Path) -> None:
    run_loop(
        small_config(tmp_path / "run", 50, checkpoint_every=100),
        small_network(),
        lambda n, _: Poisoned(n, range(0, 50, 2)),
        named,
    )
    assert read_summary(tmp_path / "run").skipped == 25


def test_a_run_folder_is_not_overwritten_and_nothing_is_resumed_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="nothing to resume"):
        run_loop(small_config(tmp_path / "run"), small_network(), SquaredError, ramps, resume=True)
    run_loop(small_config(tmp_path / "run", 1), small_network(), SquaredError, ramps)
    with pytest.raises(LeadlineError, match="already holds a run"):
        run_loop(small_config(tmp_path / "run", 1), small_network(), SquaredError, ramps)


def raw_weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = load_file(folder / "raw.safetensors")
    return state


def test_the_same_seed_gives_the_same_run_bit_for_bit_and_another_seed_another(tmp_path: Path) -> None:
    ends = []
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        torch.manual_seed(len(ends))  # what the caller did before must not matter
        run = replace(small_config(tmp_path / name, 3), seed=seed)
        ends.append(raw_weights(run_loop(run, small_network(), SquaredError, ramps)))
    one, two, other = ends
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)  # its dropout is another


def test_the_random_state_of_the_caller_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    run_loop(small_config(tmp_path / "run", 2), small_network(), SquaredError, ramps)
    assert torch.equal(torch.get_rng_state(), before)


def gradient_norms(run: Path) -> list[float]:
    return [json.loads(line)["train/gradient_norm"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_two_accumulated_batches_make_the_step_of_one_batch_that_holds_both(tmp_path: Path) -> None:
    def doubled(start: int, step: int = 1) -> Iterator[Batch]:
        for number in count(start, step):
            one, two = ramp(2 * number), ramp(2 * number + 1)
            yield Batch(*(np.concatenate([one[i], two[i]]) for i in range(3)))

    run, ends = small_config(tmp_path / "run", 4), []
    for name, accumulate, batches in (("halves", 2, ramps), ("whole", 1, doubled)):
        network = small_network()
        network.dropout.p = 0.0  # type: ignore[union-attr, assignment]
        options = replace(run.optimiser, accumulate=accumulate, clip=0.05)  # clips every step
        ends.append(
            raw_weights(run_loop(replace(run, run_dir=str(tmp_path / name), optimiser=options), network, SquaredError, batches))
        )
    halves, whole = ends
    for key in whole:
        torch.testing.assert_close(halves[key], whole[key], rtol=1e-5, atol=1e-6)
    assert read_summary(tmp_path / "halves").images == read_summary(tmp_path / "whole").images == 16
    # Adam does not feel the size of a gradient, and clipping hides it: it must be the mean of the two, not the sum.
    assert gradient_norms(tmp_path / "halves") == pytest.approx(gradient_norms(tmp_path / "whole"), rel=1e-4)


def test_an_accumulating_run_resumes_with_the_batch_after_the_last(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def batches(start: int, step: int) -> Iterator[Batch]:
        asked.append((start, step))
        return ramps(start, step)

    run = small_config(tmp_path / "run", 4)
    run = replace(run, optimiser=replace(run.optimiser, accumulate=3))
    run_loop(run, small_network(), SquaredError, batches, stop_after=2)
    run_loop(run, small_network(), SquaredError, batches, resume=True)
    assert asked == [(0, 1), (6, 1)]
    with pytest.raises(LeadlineError, match=r"optimiser\.accumulate=0: expected at least 1"):
        run_loop(replace(run, optimiser=replace(run.optimiser, accumulate=0)), small_network(), SquaredError, batches)


@pytest.mark.parametrize(("clip", "largest"), [(1e-3, 1e-3), (0.0, None)])
def test_gradients_are_clipped_to_the_norm_asked_for_and_zero_clips_none(
    tmp_path: Path, clip: float, largest: float | None
) -> None:
    seen: list[float] = []
    run = small_config(tmp_path / "run", 1)
    # The gradients of a step are looked at before the optimiser drops them.
    before = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *args: object) -> object:
        seen.append(float(torch.stack([p.grad.norm() for g in self.param_groups for p in g["params"]]).norm()))
        return before(self, *args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", step)
        run_loop(replace(run, optimiser=replace(run.optimiser, clip=clip)), small_network(), SquaredError, ramps)
    assert seen[-1] == pytest.approx(largest, rel=1e-3) if largest else seen[-1] > 1e-3


def test_frozen_layers_keep_their_weights_and_their_running_statistics(tmp_path: Path) -> None:
    network = small_network()
    network.encoder = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run = small_config(tmp_path / "run", 2)
    end = raw_weights(run_loop(replace(run, model=replace(run.model, freeze=("encoder",))), network, SquaredError, ramps))
    changed = {name for name in end if not torch.equal(end[name], before[name])}
    assert changed == {"decoder.weight", "decoder.bias"}


def test_the_average_of_the_weights_follows_its_formula(tmp_path: Path) -> None:
    network = small_network()
    expected = {name: p.detach().clone() for name, p in network.named_parameters()}
    last = run_loop(small_config(tmp_path / "run", 3, checkpoint_every=1, keep=9), network, SquaredError, ramps)
    raw = [raw_weights(last.with_name(f"step-0000000{step}")) for step in (1, 2, 3)]
    for update, weights in enumerate(raw):
        # torch copies the first update, then the share that is kept grows with the number of updates.
        kept = 0.0 if update == 0 else min(0.998, (1 + update) / (10 + update))
        expected = {name: kept * expected[name] + (1 - kept) * weights[name] for name in expected}
    averaged = load_file(tmp_path / "run" / "checkpoints" / "step-00000003" / "weights.safetensors")
    for name in expected:
        torch.testing.assert_close(averaged[name], expected[name])


def test_a_resumed_run_learns_at_the_rate_it_is_given_now(tmp_path: Path) -> None:
    run = small_config(tmp_path / "run", 6)
    run_loop(run, small_network(), SquaredError, ramps, stop_after=2)
    before = raw_weights(latest_checkpoint(tmp_path / "run"))
    still = replace(run, optimiser=replace(run.optimiser, lr=0.0, encoder_lr=0.0))
    after = raw_weights(run_loop(still, small_network(), SquaredError, ramps, resume=True))
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_run_ends_with_a_line_about_it(tmp_path: Path) -> None:
    def slow(start: int, step: int = 1) -> Iterator[Batch]:
        for batch in ramps(start, step):
            time.sleep(0.05)
            yield batch

    run = small_config(tmp_path / "run", 4)
    run_loop(run, small_network(), SquaredError, slow, lambda _: {"score": 0.25}, stop_after=2)
    best = run_loop(run, small_network(), SquaredError, slow, lambda _: {"score": 0.5}, resume=True)
    summary = read_summary(tmp_path / "run")
    assert (summary.steps, summary.images, summary.best, summary.checkpoint) == (4, 8, 0.5, str(best))  # of both sessions
    assert 0.5 < summary.waited_share < 1  # this network is far faster than its data
    assert 0.2 / 60 < summary.minutes < 1
    assert summary.images_per_s == pytest.approx(8 / (60 * summary.minutes))
    assert str(summary).startswith("4 steps in 0.0 min, ")
    assert str(summary).endswith(f"best score 0.5000: {best}")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert all(line["speed/waited_share"] > 0.5 for line in lines if "train/loss" in line)


def test_a_checkpoint_that_was_cut_short_is_passed_over_on_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = run_loop(small_config(tmp_path / "whole", 5), small_network(), SquaredError, ramps)
    run = small_config(tmp_path / "run", 5)
    last = run_loop(run, small_network(), SquaredError, ramps, stop_after=4)
    (last / "raw.safetensors").write_bytes((last / "raw.safetensors").read_bytes()[:100])
    end = run_loop(run, small_network(1), SquaredError, ramps, resume=True)
    said = capsys.readouterr().err
    assert "step-00000004 is cut short (raw.safetensors has 100 of" in said
    assert (last.parent / "damaged-step-00000004").is_dir()
    one, two = raw_weights(whole), raw_weights(end)
    assert all(torch.equal(one[key], two[key]) for key in one)
    lines = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines == [1, 2, 3, 4, 5]  # steps that were taken again are there once


def test_a_request_to_stop_ends_the_run_after_the_step_with_a_checkpoint(tmp_path: Path) -> None:
    def asking(start: int, step: int = 1) -> Iterator[Batch]:
        for number in count(start, step):
            if number == 2:
                # What the signal would call: in a process that other tests have filled with native libraries, a real one is not
                # safe. tests/end_to_end/test_train.py sends real ones.
                heard = signal.getsignal(signal.SIGTERM)
                assert callable(heard)
                heard(signal.SIGTERM, None)
            yield ramp(number)

    run = small_config(tmp_path / "run", 5, checkpoint_every=100)
    with pytest.raises(KeyboardInterrupt):
        run_loop(run, small_network(), SquaredError, asking)
    assert latest_checkpoint(tmp_path / "run").name == "step-00000003"  # the step at hand was finished
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
