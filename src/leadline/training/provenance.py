"""Which code made a checkpoint."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from leadline import __version__


def provenance() -> dict[str, Any]:
    """Return versions and git states as they are now: of leadline, and of the folder the command was given in.

    "leadline_git" and "working_git" are {"commit": hash, "dirty": bool}, or None outside a work tree. Dirty is a tree in which
    tracked files differ from the commit.
    """
    return {
        "leadline": __version__,
        "leadline_git": git_state(Path(__file__).parent),
        "working_git": git_state(Path.cwd()),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return commit and dirtiness of the work tree that `folder` lies in, or None if there is none (or no git).

    A folder that its work tree ignores, such as a virtual environment, does not count as part of it.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.strip()

    try:
        if subprocess.run(["git", "check-ignore", "-q", "."], cwd=folder, capture_output=True, timeout=20).returncode == 0:
            return None
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None
