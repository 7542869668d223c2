"""A student on truth and on a teacher's labels, 1 : 2 in every batch (Depth Anything V1, arXiv 2401.10891; METHODS C.1).

    leadline train student_v1 --set data.sources=worlds/rooms,worlds/street,shards:labels data.weights=1,1,4

``labels`` is what ``leadline label teacher`` wrote; weights are whole numbers, two thirds of them for the shards
(docs/how-to/distil.md). Starts from the encoder's ImageNet weights, never from the teacher's.
Hardware: CPU cores or a GPU; the time is not measured. Expected score: for 1,000 steps on worlds and a thousand photos see
docs/results/distillation.md.

As published: colour jitter, blur and CutMix (p = 0.5) on pictures with labels alone; mean absolute error without median and
deviation, each piece of a mixed picture by itself; features held to a frozen encoder's with a margin of 0.85 on these pictures
alone; the plain average of the three terms. Not as published: the encoder is EfficientNet-Lite and is held to itself with its
ImageNet weights, the loss looks at every second pixel.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, OptimiserConfig, TrainConfig
from leadline.training.distillation_settings import DEPTH_ANYTHING_V1


def recipe() -> TrainConfig:
    """Return the recipe; by default four worlds and the shards in ``labels``."""
    return TrainConfig(
        name="leadline-s.student-v1",
        run_dir="runs/student_v1",
        data=DataConfig(
            sources=("worlds/rooms", "worlds/tabletop", "worlds/street", "worlds/terrain", "shards:labels"),
            mixing="parts",
            weights=(1, 1, 1, 1, 8),
            batch_size=12,
        ),
        distillation=DEPTH_ANYTHING_V1,
        optimiser=OptimiserConfig(steps=8000, lr=9e-4, encoder_lr=2e-4),
    )
