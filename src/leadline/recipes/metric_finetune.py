"""Depth in metres from a folder of one's own pictures and metric depth files (docs/how-to/finetune.md).

    leadline train metric_finetune --set data.root=my_room model.max_depth=10

The network's last layer is made new and says depth between 0 and ``model.max_depth`` (Depth Anything V2's metric models:
sigmoid head and SILog). It knows the scale of the cameras that it saw, and of no others: field of view and focal length must be
alike.
Hardware: 2 CPU cores; 600 steps of 8 pictures: about 6 minutes. Expected score: that of the folder, in metres.
"""

from __future__ import annotations

from dataclasses import replace

from leadline.data.transforms import Augmentation
from leadline.recipes import finetune
from leadline.training.config import LossConfig, TrainConfig


def recipe() -> TrainConfig:
    """Return the recipe; `data.root` is to be set."""
    base = finetune.recipe()
    return replace(
        base,
        name="leadline-s.metric",
        run_dir="runs/metric_finetune",
        model=replace(base.model, head="sigmoid", max_depth=20.0),
        # A crop is a longer lens: how far it may go is how far two scales may mix.
        data=replace(base.data, cache="runs/metric_finetune/cache", augmentation=Augmentation(area=(0.7, 1.0), aspect=1.05)),
        loss=LossConfig(objective="silog_depth_anything+gradient"),
        optimiser=replace(base.optimiser, steps=600, lr=3e-4),
    )
