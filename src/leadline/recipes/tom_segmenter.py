r"""``leadline-tom-seg.v1``, the segmenter of glass, mirrors and sky behind ``leadline predict --tom auto``.

    leadline train tom_segmenter
    leadline train tom_segmenter --set data.sources=worlds/tom,worlds/tom-opaque data.weights=3,1

Learns from worlds that ``leadline synth`` renders: ``tom-stereo`` is full of glass and mirrors (``leadline synth tom --stereo
--seed 1 --count 200``; the study of virtual labels has its proxy masks from this network, so ``tom`` itself is left out),
``tom-stereo-opaque`` shows the same rooms with matte surfaces in their place (``--opaque``), the others bring sky and everyday
things that are neither. Hardware: one CPU core with bf16 (AMX): 0.42 s a step of 8 pictures without their decoding, so about 15
minutes. Expected: an IoU of glass and mirrors of 0.33 on ``tom-held-out``, far less on photos (docs/results/tom-seg.md).
"""

from __future__ import annotations

from leadline.data.transforms import Augmentation
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig

SOURCES = (
    "worlds/tom-stereo",
    "worlds/tom-stereo-opaque",
    "worlds/rooms",
    "worlds/tabletop",
    "worlds/street",
    "worlds/terrain",
)
WEIGHTS = (3.0, 1.0, 1.5, 1.0, 0.75, 0.75)
SHAPES = ((160, 224), (192, 192), (224, 160), (160, 256))


def recipe() -> TrainConfig:
    """Return the recipe of ``leadline-tom-seg.v1``."""
    return TrainConfig(
        name="leadline-tom-seg.v1",
        run_dir="runs/leadline-tom-seg.v1",
        model=ModelConfig(architecture="leadline-tom-seg"),
        data=DataConfig(
            sources=SOURCES,
            weights=WEIGHTS,
            shapes=SHAPES,
            longest=320,
            ingest_every_s=0,
            # A rectangle of one colour has no class of its own.
            augmentation=Augmentation(cutout=0.0),
        ),
        optimiser=OptimiserConfig(steps=1800, lr=1e-3, encoder_lr=3e-4, warmup_steps=100, ema_decay=0.995),
        trainer=TrainerConfig(validate_every=300, checkpoint_every=100),
    )
