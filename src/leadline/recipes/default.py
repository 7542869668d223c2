r"""``leadline-s.v1``, the network that leadline ships.

    leadline train default --set \
        data.sources=worlds/rooms,worlds/tabletop,worlds/street,worlds/terrain,hololens@data/hololens \
        data.weights=1.45,1.2,1.2,0.9,0.35

Hardware: 2 CPU cores with bf16 (AMX), one of them rendering: 13 images/s, half an hour. Expected score:
docs/results/default-model.md. The sources are folders that ``leadline synth`` writes (docs/recipes.md) and the HoloLens walk;
the shipped weights followed the clock (``optimiser.minutes=31``, one thread) and ended after 2,724 steps.
"""

from __future__ import annotations

from leadline.training.config import OptimiserConfig, TrainConfig


def recipe() -> TrainConfig:
    """Return the recipe of ``leadline-s.v1``."""
    return TrainConfig(name="leadline-s.v1", run_dir="runs/leadline-s.v1", optimiser=OptimiserConfig(steps=2724))
