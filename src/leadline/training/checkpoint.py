"""Checkpoints: a folder that appears whole or not at all.

``weights.safetensors`` (averaged, to use), ``raw.safetensors`` (to go on from), ``state.pt`` (optimiser, counters),
``config.json``, and ``progress.json`` (step, scores, what code made it, and how long the other files are).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from leadline.errors import LeadlineError
from leadline.models.depth_network import DepthNetwork
from leadline.models.registry import load_weights
from leadline.training.config import TrainConfig, to_json

NEEDED = ("weights.safetensors", "raw.safetensors", "state.pt", "config.json", "progress.json")


@dataclass
class Progress:
    """Where a run stands; times and counts are those of all its sessions.

    Attributes:
        step: optimiser steps taken.
        seconds: spent training.
        waited: of these, spent waiting for data.
        images: seen.
        best: highest validation score so far.
        skipped: steps left out because loss or gradient was not finite.
    """

    step: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    images: int = 0
    best: float = float("-inf")
    skipped: int = 0


def save_checkpoint(
    folder: Path,
    config: TrainConfig,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    ema_updates: int,
    scores: Mapping[str, float],
    made_by: Mapping[str, Any],
) -> None:
    """Write a checkpoint to `folder`, replacing what is there: aside first, then to the disk itself, then renamed."""
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    description = averaged.description() if isinstance(averaged, DepthNetwork) else None
    save_file(_contiguous(averaged), temporary / "weights.safetensors", description)
    save_file(_contiguous(network), temporary / "raw.safetensors")
    torch.save({"optimiser": optimiser.state_dict(), "ema_updates": ema_updates}, temporary / "state.pt")
    (temporary / "config.json").write_text(to_json(config))
    facts = {
        **vars(progress),
        "scores": dict(scores),
        "made_by": dict(made_by),
        "bytes": {path.name: path.stat().st_size for path in sorted(temporary.iterdir())},
    }
    (temporary / "progress.json").write_text(json.dumps(facts, indent=2))
    for path in (*temporary.iterdir(), temporary):
        _flush(path)
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    _flush(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[Progress, int]:
    """Restore all that `save_checkpoint` wrote; return the progress and the number of averaging updates.

    Learning rates, weight decay and betas stay those of `optimiser`, so that a resumed run can change them.

    Raises:
        LeadlineError: the checkpoint is cut short, or belongs to another network or other groups of parameters.
    """
    if fault := checkpoint_fault(folder):
        raise LeadlineError(f"{folder} is cut short ({fault}): remove it and resume from the one before")
    load_weights(network, folder / "raw.safetensors")
    load_weights(averaged, folder / "weights.safetensors")
    state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
    options = [{key: value for key, value in group.items() if key != "params"} for group in optimiser.param_groups]
    try:
        optimiser.load_state_dict(state["optimiser"])
    except ValueError:
        raise LeadlineError(
            f"{folder} was trained with other parts frozen or another optimiser.layer_decay: resume with the settings in its "
            f"config.json, or start a new run with model.weights={folder / 'raw.safetensors'}"
        ) from None
    for group, own in zip(optimiser.param_groups, options, strict=True):
        group.update(own)
    facts = json.loads((folder / "progress.json").read_text())
    known = {name: facts[name] for name in vars(Progress()) if name in facts}
    return Progress(**known), int(state["ema_updates"])


def checkpoint_fault(folder: Path) -> str:
    """Return what a checkpoint lacks, or "" if it is whole."""
    for name in NEEDED:
        if not (folder / name).is_file():
            return f"no {name}"
    try:
        sizes = json.loads((folder / "progress.json").read_text()).get("bytes", {})
    except (json.JSONDecodeError, UnicodeDecodeError):
        return "progress.json can't be read"
    for name, size in sizes.items():
        found = (folder / name).stat().st_size if (folder / name).is_file() else 0
        if found != size:
            return f"{name} has {found:,} of {size:,} bytes"
    return ""


def latest_checkpoint(run_dir: Path) -> Path:
    """Return the newest whole ``step-*`` checkpoint of a run.

    Raises:
        LeadlineError: there is none.
    """
    found = _steps(run_dir)
    for folder in reversed(found):
        if not checkpoint_fault(folder):
            return folder
    if found:
        raise LeadlineError(f"no checkpoint in {run_dir} is whole ({checkpoint_fault(found[-1])}): start the run anew")
    raise LeadlineError(f"no checkpoint in {run_dir}: nothing to resume; start the run without --resume")


def mend(run_dir: Path) -> list[str]:
    """Clear up after a crash; return a line for each checkpoint that was cut short.

    Such a checkpoint is renamed to ``damaged-*``, so that the one before is used and never rotated out in its favour. One that
    was about to be replaced gets its name back; unfinished ones are removed.
    """
    checkpoints, lines = run_dir / "checkpoints", []
    for old in checkpoints.glob(".*.old"):
        name = checkpoints / old.name.removeprefix(".").removesuffix(".old")
        if name.exists():
            shutil.rmtree(old)
        else:
            old.rename(name)
    for unfinished in checkpoints.glob(".*.part"):
        shutil.rmtree(unfinished)
    for folder in _steps(run_dir):
        if fault := checkpoint_fault(folder):
            aside = folder.with_name(f"damaged-{folder.name}")
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            lines.append(f"{folder} is cut short ({fault}): kept as {aside.name}, the one before is used")
    return lines


def rotate(run_dir: Path, keep: int) -> None:
    """Remove all but the newest `keep` ``step-*`` checkpoints."""
    for folder in _steps(run_dir)[: -max(1, keep)]:
        shutil.rmtree(folder)


def _steps(run_dir: Path) -> list[Path]:
    return sorted((run_dir / "checkpoints").glob("step-*"))


def _flush(path: Path) -> None:
    """Make sure that a file, or a folder's list of names, has reached the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows doesn't open folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _contiguous(network: nn.Module) -> dict[str, Any]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
