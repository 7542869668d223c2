"""A network, batches and a configuration small enough to run the real loop in a test, or in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from leadline.data.mixing import Batch
from leadline.models.registry import make_model
from leadline.training.config import LossConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.task import LossReport


def small_config(run_dir: Path, steps: int = 4, precision: str = "32-true", **trainer: Any) -> TrainConfig:
    settings = {"log_every": 1, "validate_every": 2, "checkpoint_every": 2, "threads": 1, "trackers": ("jsonl",)} | trainer
    return TrainConfig(
        "leadline-tiny.test",
        str(run_dir),
        loss=LossConfig(scales=2),
        optimiser=OptimiserConfig(steps=steps, warmup_steps=2),
        trainer=TrainerConfig(accelerator="cpu", precision=precision, **settings),  # type: ignore[arg-type]
    )


def ramp(number: int) -> Batch:
    """A batch that depends on its number alone: brighter is nearer."""
    rng = np.random.default_rng(number)
    disparity = np.kron(rng.random((2, 4, 4)), np.ones((8, 8))).astype(np.float32)
    image = np.repeat((disparity * 200)[..., None], 3, axis=3).astype(np.uint8)
    return Batch(image, disparity, rng.random(disparity.shape) < 0.9)


def ramps(start: int, step: int = 1) -> Iterator[Batch]:
    while True:
        yield ramp(start)
        start += step


class Small(nn.Module):
    """What the loop needs of a network, in a few hundred numbers, with a part that draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 8, 3, padding=1)
        self.dropout = nn.Dropout(0.2)
        self.decoder = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.decoder(self.dropout(self.encoder(image).relu()))[:, 0]
        return out


def small_network(seed: int = 0, name: str = "") -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make_model(name) if name else Small()


class SquaredError:
    """Mean squared error to the disparity, each image weighed the same: the mean over two processes is that over all images."""

    def __init__(self, wrapped: nn.Module, device: torch.device) -> None:
        self.wrapped = wrapped

    def step(self, batch: Batch, number: int) -> LossReport:
        image = torch.from_numpy(batch.image).permute(0, 3, 1, 2).float() / 255
        return LossReport((self.wrapped(image) - torch.from_numpy(batch.disparity)).square().mean())
