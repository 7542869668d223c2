"""Fine-tuning on virtual labels (Depth4ToM, arXiv 2307.15052; METHODS B.2) of a network that never saw glass.

Base is trained on opaque surfaces alone; every other arm starts from the base of its seed.

    python -m leadline.recipes.studies run  tom
    python -m leadline.recipes.studies page tom
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from leadline.labels.virtual import VirtualOptions
from leadline.recipes.studies.arms import find_arm
from leadline.recipes.studies.study import LONGEST, SHAPES
from leadline.recipes.tom_finetune import MILD, OPTIMISER
from leadline.training.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig

# True ones, the same with numbers of things, what a segmenter finds likeliest, and where it is sure.
Masks = Literal["none", "true", "things", "proxy", "sure"]

OPAQUE, HELD_OUT = "tom-opaque-b", "tom-held-out"
# What is labelled: other scenes than those of the base, which must not know them.
PHOTOS = ("tom", "tom-b", "rooms", "tabletop-c")
# Other scenes by the makers of the photos: what is lost on `HELD_OUT` and not here is lost on the shapes.
SAME_MAKERS = "tom-other-rooms"
# The held-out views with matte surfaces in place of glass and mirrors: what no label can be expected to better.
OPAQUE_TWIN = "tom-held-out-opaque"
# Of these only the views that show at most so much glass and mirror, and no truth there.
CLEARED, MOST_GLASS = ("rooms-b", "tabletop-b", "street-b"), 0.05
WEIGHTS = (0.45, 0.3, 0.2, 0.05)
BASE = "base"
INPUT_SIZE = 224
SIZES = ((160, 224),)  # what a picture of 256 x 192 becomes, for labels, fine-tuning and scores


@dataclass(frozen=True)
class TomArm:
    """A line of the table.

    Attributes:
        name: in file names.
        title: in tables.
        labels: masks of the labels that the base is fine-tuned on; "none" for its plain predictions; None for no fine-tuning.
        asks: masks that `TomPredictor` gets when the network is asked; None for plain predictions.
        options: how virtual depth is made.
        merged: take the base's plain prediction outside the mask for the label, and fit virtual depth to it inside.
        extra: whether it is run on request alone (``one tom --arm NAME``).
        pictures: world whose pictures the network gets of the same views, below the folder of worlds.
    """

    name: str
    title: str
    labels: Masks | None = None
    asks: Masks | None = None
    options: VirtualOptions = field(default_factory=VirtualOptions)
    merged: bool = False
    extra: bool = False
    pictures: str = HELD_OUT


ARMS = (
    TomArm(BASE, "Base"),
    TomArm("ft-base", "Ft. Base (plain labels)", "none"),
    TomArm("ft-virtual", "Ft. Virtual, true masks", "true"),
    TomArm("ft-proxy", "Ft. Virtual, proxy masks", "proxy"),
    TomArm("inference", "Base, virtual at inference, true masks", asks="true"),
    TomArm("inference-auto", "Base, virtual at inference, predicted masks", asks="proxy"),
    TomArm("opaque", "Base, the same views with all glass matte", pictures=OPAQUE_TWIN),
    # Other ways to make virtual depth. Asked and not trained on: no network can be taught more than its labels hold.
    TomArm("dilated", "Virtual at inference, masks grown by 2 px", asks="true", options=VirtualOptions(dilate_px=2)),
    TomArm("aligned", "Virtual at inference, copies aligned", asks="true", options=VirtualOptions(align="least_squares")),
    TomArm("filled", "Virtual at inference, filled from around", asks="true", options=VirtualOptions(fill="surroundings")),
    TomArm("patches", "Virtual at inference, a colour for each patch", asks="true", options=VirtualOptions(alike="component")),
    TomArm("things", "Virtual at inference, a colour for each thing", asks="true", options=VirtualOptions(alike="instance")),
    TomArm(
        "sure",
        "Virtual at inference, masks where sure (`--tom auto`)",
        asks="sure",
        options=VirtualOptions(alike="component"),
    ),
    TomArm(
        "ft-things",
        "Ft. Virtual, true masks, a colour for each thing",
        "things",
        options=VirtualOptions(alike="instance"),
        extra=True,
    ),
    TomArm("ft-merged", "Ft. Virtual, plain labels outside the mask", "true", merged=True, extra=True),
)


@dataclass(frozen=True)
class TomStudy:
    """The arms, and how long each training is.

    Attributes:
        name: of the study, its page and its folder of results.
        arms: the first is what the others start from and are measured against.
        model: the network of the base.
        steps: of the base.
        finetune_steps: of every other training.
        rate: of fine-tuning, as a factor of the recipe's.
        batch_size: views a step.
    """

    name: str = "tom"
    arms: tuple[TomArm, ...] = ARMS
    model: ModelConfig = field(default_factory=ModelConfig)
    steps: int = 4000
    finetune_steps: int = 1500
    rate: float = 3.0
    batch_size: int = 8

    def arm(self, name: str) -> TomArm:
        """Return an arm by name.

        Raises:
            LeadlineError: there is none.
        """
        return find_arm(self.arms, name, self.name)

    def base_config(self, seed: int, folders: Folders) -> TrainConfig:
        """Return the training of the base: MiDaS's objective on worlds without glass, as the other studies train."""
        return TrainConfig(
            name=f"leadline-s.{self.name}-{BASE}-{seed}",
            run_dir=str(folders.run(BASE, seed)),
            seed=seed,
            model=self.model,
            data=DataConfig(
                sources=(
                    str(folders.worlds / OPAQUE),
                    *(str(folders.cleared / world) for world in CLEARED),
                ),
                weights=WEIGHTS,
                cache=str(folders.cache),
                shapes=SHAPES,
                batch_size=self.batch_size,
                longest=LONGEST,
                ingest_every_s=0,
            ),
            loss=LossConfig(gradient_weight=1.0),
            optimiser=OptimiserConfig(
                steps=self.steps, lr=9e-4, encoder_lr=2e-4, warmup_steps=50, betas=(0.9, 0.99), ema_decay=0.99
            ),
            trainer=_TRAINER,
        )

    def finetune_config(self, arm: TomArm, seed: int, folders: Folders) -> TrainConfig:
        """Return the fine-tuning of an arm: the recipe ``tom_finetune`` from the seed's base."""
        return TrainConfig(
            name=f"leadline-s.{self.name}-{arm.name}-{seed}",
            run_dir=str(folders.run(arm.name, seed)),
            seed=seed,
            model=replace(self.model, weights=str(folders.network(BASE, seed) / "weights.safetensors")),
            data=DataConfig(
                root=str(folders.photos / "photos"),
                labels=str(folders.labels(arm.name, seed)),
                cache=str(folders.labels(arm.name, seed).with_suffix(".cache")),
                shapes=SIZES,
                batch_size=self.batch_size,
                longest=LONGEST,
                ingest_every_s=0,
                augmentation=MILD,
            ),
            loss=LossConfig(objective="virtual_label", stride=1),
            optimiser=replace(
                OPTIMISER,
                steps=self.finetune_steps,
                lr=self.rate * OPTIMISER.lr,
                encoder_lr=self.rate * OPTIMISER.encoder_lr,
            ),
            trainer=_TRAINER,
        )


