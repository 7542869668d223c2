r"""``leadline-s.v1``, the network that leadline ships.

    leadline train default --set trainer.devices=2 trainer.threads=1 \
        data.sources=worlds/rooms,worlds/tabletop,worlds/street,worlds/street-wide,worlds/terrain,hololens@data/hololens \
        data.weights=1.45,1.35,1.1,0.6,0.7,0.35

Hardware: 2 CPU cores with bf16 (AMX), a process on each: 25 images/s, 95 minutes. Expected score: see
docs/results/default-model.md.
The sources are folders that ``leadline synth`` writes (docs/recipes.md) and the HoloLens walk; the shipped weights followed the
clock (``optimiser.minutes=95``) and ended after 8,775 steps of 2 x 8 pictures.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, LossConfig, OptimiserConfig, TrainConfig

SHAPES = ((256, 256), (224, 288), (288, 224), (192, 320), (160, 416))


def recipe() -> TrainConfig:
    """Return the recipe of ``leadline-s.v1``."""
    return TrainConfig(
        name="leadline-s.v1",
        run_dir="runs/leadline-s.v1",
        data=DataConfig(shapes=SHAPES),
        loss=LossConfig(gradient_weight=1.0),  # twice MiDaS's: rendered truth is exact at edges
        optimiser=OptimiserConfig(steps=8775, lr=9e-4, encoder_lr=2e-4),
    )
