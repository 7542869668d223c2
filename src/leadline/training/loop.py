"""The one training loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.training.averaging import make_average
from leadline.training.checkpoint import Progress, latest_checkpoint, load_checkpoint, mend, rotate, save_checkpoint
from leadline.training.config import TrainConfig, TrainerConfig, to_json
from leadline.training.guard import FiniteGuard
from leadline.training.meter import Meter
from leadline.training.optimiser import freeze, make_optimiser, training_mode
from leadline.training.pareto import make_pareto
from leadline.training.provenance import provenance
from leadline.training.schedule import finished, learning_share
from leadline.training.stopping import stop_requests
from leadline.training.summary import write_summary
from leadline.training.task import Task
from leadline.training.tracking import Trackers, make_tracker
from leadline.training.validation import Validation

if TYPE_CHECKING:
    from lightning_fabric import Fabric


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

    Ctrl-C and SIGTERM end the run after the step at hand, with a checkpoint; a second Ctrl-C ends it at once.

    Args:
        config: of the run; its run_dir receives checkpoints, what the trackers write, ``config.json`` and ``summary.json``.
        network: anything with parameters; those of a child called `encoder` learn at `encoder_lr`.
        make_task: called with the network as Fabric wraps it, and the device.
        batches: called with the number of the first batch wanted and the distance to the next (processes take turns).
        validation: scores the averaged weights every `validate_every` steps.
        resume: go on from the run's newest whole checkpoint; on a CPU the weights come out bit for bit as if never stopped.
        stop_after: end after this many steps in all, with a checkpoint, as an interruption would.
        fabric: of this process, when several train together; the first of them writes, the others only compute.

    Raises:
        LeadlineError: the loss stays not finite, there is nothing to resume, or a run already lies in run_dir.
        KeyboardInterrupt: the run was asked to stop; all its steps are saved.
    """
    options, settings = config.optimiser, config.trainer
    if options.accumulate < 1:
        raise LeadlineError(f"optimiser.accumulate={options.accumulate}: expected at least 1")
    run_dir = Path(config.run_dir)
    checkpoints = run_dir / "checkpoints"
    check_run_dir(run_dir, resume)
    fabric = fabric or make_fabric(settings, devices=1)
    fabric.barrier()  # all have looked before the first writes
    run_dir.mkdir(parents=True, exist_ok=True)
    if fabric.is_global_zero:
        for line in mend(run_dir):
            print(line, file=sys.stderr, flush=True)
        with atomic_write(run_dir / "config.json") as temporary:
            temporary.write_text(to_json(config))
    fabric.barrier()  # all see the same checkpoints

    freeze(network, config.model.freeze)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = make_average(network, options.ema_decay)
    optimiser = make_optimiser(network, options)
    progress = Progress()
    if resume:
        progress, updates = load_checkpoint(latest_checkpoint(run_dir), network, averaged.module, optimiser)
        averaged.n_averaged.fill_(updates)
    wrapped, wrapped_optimiser = fabric.setup(network, optimiser)
    averaged.to(fabric.device)
    task = make_task(wrapped, fabric.device)
    pareto = make_pareto(fabric, network, options.combine, options.gradient_normalisation)
    guard = FiniteGuard(run_dir, fabric)
    trackers = Trackers([make_tracker(name, config, progress.step) for name in settings.trackers if fabric.is_global_zero])
    meter = Meter(trackers, options)
    made_by = provenance()
    last_saved, whole, stopped, scores = progress.step, True, False, dict[str, float]()

    def save(name: str) -> None:
        if fabric.is_global_zero:
            updates = int(averaged.n_averaged)
            save_checkpoint(checkpoints / name, config, network, averaged.module, optimiser, progress, updates, scores, made_by)
            rotate(run_dir, settings.keep)

    def validate() -> None:
        nonlocal scores
        if validation is None or not fabric.is_global_zero:
            return
        averaged.module.eval()
        with fabric.autocast():
            scores = validation(averaged.module)
        meter.log(progress.step, {f"validation/{k}": v for k, v in scores.items()})
        if scores["score"] > progress.best:
            progress.best = scores["score"]
            save("best")

    first = progress.step * options.accumulate * fabric.world_size + fabric.global_rank
    stream: Iterator[Any] = iter(batches(first, fabric.world_size))
    training_mode(network)
    with (
        _own_random_state(fabric.device),
        stop_requests(fabric.is_global_zero) as stop,
        meter if fabric.is_global_zero else nullcontext(),
    ):
        try:
            while not stopped and not finished(progress, options, stop_after):
                started = time.perf_counter()
                share = learning_share(progress, options)
                for group in optimiser.param_groups:
                    group["lr"] = group["peak_lr"] * share
                seed_step(config.seed, progress.step, fabric.global_rank)
                held, reports, waited = [], [], 0.0
                for left in reversed(range(options.accumulate)):
                    asked = time.perf_counter()
                    held.append(next(stream))
                    waited += time.perf_counter() - asked
                    with fabric.no_backward_sync(wrapped, enabled=left > 0 or pareto is not None):
                        reports.append(task.step(held[-1], progress.step))
                        if pareto is None:
                            fabric.backward(reports[-1].loss / options.accumulate)
                        else:
                            pareto.add(reports[-1])
                if pareto is not None:
                    weights = pareto.finish()
                    reports = [replace(report, parts={**report.parts, **weights}) for report in reports]
                norm = nn.utils.clip_grad_norm_(network.parameters(), options.clip or torch.inf)
                if bool(torch.isfinite(norm)):  # the same in every process, and not finite where a loss is not
                    whole = False
                    wrapped_optimiser.step()
                    if fabric.is_global_zero:
                        averaged.update_parameters(network)
                    guard.passed()
                    meter.add(reports)
                else:
                    guard.skip(progress.step, held, [report.loss.detach() for report in reports])
                    progress.skipped += 1
                optimiser.zero_grad(set_to_none=True)
                progress.step += 1
                whole = True
                images = sum(len(batch[0]) for batch in held) * fabric.world_size
                seconds = time.perf_counter() - started
                # The schedule may follow the clock, and all processes must follow the same one and stop at the same step.
                progress.seconds, stopped = fabric.broadcast((progress.seconds + seconds, stop.asked))
                progress.waited, progress.images = progress.waited + waited, progress.images + images
                meter.count(images, seconds, waited)
                if progress.step % settings.log_every == 0 and fabric.is_global_zero:
                    meter.flush(progress, share, float(norm))
                if progress.step % settings.validate_every == 0:
                    validate()
                if progress.step % settings.checkpoint_every == 0:
                    save(f"step-{progress.step:08d}")
                    last_saved = progress.step
        finally:
            # Also after an error: no step is lost, unless it was cut in half.
            if whole and progress.step not in (last_saved, 0):
                save(f"step-{progress.step:08d}")
            if hasattr(stream, "close"):
                stream.close()
        if stopped:
            raise KeyboardInterrupt
        if stop_after is None and progress.step % settings.validate_every:
            validate()
    fabric.barrier()  # all is written
    best = checkpoints / "best" if (checkpoints / "best").is_dir() else latest_checkpoint(run_dir)
    if fabric.is_global_zero:
        write_summary(run_dir, progress, best)
    return best


def check_run_dir(run_dir: Path, resume: bool) -> None:
    """Raise LeadlineError if a new run would overwrite one."""
    if not resume and any((run_dir / "checkpoints").glob("step-*")):
        raise LeadlineError(f"{run_dir} already holds a run: --resume it, or choose another run_dir")


def make_fabric(config: TrainerConfig, devices: int) -> Fabric:
    """Return what runs the loop on so many devices, each with its own process."""
    from lightning_fabric import Fabric

    strategy = "ddp_spawn" if devices > 1 else "auto"
    return Fabric(accelerator=config.accelerator, devices=devices, strategy=strategy, precision=config.precision)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch for a step (dropout, sampling in a loss): a resumed run needs no random state, on any device."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]))


@contextmanager
def _own_random_state(device: torch.device) -> Iterator[None]:
    """Give the caller's random state back at the end."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
