"""One scalar (arXiv 2303.07662; METHODS E): depth from films of two cameras, and metres learnt where there is a truth.

A network learns from films of a source, which has a truth that no loss sees, and of a target, which has none. One factor,
fitted on the source, then turns the target's maps into metres. Aligned fields of view are said to make one factor do for both.

    python -m leadline.recipes.studies run  one_scalar
    python -m leadline.recipes.studies page one_scalar
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from leadline.data.clips import VideoData
from leadline.data.film_sources import VIDEO
from leadline.recipes.studies.arms import find_arm
from leadline.training.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig

NAME = "one_scalar"
LONGEST = 320
# Of the common field of view: stored pictures are rounded to whole pixels, and the angle must fit into all of them.
SHARE = 0.995


@dataclass(frozen=True)
class Scenes:
    """Pictures with a truth, for a score.

    Attributes:
        reader: of the data set.
        folder: below that of the worlds, or of the data for ``real``.
        real: whether they lie below the folder of real samples.
    """

    reader: str
    folder: str
    real: bool = False


@dataclass(frozen=True)
class Domain:
    """Films to learn from, and other scenes of the same camera to score on.

    Attributes:
        title: in tables.
        films: folder of them, below that of the worlds, or of the data for ``real``.
        scored: scenes with a truth, others than the films'.
        real: whether the films lie below the folder of real samples.
    """

    title: str
    films: str
    scored: tuple[Scenes, ...]
    real: bool = False


@dataclass(frozen=True)
class Pair:
    """A source and a target.

    Attributes:
        name: in file names.
        title: of its section.
        source, target: the domains; the factor comes from the source.
        hw: of the network's pictures.
    """

    name: str
    title: str
    source: Domain
    target: Domain
    hw: tuple[int, int]


@dataclass(frozen=True)
class ScalarArm:
    """One way to train.

    Attributes:
        name: in file names.
        title: in tables.
        pair: of which it is.
        mixed: batches are half source, half target; else the source alone.
        aligned: both reach the network with one focal length.
        supervised: the target's truth is the loss, for what a network of this size can reach; films of the source are not used.
        seeds: that are run; empty for all that the user asks for.
        longer: times the plan's steps.
    """

    name: str
    title: str
    pair: Pair
    mixed: bool = True
    aligned: bool = True
    supervised: bool = False
    seeds: tuple[int, ...] = ()
    longer: int = 1


# One car each, whose camera is 1.5 m above the road. How far a thing is follows from where it stands, given that height: cars
# of many heights have many factors.
WIDE = Domain("rendered drives, 90 degrees", "rig-90", (Scenes("leadline", "rig-90-held-out"),))
NARROW = Domain("rendered drives, 50 degrees", "rig-50", (Scenes("leadline", "rig-50-held-out"),))
# Many cars: what the real one's height is, nobody says.
CARS = Domain("rendered drives in cars of 1.25 to 1.75 m, 90 degrees", "drive-90", (Scenes("leadline", "drive-90-held-out"),))
KITTI = Domain(
    "KITTI",
    "video/kitti_odometry00_416x128",
    (Scenes("kitti_object", "dev/kitti_object", True), Scenes("kitti_semidense", "dev/kitti_semidense", True)),
    real=True,
)
WORLDS = Pair("worlds", "Two rendered cameras", WIDE, NARROW, (64, 128))
REAL = Pair("kitti", "From rendered drives to a real car", CARS, KITTI, (64, 160))
PAIRS = (WORLDS, REAL)
ARMS = (
    ScalarArm("aligned", "mixed, fields of view aligned", WORLDS),
    ScalarArm("own", "mixed, each its own field of view (control)", WORLDS, aligned=False),
    ScalarArm("source", "source alone, aligned", WORLDS, mixed=False, seeds=(0,)),
    ScalarArm("truth", "bound: taught by the target's truth", WORLDS, mixed=False, aligned=False, supervised=True, seeds=(0,)),
    ScalarArm("longer", "mixed, aligned, twice as long", WORLDS, seeds=(0,), longer=2),
    ScalarArm(
        "truth-longer", "bound, twice as long", WORLDS, mixed=False, aligned=False, supervised=True, seeds=(0,), longer=2
    ),
    ScalarArm("kitti-aligned", "mixed, fields of view aligned", REAL),
    ScalarArm("kitti-own", "mixed, each its own field of view (control)", REAL, aligned=False),
    ScalarArm("kitti-source", "source alone, aligned", REAL, mixed=False, seeds=(0,)),
)


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

    def films(self, domain: Domain) -> str:
        """Return the text of `data.sources` that stands for a domain's films."""
        return f"{VIDEO}{self.data / domain.films}" if domain.real else str(self.worlds / domain.films)

    def scenes(self, scenes: Scenes) -> Path:
        """Return the folder of scenes with a truth."""
        return (self.data if scenes.real else self.worlds) / scenes.folder

    def run(self, arm: ScalarArm, seed: int) -> Path:
        """Return the folder of a training, removed at its end."""
        return self.runs / f"{NAME}-{arm.name}-{seed}"


