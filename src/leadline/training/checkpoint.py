"""Checkpoints: a folder that appears whole or not at all.

``weights.safetensors`` (averaged, to use), ``raw.safetensors`` (to go on from), ``state.pt`` (optimiser, random state,
counters), ``config.json``, ``progress.json`` (step, scores, git commit).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from leadline.errors import LeadlineError
from leadline.models.registry import load_weights
from leadline.training.config import TrainConfig, to_json


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: optimiser steps taken.
        seconds: spent training, over all sessions.
        best: highest validation score so far.
        skipped: steps left out because loss or gradient was not finite.
    """

    step: int = 0
    seconds: float = 0.0
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
    scores: dict[str, float],
) -> None:
    """Write a checkpoint to `folder`, replacing what is there."""
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_file(_contiguous(averaged), temporary / "weights.safetensors")
    save_file(_contiguous(network), temporary / "raw.safetensors")
    state = {"optimiser": optimiser.state_dict(), "rng": torch.get_rng_state(), "ema_updates": ema_updates}
    torch.save(state, temporary / "state.pt")
    (temporary / "config.json").write_text(to_json(config))
    facts = {**vars(progress), "scores": scores, "commit": git_commit()}
    (temporary / "progress.json").write_text(json.dumps(facts, indent=2))
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[Progress, int]:
    """Restore all that `save_checkpoint` wrote; return the progress and the number of averaging updates."""
    load_weights(network, folder / "raw.safetensors")
    load_weights(averaged, folder / "weights.safetensors")
    state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["rng"])
    facts = json.loads((folder / "progress.json").read_text())
    return Progress(**{name: facts[name] for name in vars(Progress())}), int(state["ema_updates"])


def latest_checkpoint(run_dir: Path) -> Path:
    """Return the newest ``step-*`` checkpoint of a run.

    Raises:
        LeadlineError: there is none.
    """
    found = sorted((run_dir / "checkpoints").glob("step-*"))
    if not found:
        raise LeadlineError(f"no checkpoint in {run_dir}: nothing to resume; start the run without --resume")
    return found[-1]


def rotate(run_dir: Path, keep: int) -> None:
    """Remove all but the newest `keep` ``step-*`` checkpoints."""
    for folder in sorted((run_dir / "checkpoints").glob("step-*"))[: -max(1, keep)]:
        shutil.rmtree(folder)


def git_commit() -> str:
    """Return the commit of the working tree this code lies in, with ``+`` when it was changed, or "" outside one."""

    def git(*arguments: str) -> str:
        here = Path(__file__).parent
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _contiguous(network: nn.Module) -> dict[str, Any]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
