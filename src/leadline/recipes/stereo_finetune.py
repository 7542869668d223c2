"""A stereo network on labels that hold on glass and mirrors (Depth4ToM, arXiv 2307.15052; docs/how-to/glass.md).

    leadline train stereo_finetune --set data.sources=PAIRS::LABELS \
        model.architecture=leadline-stereo-s model.weights=RUN/checkpoints/best

PAIRS is a folder with ``left`` and ``right`` (or a reader or a rendered world), LABELS what ``leadline label stereo-merge``
wrote. ``model.weights`` may be the authors' file of ``raft-stereo`` or ``crestereo``. Right pictures are not moved and lose no
patches, since pairs of one rig are few and alike. The authors' own rates are not published.
Hardware: a CPU core. Expected score: docs/results/tom-stereo.md.
"""

from __future__ import annotations

from leadline.data.stereo_transforms import StereoAugmentation
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.stereo_settings import StereoSettings


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` and `model.weights` are to be set."""
    return TrainConfig(
        name="leadline-stereo-s.finetuned",
        run_dir="runs/stereo_finetune",
        model=ModelConfig(architecture="leadline-stereo-s", imagenet=False, frozen_stages=0),
        data=DataConfig(
            shapes=((128, 192),), batch_size=4, ingest_every_s=0,
            stereo=StereoAugmentation(scale=(-0.2, 0.2), vertical_px=0.0, erase=0.0),
        ),
        stereo=StereoSettings(iterations=5),
        optimiser=OptimiserConfig(steps=300, lr=3e-4, warmup_steps=20, weight_decay=1e-5, ema_decay=0.99, final_share=0.02),
        trainer=TrainerConfig(validate_every=100, checkpoint_every=100),
    )  # fmt: skip
