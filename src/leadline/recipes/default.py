"""``leadline-s.v1``, the network that leadline ships.

    leadline train default --set data.sources=worlds/room,worlds/table,worlds/street,worlds/terrain

Hardware: 2 CPU cores with bf16 (AMX): about 20 images/s; an hour. Expected score: see docs/results/default-model.md.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, OptimiserConfig, TrainConfig


def recipe() -> TrainConfig:
    """Return the recipe of ``leadline-s.v1``."""
    return TrainConfig(
        name="leadline-s.v1",
        run_dir="runs/leadline-s.v1",
        data=DataConfig(),
        optimiser=OptimiserConfig(),
    )
