"""Where a run's scalars go: JSON lines, TensorBoard, Weights & Biases, MLflow, or anything with two methods."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.training.config import TrainConfig, settings_text


class Tracker(Protocol):
    """Takes scalars by name; names have their group before a slash: ``train/loss``."""

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """Take what was found at a step; one step may come several times, with other names."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


def make_tracker(name: str, config: TrainConfig, step: int = 0) -> Tracker:
    """Return a tracker by name, for a run that starts, or goes on after `step`.

    Raises:
        LeadlineError: no such tracker, or its package is not installed.
    """
    if name not in _TRACKERS:
        raise LeadlineError(f"trainer.trackers={name}: expected names of {', '.join(_TRACKERS)}, with commas")
    try:
        return _TRACKERS[name](config, step)
    except ModuleNotFoundError as error:
        raise LeadlineError(
            f"trainer.trackers={name} needs the package {error.name!r}: pip install {error.name}, or leave {name} out"
        ) from None


class JsonLines:
    """``log.jsonl`` in the run's folder; lines of steps that a resumed run takes again are dropped first."""

    def __init__(self, config: TrainConfig, step: int = 0) -> None:
        path = Path(config.run_dir) / "log.jsonl"
        if path.is_file():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _up_to(line, step)]
            with atomic_write(path) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Tracker`; numbers have six digits, null stands for what is not finite."""
        line = {"time": time.strftime("%H:%M:%S"), "step": step, **{name: _number(value) for name, value in scalars.items()}}
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """See `Tracker`."""
        self._file.close()


class TensorBoard:
    """Events in ``tensorboard/`` of the run's folder."""

    def __init__(self, config: TrainConfig, step: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(config.run_dir) / "tensorboard"
        self._board = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Tracker`."""
        for name, value in scalars.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """See `Tracker`."""
        self._board.close()


class Wandb:
    """A run of Weights & Biases in the project "leadline" or ``WANDB_PROJECT``; resuming goes on with the same run."""

    def __init__(self, config: TrainConfig, step: int = 0) -> None:
        wandb = _package("wandb")
        note = Path(config.run_dir) / "wandb-run.txt"
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "leadline"),
            name=config.name,
            id=_noted(note) if step else None,
            resume="allow" if step else None,
            dir=config.run_dir,
            config=settings_text(config),
        )
        note.write_text(str(self._run.id))

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Tracker`."""
        self._run.log(dict(scalars), step=step)

    def close(self) -> None:
        """See `Tracker`."""
        self._run.finish()


class Mlflow:
    """A run of MLflow where ``MLFLOW_TRACKING_URI`` says; resuming goes on with the same run."""

    def __init__(self, config: TrainConfig, step: int = 0) -> None:
        self._mlflow = mlflow = _package("mlflow")
        note = Path(config.run_dir) / "mlflow-run.txt"
        known = _noted(note) if step else None
        run = mlflow.start_run(run_id=known) if known else mlflow.start_run(run_name=config.name)
        if not known:
            # A parameter can be set once, and servers of some versions take no more than 500 characters.
            mlflow.log_params({key: text[:500] for key, text in settings_text(config).items()})
        note.write_text(str(run.info.run_id))

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Tracker`."""
        self._mlflow.log_metrics({name: float(value) for name, value in scalars.items()}, step=step)

    def close(self) -> None:
        """See `Tracker`."""
        self._mlflow.end_run()


class Trackers:
    """Several trackers as one. A tracker that fails, a server that is away for instance, is told of once and stops no run."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = list(trackers)
        self._lock = threading.Lock()
        self._failed: set[str] = set()

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Tracker`."""
        with self._lock:
            for tracker in self._trackers:
                self._try(tracker, lambda t=tracker: t.log(step, scalars))  # type: ignore[misc]

    def close(self) -> None:
        """See `Tracker`."""
        for tracker in self._trackers:
            self._try(tracker, tracker.close)

    def _try(self, tracker: Tracker, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            name = type(tracker).__name__
            if name not in self._failed:
                self._failed.add(name)
                reason = " ".join(str(error).split()) or type(error).__name__
                print(f"{name} fails ({reason}): training goes on, its log has gaps", file=sys.stderr, flush=True)


_TRACKERS: dict[str, Callable[[TrainConfig, int], Tracker]] = {
    "jsonl": JsonLines,
    "tensorboard": TensorBoard,
    "wandb": Wandb,
    "mlflow": Mlflow,
}


def _package(name: str) -> Any:
    return import_module(name)


def _up_to(line: str, step: int) -> bool:
    """Whether a line of the log is whole and of a step up to `step`."""
    with suppress(json.JSONDecodeError, KeyError, TypeError):
        return bool(json.loads(line)["step"] <= step)
    return False


def _number(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _noted(path: Path) -> str | None:
    return path.read_text().strip() if path.is_file() else None
