"""All that the rest of leadline sees of a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError


@dataclass(frozen=True)
class ModelCard:
    """Who a network is, what it wants and what it gives. Stored as JSON beside the weights and inside ONNX metadata.

    Attributes:
        name: ``architecture.weights_tag``, for instance ``"leadline-s.v1"``.
        kind: what its output means.
        licence: of the weights, an SPDX identifier where there is one.
        mean, std: input normalisation in 0..255 units: network input = (rgb - mean) / std, RGB order.
        size_multiple: height and width of the input must be multiples of this.
        input_size: the length (see `resize_side`) that the network works best at.
        resize_side: which length `input_size` speaks of: "longer" or "shorter" side, or "area", the side of a square of as many
            pixels as the picture, so that panoramas get their share of detail and all pictures cost the same.
        fov_deg: horizontal and vertical field of view of all pictures that it learnt from, degrees, where that was one; empty
            for any. Its depth is up to the same factor only in pictures of that field of view (`leadline.runtime.window`).
        training_data: every source with its licence, one line each.
        scores: protocol name -> metric name -> value.
        notes: anything a user should know, in sentences.
        sha256: of the weights file, or "".
    """

    name: str
    kind: Kind
    licence: str = "unknown"
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    size_multiple: int = 32
    input_size: int = 384
    resize_side: str = "longer"
    fov_deg: tuple[float, ...] = ()
    training_data: tuple[str, ...] = ()
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.resize_side not in ("longer", "shorter", "area"):
            raise LeadlineError(f"resize_side {self.resize_side!r}: expected 'longer', 'shorter' or 'area'")
        if self.size_multiple < 1 or self.input_size < self.size_multiple:
            raise LeadlineError(
                f"input_size {self.input_size}, size_multiple {self.size_multiple}: expected 1 <= multiple <= size"
            )
        if len(self.fov_deg) not in (0, 2) or not all(0 < angle < 180 for angle in self.fov_deg):
            raise LeadlineError(f"fov_deg {self.fov_deg}: expected no angle, or two between 0 and 180 degrees")

    def to_json(self) -> str:
        """Return the card as indented JSON."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps({**data, "kind": str(self.kind)}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read what `to_json` wrote; unknown keys are refused by name.

        Raises:
            LeadlineError: not a card.
        """
        try:
            data: Mapping[str, Any] = json.loads(text)
            known = {f.name for f in fields(cls)}
            if unknown := sorted(set(data) - known):
                raise LeadlineError(f"a model card with unknown keys {unknown}: expected some of {sorted(known)}")
            return cls(**{
                **data,
                "kind": Kind.parse(data["kind"]),
                **{key: tuple(data[key]) for key in ("mean", "std", "fov_deg", "training_data") if key in data},
            })  # fmt: skip
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise LeadlineError(f"not a model card ({error}): expected JSON with at least name and kind") from None


def read_card(path: Path) -> ModelCard:
    """Read a card from a JSON file.

    Raises:
        LeadlineError: the file can't be read, or is no card.
    """
    try:
        return ModelCard.from_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(f"can't read the model card {str(path)!r} ({error}): expected a JSON file") from None


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one picture.

    Attributes:
        depth: the map, at the picture's size; its kind is the card's.
        uncertainty: (h, w) float32, larger is less sure, or None. Unit: that of the map.
        notes: what the user should know about how it came about, in sentences; empty when all went as asked.
    """

    depth: DepthMap
    uncertainty: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


class Predictor(Protocol):
    """Anything that turns a picture into a map: an ONNX session, a network in training, cached files, a remote server."""

    @property
    def card(self) -> ModelCard:
        """Who it is and what its maps mean."""
        ...

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Predict the (h, w) map of an (h, w, 3) uint8 sRGB picture."""
        ...