_TRAINER = TrainerConfig(accelerator="cpu", threads=1, log_every=50, validate_every=10**6, checkpoint_every=200, keep=1)


@dataclass(frozen=True)
class Folders:
    """Where everything of the study lies.

    Attributes:
        worlds: rendered worlds.
        data: real samples, ``dev/`` below it.
        runs: of trainings, decoded views, labels and networks.
        out: of the scores.
    """

    worlds: Path
    data: Path
    runs: Path
    out: Path

    @property
    def cache(self) -> Path:
        """Decoded views of the worlds."""
        return self.runs / "cache"

    @property
    def cleared(self) -> Path:
        """Worlds without the truth of glass, see `MOST_GLASS`."""
        return self.runs / "tom-cleared"

    @property
    def photos(self) -> Path:
        """Photos of the world to fine-tune on, and masks beside them."""
        return self.runs / "tom-photos"

    def run(self, arm: str, seed: int) -> Path:
        """The training of an arm, removed at its end."""
        return self.runs / f"tom-{arm}-{seed}"

    def labels(self, arm: str, seed: int) -> Path:
        """The labels of an arm, removed when it is trained."""
        return self.runs / f"tom-labels-{arm}-{seed}"

    def network(self, arm: str, seed: int) -> Path:
        """The weights and configuration that an arm ends with, kept."""
        return self.runs / "tom-networks" / f"{arm}-{seed}"


STUDY = TomStudy()
