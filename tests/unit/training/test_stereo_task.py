from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.models.stereo.registry import make_stereo_model
from leadline.training.config import OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.loop import run_loop
from leadline.training.tasks.stereo import CRESTEREO, RAFT_STEREO, StereoBatch, StereoSettings, StereoTask


def batch(seed: int, shift: int = 8) -> StereoBatch:
    wide = np.random.default_rng(seed).integers(0, 255, (2, 64, 64 + shift, 3), dtype=np.uint8)
    valid = np.ones((2, 64, 64), bool)
    valid[:, :, :shift] = False
    disparity = np.where(valid, shift, np.nan).astype(np.float32)
    return StereoBatch(wide[:, :, :64].copy(), wide[:, :, shift:].copy(), disparity, valid)


@pytest.mark.parametrize("name", ["raft-stereo-tiny", "crestereo-tiny"])
def test_the_loop_trains_a_stereo_network_and_keeps_its_weights(name: str, tmp_path: Path) -> None:
    def batches(first: int, step: int) -> Iterator[StereoBatch]:
        number = first
        while True:
            yield batch(number)
            number += step

    config = TrainConfig(
        f"{name}.test", str(tmp_path / "run"),
        optimiser=OptimiserConfig(steps=2, warmup_steps=1),
        trainer=TrainerConfig(accelerator="cpu", precision="32-true", trackers=(), checkpoint_every=2),
    )  # fmt: skip
    network = make_stereo_model(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    folder = run_loop(config, network, lambda net, device: StereoTask(net, StereoSettings(iterations=2), device), batches)
    assert (folder / "weights.safetensors").is_file()
    assert any(not torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_a_step_reports_the_error_of_the_last_estimate_and_nothing_where_nothing_is_valid() -> None:
    torch.manual_seed(0)
    task = StereoTask(make_stereo_model("raft-stereo-tiny"), StereoSettings(iterations=2), torch.device("cpu"))
    report = task.step(batch(0), 0)
    assert report.loss.isfinite()
    assert {"epe", "bad_3"} == set(report.parts)
    assert 0 < report.parts["epe"] < 16
    empty = batch(0)
    nothing = StereoBatch(empty.left, empty.right, empty.disparity, np.zeros_like(empty.valid))
    report = task.step(nothing, 0)
    assert report.loss == 0
    assert not report.parts


def test_the_authors_settings_are_those_of_their_code() -> None:
    assert (RAFT_STEREO.iterations, RAFT_STEREO.gamma, RAFT_STEREO.adjusted, RAFT_STEREO.largest_px) == (16, 0.9, True, 700)
    assert (CRESTEREO.iterations, CRESTEREO.gamma, CRESTEREO.adjusted) == (10, 0.8, False)
