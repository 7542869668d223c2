"""What a segmenter of glass, mirrors and sky says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError

# The number of each class; the first three are those of every mask of materials in this project.
CLASSES = ("opaque", "transparent", "mirror", "sky")
OPAQUE, TRANSPARENT, MIRROR, SKY = range(len(CLASSES))


@dataclass(frozen=True)
class SegmenterCard:
    """Who a segmenter is and what it wants. Stored as JSON beside the weights and inside ONNX metadata.

    Attributes:
        name: ``architecture.weights_tag``, for instance ``"leadline-tom-seg.v1"``.
        classes: of its output, in order: always `CLASSES`. Sky is one of them because jobs that label photos need it, too.
        licence: of the weights, an SPDX identifier where there is one.
        mean, std: input normalisation in 0..255 units: network input = (rgb - mean) / std, RGB order.
        size_multiple: height and width of the input must be multiples of this.
        input_size: the length (see `resize_side`) that the network works best at.
        resize_side: "longer" or "shorter" side, or "area"; see `leadline.predictor.ModelCard`.
        training_data: every source with its licence, one line each.
        notes: anything a user should know, in sentences.
        sha256: of the weights file, or "".
    """

    name: str
    classes: tuple[str, ...] = CLASSES
    licence: str = "unknown"
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    size_multiple: int = 32
    input_size: int = 320
    resize_side: str = "longer"
    training_data: tuple[str, ...] = ()
    notes: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.classes != CLASSES:
            raise LeadlineError(f"a segmenter of {', '.join(self.classes) or 'no classes'}: expected {', '.join(CLASSES)}")
        if self.resize_side not in ("longer", "shorter", "area"):
            raise LeadlineError(f"resize_side {self.resize_side!r}: expected 'longer', 'shorter' or 'area'")
        if self.size_multiple < 1 or self.input_size < self.size_multiple:
            raise LeadlineError(
                f"input_size {self.input_size}, size_multiple {self.size_multiple}: expected 1 <= multiple <= size"
            )

    @property
    def kind(self) -> str:
        """What its output is, in words."""
        return f"classes {', '.join(self.classes)}"

    def to_json(self) -> str:
        """Return the card as indented JSON."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self)}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SegmenterCard:
        """Read what `to_json` wrote; unknown keys are refused by name.

        Raises:
            LeadlineError: not a segmenter's card.
        """
        try:
            data: Mapping[str, Any] = json.loads(text)
            known = {f.name for f in fields(cls)}
            if unknown := sorted(set(data) - known):
                raise LeadlineError(f"a segmenter's card with unknown keys {unknown}: expected some of {sorted(known)}")
            tuples = ("classes", "mean", "std", "training_data")
            return cls(**{**data, **{key: tuple(data[key]) for key in tuples if key in data}})
        except (json.JSONDecodeError, TypeError, AttributeError) as error:
            raise LeadlineError(f"not a segmenter's card ({error}): expected JSON with at least name and classes") from None


def is_segmenter_card(text: str) -> bool:
    """Say whether JSON is a card of a segmenter rather than of a depth network."""
    try:
        return "classes" in json.loads(text)
    except (json.JSONDecodeError, TypeError):
        return False


def read_segmenter_card(path: Path) -> SegmenterCard:
    """Read a card from a JSON file.

    Raises:
        LeadlineError: the file can't be read, or is no card of a segmenter.
    """
    try:
        return SegmenterCard.from_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(f"can't read the segmenter's card {str(path)!r} ({error}): expected a JSON file") from None
