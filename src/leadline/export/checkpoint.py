"""From a training checkpoint to a file for inference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from leadline.export.onnx import export_onnx
from leadline.models.registry import checkpoint_folder, load_trained
from leadline.predictor import ModelCard


def export_checkpoint(
    checkpoint: Path | str,
    out: Path | str | None = None,
    *,
    to: Literal["onnx", "openvino"] = "onnx",
    name: str | None = None,
    half: bool = False,
    card: ModelCard | None = None,
) -> Path:
    """Export the averaged weights of a checkpoint; return the file.

    Args:
        checkpoint: folder that training wrote (``run_dir/checkpoints/best``), or the run's folder (its best checkpoint is
            taken, or its last one).
        out: file to write, by default NAME.onnx (or NAME.xml) in the checkpoint's folder.
        to: "onnx", or "openvino" for its own format (xml and bin).
        name: of the network, ``architecture.weights_tag``; by default the run's.
        half: store weights in half precision.
        card: everything else the card should say; by default the network's own card with the run's name.

    Raises:
        LeadlineError: not a checkpoint, or the export does not reproduce the network.
    """
    folder = checkpoint_folder(checkpoint)
    network, run_name = load_trained(folder)
    card = card or network.card(run_name)
    card = replace(card, name=name or card.name)
    if to == "onnx":
        return export_onnx(network, card, out or folder / f"{card.name}.onnx", half)
    from leadline.export.openvino import export_openvino

    return export_openvino(network, card, out or folder / f"{card.name}.xml", half)
