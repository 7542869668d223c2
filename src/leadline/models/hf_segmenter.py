"""Semantic segmentation networks of Hugging Face transformers as segmenters of glass, mirrors and sky."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leadline.errors import LeadlineError
from leadline.models.hf import check_installed, hf_processor, not_loaded
from leadline.runtime.segmenter import HF, Segmenter
from leadline.runtime.segmenter_card import CLASSES, MIRROR, OPAQUE, SKY, TRANSPARENT, SegmenterCard

# Words in a label's name and the class they stand for; the first that fits. ADE20K has "windowpane, window", "mirror", "glass,
# drinking glass", "screen door" and "sky"; a sunglasses or glasses worn by people is none of these.
_WORDS = {
    MIRROR: ("mirror", "mirrors"),
    TRANSPARENT: ("glass", "window", "windows", "windowpane", "transparent", "showcase", "vitrine"),
    SKY: ("sky",),
}
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, transformers' default
_SIDE = 512  # SegFormer's and most others'


def load_hf_segmenter(name_or_config: Any, labels: Mapping[str, int] | None = None) -> Segmenter:
    """Load a semantic segmentation network of transformers (SegFormer, UperNet, DPT, BEiT, ...).

    A pixel's probability of a class is the sum of those of the labels that stand for it; every other label is opaque.

    Args:
        name_or_config: a name on the Hugging Face Hub, a folder that `save_pretrained` wrote, or a configuration, which gives a
            network with random weights.
        labels: class number (1 transparent, 2 mirror, 3 sky; 0 opaque) of the labels that count, by their names in the
            network's configuration; by default by words such as glass, window, mirror and sky in the names.

    Raises:
        LeadlineError: no such model or no way to it, a label that it does not have, or none for glass or mirrors.
    """
    network, processor, name = _pieces(name_or_config)
    config: Any = network.config
    names = {int(index): str(label) for index, label in config.id2label.items()}
    chosen = chosen_labels(names, labels, name)
    mean, std = (
        [255.0 * float(n) for n in processor.get(key) or default]
        for key, default in (("image_mean", _MEAN), ("image_std", _STD))
    )
    size = processor.get("size") or _SIDE
    sides = [size] if isinstance(size, int) else [int(size[key]) for key in ("height", "width", "shortest_edge") if key in size]
    card = SegmenterCard(
        name,
        licence="that of the model's page",
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        input_size=max(32, min(sides or [_SIDE]) // 32 * 32),
        resize_side="shorter",
        notes="Loaded through transformers: "
        + "; ".join(f"{names[i]} is {CLASSES[c]}" for i, c in sorted(chosen.items()))
        + ".",
    )
    return Segmenter(HfClassEngine(network, [chosen.get(index, OPAQUE) for index in range(len(names))]), card)


def chosen_labels(names: Mapping[int, str], labels: Mapping[str, int] | None, model: str) -> dict[int, int]:
    """Return the class of each label's number that is not opaque.

    Args:
        names: of the labels by number.
        labels: see `load_hf_segmenter`.
        model: its name, for messages.

    Raises:
        LeadlineError: an unknown label, or none for glass or mirrors.
    """
    if labels is None:
        found = {number: _class_of(name) for number, name in names.items()}
    else:
        numbers = {name.casefold(): number for number, name in names.items()}
        for label in labels:
            if label.casefold() not in numbers:
                raise LeadlineError(f"{model} has no label {label!r}: expected some of {_listed(names)}")
        found = {numbers[label.casefold()]: index for label, index in labels.items()}
    chosen = {number: index for number, index in found.items() if index != OPAQUE}
    if not {TRANSPARENT, MIRROR} & set(chosen.values()):
        raise LeadlineError(
            f"no label of {model} stands for glass or mirrors: it has {_listed(names)}; "
            "say which do: LABEL=transparent,LABEL=mirror"
        )
    return chosen


def from_transformers(name: str, labels: Mapping[str, int] | None) -> Segmenter | None:
    """Return the segmenter of ``hf:NAME``, None for any other name; for `leadline.runtime.segmenter.segmenter_sources`."""
    return load_hf_segmenter(name.removeprefix(HF), labels) if name.startswith(HF) else None


class HfClassEngine:
    """A network in torch behind the interface of `leadline.runtime.segmenter.ClassEngine`.

    Args:
        network: gives `logits`, (n, labels, h', w').
        classes: of each label.
    """

    def __init__(self, network: nn.Module, classes: list[int]) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._sums = torch.zeros(len(CLASSES), len(classes))
        self._sums[classes, list(range(len(classes)))] = 1

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, 4, h', w') probabilities."""
        with torch.inference_mode():
            shares = self._network(pixel_values=torch.from_numpy(batch).to(self._device)).logits.float().cpu().softmax(dim=1)
            found: NDArray[np.float32] = torch.einsum("cl,nlhw->nchw", self._sums, shares).numpy()
        return found


def _pieces(name_or_config: Any) -> tuple[Any, dict[str, Any], str]:
    check_installed()
    from transformers import AutoModelForSemanticSegmentation as Auto

    if not isinstance(name_or_config, str):
        return Auto.from_config(name_or_config), {}, f"{name_or_config.model_type}.random"  # type: ignore[no-untyped-call]
    try:
        network = Auto.from_pretrained(name_or_config, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise not_loaded(name_or_config, error) from None
    return network, hf_processor(name_or_config), name_or_config.rstrip("/").rpartition("/")[2]


def _class_of(name: str) -> int:
    words = re.findall(r"[a-z]+", name.casefold())
    return next((index for index, known in _WORDS.items() if set(words) & set(known)), OPAQUE)


def _listed(names: Mapping[int, str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(list(names.values())[:most]) + more
