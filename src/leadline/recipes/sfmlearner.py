r"""Depth from video alone: SfMLearner, the first of its kind.

    leadline train sfmlearner --set data.sources=video:walk.mp4::K.txt
    leadline train sfmlearner --set data.sources=video:KITTI_RAW video.explainability=0.2

Zhou et al. 2017 (arXiv 1704.07813), by the released code's settings: Adam at 2e-4, batches of 4, 416 x 128, length 3,
smoothness 0.5, no explainability mask (the paper has one; its weight 0.2 is recalled, not read). Nothing is pretrained. The
network says depth up to scale.
Hardware: a GPU for the published 200,000 steps; small pictures train on CPU cores. Expected: AbsRel 0.23 against 0.71 of one
constant distance on a rendered drive at 96 x 64 with a 20th of the smoothness, four minutes on one core, in two seeds of three
(docs/results/self_supervised.md); published on KITTI's Eigen split, median scaling: AbsRel 0.183 (released code).
"""

from __future__ import annotations

from dataclasses import replace

from leadline.data.clips import VideoData
from leadline.recipes import monodepth2
from leadline.training.config import ModelConfig, OptimiserConfig, TrainConfig
from leadline.training.video_settings import VideoSettings


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    base = monodepth2.recipe()
    return replace(
        base,
        name="sfmlearner.v1",
        run_dir="runs/sfmlearner",
        model=ModelConfig(architecture="sfmlearner", imagenet=False, frozen_stages=0),
        # Crops and resizes of up to 15 %, no flips and no other colours, as in its loader.
        data=replace(
            base.data, shapes=((128, 416),), batch_size=4, longest=480, video=VideoData(area=(0.75, 1.0), flip=0.0, jitter=0.0)
        ),
        video=VideoSettings(objective="sfmlearner", smoothness=0.5, near=1 / 10.01, far=100.0),
        optimiser=OptimiserConfig(
            steps=200_000, lr=2e-4, encoder_lr=2e-4, schedule="constant", warmup_steps=0, weight_decay=0.0, betas=(0.9, 0.999),
            clip=0.0,
        ),
    )  # fmt: skip
