r"""Depth from video alone, or from a stereo rig's films: monodepth2 (docs/how-to/video-training.md).

    leadline train monodepth2 --set data.sources=video:walk.mp4::K.txt
    leadline train monodepth2 --set data.sources=video:recording data.video.views=mono_stereo      # left/, right/, calib.txt
    leadline train monodepth2 --set data.sources=video:KITTI_RAW data.shapes=192x640 optimiser.minutes=0

Godard et al. 2019 (arXiv 1806.01260) on EfficientNet-Lite encoders: their loss and rates; batches of 12, flips and jitter as
published. They train 640 x 192 for 20 epochs of 39,810 triplets (66,000 steps) and divide the rate by 10 after 15. The network
says depth up to scale, in metres with `data.video.views=stereo` or `mono_stereo`.
`video.combination`, `video.auto_mask` and `video.full_resolution` are the parts of the ablation.
Hardware: a GPU for the published size; small pictures train on CPU cores. Expected: AbsRel 0.24 against 0.71 of one constant
distance on a rendered drive at 96 x 64, four minutes on one core (docs/results/self_supervised.md); published on KITTI's Eigen
split with ResNet-18: AbsRel 0.115 (mono, median scaling), 0.109 (stereo), 0.106 (both).
"""

from __future__ import annotations

from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig

# What methods that learn from films share: one shape for a film of one camera, and few checks of pictures that look alike.
DATA = DataConfig(shapes=((192, 640),), batch_size=12, longest=640, validation_views=48, ingest_every_s=0)


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    return TrainConfig(
        name="monodepth2.v1",
        run_dir="runs/monodepth2",
        model=ModelConfig(architecture="monodepth2", frozen_stages=0),
        data=DATA,
        optimiser=OptimiserConfig(
            steps=66_000, lr=1e-4, encoder_lr=1e-4, schedule="step", step_at=(0.75,), warmup_steps=0, weight_decay=0.0,
            betas=(0.9, 0.999), clip=0.0,
        ),
        trainer=TrainerConfig(validate_every=1000, checkpoint_every=500),
    )  # fmt: skip
