"""What a run says while it works: means between two log lines, and on a terminal a progress bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from leadline.training.checkpoint import Progress
from leadline.training.config import OptimiserConfig
from leadline.training.schedule import done_share
from leadline.training.task import LossReport
from leadline.training.tracking import Tracker


class Meter:
    """Sums up steps and hands means to a tracker.

    Args:
        tracker: gets ``train/*`` (means over the steps since the last time that were not skipped), ``speed/*`` and ``skipped``.
        config: for how much of the run is left.
    """

    def __init__(self, tracker: Tracker, config: OptimiserConfig) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.tracker, self.config = tracker, config
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("training", total=1.0, speed="")
        self._clear()

    def __enter__(self) -> Meter:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away and close the tracker."""
        self._bar.stop()
        self.tracker.close()

    def count(self, images: int, seconds: float, waited: float) -> None:
        """Count a step, skipped or not."""
        self._images += images
        self._seconds += seconds
        self._waited += waited

    def add(self, reports: Sequence[LossReport]) -> None:
        """Add the losses of a step that was taken. They stay on their device, so that a GPU is not waited for."""
        for report in reports:
            for name, value in {"loss": report.loss.detach(), **report.parts}.items():
                total, number = self._sums.get(name, (0, 0))
                self._sums[name] = total + value, number + 1

    def flush(self, progress: Progress, rate_share: float, norm: float) -> None:
        """Log what was gathered since the last time, and begin anew."""
        speed = self._images / self._seconds
        done = done_share(progress, self.config)
        self.tracker.log(
            progress.step,
            {
                **{f"train/{name}": float(total) / number for name, (total, number) in self._sums.items()},
                "train/lr_share": rate_share,
                "train/gradient_norm": norm,
                "speed/images_per_s": speed,
                "speed/waited_share": self._waited / self._seconds,
                "speed/minutes_left": progress.seconds * (1 / max(done, 1e-9) - 1) / 60,
                "skipped": progress.skipped,
            },
        )
        self._bar.update(self._task, completed=done, speed=f"step {progress.step}  {speed:.1f} images/s")
        self._clear()

    def log(self, step: int, scalars: Mapping[str, float]) -> None:
        """Log scalars as they are."""
        self.tracker.log(step, scalars)

    def _clear(self) -> None:
        self._images, self._seconds, self._waited = 0, 0.0, 0.0
        self._sums: dict[str, tuple[Tensor | int, int]] = {}
