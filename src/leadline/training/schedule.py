"""The learning rate over a run, by steps or by the clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.training.checkpoint import Progress
    from leadline.training.config import OptimiserConfig


def learning_share(progress: Progress, config: OptimiserConfig) -> float:
    """Return the share of the peak learning rate for the next step: a linear warm-up times one of four falls.

    With t the share of the run that is done and f = `final_share`:

    * "cosine": f + (1 - f) (1 + cos(pi t)) / 2 (SGDR without restarts, arXiv 1608.03983, equation 5);
    * "poly": f + (1 - f) (1 - t)^poly_power (ParseNet, arXiv 1506.04579, section 3.2; Depth Anything V2 fine-tunes with 0.9);
    * "step": step_factor^k, where k of `step_at` are past;
    * "constant": 1.
    """
    warm = min(1.0, (progress.step + 1) / max(1, config.warmup_steps))
    return warm * _fall(min(1.0, done_share(progress, config)), config)


def done_share(progress: Progress, config: OptimiserConfig) -> float:
    """Return the share of the run that is done: of its minutes if it follows the clock, of its steps otherwise."""
    return progress.seconds / (60 * config.minutes) if config.minutes > 0 else progress.step / config.steps


def finished(progress: Progress, config: OptimiserConfig, stop_after: int | None = None) -> bool:
    """Whether no step is left, of the run or until `stop_after`."""
    if stop_after is not None and progress.step >= stop_after:
        return True
    return progress.seconds >= 60 * config.minutes if config.minutes > 0 else progress.step >= config.steps


def _fall(done: float, config: OptimiserConfig) -> float:
    match config.schedule:
        case "cosine":
            share = 0.5 * (1 + math.cos(math.pi * done))
        case "poly":
            share = (1 - done) ** config.poly_power
        case "step":
            return float(config.step_factor ** sum(done >= at for at in config.step_at))
        case "constant":
            return 1.0
    return config.final_share + (1 - config.final_share) * share
