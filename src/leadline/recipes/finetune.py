"""Any network on a folder of one's own pictures and depth files (docs/how-to/finetune.md).

    leadline train finetune --set data.root=my_room

Starts from the shipped network; ``model.architecture`` and ``model.weights`` name another (docs/how-to/models.md). The folder's
last tenth is held out and chooses the checkpoint.
Hardware: 2 CPU cores; 300 steps of 8 pictures: about 3 minutes. Expected score: that of the folder; docs/how-to/finetune.md has
an example.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig


def recipe() -> TrainConfig:
    """Return the recipe; `data.root` is to be set."""
    return TrainConfig(
        name="leadline-s.finetuned",
        run_dir="runs/finetune",
        model=ModelConfig(weights="leadline-s"),
        data=DataConfig(cache="runs/finetune/cache", ingest_every_s=0),
        loss=LossConfig(),
        # A tenth of the rates that the network was trained with: few pictures must not erase what it knows.
        optimiser=OptimiserConfig(steps=300, lr=1e-4, encoder_lr=3e-5, warmup_steps=30, ema_decay=0.99),
        trainer=TrainerConfig(validate_every=50, checkpoint_every=100),
    )
