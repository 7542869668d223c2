"""What studies share: finding an arm by its name, and the plot of a number of every seed by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write

# Seaborn's deep red, blue and green; each group's points lie a little above or below its arm's line.
_COLOURS = ("#c44e52", "#4c72b0", "#55a868")


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """In file names."""
        ...


Arm = TypeVar("Arm", bound=Named)


def find_arm(arms: Sequence[Arm], name: str | None, study: str) -> Arm:
    """Return an arm by name.

    Raises:
        LeadlineError: there is none.
    """
    for arm in arms:
        if arm.name == name:
            return arm
    raise LeadlineError(f"study {study} has no arm {name!r}: expected one of {', '.join(arm.name for arm in arms)}")


def draw_arms(
    titles: Sequence[str],
    groups: Mapping[str, Sequence[NDArray[np.float64]]],
    axis_label: str,
    out: Path,
    bars: Sequence[float | None] = (),
) -> None:
    """Write a plot: a line for each arm, the first on top, a point for each seed.

    Args:
        titles: of the arms.
        groups: title of a group of scores (three at most) -> the (seeds,) scores of each arm.
        axis_label: of the numbers.
        out: PNG file.
        bars: a number to clear for each group, drawn dashed in its colour, or None.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 1.4 + 0.42 * max(1, len(titles))))
    for number, (title, scores) in enumerate(groups.items()):
        colour = _COLOURS[number]
        lift = 0.13 * (len(groups) - 1 - 2 * number)
        for i, values in enumerate(reversed(scores)):
            axis.scatter(values, np.full(values.size, i + lift), color=colour, s=22, label=title if i == 0 else None, zorder=3)
            axis.plot([values.min(), values.max()], [i + lift, i + lift], color=colour, linewidth=1)
        if number < len(bars) and (bar := bars[number]) is not None:
            axis.axvline(bar, color=colour, linewidth=0.8, linestyle="--")
    axis.set_yticks(range(len(titles)), list(reversed(titles)))
    axis.set_xlabel(axis_label, loc="right")
    axis.grid(color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    if titles and groups:
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, fontsize="small")
    figure.tight_layout()
    with atomic_write(out) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)
