"""leadline's segmenter of surfaces that depth networks get wrong: EfficientNet-Lite encoder, narrow fusion decoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.encoder_decoder import EncoderDecoder
from leadline.models.registry import checkpoint_folder, load_weights
from leadline.runtime.segmenter_card import CLASSES, SegmenterCard


class TomSegmenter(EncoderDecoder):
    """(N, 3, h, w) pictures, normalised by the card, to (N, 4, h, w) logits of opaque, transparent, mirror and sky.

    The trunk is that of `leadline.models.leadline_net.LeadlineNet`: whether a pane is a mirror shows in the whole room. Its
    decoder is narrow, since classes need less detail than depths.

    Args:
        variant, widths, context_blocks, head_width: see `EncoderDecoder`.
    """

    stride = 32
    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)

    def __init__(
        self, variant: int = 0, widths: Sequence[int] = (24, 40, 64, 128), context_blocks: int = 1, head_width: int = 24
    ) -> None:
        super().__init__(variant, widths, context_blocks, head_width, outputs=len(CLASSES), kernel=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the (N, 4, h, w) float32 logits."""
        return self.planes(image)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return the (N, 3, h, w) float32 input, in channels_last memory, of (N, h, w, 3) uint8 sRGB pixels."""
        return (pixels.permute(0, 3, 1, 2).float() - self.mean[0]) / self.std[0]

    def card(self, name: str) -> SegmenterCard:
        """Return the card of this network under a name."""
        return SegmenterCard(name, mean=self.mean, std=self.std, size_multiple=self.stride)


_ARCHITECTURES: dict[str, Callable[[], TomSegmenter]] = {
    "leadline-tom-seg": TomSegmenter,
    "leadline-tom-seg-tiny": partial(TomSegmenter, widths=(8, 8, 8, 16), head_width=8),  # for tests
}


def segmenter_names() -> list[str]:
    """Return all architectures, sorted."""
    return sorted(_ARCHITECTURES)


def is_segmenter(architecture: str) -> bool:
    """Say whether an architecture, perhaps with a weights' tag, is one of `segmenter_names`."""
    return architecture.partition(".")[0] in _ARCHITECTURES


def make_segmenter(name: str) -> TomSegmenter:
    """Return a segmenter with random weights by the name of its architecture; a weights' tag behind a dot is for people.

    Raises:
        LeadlineError: no such architecture.
    """
    architecture = name.partition(".")[0]
    if architecture not in _ARCHITECTURES:
        raise LeadlineError(f"unknown segmenter {name!r}: expected one of {', '.join(segmenter_names())}")
    return _ARCHITECTURES[architecture]()


def is_segmenter_run(folder: Path | str) -> bool:
    """Say whether a folder is a run of `leadline train`, or a checkpoint of one, that trained a segmenter."""
    try:
        config = json.loads((checkpoint_folder(folder) / "config.json").read_text("utf-8"))
        return is_segmenter(str(config["model"]["architecture"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def load_trained_segmenter(folder: Path | str) -> tuple[TomSegmenter, str]:
    """Return the segmenter of a run or a checkpoint, in evaluation mode, and the name of the run.

    Raises:
        LeadlineError: not a checkpoint of a segmenter, or its weights don't fit.
    """
    folder = checkpoint_folder(folder)
    if not is_segmenter_run(folder):
        raise LeadlineError(f"{folder} is no checkpoint of a segmenter: expected what leadline train tom_segmenter writes")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    network = make_segmenter(config["model"]["architecture"])
    load_weights(network, folder / "weights.safetensors")
    return network.eval(), str(config["name"])
