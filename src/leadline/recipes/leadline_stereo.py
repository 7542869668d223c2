"""``leadline-stereo-s``: a small RAFT-Stereo for CPUs, trained on drawn and rendered pairs.

    leadline train leadline_stereo --set data.sources=layers:64@worlds/rooms,warp:40@worlds/rooms,worlds/tom-stereo-opaque

The sources are planes with textures cut from rendered rooms, right views drawn from rooms with depth, and a rendered stereo
world (``leadline synth tom --stereo --opaque``). The network starts from the match that its correlations expect, a departure
from RAFT-Stereo.
Hardware: a CPU core with bf16 (AMX), an hour, which is too short. Expected score after 2,413 steps, an hour: bad 2 of 0.30 and
an end-point error of 2.7 pixels on four real pairs; semi-global matching with filled gaps, which learns nothing, has 0.12 and
1.4 (docs/results/stereo.md).
"""

from __future__ import annotations

from leadline.data.stereo_transforms import StereoAugmentation
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.stereo_settings import StereoSettings


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` may add worlds."""
    return TrainConfig(
        name="leadline-stereo-s.v1",
        run_dir="runs/leadline-stereo-s.v1",
        model=ModelConfig(architecture="leadline-stereo-s", imagenet=False, frozen_stages=0),
        data=DataConfig(
            sources=("layers:64",),
            shapes=((128, 192), (96, 256), (160, 160)),
            batch_size=4,
            validation_views=24,
            ingest_every_s=0,
            stereo=StereoAugmentation(scale=(-0.4, 0.4)),
        ),
        stereo=StereoSettings(iterations=5),
        optimiser=OptimiserConfig(
            steps=6000, minutes=60, lr=2e-3, warmup_steps=50, weight_decay=1e-5, ema_decay=0.995, final_share=0.02
        ),
        trainer=TrainerConfig(accelerator="cpu", threads=1, log_every=50, validate_every=500, checkpoint_every=250),
    )
