r"""Depth from video alone: DDVO, whose motion is refined by direct visual odometry.

    leadline train ddvo --set data.sources=video:walk.mp4::K.txt
    leadline train ddvo --set data.sources=video:walk.mp4::K.txt video.stage=second run_dir=runs/ddvo2 optimiser.lr=1e-5 \
        optimiser.steps=100000 model.weights=runs/ddvo/checkpoints/best/weights.safetensors

Wang et al. 2018 (arXiv 1712.00175): normalised depth, a pose network first, then its motion as the start of the odometry, at a
rate of 1e-5 for 10 epochs; Adam at 2e-4 with beta1 0.5, batches of 1, 416 x 128, smoothness 0.01. Networks are SfMLearner's.
How long the first stage takes was not read: 100,000 steps is a choice. Each map is used up to a scale of its own, so scales may
differ from picture to picture: `leadline scale` says by how much.
Hardware: a GPU for the published size. Expected: AbsRel 0.35 against 0.71 of one constant distance on a rendered drive at 96 x
64 with a 20th of the smoothness, four minutes on one core; the second stage helped little there
(docs/results/self_supervised.md). Published on KITTI's Eigen split, median scaling: AbsRel 0.151.
"""

from __future__ import annotations

from dataclasses import replace

from leadline.data.clips import VideoData
from leadline.recipes import sfmlearner
from leadline.training.config import TrainConfig
from leadline.training.video_settings import VideoSettings


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    base = sfmlearner.recipe()
    return replace(
        base,
        name="ddvo.v1",
        run_dir="runs/ddvo",
        data=replace(base.data, batch_size=1, video=VideoData(flip=0.5, jitter=0.0)),
        video=VideoSettings(objective="ddvo", smoothness=0.01, near=1 / 10.01, far=100.0),
        optimiser=replace(base.optimiser, steps=100_000, betas=(0.5, 0.999)),
    )
