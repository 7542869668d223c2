"""Training in several processes against training in one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tests.unit.training.small import SquaredError, ramp, ramps, small_config, small_network
from torch import nn

from leadline.data.mixing import Batch
from leadline.training.config import TrainConfig, from_json, to_json
from leadline.training.loop import make_fabric, run_loop
from leadline.training.summary import read_summary
from leadline.training.task import LossReport

if TYPE_CHECKING:
    from lightning_fabric import Fabric

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


def plain_network() -> nn.Module:
    """Without the dropout, which each process draws for itself."""
    network = small_network()
    network.dropout.p = 0.0  # type: ignore[union-attr, assignment]
    return network


def both_halves(start: int, step: int = 1) -> Iterator[Batch]:
    """The batches that two processes see, as one."""
    for number in count(start, step):
        one, two = ramp(2 * number), ramp(2 * number + 1)
        yield Batch(*(np.concatenate([one[i], two[i]]) for i in range(3)))


class Named(NamedTuple):
    image: NDArray[np.uint8]
    names: tuple[str, ...]


def named(start: int, step: int) -> Iterator[Named]:
    for number in count(start, step):
        yield Named(ramp(number).image, (f"view-{number}",))


class BadInTheSecondProcess:
    """A loss that is not a number for batch 3, which process 1 sees in step 1."""

    def __init__(self, wrapped: nn.Module, device: torch.device) -> None:
        self.wrapped = wrapped

    def step(self, batch: Named, number: int) -> LossReport:
        loss = self.wrapped(torch.from_numpy(batch.image).permute(0, 3, 1, 2).float() / 255).square().mean()
        return LossReport(loss * (torch.nan if batch.names == ("view-3",) else 1))


def in_a_process(fabric: Fabric, plain: str, bad: str) -> None:
    torch.set_num_threads(1)
    run_loop(from_json(plain), plain_network(), SquaredError, ramps, fabric=fabric)
    run_loop(from_json(bad), plain_network(), BadInTheSecondProcess, named, fabric=fabric)


def test_two_processes_end_where_one_does_on_doubled_batches_and_name_a_view_that_one_of_them_saw(tmp_path: Path) -> None:
    def run(name: str) -> TrainConfig:
        made = small_config(tmp_path / name, 6, devices=2, checkpoint_every=100)
        return replace(made, optimiser=replace(made.optimiser, clip=0.05, lr=1e-2, encoder_lr=1e-2))  # clips every step

    torch.set_num_threads(1)
    alone = run_loop(run("alone"), plain_network(), SquaredError, both_halves)
    make_fabric(run("").trainer, 2).launch(in_a_process, to_json(run("two")), to_json(run("bad")))

    two, start = tmp_path / "two" / "checkpoints" / alone.name, plain_network().state_dict()
    for file in ("raw.safetensors", "weights.safetensors"):
        ours, theirs = load_file(two / file), load_file(alone / file)
        for name in ours:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-6)
            assert (ours[name] - start[name]).abs().max() > 1e-3  # far more than the tolerance
    logs = [tmp_path / name / "log.jsonl" for name in ("two", "alone")]
    assert read_summary(tmp_path / "two").images == read_summary(tmp_path / "alone").images == 24

    norms = [[json.loads(line)["train/gradient_norm"] for line in log.read_text().splitlines()] for log in logs]
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)  # Adam would hide a sum in place of the mean

    skipped = [json.loads(line) for line in (tmp_path / "bad" / "skipped.jsonl").read_text().splitlines()]
    assert skipped == [{"step": 1, "not_finite": "loss", "names": ["view-3"]}]
    assert read_summary(tmp_path / "bad").skipped == 1
