"""One line about a run that has ended."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from leadline.io.atomic import atomic_write
from leadline.training.checkpoint import Progress

FILE = "summary.json"


@dataclass(frozen=True)
class Summary:
    """What a run came to, over all its sessions.

    Attributes:
        steps: taken.
        images: seen.
        minutes: of training, validation not counted.
        images_per_s: over these minutes, in all processes together.
        waited_share: of these minutes in which the network waited for data.
        skipped: steps whose loss or gradient was not finite.
        best: highest validation score, None without one.
        checkpoint: folder of the best checkpoint, or of the last one.
    """

    steps: int
    images: int
    minutes: float
    images_per_s: float
    waited_share: float
    skipped: int
    best: float | None
    checkpoint: str

    def __str__(self) -> str:
        """Return the line."""
        best = "no validation" if self.best is None else f"best score {self.best:.4f}"
        skipped = f", {self.skipped:,} skipped as not finite" if self.skipped else ""
        return (
            f"{self.steps:,} steps in {self.minutes:.1f} min{skipped}, {self.images_per_s:.1f} images/s, "
            f"{self.waited_share:.1%} of the time waiting for data, {best}: {self.checkpoint}"
        )


def write_summary(run_dir: Path, progress: Progress, checkpoint: Path) -> None:
    """Write ``summary.json`` into a run's folder."""
    seconds = max(progress.seconds, 1e-9)
    best = progress.best if math.isfinite(progress.best) else None
    summary = Summary(
        progress.step,
        progress.images,
        progress.seconds / 60,
        progress.images / seconds,
        progress.waited / seconds,
        progress.skipped,
        best,
        str(checkpoint),
    )
    with atomic_write(run_dir / FILE) as temporary:
        temporary.write_text(json.dumps(asdict(summary), indent=2))


def read_summary(run_dir: Path) -> Summary:
    """Read what `write_summary` wrote."""
    return Summary(**json.loads((run_dir / FILE).read_text()))
