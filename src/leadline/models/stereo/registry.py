"""The stereo networks that users name by string, and the loading of their weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.registry import checkpoint_folder
from leadline.models.stereo.crestereo import CreStereo
from leadline.models.stereo.published import read_published
from leadline.models.stereo.raft_stereo import RaftStereo
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.models.stereo.update import MotionWidths

_SMALL, _TINY = MotionWidths((32, 32), (32, 32), 64), MotionWidths((16, 16), (16, 16), 24)
_LEAN = MotionWidths((32, 24), (16, 16), 40)
# Not narrower than 16: going backward, torch 2.13 on a CPU crashes in 1 x 1 convolutions of stride 2 in channels_last memory
# whose inputs have 12 channels or fewer.
_ARCHITECTURES: dict[str, Callable[[], StereoNetwork]] = {
    "raft-stereo": RaftStereo,
    "raft-stereo-realtime": partial(
        RaftStereo, downsample=3, levels=2, slow_fast=True, shared_backbone=True, iterations=7
    ),
    "raft-stereo-s": partial(
        RaftStereo, context_norm="instance", levels=2, hidden=64, widths=(32, 48, 64), features=96, head_width=96,
        motion=_SMALL, iterations=12,
    ),
    # For a CPU: its encoders work at half the size, and it starts at a match instead of at 0.
    "leadline-stereo-s": partial(
        RaftStereo, context_norm="instance", levels=2, shared_backbone=True, hidden=40, widths=(24, 32, 64), features=64,
        head_width=48, motion=_LEAN, correlation_levels=3, half_stem=True, start_at_match=True, iterations=10,
    ),
    "raft-stereo-tiny": partial(
        RaftStereo, context_norm="instance", levels=2, hidden=16, widths=(16, 16, 16), features=16, head_width=16, motion=_TINY,
        iterations=4,
    ),
    "crestereo": CreStereo,
    "crestereo-s": partial(
        CreStereo, hidden=48, widths=(32, 48, 64), attention_heads=4, head_width=96, motion=_SMALL, iterations=10
    ),
    "leadline-crestereo-s": partial(
        CreStereo, hidden=48, widths=(32, 48, 64), attention_heads=4, head_width=96, motion=_SMALL, iterations=10,
        start_at_match=True,
    ),
    "crestereo-tiny": partial(
        CreStereo, hidden=16, widths=(16, 16, 16), attention_heads=2, head_width=16, motion=_TINY, iterations=4
    ),
}  # fmt: skip


def stereo_architecture_names() -> list[str]:
    """Return all stereo architectures, sorted; those that end in "tiny" are for tests."""
    return sorted(_ARCHITECTURES)


def is_stereo(name: str) -> bool:
    """Whether a name, perhaps with a weights' tag, is that of a stereo architecture."""
    return name.partition(".")[0] in _ARCHITECTURES


def make_stereo_model(name: str) -> StereoNetwork:
    """Return a stereo network with random weights.

    Args:
        name: ``"raft-stereo-s"`` or ``"raft-stereo-s.v1"``; the weights' tag is for people.

    Raises:
        LeadlineError: no such architecture.
    """
    architecture = name.partition(".")[0]
    if architecture not in _ARCHITECTURES:
        raise LeadlineError(f"unknown stereo network {name!r}: expected one of {', '.join(stereo_architecture_names())}")
    return _ARCHITECTURES[architecture]()


def load_stereo_network(path: Path | str, architecture: str = "") -> StereoNetwork:
    """Return a network with weights, in evaluation mode.

    Args:
        path: a checkpoint that the authors of RAFT-Stereo (``.pth``) or CREStereo (``.mge``, or converted to ``.pth``)
            published, which says itself which network it is; or a safetensors file of one of ours.
        architecture: of a safetensors file.

    Raises:
        LeadlineError: the file is missing, can't be read, or belongs to another network.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        return _filled(*read_published(path), path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not architecture:
        raise LeadlineError(
            f"{path} does not say which network it is: expected one of {', '.join(stereo_architecture_names())}"
        )
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise LeadlineError(f"can't read weights {path} ({error}): expected a .safetensors file") from None
    return _filled(make_stereo_model(architecture), state, path)


def is_stereo_run(folder: Path | str) -> bool:
    """Say whether a folder is a run of `leadline train`, or a checkpoint of one, that trained a stereo network."""
    try:
        config = json.loads((checkpoint_folder(folder) / "config.json").read_text("utf-8"))
        return str(config["model"]["architecture"]) in _ARCHITECTURES
    except (OSError, ValueError, KeyError, TypeError):
        return False


def load_trained_stereo(folder: Path) -> tuple[StereoNetwork, str]:
    """Return the stereo network of a checkpoint's folder, in evaluation mode, and the name of its run.

    Raises:
        LeadlineError: not a checkpoint of a stereo network, or its weights don't fit.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        architecture, name = config["model"]["architecture"], config["name"]
    except (OSError, KeyError, TypeError, json.JSONDecodeError):
        raise LeadlineError(f"{folder} is no checkpoint: expected a folder with config.json and weights.safetensors") from None
    return load_stereo_network(folder / "weights.safetensors", architecture), name


def _filled(network: StereoNetwork, state: dict[str, Tensor], path: Path) -> StereoNetwork:
    ours = network.state_dict()
    wrong = sorted(set(ours) ^ set(state)) + sorted(k for k in set(ours) & set(state) if ours[k].shape != state[k].shape)
    if wrong:
        raise LeadlineError(
            f"{path} does not fit this network: {wrong[0]} and {len(wrong) - 1} more differ; which architecture is it?"
        )
    network.load_state_dict(state)
    return network.eval()
