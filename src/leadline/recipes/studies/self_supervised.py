"""Depth from films without truth (METHODS D.8 to D.12): the parts of monodepth2, five methods side by side, two real films.

Every arm learns from films: monodepth2's ablation (Godard et al. 2019, arXiv 1806.01260, table 2) and the other methods from a
rendered drive in which cars and people move, two more arms from a real walk and a real kitchen.

    python -m leadline.recipes.studies run  self_supervised
    python -m leadline.recipes.studies page self_supervised
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leadline.data.clips import ViewsOfClip
from leadline.data.film_sources import VIDEO
from leadline.models.registry import checkpoint_folder
from leadline.recipes import load_recipe
from leadline.recipes.studies.arms import find_arm
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig, override
from leadline.training.video_settings import ABLATION

NAME = "self_supervised"
FOLDER = "self-supervised"  # of the scores
LONGEST = 320


@dataclass(frozen=True)
class Place:
    """Films to learn from, and pictures with a truth to score on.

    Attributes:
        name: in file names. title: of its section.
        films: what `data.sources` says, with ``{root}`` for the folder of worlds, or of real samples.
        reader, scored: data set and folder of the pictures with a truth; the same film where the two are one.
        hw: of the network's pictures.
        real: whether they lie below the folder of real samples.
        offsets: of the neighbours: the kitchen's camera moves by 5 mm a frame.
        focal_px: of scored pictures whose reader knows none.
    """

    name: str
    title: str
    films: str
    reader: str
    scored: str
    hw: tuple[int, int]
    real: bool = False
    offsets: tuple[int, ...] = (-1, 1)
    focal_px: float | None = None


DRIVE = Place("drive", "A rendered drive", "{root}/self-drive", "leadline", "self-drive-held-out", (64, 96))
WALK = Place(
    "walk", "A real walk (HoloLens)", "hololens@{root}/video/hololens", "hololens", "video/hololens", (64, 96), real=True
)
KITCHEN = Place(
    "kitchen", "A real kitchen (7-Scenes)", VIDEO + "{root}/dev/seven_scenes_kitchen/*.color.jpg::focal=525", "seven_scenes",
    "dev/seven_scenes_kitchen", (64, 96), real=True, offsets=(-4, 4), focal_px=525.0,
)  # fmt: skip


@dataclass(frozen=True)
class SelfArm:
    """One way to train.

    Attributes:
        name: in file names. title: in tables.
        recipe: whose objective it is.
        changes: of its settings, as ``--set`` takes them.
        place: what it learns from.
        views: what a target is seen from.
        base: the arm whose weights of the same seed it starts from, "" for none.
        share: of the plan's steps.
        lr: of its rate.
        seeds: that are run; empty for all that the user asks for.
    """

    name: str
    title: str
    recipe: str = "monodepth2"
    changes: tuple[str, ...] = ()
    place: Place = DRIVE
    views: ViewsOfClip = "mono"
    base: str = ""
    share: float = 1.0
    lr: float = 2e-4
    seeds: tuple[int, ...] = ()


_PARTS = {"baseline": "baseline", "min": "+ minimum", "auto-mask": "+ auto-mask", "full-res": "+ full resolution", "all": "all"}
ABLATED = tuple(SelfArm(f"monodepth2-{name}", f"monodepth2, {_PARTS[name]}", changes=ABLATION[name]) for name in ABLATION)
MONODEPTH2 = ABLATED[-1]
# Published weights of smoothness are for pictures four times as wide, whose second differences are some 20 times smaller: as
# they are, they flatten every map within 100 steps. So each is divided by 20.
SFMLEARNER = SelfArm("sfmlearner", "SfMLearner", "sfmlearner", ("video.smoothness=0.025",))
_DDVO, _GEONET = "video.smoothness=0.0005", "video.smoothness=0.025"
# Wang et al. refine at a twentieth of the rate, for longer than there is time for here.
DDVO = SelfArm("ddvo", "DDVO, pose network", "ddvo", (_DDVO,))
DDVO_REFINED = SelfArm(
    "ddvo-refined", "DDVO, then with odometry", "ddvo", (_DDVO, "video.stage=second"), base="ddvo", share=0.25, lr=5e-5
)
DDVO_LONGER = SelfArm("ddvo-longer", "DDVO, then as before (control)", "ddvo", (_DDVO,), base="ddvo", share=0.25, lr=5e-5)
GEONET = SelfArm("geonet", "GeoNet, depth and motion", "geonet", (_GEONET,))
# In pixels of small pictures, the weights of 0.2 for smooth and consistent flow outweigh the pictures' error.
_FLOW = (_GEONET, "video.stage=second", "video.flow_smoothness=0.01", "video.flow_consistency=0.01")
GEONET_FLOW = SelfArm("geonet-flow", "GeoNet, residual flow", "geonet", _FLOW, base="geonet", share=1.5)
# Depth starts in the middle of the range, and alignment alone finds no way from the recipe's 2 m to a street.
_NEAR = "video.near=3"
SEMI = SelfArm("kuznietsov-semi", "Kuznietsov, truth and alignment", "kuznietsov", (_NEAR,), views="stereo")
TRUTH = SelfArm("kuznietsov-truth", "Kuznietsov, truth alone", "kuznietsov", (_NEAR, "video.alignment=0"), views="stereo")
ALIGNMENT = SelfArm(
    "kuznietsov-alignment", "Kuznietsov, alignment alone", "kuznietsov", (_NEAR, "video.supervised=0"), views="stereo"
)
METHODS = (MONODEPTH2, SFMLEARNER, DDVO, DDVO_LONGER, DDVO_REFINED, GEONET, SEMI, TRUTH, ALIGNMENT)
REAL = (
    SelfArm("walk", "monodepth2 on the walk", place=WALK, share=2.0, seeds=(0,)),
    SelfArm("kitchen", "monodepth2 on the kitchen", place=KITCHEN, share=2.0, seeds=(0,)),
)
ARMS = (*ABLATED, *METHODS[1:], GEONET_FLOW, *REAL)


@dataclass(frozen=True)
class Folders:
    """Where everything of the study lies.

    Attributes:
        worlds: rendered worlds.
        data: real samples.
        runs: of trainings and decoded films.
        out: of the scores.
    """

    worlds: Path
    data: Path
    runs: Path
    out: Path

    def films(self, place: Place) -> str:
        """Return the text of `data.sources` that stands for a place's films."""
        return place.films.format(root=self.data if place.real else self.worlds)

    def scored(self, place: Place) -> Path:
        """Return the folder of pictures with a truth."""
        return (self.data if place.real else self.worlds) / place.scored

    def run(self, arm: str, seed: int) -> Path:
        """Return the folder of a training, removed at its end unless others start from it."""
        return self.runs / f"{NAME}-{arm}-{seed}"