@dataclass(frozen=True)
class Plan:
    """How long, and on how much.

    Attributes:
        model, supervised_model: the network of films, and the one that learns from truth.
        offsets: of the frames that a picture is explained by.
        steps, batch_size: of each training, but for those that are longer.
        scored: pictures of each domain, at most.
        scale_pictures, scale_steps: pictures of the source's films and steps of the network that guesses each picture's scale.
    """

    model: ModelConfig = field(default_factory=lambda: ModelConfig(architecture="monodepth2", frozen_stages=0))
    supervised_model: ModelConfig = field(default_factory=lambda: ModelConfig(frozen_stages=0, head="sigmoid"))
    offsets: tuple[int, ...] = (-2, 2)
    steps: int = 1500
    batch_size: int = 4
    scored: int = 60
    scale_pictures: int = 200
    scale_steps: int = 200


PLAN = Plan()


def arm_of(name: str) -> ScalarArm:
    """Return an arm by name.

    Raises:
        LeadlineError: there is none.
    """
    return find_arm(ARMS, name, NAME)


def config_of(arm: ScalarArm, seed: int, folders: Folders, fov_deg: float | None, plan: Plan = PLAN) -> TrainConfig:
    """Return the training of an arm with a seed.

    Args:
        arm, seed, folders, plan: what, where and how long.
        fov_deg: of all pictures; None for each film its own.
    """
    domains = (arm.pair.source, arm.pair.target) if arm.mixed else (arm.pair.target if arm.supervised else arm.pair.source,)
    model = plan.supervised_model if arm.supervised else plan.model
    video = VideoData(offsets=plan.offsets)
    if fov_deg is not None:
        video = replace(video, field_of_view="common", fov_deg=fov_deg)
    return TrainConfig(
        name=f"{model.architecture}.{NAME}-{arm.name}-{seed}",
        run_dir=str(folders.run(arm, seed)),
        seed=seed,
        model=model,
        data=DataConfig(
            sources=tuple(folders.films(domain) for domain in domains),
            mixing="equal",
            cache=str(folders.runs / "cache"),
            shapes=(arm.pair.hw,),
            batch_size=plan.batch_size,
            longest=LONGEST,
            ingest_every_s=0,
            validation_views=0,
            augmentation=replace(video.colours, area=(1.0, 1.0), aspect=1.0, rotation_deg=0.0),
            video=video,
        ),
        loss=LossConfig(objective="silog_depth_anything+gradient"),
        optimiser=OptimiserConfig(
            steps=arm.longer * plan.steps, lr=2e-4, encoder_lr=2e-4, schedule="step", step_at=(0.75,), warmup_steps=0,
            weight_decay=0.0, betas=(0.9, 0.999), clip=0.0, ema_decay=0.99,
        ),
        trainer=TrainerConfig(
            accelerator="cpu", threads=1, log_every=50, validate_every=10**6, checkpoint_every=100, keep=1, trackers=("jsonl",)
        ),
    )  # fmt: skip
