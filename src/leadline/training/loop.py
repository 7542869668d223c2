"""The one training loop."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from leadline.errors import LeadlineError
from leadline.training.checkpoint import Progress, latest_checkpoint, load_checkpoint, rotate, save_checkpoint
from leadline.training.config import OptimiserConfig, TrainConfig, TrainerConfig, to_json
from leadline.training.task import Task
from leadline.training.validation import Validation

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MOST_SKIPPED_IN_A_ROW = 20


def run_loop(
    config: TrainConfig,
    network: nn.Module,
    make_task: Callable[[nn.Module, torch.device], Task],
    batches: Callable[[int, int], Iterable[Any]],
    validation: Validation | None = None,
    resume: bool = False,
    stop_after: int | None = None,
    fabric: Fabric | None = None,
) -> Path:
    """Train `network` and return the folder of the best checkpoint (of the last one without a validation).

    Args:
        config: of the run; its run_dir receives checkpoints, ``log.jsonl``, TensorBoard events and ``config.json``.
        network: anything with parameters; those of a child called `encoder` learn at `encoder_lr`.
        make_task: called with the network as Fabric wraps it, and the device.
        batches: called with the number of the first batch wanted and the distance to the next (processes take turns).
        validation: scores the averaged weights every `validate_every` steps.
        resume: go on from the run's newest checkpoint; on a CPU the weights come out bit for bit as if never stopped.
        stop_after: end after this many steps in all, with a checkpoint, as an interruption would.
        fabric: of this process, when several train together; the first of them writes, the others only compute.

    Raises:
        LeadlineError: the loss stays not finite, there is nothing to resume, or a run already lies in run_dir.
    """
    options, settings = config.optimiser, config.trainer
    run_dir = Path(config.run_dir)
    checkpoints = run_dir / "checkpoints"
    check_run_dir(run_dir, resume)
    fabric = fabric or make_fabric(settings, devices=1)
    fabric.barrier()  # all have looked before the first writes
    run_dir.mkdir(parents=True, exist_ok=True)
    if fabric.is_global_zero:
        (run_dir / "config.json").write_text(to_json(config))

    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = AveragedModel(network, multi_avg_fn=_warmed_average(options.ema_decay))
    averaged.module.requires_grad_(False)
    optimiser = make_optimiser(network, options)
    progress = Progress()
    if resume:
        progress, updates = load_checkpoint(latest_checkpoint(run_dir), network, averaged.module, optimiser)
        averaged.n_averaged.fill_(updates)
    wrapped, wrapped_optimiser = fabric.setup(network, optimiser)
    averaged.to(fabric.device)
    task = make_task(wrapped, fabric.device)
    log = _Log(run_dir, options)
    last_saved, scores = -1, dict[str, float]()

    def save(name: str) -> None:
        if fabric.is_global_zero:
            updates = int(averaged.n_averaged)
            save_checkpoint(checkpoints / name, config, network, averaged.module, optimiser, progress, updates, scores)
            rotate(run_dir, settings.keep)

    def validate() -> None:
        nonlocal scores
        if validation is None or not fabric.is_global_zero:
            return
        averaged.module.eval()
        with fabric.autocast():
            scores = validation(averaged.module)
        log.write({"step": progress.step, **{f"validation/{k}": v for k, v in scores.items()}})
        if scores["score"] > progress.best:
            progress.best = scores["score"]
            save("best")

    skipped_in_a_row = 0
    stream: Iterator[Any] = iter(batches(progress.step * fabric.world_size + fabric.global_rank, fabric.world_size))
    network.train()
    with log if fabric.is_global_zero else nullcontext():
        try:
            while not _finished(progress, options, stop_after):
                started = time.perf_counter()
                share = learning_share(progress, options)
                for group in optimiser.param_groups:
                    group["lr"] = group["peak_lr"] * share
                batch = next(stream)
                waited = time.perf_counter() - started
                report = task.step(batch, progress.step)
                fabric.backward(report.loss)
                norm = nn.utils.clip_grad_norm_(network.parameters(), options.clip)
                if bool(torch.isfinite(norm)):  # the same in every process, and not finite where a loss is not
                    wrapped_optimiser.step()
                    if fabric.is_global_zero:
                        averaged.update_parameters(network)
                    skipped_in_a_row = 0
                else:
                    skipped_in_a_row += 1
                    progress.skipped += 1
                    if skipped_in_a_row > MOST_SKIPPED_IN_A_ROW:
                        raise LeadlineError(
                            f"loss or gradient not finite in {skipped_in_a_row} steps in a row (step {progress.step}): "
                            "lower optimiser.lr, or resume the last checkpoint with precision 32-true"
                        )
                optimiser.zero_grad(set_to_none=True)
                progress.step += 1
                seconds = time.perf_counter() - started
                # The schedule may follow the clock, and all processes must follow the same one.
                progress.seconds = fabric.broadcast(progress.seconds + seconds)
                log.count(len(batch[0]) * fabric.world_size, seconds, waited, report.loss.detach(), report.parts)
                if progress.step % settings.log_every == 0 and fabric.is_global_zero:
                    log.flush(progress, share, float(norm))
                if progress.step % settings.validate_every == 0:
                    validate()
                if progress.step % settings.checkpoint_every == 0:
                    save(f"step-{progress.step:08d}")
                    last_saved = progress.step
        finally:
            # Also after Ctrl-C: no step is lost.
            if progress.step not in (last_saved, 0):
                save(f"step-{progress.step:08d}")
            if hasattr(stream, "close"):
                stream.close()
        if stop_after is None and progress.step % settings.validate_every:
            validate()
    fabric.barrier()  # all is written
    return checkpoints / "best" if (checkpoints / "best").is_dir() else latest_checkpoint(run_dir)


def check_run_dir(run_dir: Path, resume: bool) -> None:
    """Raise LeadlineError if a new run would overwrite one."""
    if not resume and any((run_dir / "checkpoints").glob("step-*")):
        raise LeadlineError(f"{run_dir} already holds a run: --resume it, or choose another run_dir")


def make_fabric(config: TrainerConfig, devices: int) -> Fabric:
    """Return what runs the loop on so many devices, each with its own process."""
    from lightning_fabric import Fabric

    strategy = "ddp_spawn" if devices > 1 else "auto"
    return Fabric(accelerator=config.accelerator, devices=devices, strategy=strategy, precision=config.precision)


def make_optimiser(network: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    """Return AdamW with four groups: encoder or not, with weight decay (kernels, matrices) or not (biases, norms)."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak_lr": config.encoder_lr if encoder else config.lr,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (encoder, decays), parameters in groups.items()
        ],
        lr=config.lr,
        betas=config.betas,
        fused=True,
    )


