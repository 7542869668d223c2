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
    """

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


class Task(Protocol):
    """A training method."""

    def step(self, batch: Any, number: int) -> LossReport:
        """Return the loss of a batch; `number` counts steps from 0."""
        ...
