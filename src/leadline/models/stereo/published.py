"""The checkpoints that the authors of RAFT-Stereo and CREStereo published, under our names.

RAFT-Stereo: princeton-vl/RAFT-Stereo, ``raftstereo-*.pth``, saved from DataParallel ("module." before each name).
CREStereo: megvii-research/CREStereo, ``crestereo_eth3d.mge``, a pickle of NumPy arrays by MegEngine, whose biases are
(1, C, 1, 1); ports to torch keep the names.
"""

from __future__ import annotations

import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.stereo.crestereo import CreStereo
from leadline.models.stereo.group_correlation import GROUPS, WINDOW
from leadline.models.stereo.raft_stereo import RaftStereo
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.models.stereo.update import MotionWidths

# Theirs, as regular expressions, and ours; the first that matches counts.
_RAFT = (
    (r"cnet\.layer([45])\.", lambda m: f"context.coarser.{int(m[1]) - 4}."),
    (r"cnet\.outputs(08|16|32)\.", lambda m: f"context.heads.{('08', '16', '32').index(m[1])}."),
    (r"cnet\.", "context."),
    (r"fnet\.|conv2\.", "features."),
    (r"context_zqr_convs\.", "biases."),
    (r"update_block\.encoder\.", "motion."),
    (r"update_block\.gru(08|16|32)\.", lambda m: f"units.{('08', '16', '32').index(m[1])}."),
    (r"update_block\.flow_head\.conv([12])\.", lambda m: f"heads.change.{2 * int(m[1]) - 2}."),
    (r"update_block\.mask\.", "heads.weights."),
)
_CRE = (
    (r"fnet\.", "features."),
    (r"self_att_fn\.layers\.0\.", "self_attention."),
    (r"cross_att_fn\.layers\.0\.", "cross_attention."),
    (r"conv_offset_(8|16)\.", lambda m: f"offsets.{m[1]}."),
    (r"update_block\.encoder\.", "motion."),
    (r"update_block\.gru\.", "unit."),
    (r"update_block\.flow_head\.conv([12])\.", lambda m: f"heads.change.{2 * int(m[1]) - 2}."),
    (r"update_block\.mask\.", "heads.weights."),
)
# What a MegEngine file may hold besides numbers, texts and containers; any other name in it is refused, so no code runs.
_ALLOWED = {
    ("collections", "OrderedDict"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}


def read_published(path: Path) -> tuple[StereoNetwork, dict[str, Tensor]]:
    """Return the network that a published checkpoint is of, with random weights, and its weights under our names.

    Which network it is, and how wide, is read off names and shapes. What no name tells: networks with a shared backbone are
    taken for the real-time one, which updates slow and fast.

    Raises:
        LeadlineError: the file can't be read, or is of another network.
    """
    state = {name.removeprefix("module."): tensor for name, tensor in _read(path).items()}
    try:
        if "context_zqr_convs.0.weight" in state:
            return _raft_stereo(state)
        if "conv_offset_16.weight" in state:
            return _crestereo(state)
    except KeyError as error:
        raise LeadlineError(f"{path} lacks {error}: expected a checkpoint of RAFT-Stereo or CREStereo") from None
    raise LeadlineError(f"{path} is no checkpoint of RAFT-Stereo or CREStereo: its first weight is {next(iter(state), 'none')}")


def _raft_stereo(state: dict[str, Tensor]) -> tuple[StereoNetwork, dict[str, Tensor]]:
    levels = sum(re.fullmatch(r"context_zqr_convs\.\d\.weight", name) is not None for name in state)
    shared = "conv2.1.weight" in state
    found = state["update_block.encoder.convc1.weight"].shape[1]
    radius = 4  # of all published networks
    network = RaftStereo(
        downsample=round(math.log2(math.sqrt(state["update_block.mask.2.weight"].shape[0] / 9))),
        levels=levels,
        slow_fast=shared,
        shared_backbone=shared,
        context_norm="batch" if "cnet.norm1.running_mean" in state else "instance",
        hidden=state["context_zqr_convs.0.weight"].shape[1],
        widths=_widths(state, "cnet"),
        features=(state["conv2.1.weight"] if shared else state["fnet.conv2.weight"]).shape[0],
        head_width=state["update_block.flow_head.conv1.weight"].shape[0],
        motion=_motion(state),
        correlation_levels=found // (2 * radius + 1),
        radius=radius,
        iterations=7 if shared else 32,
    )
    # The released code builds three levels always; those that are not used stay behind.
    unused = [f"cnet.layer{level + 3}." for level in range(max(1, levels), 3)]
    for size in ("08", "16", "32")[levels:]:
        unused += [f"cnet.outputs{size}.", f"update_block.gru{size}."]
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(tuple(unused))}
    return network, _renamed(kept, _RAFT)


def _crestereo(state: dict[str, Tensor]) -> tuple[StereoNetwork, dict[str, Tensor]]:
    channels = state["fnet.conv2.weight"].shape[0]
    network = CreStereo(
        hidden=channels // 2,
        widths=_widths(state, "fnet"),
        attention_heads=min(8, channels // GROUPS),  # no shape tells; 8 in the published one
        head_width=state["update_block.flow_head.conv1.weight"].shape[0],
        motion=_motion(state),
        as_published=True,
    )
    if state["update_block.encoder.convc1.weight"].shape[1] != GROUPS * WINDOW:
        raise KeyError("update_block.encoder.convc1.weight of 36 inputs")
    # A bias of MegEngine is (1, C, 1, 1).
    flat = {name: tensor.flatten() if name.endswith(".bias") else tensor for name, tensor in state.items()}
    return network, _renamed(flat, _CRE)


def _widths(state: dict[str, Tensor], encoder: str) -> tuple[int, int, int]:
    first, second, third = (state[f"{encoder}.layer{n}.0.conv1.weight"].shape[0] for n in (1, 2, 3))
    return first, second, third


def _motion(state: dict[str, Tensor]) -> MotionWidths:
    c1, c2, f1, f2, last = (
        state[f"update_block.encoder.{name}.weight"].shape[0] for name in ("convc1", "convc2", "convf1", "convf2", "conv")
    )
    return MotionWidths((c1, c2), (f1, f2), last + 2)


def _renamed(state: dict[str, Tensor], table: tuple[tuple[str, Any], ...]) -> dict[str, Tensor]:
    ours: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if ".norm3." in name:
            continue  # the same tensors as those of "downsample.1"
        for pattern, replacement in table:
            renamed, count = re.subn(rf"^(?:{pattern})", replacement, name)
            if count:
                break
        ours[renamed.replace(".downsample.", ".shortcut.")] = tensor
    return ours


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name; code in it never runs.

    Raises:
        LeadlineError: the file can't be read, or holds something else.
    """
    try:
        if path.suffix == ".mge":
            with path.open("rb") as file:
                content = _ArraysOnly(file).load()
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises nearly anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:160]
        raise LeadlineError(f"can't read weights {path} ({reason}): expected a file of tensors by name") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor | np.ndarray) for value in content.values()):
        raise LeadlineError(f"{path} holds no tensors by name: expected a checkpoint of RAFT-Stereo or CREStereo")
    return {name: torch.as_tensor(value) for name, value in content.items()}
