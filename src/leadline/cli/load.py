"""From what a user calls a model to its predictor: every source that there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.predictor import Predictor
    from leadline.runtime.predictor import LoadRequest


def load(model: str, kind: str | None = None) -> Predictor:
    """Return a predictor for many pictures.

    Args:
        model: a shipped network, an ONNX file, a checkpoint's folder, a transformers model such as owner/name, or one of the
            baselines "constant" and "ramp".
        kind: what the numbers mean, if the model does not say.

    Raises:
        LeadlineError: there is no such model.
    """
    from leadline.evaluation.baselines import ConstantMap, VerticalRamp
    from leadline.runtime.predictor import load_predictor, predictor_sources

    if model in ("constant", "ramp"):
        return ConstantMap() if model == "constant" else VerticalRamp()
    for source in (_from_checkpoint, _from_transformers):
        if source not in predictor_sources:
            predictor_sources.append(source)
    return load_predictor(model, kind=kind, throughput=True)


def _from_checkpoint(request: LoadRequest) -> Predictor | None:
    folder = Path(request.name)
    if not folder.is_dir():
        return None
    import hashlib
    import json
    from dataclasses import replace

    from leadline.depth_map import RELATIVE_DISPARITY
    from leadline.errors import LeadlineError
    from leadline.models.registry import load_weights, make_model
    from leadline.predictor import ModelCard
    from leadline.training.predictor import NetworkPredictor

    if (folder / "checkpoints" / "best").is_dir():
        folder = folder / "checkpoints" / "best"
    weights = folder / "weights.safetensors"
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        network, name = make_model(config["model"]["architecture"]), config["name"]
        with weights.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, KeyError, json.JSONDecodeError):
        raise LeadlineError(f"{folder} is no checkpoint: expected a folder with config.json and weights.safetensors") from None
    load_weights(network, weights)
    card = ModelCard(f"{name} ({folder.name})", request.kind or RELATIVE_DISPARITY)
    return NetworkPredictor(network.eval(), replace(card, sha256=checksum))


def _from_transformers(request: LoadRequest) -> Predictor | None:
    if "/" not in request.name:
        return None
    from leadline.models.hf import load_hf_predictor

    options = request.options
    return load_hf_predictor(request.name, kind=request.kind, precision=options.precision, device=options.device)
