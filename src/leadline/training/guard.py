"""What happens when a loss or a gradient is not finite: the step is left out, the views are named, too many end the run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from leadline.errors import LeadlineError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MOST_SKIPPED_IN_A_ROW = 20
SHOWN = 8  # names in a line for people; the file has all


class FiniteGuard:
    """Counts steps in a row that were left out; each is a line of ``skipped.jsonl`` in the run's folder.

    Args:
        run_dir: of the run.
        fabric: of this process; all processes call `skip` in the same step, since their gradients are the same.
        most: steps in a row that may be left out.
    """

    def __init__(self, run_dir: Path, fabric: Fabric, most: int = MOST_SKIPPED_IN_A_ROW) -> None:
        self._file, self._fabric, self._most = run_dir / "skipped.jsonl", fabric, most
        self._in_a_row = 0

    def passed(self) -> None:
        """Note a step that was taken."""
        self._in_a_row = 0

    def skip(self, step: int, batches: Sequence[Any], losses: Sequence[Tensor]) -> None:
        """Note a step that is left out; name the views of the batches whose own loss is not finite, or of all if none is.

        Args:
            step: its number.
            batches: of this process; their attribute `names` is used if there is one.
            losses: of each batch.

        Raises:
            LeadlineError: more than `most` steps in a row.
        """
        self._in_a_row += 1
        finite = [bool(torch.isfinite(loss).all()) for loss in losses]
        own = [(fine, [str(name) for name in getattr(batch, "names", ())]) for fine, batch in zip(finite, batches, strict=True)]
        seen = [pair for found in self._of_all_processes(own) for pair in found]
        fault = "gradient" if all(fine for fine, _ in seen) else "loss"
        names = [name for fine, held in seen if fault == "gradient" or not fine for name in held]
        if self._fabric.is_global_zero:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, "not_finite": fault, "names": names}) + "\n")
            print(f"step {step} left out, its {fault} is not finite: {_listed(names)}", file=sys.stderr, flush=True)
        if self._in_a_row > self._most:
            raise LeadlineError(
                f"{fault} not finite in {self._in_a_row} steps in a row, the last at step {step} with {_listed(names)} (all of "
                f"them: {self._file}); look at these views, lower optimiser.lr, or --resume with trainer.precision=32-true"
            )

    def _of_all_processes(self, own: Any) -> list[Any]:
        if self._fabric.world_size == 1:
            return [own]
        gathered: list[Any] = [None] * self._fabric.world_size
        torch.distributed.all_gather_object(gathered, own)
        return gathered


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "a batch without names"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
