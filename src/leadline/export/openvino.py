"""Networks in OpenVINO's own format."""

from __future__ import annotations

import tempfile
from pathlib import Path

from torch import nn

from leadline.export.onnx import CARD_KEY, export_onnx
from leadline.predictor import ModelCard


def export_openvino(network: nn.Module, card: ModelCard, path: Path | str, half: bool = False) -> Path:
    """Write PATH (.xml) and its .bin by way of a verified ONNX file; see `export_onnx`."""
    import openvino

    path = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        model = openvino.Core().read_model(export_onnx(network, card, Path(folder) / "network.onnx", half))
        model.set_rt_info(card.to_json(), CARD_KEY)
        path.parent.mkdir(parents=True, exist_ok=True)
        openvino.save_model(model, str(path), compress_to_fp16=half)
    return path
