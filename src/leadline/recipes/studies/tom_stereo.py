"""Stereo networks fine-tuned on merged virtual labels (Depth4ToM, arXiv 2307.15052; METHODS B.3), from a base without glass.

    python -m leadline.recipes.studies run  tom-stereo
    python -m leadline.recipes.studies page tom-stereo

A base is trained on drawn pairs and on an opaque stereo world alone. Its own disparity of the pairs with glass,
with virtual depth of the shipped monocular network laid into it on glass and mirrors, is what it is fine-tuned on: no truth is
seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leadline.data.stereo_transforms import StereoAugmentation
from leadline.recipes import stereo_finetune
from leadline.recipes.studies.arms import find_arm
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.stereo_settings import StereoSettings

NAME = "tom-stereo"
# The opaque world has another seed than `TOM`: the base must not know the scenes that it labels.
DRAWN_FROM, OPAQUE, TOM, HELD_OUT = "rooms-b", "tom-stereo-opaque-b", "tom-stereo", "tom-stereo-held-out"
MONOCULAR = "leadline-s"
BASE, PLAIN, VIRTUAL = "base", "ft-base", "ft-virtual"
SHAPES = ((96, 160), (128, 128))
LARGEST_PX = 48
SGM = "sgm"

# What an arm does: train a base, or fine-tune it on its own disparity (a control) or on the merged labels.
Role = Literal["base", "ft-base", "ft-virtual"]


@dataclass(frozen=True)
class StereoArm:
    """A line of the table.

    Attributes:
        network: key of `NETWORKS`, or "sgm".
        role: see `Role`.
        extra: whether it is run on request alone (``one tom-stereo --arm NAME``).
    """

    network: str
    role: Role
    extra: bool = False

    @property
    def name(self) -> str:
        """In file names."""
        return SGM if self.network == SGM else f"{self.network}-{self.role}"

    @property
    def title(self) -> str:
        """In tables."""
        if self.network == SGM:
            return "semi-global matching, filled"
        role = {BASE: "Base", PLAIN: "Ft. Base (its own disparity)", VIRTUAL: "Ft. Virtual"}[self.role]
        return f"{NETWORKS[self.network].title}: {role}"


@dataclass(frozen=True)
class StereoNetworkPlan:
    """How a network is trained, within minutes on a core.

    Attributes:
        architecture: of `leadline.models.stereo.registry`.
        title: in tables.
        settings: of the objective.
        lr: of the base.
        steps, finetune_steps: of 4 pairs.
    """

    architecture: str
    title: str
    settings: StereoSettings
    lr: float
    steps: int
    finetune_steps: int


NETWORKS = {
    "raft": StereoNetworkPlan("leadline-stereo-s", "RAFT-Stereo, small", StereoSettings(iterations=4), 2e-3, 900, 200),
    "cre": StereoNetworkPlan(
        "leadline-crestereo-s", "CREStereo, small", StereoSettings(iterations=4, gamma=0.8, adjusted=False), 2e-3, 600, 150
    ),
}
ARMS = (
    StereoArm(SGM, "base"),
    *(StereoArm(network, role, role == PLAIN) for network in NETWORKS for role in ("base", "ft-base", "ft-virtual")),
)


def arm_of(name: str | None) -> StereoArm:
    """Return an arm by name.

    Raises:
        LeadlineError: there is none.
    """
    return find_arm(ARMS, name, NAME)


@dataclass(frozen=True)
class Folders:
    """Where everything of the study lies.

    Attributes:
        worlds: rendered worlds.
        runs: of trainings, labels and networks.
        out: of the scores.
    """

    worlds: Path
    runs: Path
    out: Path

    def run(self, arm: StereoArm, seed: int) -> Path:
        """The training of an arm, removed at its end."""
        return self.runs / f"{NAME}-{arm.name}-{seed}"

    def labels(self, arm: StereoArm, seed: int) -> Path:
        """The labels of an arm, removed when it is trained."""
        return self.runs / f"{NAME}-labels-{arm.name}-{seed}"

    def network(self, arm: StereoArm, seed: int) -> Path:
        """The weights and configuration that an arm ends with, kept."""
        return self.runs / f"{NAME}-networks" / f"{arm.name}-{seed}"

    @property
    def virtual(self) -> Path:
        """Virtual depth of the left pictures, the same for all arms."""
        return self.runs / f"{NAME}-virtual"


def config_of(arm: StereoArm, seed: int, folders: Folders) -> TrainConfig:
    """Return the training of an arm: a base from a random start, or the recipe ``stereo_finetune`` from the seed's base."""
    plan = NETWORKS[arm.network]
    trainer = TrainerConfig(accelerator="cpu", threads=1, log_every=25, validate_every=10**6, checkpoint_every=100, keep=1)
    name, run_dir = f"{plan.architecture}.{NAME}-{arm.role}-{seed}", str(folders.run(arm, seed))
    if arm.role == BASE:
        photos = folders.worlds / DRAWN_FROM
        sources = (f"layers:{LARGEST_PX}@{photos}", f"warp:{LARGEST_PX}@{photos}", str(folders.worlds / OPAQUE))
        return TrainConfig(
            name=name,
            run_dir=run_dir,
            seed=seed,
            model=ModelConfig(architecture=plan.architecture, imagenet=False, frozen_stages=0),
            data=DataConfig(
                sources=sources,
                weights=(0.35, 0.25, 0.4),
                shapes=SHAPES,
                batch_size=4,
                ingest_every_s=0,
                validation_views=4,
                stereo=StereoAugmentation(scale=(-0.4, 0.3), erase=0.2, vertical_px=0.5),
            ),
            stereo=plan.settings,
            optimiser=OptimiserConfig(
                steps=plan.steps, lr=plan.lr, warmup_steps=30, weight_decay=1e-5, ema_decay=0.99, final_share=0.02
            ),
            trainer=trainer,
        )
    recipe = stereo_finetune.recipe()
    return TrainConfig(
        name=name,
        run_dir=run_dir,
        seed=seed,
        model=ModelConfig(
            architecture=plan.architecture,
            imagenet=False,
            frozen_stages=0,
            weights=str(folders.network(StereoArm(arm.network, "base"), seed)),
        ),
        data=DataConfig(
            sources=(f"{folders.worlds / TOM}::{folders.labels(arm, seed)}",),
            shapes=SHAPES,
            batch_size=4,
            ingest_every_s=0,
            validation_views=4,
            stereo=recipe.data.stereo,
        ),
        stereo=plan.settings,
        optimiser=OptimiserConfig(
            steps=plan.finetune_steps, lr=plan.lr / 5, warmup_steps=20, weight_decay=1e-5, ema_decay=0.98, final_share=0.02
        ),
        trainer=trainer,
    )
