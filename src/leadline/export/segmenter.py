"""Segmenters of glass, mirrors and sky as ONNX files, verified before they are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from leadline.errors import LeadlineError
from leadline.export.onnx import folded, round_to_half, store_half, traced, verify_onnx, write_checked
from leadline.models.registry import checkpoint_folder
from leadline.models.tom_segmenter import TomSegmenter, load_trained_segmenter
from leadline.runtime.segmenter_card import SegmenterCard


def export_segmenter_onnx(network: TomSegmenter, card: SegmenterCard, path: Path | str, half: bool = False) -> Path:
    """Write `network` as ONNX with its card inside and beside it, after checking it against torch at several shapes.

    The file has one input ``image``, (N, 3, h, w) float32 normalised as the card says, and one output ``classes``, (N, 4, h, w)
    float32 probabilities that add up to 1; N is free, h and w are free multiples of the card's size multiple.

    Args:
        network: in any mode; it is not changed.
        card: goes into the file's metadata, and with the file's sha256 into PATH with suffix .json.
        path: ending in .onnx; appears, with its card, only after the check.
        half: store kernels and matrices in half precision; computing stays in single precision.

    Raises:
        LeadlineError: the file does not reproduce the network.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise LeadlineError(f"{path}: expected a name that ends in .onnx")
    whole = folded(nn.Sequential(network, nn.Softmax(dim=1)))
    if half:
        round_to_half(whole)
    model = traced(whole, card.size_multiple, "classes")
    if half:
        store_half(model)
    return write_checked(model, card, path, lambda file: verify_onnx(file, whole, card.size_multiple))


def export_segmenter(
    checkpoint: Path | str,
    out: Path | str | None = None,
    *,
    name: str | None = None,
    half: bool = False,
    card: SegmenterCard | None = None,
) -> Path:
    """Export the averaged weights of a segmenter's checkpoint; return the file.

    Args:
        checkpoint: folder that training wrote, or the run's folder (its best checkpoint is taken, or its last one).
        out: file to write, by default NAME.onnx in the checkpoint's folder.
        name: of the network; by default the run's.
        half: store weights in half precision.
        card: licence, training data and notes; by default the network's own card.

    Raises:
        LeadlineError: not a checkpoint of a segmenter, or the export does not reproduce the network.
    """
    folder = checkpoint_folder(checkpoint)
    network, run_name = load_trained_segmenter(folder)
    card = card or network.card(run_name)
    card = replace(card, name=name or card.name)
    return export_segmenter_onnx(network, card, out or folder / f"{card.name}.onnx", half)
