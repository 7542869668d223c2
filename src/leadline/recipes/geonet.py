r"""Depth, motion and flow from video alone: GeoNet, in two stages.

    leadline train geonet --set data.sources=video:walk.mp4::K.txt
    leadline train geonet --set data.sources=video:walk.mp4::K.txt video.stage=second run_dir=runs/geonet_flow \
        model.weights=runs/geonet/checkpoints/best/weights.safetensors optimiser.steps=2000000

Yin and Shi 2018 (arXiv 1803.02276): the flow of a still scene first; then, depth and motion frozen, the flow of what moves by
itself, compared only where there and back agree. Adam at 2e-4, batches of 4, 416 x 128, length 3, 30 epochs and 200 of some
10,000 steps; smoothness 0.5, of flow 0.2, consistency 0.2. Encoders are monodepth2's here, with ImageNet weights.
Hardware: a GPU for the published size. Expected: AbsRel 0.24 against 0.71 of one constant distance on a rendered drive at 96 x
64 with a 20th of all smoothness and consistency, six minutes on one core; residual flow, in eight more, takes 5 % off the rigid
flow's error there, 8 % on what moves (docs/results/self_supervised.md). Published on KITTI's Eigen split, median scaling:
AbsRel 0.149 (released code), flow EPE 8.05 not occluded, 10.81 everywhere.
"""

from __future__ import annotations

from dataclasses import replace

from leadline.recipes import monodepth2
from leadline.training.config import ModelConfig, OptimiserConfig, TrainConfig
from leadline.training.video_settings import VideoSettings


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    base = monodepth2.recipe()
    return replace(
        base,
        name="geonet.v1",
        run_dir="runs/geonet",
        model=ModelConfig(architecture="geonet", frozen_stages=0),
        data=replace(base.data, shapes=((128, 416),), batch_size=4, longest=480),
        video=VideoSettings(objective="geonet", smoothness=0.5),
        optimiser=OptimiserConfig(
            steps=300_000, lr=2e-4, encoder_lr=2e-4, schedule="constant", warmup_steps=0, weight_decay=0.0, betas=(0.9, 0.999),
            clip=0.0,
        ),
    )  # fmt: skip
