"""A teacher: ``leadline-m`` on rendered worlds alone, whose truth is exact (Depth Anything V2, arXiv 2406.09414; METHODS C.2).

    leadline train teacher --set trainer.devices=2 trainer.threads=1
    leadline label teacher photos/ labels/ --model runs/teacher/checkpoints/best --sky auto

Every world that ``leadline synth`` renders, glass and mirrors among them: a student has of these what its teacher says.
The objective is V2's: mean absolute error without median and deviation, and gradient matching, 1 : 2.
Hardware: CPU cores or a GPU; the time is not measured. Expected score: not measured at this length; 4,000 steps of 8 pictures
of 192 x 224 (62 minutes on a core) give a mean delta1 of 0.755 on the real samples (docs/results/distillation.md).

As published: synthetic truth only, a network larger than its student, no weights of a depth network to start from. Not as
published: EfficientNet-Lite2 instead of DINOv2-G, thousands of steps instead of 160,000.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig

WORLDS = (
    "worlds/rooms",
    "worlds/tabletop",
    "worlds/street",
    "worlds/street-wide",
    "worlds/terrain",
    "worlds/tom",
)
# Half of the mean absolute error and once the gradients: the registry's errors carry MiDaS's half.
LOSS = LossConfig(objective="ssi_mae+gradient", gradient_weight=1.0)


def recipe() -> TrainConfig:
    """Return the recipe of a teacher."""
    return TrainConfig(
        name="leadline-m.teacher",
        run_dir="runs/teacher",
        model=ModelConfig("leadline-m"),
        data=DataConfig(sources=WORLDS, shapes=((320, 320), (288, 384), (384, 288), (256, 416)), longest=512),
        loss=LOSS,
        optimiser=OptimiserConfig(steps=12000, lr=9e-4, encoder_lr=2e-4),
    )
