"""RAFT-Stereo as its authors train it (arXiv 2109.07547, section 4, and their released code), on Scene Flow.

    leadline train raft_stereo --set data.sources=sceneflow@DATA/SceneFlow

AdamW at 2e-4 with one cycle (here a short warm-up and a linear fall), weight decay 1e-5, batches of 6 crops of 320 x 720 (here
704, a multiple of 32), 16 refinement steps, gradients clipped to 1. From memory of their code, not checked: the batch size,
100,000 batches, and that colours change asymmetrically in a fifth of the pairs, half of the right pictures lose one or two
patches of 50 to 100 pixels, and pictures are resized by 2^-0.2 to 2^0.4.
Hardware: GPUs. Expected score: the authors' (not run here).
"""

from __future__ import annotations

from leadline.data.stereo_transforms import StereoAugmentation
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.stereo_settings import RAFT_STEREO


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    return TrainConfig(
        name="raft-stereo.sceneflow",
        run_dir="runs/raft_stereo",
        model=ModelConfig(architecture="raft-stereo", imagenet=False, frozen_stages=0),
        data=DataConfig(shapes=((320, 704),), batch_size=6, workers=8, ingest_every_s=0, stereo=StereoAugmentation()),
        stereo=RAFT_STEREO,
        optimiser=OptimiserConfig(
            steps=100_000, lr=2e-4, schedule="poly", poly_power=1.0, warmup_steps=1000, weight_decay=1e-5, betas=(0.9, 0.999),
            final_share=0.0, ema_decay=0.0,
        ),
        trainer=TrainerConfig(validate_every=5000, checkpoint_every=1000),
    )  # fmt: skip
