"""The networks that users name by string: ``architecture``, ``architecture.weights_tag``, or ``hf:NAME`` of transformers."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from leadline.depth_map import RELATIVE_DISPARITY
from leadline.errors import LeadlineError
from leadline.models.depth_network import DepthNetwork
from leadline.models.geonet import GeoNet
from leadline.models.kuznietsov import Kuznietsov
from leadline.models.leadline_net import LeadlineNet
from leadline.models.metric_head import make_metric
from leadline.models.midas_large import MidasLarge
from leadline.models.monodepth2 import Monodepth2
from leadline.models.onnx_weights import fold_norms, read_onnx_weights
from leadline.models.sfmlearner import SfmLearner
from leadline.predictor import ModelCard
from leadline.runtime.predictor import find_shipped, load_card

HF = "hf:"
PROJECTION = "projection."  # of a student, needed in training alone (`leadline.training.distillation`)
FIRST_CONVOLUTION = "encoder.stem.conv"  # of an EfficientNet-Lite; it has a bias once normalisations are folded
_ARCHITECTURES: dict[str, Callable[[], DepthNetwork]] = {
    "leadline-s": partial(LeadlineNet, variant=0, widths=(48, 96, 160, 256), context_blocks=2),
    "leadline-m": partial(LeadlineNet, variant=2, widths=(64, 128, 192, 320), context_blocks=3),
    "leadline-tiny": partial(LeadlineNet, variant=0, widths=(8, 8, 8, 16), context_blocks=1, head_width=8),  # for tests
    "midas-large": MidasLarge,
    "midas-resnet50": partial(MidasLarge, blocks=(3, 4, 6, 3), groups=1, group_width=64),
    "midas-tiny": partial(MidasLarge, blocks=(1, 1, 1, 1), groups=2, group_width=16, base=8, width=8),  # for tests
    "monodepth2": Monodepth2,
    "monodepth2-tiny": partial(Monodepth2, widths=(4, 4, 8, 8, 8), pose_width=16),  # for tests
    "sfmlearner": SfmLearner,
    "sfmlearner-5": partial(SfmLearner, sources=4),  # films of length 5
    "sfmlearner-tiny": partial(SfmLearner, shrink=8),  # for tests
    "geonet": GeoNet,
    "geonet-tiny": partial(GeoNet, widths=(4, 4, 8, 8, 8), pose_width=16, flow_widths=(8, 8, 16, 16)),  # for tests
    "kuznietsov": Kuznietsov,
    "kuznietsov-tiny": partial(Kuznietsov, widths=(4, 4, 8, 8, 8)),  # for tests
}


def architecture_names() -> list[str]:
    """Return all architectures, sorted; besides them there is ``hf:NAME``."""
    return sorted(_ARCHITECTURES)


def make_model(name: str) -> DepthNetwork:
    """Return a network, (N, 3, h, w) to (N, h, w) maps: with random weights, or for ``hf:NAME`` with its own.

    Args:
        name: ``"leadline-s"`` or ``"leadline-s.v1"``; the weights' tag is for people, load them with `load_weights`. Or
            ``"hf:depth-anything/Depth-Anything-V2-Small-hf"``: a DPT or Depth Anything of Hugging Face transformers, a name on
            the hub or a folder that `save_pretrained` wrote.

    Raises:
        LeadlineError: no such architecture.
    """
    if name.startswith(HF):
        from leadline.models.hf_trainable import load_hf_trainable

        return load_hf_trainable(name.removeprefix(HF))
    architecture = name.partition(".")[0]
    if architecture not in _ARCHITECTURES:
        raise LeadlineError(f"unknown network {name!r}: expected one of {', '.join(architecture_names())}, or {HF}NAME")
    return _ARCHITECTURES[architecture]()


def start_model(settings: Mapping[str, Any]) -> DepthNetwork:
    """Return the network at the start of a training run.

    Args:
        settings: the fields of `leadline.training.config.ModelConfig`, ``vars(config.model)``: "architecture" and, where they
            are not the defaults, "imagenet", "frozen_stages", "weights", "head", "max_depth" and "gradient_checkpointing".

    Raises:
        LeadlineError: the settings ask for something that is not there.
    """
    weights, head = str(settings.get("weights", "")), settings.get("head", "own")
    network = make_model(settings["architecture"])
    if settings.get("imagenet", False) and not weights:
        network.load_imagenet()
    # Weights of a network with another head bring a last layer that means something else.
    fresh = not weights or _head_of(Path(weights)) != head
    if weights:
        load_weights(network, weights)
    if head != "own":
        make_metric(network, head, settings.get("max_depth", 80.0), fresh)
    if settings.get("imagenet", False):
        network.freeze(settings.get("frozen_stages", 0))
    if settings.get("gradient_checkpointing", False):
        network.checkpoint_gradients()
    return network


def load_trained(folder: Path | str) -> tuple[DepthNetwork, str]:
    """Return the network of a training checkpoint, in evaluation mode, and the name of its run; `network.card` says the rest.

    Args:
        folder: of a checkpoint or a run, see `checkpoint_folder`.

    Raises:
        LeadlineError: not a checkpoint, or its weights don't fit.
    """
    folder = checkpoint_folder(folder)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        settings, architecture, run_name = config["model"], config["model"]["architecture"], config["name"]
    except (OSError, KeyError, TypeError, json.JSONDecodeError):
        raise LeadlineError(f"{folder} is no checkpoint: expected a folder with config.json and weights.safetensors") from None
    weights = folder / "weights.safetensors"
    if architecture.startswith(HF):
        from leadline.models.hf_trainable import rebuild_hf_trainable

        network: DepthNetwork = rebuild_hf_trainable(architecture.removeprefix(HF), _metadata(weights))
    else:
        network = make_model(architecture)
    if settings.get("head", "own") != "own":
        make_metric(network, settings["head"], settings["max_depth"], fresh=False)
    load_weights(network, weights)
    return network.eval(), run_name


def checkpoint_folder(folder: Path | str) -> Path:
    """Return the best checkpoint of a run's folder, its last one if none was scored; a checkpoint's folder as it is."""
    folder = Path(folder)
    best, steps = folder / "checkpoints" / "best", sorted((folder / "checkpoints").glob("step-*"))
    return best if best.is_dir() else steps[-1] if steps else folder


def load_weights(network: nn.Module, path: Path | str) -> None:
    """Load weights into a network; all names must match.

    Args:
        network: any; published files are for `MidasLarge`.
        path: a safetensors file of this network; a network that leadline exported, ``.onnx`` or the name of one that ships
            with it; or published weights, ``.pt`` or ``.pth``: MiDaS v2 and v2.1 large, or of torchvision's ResNet or
            ResNeXt, which fills the encoder. Only tensors are read from it, code in it never runs.

    Raises:
        LeadlineError: the file is missing, can't be read, or belongs to another network.
    """
    path = find_shipped(str(path)) or Path(path)
    published = path.suffix in (".pt", ".pth")
    if path.suffix == ".onnx":
        state = read_onnx_weights(path)
    else:
        state = _read_published(path) if published else _read_safetensors(path)
    if f"{FIRST_CONVOLUTION}.bias" in state and f"{FIRST_CONVOLUTION}.bias" not in network.state_dict():
        fold_norms(network)  # so were those that the weights are of
    ours = network.state_dict()
    if not any(name.startswith(PROJECTION) for name in ours):
        state = {name: tensor for name, tensor in state.items() if not name.startswith(PROJECTION)}
    if published and isinstance(network, MidasLarge):
        state = network.published_state(state)
    wrong = sorted(set(ours) ^ set(state)) + sorted(k for k in set(ours) & set(state) if ours[k].shape != state[k].shape)
    if wrong:
        raise LeadlineError(
            f"{path} does not fit this network: {wrong[0]} and {len(wrong) - 1} more differ; which architecture is it?"
        )
    network.load_state_dict(state)
    if isinstance(network, DepthNetwork) and not published:
        network.describe(_of_card(load_card(path, kind=RELATIVE_DISPARITY)) if path.suffix == ".onnx" else _metadata(path))
    if published and isinstance(network, MidasLarge):
        network.encoder.keep_statistics()


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise LeadlineError(f"can't read weights {path} ({error}): expected a .safetensors file") from None


def _read_published(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:160]
        raise LeadlineError(f"can't read weights {path} ({reason}): expected a file of tensors by name") from None
    if isinstance(state, dict) and "optimizer" in state:  # a checkpoint of MiDaS's own training
        state = state.get("model")
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise LeadlineError(f"{path} holds no tensors by name: expected a state dict")
    return state


def _of_card(card: ModelCard) -> dict[str, str]:
    """Return what `DepthNetwork.describe` takes of a card."""
    kept = {"input_size": card.input_size, "resize_side": card.resize_side, "kind": card.kind}
    return {**{key: str(value) for key, value in kept.items()}, "fov_deg": " ".join(map(str, card.fov_deg))}


def _metadata(path: Path) -> dict[str, str]:
    """Return what a safetensors file says of its network."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise LeadlineError(f"can't read weights {path} ({error}): expected a .safetensors file") from None


def _head_of(weights: Path) -> str:
    """Return the head that weights were trained with: what the checkpoint they lie in says, or else "own"."""
    try:
        return str(json.loads((weights.parent / "config.json").read_text("utf-8"))["model"]["head"])
    except (OSError, KeyError, TypeError, json.JSONDecodeError):
        return "own"
