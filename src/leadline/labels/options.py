"""What decides on the labels that a teacher makes."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.errors import LeadlineError
from leadline.io.image import MAX_PIXELS
from leadline.labels.source_bytes import MAX_BYTES

SIZES = ("network", "image")
FORMATS = ("png16", "npz")
IMAGES = ("reference", "bytes")
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class LabelOptions:
    """What to store of each picture, and which pictures to leave out.

    Attributes:
        size: labels at the network's resolution ("network"; never enlarged for networks that only answer at the picture's
            size), or at the pictures' ("image").
        write: "png16" (counts with scale and offset in the header) or "npz" (half floats where they are fine enough).
        images: "reference" names the picture in the label's record; "bytes" stores it beside the label, as encoded.
        min_side: leave out pictures whose shorter side has fewer pixels.
        duplicate_bits: leave out pictures whose perceptual hash differs from an earlier one's of the same shard by at most so
            many of 64 bits; None keeps all. 4 is a common choice.
        min_spread: leave out flat labels: those whose `spread` (see `leadline.labels.stages`) is smaller.
        max_flip_difference: predict the mirrored picture, too, and leave out pictures whose two maps differ by more (see
            `flip_difference`); None predicts once.
        precision: what the teacher was loaded to compute in, "fp32" or "bf16"; it is recorded, so that workers do not mix them.
        max_pixels: a larger picture fails before it is decoded.
        max_bytes: a larger file fails before it is read.
    """

    size: str = "network"
    write: str = "png16"
    images: str = "reference"
    min_side: int = 0
    duplicate_bits: int | None = None
    min_spread: float = 0.0
    max_flip_difference: float | None = None
    precision: str = "fp32"
    max_pixels: int = MAX_PIXELS
    max_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        for name, known in (("size", SIZES), ("write", FORMATS), ("images", IMAGES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise LeadlineError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(known)}")
        if self.duplicate_bits is not None and not 0 <= self.duplicate_bits <= 32:
            raise LeadlineError(f"duplicate_bits {self.duplicate_bits}: expected 0 (equal hashes) to 32, or none")
        if not 0 <= self.min_spread < 1:
            raise LeadlineError(f"min_spread {self.min_spread}: expected 0 (keep all) up to less than 1")
