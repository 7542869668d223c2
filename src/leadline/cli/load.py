"""From what a user calls a model to its predictor: every source that there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.predictor import Predictor
    from leadline.runtime.predictor import LoadRequest
    from leadline.runtime.stereo import StereoPredictor


def load(model: str, kind: str | None = None, precision: str = "auto", *, flip: bool = False) -> Predictor:
    """Return a predictor for many pictures.

    Args:
        model: a shipped network, an ONNX file, a run of `leadline train` or one of its checkpoints, a transformers model such
            as owner/name or a folder that `save_pretrained` wrote, one of the baselines "constant" and "ramp", or "sgm". An
            ONNX file or checkpoint of a stereo network, and "sgm", answer pairs alone. Several, with commas between, are
            averaged.
        kind: what the numbers mean, if the model does not say.
        precision: "auto" (fp32), "fp32" or "bf16", of ONNX files and transformers models.
        flip: average with the answer for the mirrored picture.

    Raises:
        LeadlineError: there is no such model, a baseline is given a kind, another model "bf16", or answers have no mean.
    """
    names = split_models(model)
    if flip or len(names) > 1:
        from leadline.runtime.averaging import AveragedPredictor

        return AveragedPredictor([_load_one(name, kind, precision) for name in names], mirrored=flip)
    return _load_one(model, kind, precision)


def split_models(names: str) -> list[str]:
    """Return the models of ``"one,another"``; a file or folder whose name has a comma is one."""
    if "," not in names or Path(names).exists():
        return [names]
    parts = [part.strip() for part in names.split(",")]
    if not all(parts):
        from leadline.errors import LeadlineError

        raise LeadlineError(f"--model {names!r}: expected one model, or several with commas between")
    return parts


def _load_one(model: str, kind: str | None, precision: str) -> Predictor:
    from leadline.evaluation.baselines import ConstantMap, VerticalRamp
    from leadline.runtime.predictor import load_predictor, predictor_sources

    if precision == "bf16" and (model in ("constant", "ramp", "sgm") or _is_checkpoint(Path(model))):
        from leadline.errors import LeadlineError

        raise LeadlineError(f"--precision bf16 for {model}: expected an ONNX file (leadline export) or a transformers model")
    if model in ("constant", "ramp"):
        if kind is not None:
            from leadline.errors import LeadlineError

            raise LeadlineError(f"--kind {kind} for {model}, which says itself what its numbers are: leave it out")
        return ConstantMap() if model == "constant" else VerticalRamp()
    if (matcher := _matcher(model)) is not None:
        from leadline.evaluation.pair_predictor import PairPredictor

        return PairPredictor(matcher)
    for source in (_from_checkpoint, _from_transformers):
        if source not in predictor_sources:
            predictor_sources.append(source)
    return load_predictor(model, kind=kind, precision=precision, throughput=True)


def _matcher(model: str) -> StereoPredictor | None:
    """Return semi-global matching, or the stereo network of an ONNX file or a checkpoint; None for anything else."""
    from leadline.runtime.stereo import SEMI_GLOBAL, load_stereo_predictor

    path = Path(model)
    if model == SEMI_GLOBAL:
        return load_stereo_predictor()
    if path.suffix.lower() == ".onnx" and path.is_file():
        from leadline.runtime.stereo_network import is_stereo_file

        return load_stereo_predictor(path) if is_stereo_file(path) else None
    if not path.is_dir() or not _is_stereo_checkpoint(_checkpoint_of(path)):
        return None
    from leadline.models.stereo.registry import load_trained_stereo
    from leadline.training.stereo_predictor import NetworkStereoPredictor

    network, name = load_trained_stereo(_checkpoint_of(path))
    return NetworkStereoPredictor(network, network.card(name))


def _is_stereo_checkpoint(folder: Path) -> bool:
    import json

    try:
        architecture = json.loads((folder / "config.json").read_text("utf-8"))["model"]["architecture"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    from leadline.models.stereo.registry import is_stereo

    return is_stereo(str(architecture))


def _is_checkpoint(path: Path) -> bool:
    return path.is_dir() and not _is_transformers(path)


def _from_checkpoint(request: LoadRequest) -> Predictor | None:
    folder = Path(request.name)
    if not _is_checkpoint(folder):
        return None
    import hashlib
    from dataclasses import replace

    from leadline.errors import LeadlineError
    from leadline.models.registry import load_trained
    from leadline.training.predictor import NetworkPredictor

    folder = _checkpoint_of(folder)
    weights = folder / "weights.safetensors"
    if not (weights.is_file() and (folder / "config.json").is_file()):
        raise LeadlineError(
            f"{folder} is no checkpoint and no transformers model: expected a folder with config.json and weights.safetensors "
            "or model.safetensors"
        )
    network, name = load_trained(folder)
    card = network.card(f"{name} ({folder.name})")
    with weights.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return NetworkPredictor(network, replace(card, kind=request.kind or card.kind, sha256=checksum))


def _checkpoint_of(folder: Path) -> Path:
    """Return the best checkpoint of a run, else its last one; a checkpoint itself as it is."""
    best = folder / "checkpoints" / "best"
    steps = sorted((folder / "checkpoints").glob("step-*"))
    return best if best.is_dir() else steps[-1] if steps else folder


def _is_transformers(folder: Path) -> bool:
    """Whether transformers' `save_pretrained` wrote a folder: its configuration names a model type."""
    import json

    try:
        return "model_type" in json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _from_transformers(request: LoadRequest) -> Predictor | None:
    here = Path(request.name).is_dir()
    if not here and "/" not in request.name:
        return None
    if not here and request.name.startswith(("/", "./", "../", "~")):  # a path, not a name on a hub
        from leadline.errors import LeadlineError

        raise LeadlineError(f"no file or folder {request.name!r}: expected an ONNX file, a checkpoint or a transformers model")
    from leadline.models.hf import load_hf_predictor

    options = request.options
    return load_hf_predictor(request.name, kind=request.kind, precision=options.precision, device=options.device)
