"""``leadline-s.v1``, the network that leadline ships.

    leadline train default --set data.sources=worlds/rooms,worlds/tabletop,worlds/street,worlds/terrain optimiser.minutes=60

Hardware: 2 CPU cores with bf16 matrix units (AMX), 1 hour: about 25 images/s, 90,000 augmented views. Beside other work set
trainer.threads=1: two threads that compete for a core wait for each other. On a GPU set data.workers=8 data.batch_size=32.
Expected score: docs/results/default-model.md; after 2,600 views of 240 scenes it already had a mean delta1 of 0.68 on the real
development sets, where the ramp has 0.61.
"""

from __future__ import annotations

from leadline.training.config import TrainConfig


def recipe() -> TrainConfig:
    """Return the recipe of ``leadline-s.v1``: the defaults of every setting are its values."""
    return TrainConfig(name="leadline-s.v1", run_dir="runs/leadline-s.v1")
