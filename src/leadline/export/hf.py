"""ONNX files of the depth networks of Hugging Face transformers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.depth_map import Kind
from leadline.errors import LeadlineError
from leadline.export.onnx import export_onnx
from leadline.models.hf import load_hf_network


def export_hf(name_or_config: Any, path: Path | str, *, kind: Kind | None = None, half: bool = False) -> Path:
    """Export a network of transformers to ONNX, several times as fast on a CPU as in torch; see `export_onnx`.

    Args:
        name_or_config: what `leadline.models.hf.load_hf_predictor` takes.
        path: ending in .onnx.
        kind: what the numbers mean; by default by the model's type and configuration.
        half: store the weights in half precision.

    Raises:
        LeadlineError: the network can't be loaded, or knows one size of input only.
    """
    network, card = load_hf_network(name_or_config)
    if network.takes_squares_only:
        raise LeadlineError(f"{card.name} takes squares only, and leadline exports free sizes: use it through transformers")
    network.spell_out_attention()
    return export_onnx(network, card if kind is None else replace(card, kind=kind), path, half)
