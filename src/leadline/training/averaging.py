"""The running average of the weights, which is what is validated and shipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def make_average(network: nn.Module, decay: float) -> AveragedModel:
    """Return the exponential moving average of a network's parameters; buffers are copied from the newest.

    After n updates an update keeps min(decay, (1 + n) / (10 + n)) of the average: its memory grows with its age, so that the
    random start is soon forgotten.
    """
    averaged = AveragedModel(network, multi_avg_fn=_warmed(decay))
    averaged.module.requires_grad_(False)
    return averaged


def _warmed(decay: float) -> Callable[[Any, Any, Any], None]:
    @torch.no_grad()
    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], updates: torch.Tensor | int) -> None:
        n = float(updates)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
