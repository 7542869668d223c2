"""A student on a teacher's labels of real photos alone (Depth Anything V2, arXiv 2406.09414; METHODS C.2).

    leadline train student_v2 --set data.sources=shards:labels

``labels`` is what ``leadline label teacher`` wrote (docs/how-to/distil.md). Starts from the encoder's ImageNet weights.
Hardware: CPU cores or a GPU; the time is not measured. Expected score: for 1,000 steps on a thousand photos see
docs/results/distillation.md.

As published: labels only; mean absolute error without median and deviation, and gradient matching, 1 : 2; the tenth of each
label's pixels with the largest error is ignored; features held to a frozen encoder's. Not as published: the encoder (see
``student_v1``). The paper does not say how pictures are perturbed: colours and blur as V1 has them, no CutMix.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, OptimiserConfig, TrainConfig
from leadline.training.distillation_settings import DEPTH_ANYTHING_V2


def recipe() -> TrainConfig:
    """Return the recipe; by default the shards in ``labels``."""
    return TrainConfig(
        name="leadline-s.student-v2",
        run_dir="runs/student_v2",
        data=DataConfig(sources=("shards:labels",)),
        distillation=DEPTH_ANYTHING_V2,
        optimiser=OptimiserConfig(steps=8000, lr=9e-4, encoder_lr=2e-4),
    )
