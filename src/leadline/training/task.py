"""What the loop asks of a training method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor


@dataclass(frozen=True)
class LossReport:
    """What a step found.

    Attributes:
        loss: scalar to minimise.
        parts: detached scalars by name, for the log.
        objectives: one scalar to minimise for each data set in the batch, for Pareto mixing; empty if there is but one.
        shared: what the network made of the batch, through which alone the objectives depend on what they share, for
            ``pareto_shared``: its answer, or features; several tensors if there were several forward passes.
    """

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
    objectives: dict[str, Tensor] = field(default_factory=dict)
    shared: tuple[Tensor, ...] = ()


class Task(Protocol):
    """A training method."""

    def step(self, batch: Any, number: int) -> LossReport:
        """Return the loss of a batch; `number` counts steps from 0."""
        ...
