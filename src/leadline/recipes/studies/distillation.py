"""Teacher to student (Depth Anything V1, arXiv 2401.10891, and V2, arXiv 2406.09414; METHODS C) at the scale of minutes.

One teacher, larger and trained longer on rendered worlds alone, labels photos once. Every arm trains a student of the same size
on the same number of pictures.

    python -m leadline.recipes.studies run  distillation --photos photos
    python -m leadline.recipes.studies page distillation
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from leadline.recipes.studies.study import LONGEST, Arm, Study
from leadline.recipes.teacher import LOSS
from leadline.training.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig, override

NAME, TEACHER = "distillation", "teacher"
# Glass and mirrors are among them: truth that only a renderer has, and which a student without worlds has from its teacher.
SOURCES = ("rooms-b", "tabletop-b", "street-b", "terrain-b", "tom")
SURFACES = "tom-held-out"  # scored by class of pixels
TEACHER_SHAPES = ((192, 224), (224, 192), (192, 192), (160, 256))
TEACHER_INPUT = 256  # longer side of the photos it labels
PHOTO_SIDE = 320  # longer side to which photos are shrunk before anything
LABELLED, TAUGHT, BOTH = "labelled", "taught", "both"

_V1 = ("distillation.on=true",)
_V2 = (*_V1, "distillation.cutmix=0", "distillation.gradient_weight=2", "distillation.ignored_share=0.1")
_WEAK = ("distillation.perturb=false", "distillation.cutmix=0")


@dataclass(frozen=True)
class Student(Arm):
    """A line of the table.

    Attributes:
        pictures: "labelled" worlds with their truth, photos "taught" by the teacher, or "both", 1 : 2 in every batch.
    """

    pictures: str = BOTH


@dataclass(frozen=True)
class DistillationStudy(Study):
    """The students, and the teacher that they share.

    Attributes:
        teacher: its network.
        student: theirs.
        teacher_steps: of its training.
    """

    teacher: str = "leadline-m"
    student: str = "leadline-s"
    teacher_steps: int = 4000

    def config(self, arm: Arm, seed: int, worlds: Path, runs: Path) -> TrainConfig:
        """See `Study.config`; the photos' labels lie in `runs`."""
        assert isinstance(arm, Student)
        plain = super().config(Arm(arm.name, arm.title), seed, worlds, runs)
        sources = tuple(str(worlds / source) for source in self.sources) if arm.pictures != TAUGHT else ()
        weights = (1.0,) * len(sources)
        if arm.pictures != LABELLED:
            sources, weights = (*sources, f"shards:{labels_folder(runs)}"), (*weights, 2.0 * len(sources) or 1.0)
        data = replace(plain.data, sources=sources, weights=weights, mixing="parts")
        return override(replace(plain, data=data, model=self._model(self.student)), arm.changes)

    def teacher_config(self, worlds: Path, runs: Path) -> TrainConfig:
        """Return the training of the teacher."""
        return TrainConfig(
            name=f"{self.teacher}.{self.name}-{TEACHER}",
            run_dir=str(runs / f"{self.name}-{TEACHER}"),
            model=self._model(self.teacher),
            data=DataConfig(
                sources=tuple(str(worlds / source) for source in self.sources),
                mixing="parts",
                cache=str(runs / "cache"),
                shapes=TEACHER_SHAPES,
                batch_size=8,
                longest=LONGEST,
                ingest_every_s=0,
            ),
            loss=LOSS,
            optimiser=OptimiserConfig(steps=self.teacher_steps, lr=9e-4, encoder_lr=2e-4, betas=(0.9, 0.99), ema_decay=0.995),
            trainer=TrainerConfig(
                accelerator="cpu", threads=1, log_every=50, validate_every=10**6, checkpoint_every=200, keep=1
            ),
        )

    def _model(self, architecture: str) -> ModelConfig:
        return ModelConfig(architecture, imagenet=not architecture.endswith("tiny"))


def labels_folder(runs: Path) -> Path:
    """Return where the labels lie that all students share."""
    return runs / f"{NAME}-labels"


def photos_folder(runs: Path) -> Path:
    """Return where the shrunk photos lie."""
    return runs / f"{NAME}-photos"


def teacher_folder(runs: Path) -> Path:
    """Return where the teacher's weights and configuration lie."""
    return runs / f"{NAME}-teacher-network"


STUDY = DistillationStudy(
    name=NAME,
    sources=SOURCES,
    steps=1000,
    batch_size=9,
    arms=(
        Student("synthetic", "synthetic only (V2's loss)", _V2, LABELLED),
        Student("synthetic-pseudo", "synthetic + pseudo (V2's loss)", _V2, BOTH),
        Student("pseudo", "V2: pseudo only", _V2, TAUGHT),
        Student("pseudo-all", "V2, no pixel ignored", (*_V2, "distillation.ignored_share=0"), TAUGHT),
        Student("labelled", "synthetic only (V1's loss)", _V1, LABELLED),
        Student("v1", "V1: synthetic + pseudo", _V1, BOTH),
        Student("v1-weak", "V1 without strong perturbation", (*_V1, *_WEAK), BOTH),
        Student("v1-margin-1", "V1, margin 1.00", (*_V1, "distillation.margin=1"), BOTH),
    ),
)
