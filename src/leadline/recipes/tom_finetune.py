"""Any network on virtual labels of glass and mirrors (Depth4ToM, arXiv 2307.15052; docs/how-to/glass.md).

    leadline label virtual photos --masks masks --out labels
    leadline train tom_finetune --set data.root=photos data.labels=labels

Starts from the shipped network, which must be the one that made the labels: the objective holds their unit.
``model.architecture`` and ``model.weights`` name another (docs/how-to/models.md).
Hardware: 2 CPU cores; 400 steps of 8 pictures: about 3 minutes. Expected score: docs/results/tom.md.

As published: the photos as they are under the labels of their painted copies, all pixels, batches of 8, a rate that falls by
0.95 in each twentieth of the run, no decay of weights, mirroring and mild changes of colour, crops of the whole shorter side.
Not as published: a network of a fiftieth of DPT-Large's size and a few hundred pictures want fewer steps and a higher rate than
1e-7 (set ``optimiser.lr=1e-7 optimiser.encoder_lr=1e-7 model.frozen_stages=0`` for DPT-Large and MiDaS); AdamW, not NAdam; the
averaged weights are taken; the first stages of the encoder keep their ImageNet weights.
"""

from __future__ import annotations

from leadline.data.transforms import Augmentation
from leadline.training.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig

EPOCHS, FALL = 20, 0.95
# METHODS B.2: brightness 0.5 to 1.2, gamma and channels 0.8 to 1.2, here as factors either way in octaves; nothing else.
MILD = Augmentation(
    area=(1.0, 1.0), aspect=1.0, rotation_deg=0.0, exposure=0.4, contrast=0.0, gamma=0.26, channels=0.26, saturation=0.0,
    hue_deg=0.0, grey=0.0, blur=0.0, noise=0.0, jpeg=0.0, coarse=0.0, cutout=0.0,
)  # fmt: skip
OPTIMISER = OptimiserConfig(
    steps=400, lr=1e-4, encoder_lr=3e-5, schedule="step", step_at=tuple(i / EPOCHS for i in range(1, EPOCHS)),
    step_factor=FALL, warmup_steps=20, weight_decay=0.0, betas=(0.9, 0.999), ema_decay=0.99,
)  # fmt: skip


def recipe() -> TrainConfig:
    """Return the recipe; `data.root` and `data.labels` are to be set."""
    return TrainConfig(
        name="leadline-s.tom",
        run_dir="runs/tom_finetune",
        model=ModelConfig(weights="leadline-s"),
        data=DataConfig(cache="runs/tom_finetune/cache", ingest_every_s=0, augmentation=MILD),
        loss=LossConfig(objective="virtual_label", stride=1),
        optimiser=OPTIMISER,
        trainer=TrainerConfig(validate_every=100, checkpoint_every=100),
    )
