"""From what a user calls a segmenter to one that is ready."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.runtime.segmenter import Segmenter


def names_segmenter(text: str) -> bool:
    """Say whether what was given for masks is a segmenter: auto, hf:NAME or an ONNX file."""
    return text == "auto" or text.startswith("hf:") or Path(text).suffix.lower() == ".onnx"


def named_segmenter(name: str, classes: str | None = None) -> Segmenter:
    """Return a segmenter.

    Args:
        name: "auto" or a shipped name, an ONNX file, or hf:OWNER/NAME for a network of transformers.
        classes: which labels of such a network count, ``"windowpane=transparent,mirror=mirror"``.

    Raises:
        LeadlineError: there is no such segmenter, or the classes can't be read or are not its own.
    """
    from leadline.data.coco_masks import parse_categories
    from leadline.runtime.segmenter import load_segmenter, segmenter_sources

    if name.startswith("hf:"):
        from leadline.models.hf_segmenter import from_transformers

        if from_transformers not in segmenter_sources:
            segmenter_sources.append(from_transformers)
    return load_segmenter(name, labels=None if classes is None else parse_categories(classes))