@dataclass(frozen=True)
class Plan:
    """How long, and on how much.

    Attributes:
        networks: what an objective trains; those that it does not name train `network`.
        steps, batch_size: of each training; an arm's `share` is of the steps.
        truth_share: of the truth's pixels that Kuznietsov's arms see: as sparse as a LiDAR's.
        scored: pictures of each place, at most.
    """

    network: str = "monodepth2"
    networks: dict[str, str] = field(default_factory=lambda: {"geonet": "geonet", "kuznietsov": "kuznietsov"})
    imagenet: bool = True
    steps: int = 600
    batch_size: int = 4
    truth_share: float = 0.01
    scored: int = 80


PLAN = Plan()


def arm_of(name: str | None) -> SelfArm:
    """Return an arm by name.

    Raises:
        LeadlineError: there is none.
    """
    return find_arm(ARMS, name, NAME)


def config_of(arm: SelfArm, seed: int, folders: Folders, plan: Plan = PLAN) -> TrainConfig:
    """Return the training of an arm with a seed.

    The objective and its weights are the recipe's. All else is the same for all arms: a network whose encoder is pretrained (so
    SfMLearner's and DDVO's are monodepth2's here), rate, batches and pictures.
    """
    recipe = load_recipe(arm.recipe)
    kept = replace(recipe.data.video, views=arm.views, offsets=arm.place.offsets, truth_share=plan.truth_share)
    name = plan.networks.get(arm.recipe, plan.network)
    model: dict[str, Any] = {"architecture": name, "imagenet": plan.imagenet, "frozen_stages": 0}
    if arm.base:
        model["weights"] = str(checkpoint_folder(folders.run(arm.base, seed)) / "weights.safetensors")
    config = TrainConfig(
        name=f"{name}.{NAME}-{arm.name}-{seed}",
        run_dir=str(folders.run(arm.name, seed)),
        seed=seed,
        model=ModelConfig(**model),
        data=DataConfig(
            sources=(folders.films(arm.place),),
            cache=str(folders.runs / "cache"),
            shapes=(arm.place.hw,),
            batch_size=plan.batch_size,
            longest=LONGEST,
            ingest_every_s=0,
            validation_views=0,
            video=kept,
        ),
        video=replace(recipe.video, full_resolution_after=0),  # the parts of the ablation count from the first step on
        optimiser=OptimiserConfig(
            steps=max(1, round(arm.share * plan.steps)), lr=arm.lr, encoder_lr=arm.lr, schedule="step", step_at=(0.75,),
            warmup_steps=0, weight_decay=0.0, betas=recipe.optimiser.betas, clip=0.0, ema_decay=0.99,
        ),
        trainer=TrainerConfig(
            accelerator="cpu", threads=1, log_every=50, validate_every=10**6, checkpoint_every=100, keep=1, trackers=("jsonl",)
        ),
    )  # fmt: skip
    return override(config, arm.changes)


def is_base(arm: SelfArm) -> bool:
    """Whether others start from an arm."""
    return any(other.base == arm.name for other in ARMS)


def missing(seeds: Sequence[int], out: Path) -> list[list[tuple[SelfArm, int]]]:
    """Return what is still to be trained: first what stands alone, seed by seed, then what starts from it."""
    todo = [
        (arm, seed)
        for seed in seeds
        for arm in ARMS
        if (not arm.seeds or seed in arm.seeds) and not (out / f"{arm.name}.{seed}.json").exists()
    ]
    return [[item for item in todo if not item[0].base], [item for item in todo if item[0].base]]