def learning_share(progress: Progress, config: OptimiserConfig) -> float:
    """Return the share of the peak learning rate: linear warm-up, then a cosine down to `final_share`."""
    warm = min(1.0, (progress.step + 1) / max(1, config.warmup_steps))
    done = progress.seconds / (60 * config.minutes) if config.minutes > 0 else progress.step / config.steps
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return warm * (config.final_share + (1 - config.final_share) * cosine)


def _finished(progress: Progress, config: OptimiserConfig, stop_after: int | None) -> bool:
    if stop_after is not None and progress.step >= stop_after:
        return True
    return progress.seconds >= 60 * config.minutes if config.minutes > 0 else progress.step >= config.steps


def _warmed_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Return an exponential average whose memory grows with its age, so that the random start is soon forgotten."""

    @torch.no_grad()
    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], updates: torch.Tensor | int) -> None:
        n = float(updates)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update


class _Log:
    """Sums between two log lines; writes JSON lines, TensorBoard and, on a terminal, a progress bar."""

    def __init__(self, run_dir: Path, config: OptimiserConfig) -> None:
        self.run_dir, self.config = run_dir, config
        self._lock = threading.Lock()
        self._clear()

    def __enter__(self) -> _Log:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(self.run_dir / "tensorboard"))
        self._file = (self.run_dir / "log.jsonl").open("a", buffering=1)
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar.start()
        self._bar_task = self._bar.add_task("training", total=1.0, speed="")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self._board.close()
        self._file.close()

    def _clear(self) -> None:
        self.images, self.seconds, self.waited, self.steps = 0, 0.0, 0.0, 0
        self.sums: dict[str, torch.Tensor] = {}

    def count(self, images: int, seconds: float, waited: float, loss: torch.Tensor, parts: dict[str, torch.Tensor]) -> None:
        self.images += images
        self.seconds += seconds
        self.waited += waited
        self.steps += 1
        for name, value in {"loss": loss, **parts}.items():
            self.sums[name] = self.sums.get(name, 0) + value

    def flush(self, progress: Any, share: float, norm: float) -> None:
        speed = self.images / self.seconds
        done = progress.seconds / (60 * self.config.minutes) if self.config.minutes > 0 else progress.step / self.config.steps
        left = progress.seconds * (1 / max(done, 1e-9) - 1)
        self.write(
            {
                "step": progress.step,
                **{f"train/{name}": float(value) / self.steps for name, value in self.sums.items()},
                "train/lr_share": share,
                "train/gradient_norm": norm,
                "speed/images_per_s": speed,
                "speed/waited_share": self.waited / self.seconds,
                "speed/minutes_left": left / 60,
                "skipped": progress.skipped,
            }
        )
        self._bar.update(self._bar_task, completed=done, speed=f"step {progress.step}  {speed:.1f} images/s")
        self._clear()

    def write(self, record: dict[str, float]) -> None:
        with self._lock:
            line = {key: round(value, 5) if isinstance(value, float) else value for key, value in record.items()}
            self._file.write(json.dumps({"time": time.strftime("%H:%M:%S"), **line}) + "\n")
            for key, value in record.items():
                if key != "step":
                    self._board.add_scalar(key, value, record["step"])
