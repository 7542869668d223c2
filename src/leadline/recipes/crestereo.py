"""CREStereo as its authors train it (arXiv 2203.11483, section 4.1, and their released code, both as recalled).

    leadline train crestereo --set data.sources=sceneflow@DATA/SceneFlow,worlds/tom-stereo

Adam at 4e-4, constant after a warm-up and smaller from 180,000 of 300,000 batches on (here a twentieth of it at once), batches
of 16 crops of 384 x 512, 10 refinement steps at the finest size and 5 at each coarser one, gamma 0.8. Right pictures move
vertically and lose patches, colours change asymmetrically. The authors mix their own rendered set with the public ones.
Hardware: GPUs. Expected score: the authors' (not run here).
"""

from __future__ import annotations

from leadline.data.stereo_transforms import StereoAugmentation
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.stereo_settings import CRESTEREO


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    return TrainConfig(
        name="crestereo.mix",
        run_dir="runs/crestereo",
        model=ModelConfig(architecture="crestereo", imagenet=False, frozen_stages=0),
        data=DataConfig(
            shapes=((384, 512),), batch_size=16, workers=8, ingest_every_s=0,
            stereo=StereoAugmentation(vertical_px=2.0, asymmetric=0.5, erase_share=(0.1, 0.2)),
        ),
        stereo=CRESTEREO,
        optimiser=OptimiserConfig(
            steps=300_000, lr=4e-4, schedule="step", step_at=(0.6,), step_factor=0.05, warmup_steps=6000, weight_decay=0.0,
            betas=(0.9, 0.999), ema_decay=0.0,
        ),
        trainer=TrainerConfig(validate_every=5000, checkpoint_every=1000),
    )  # fmt: skip
