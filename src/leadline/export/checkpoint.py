"""From a training checkpoint to a file for inference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

from leadline.depth_map import RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.export.onnx import export_onnx
from leadline.models.registry import load_weights, make_model
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
            taken).
        out: file to write, by default NAME.onnx (or NAME.xml) in the checkpoint's folder.
        to: "onnx", or "openvino" for its own format (xml and bin).
        name: of the network, ``architecture.weights_tag``; by default the run's.
        half: store weights in half precision.
        card: everything else the card should say; by default a card with the run's name.

    Raises:
        LeadlineError: not a checkpoint, or the export does not reproduce the network.
    """
    folder = Path(checkpoint)
    if (folder / "checkpoints" / "best").is_dir():
        folder = folder / "checkpoints" / "best"
    try:
        config = json.loads((folder / "config.json").read_text())
        architecture, run_name = config["model"]["architecture"], config["name"]
    except (OSError, KeyError, json.JSONDecodeError):
        raise LeadlineError(f"{folder} is no checkpoint: expected a folder with config.json and weights.safetensors") from None
    network = make_model(architecture)
    load_weights(network, folder / "weights.safetensors")
    card = card or ModelCard(run_name, RELATIVE_DISPARITY)
    card = replace(card, name=name or card.name)
    if to == "onnx":
        return export_onnx(network, card, out or folder / f"{card.name}.onnx", half)
    from leadline.export.openvino import export_openvino

    return export_openvino(network, card, out or folder / f"{card.name}.xml", half)
