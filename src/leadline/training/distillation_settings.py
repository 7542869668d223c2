"""How a student learns from a teacher's labels, as numbers, and the numbers of Depth Anything."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.errors import LeadlineError

NO_ENCODER = "none"
LITE = ("lite0", "lite1", "lite2")
HF = "hf:"


@dataclass(frozen=True)
class DistillationSettings:
    """The objective of students, instead of `loss`, of which stride, scales and anchor_weight hold.

    A source ``shards:FOLDER`` or ``PHOTOS::LABELS`` has labels of a teacher, any other one truth.

    Attributes:
        on: whether this is the training of a student.
        perturb: change the colours of pictures with labels strongly, and blur them.
        cutmix: probability that a picture with labels gets a piece of another one.
        gradient_weight: of gradient matching, at stride 1, where mean |n(d) - n(d*)| weighs 1.
        ignored_share: of each label's pixels, those farthest from the student's map, that are left out.
        encoder: frozen network whose features those of the student's encoder are held to on pictures with labels: "lite0",
            "lite1" or "lite2" with its ImageNet weights, ``hf:NAME`` of transformers, or "none".
        stride: of the features, 16 or 32.
        margin: places whose features have a larger cosine are left alone.
    """

    on: bool = False
    perturb: bool = True
    cutmix: float = 0.5
    gradient_weight: float = 0.0
    ignored_share: float = 0.0
    encoder: str = "lite0"
    stride: int = 16
    margin: float = 0.85

    def __post_init__(self) -> None:
        wrong = (
            ("cutmix", 0 <= self.cutmix <= 1, "a probability, 0 to 1"),
            ("gradient_weight", self.gradient_weight >= 0, "0 or more"),
            ("ignored_share", 0 <= self.ignored_share < 1, "0 (nothing) up to less than 1"),
            ("stride", self.stride in (16, 32), "16 or 32"),
            ("margin", -1 <= self.margin <= 1, "a cosine, -1 to 1"),
            ("encoder", self.encoder in (NO_ENCODER, *LITE) or self.encoder.startswith(HF), "none, lite0 to 2, or hf:NAME"),
        )
        for name, fine, expected in wrong:
            if not fine:
                raise LeadlineError(f"distillation.{name}={getattr(self, name)}: expected {expected}")


# METHODS C.1 and C.2. V2's paper says neither how its students' pictures are perturbed nor that CutMix is kept.
DEPTH_ANYTHING_V1 = DistillationSettings(on=True)
DEPTH_ANYTHING_V2 = DistillationSettings(on=True, cutmix=0.0, gradient_weight=2.0, ignored_share=0.1)
