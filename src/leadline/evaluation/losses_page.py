"""Regenerate the pictures of ``docs/losses.md``: what each objective says of a prediction with one planted error.

python -m leadline.evaluation.losses_page --out docs/assets
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from leadline.evaluation.planted_errors import (
    NOTHING,
    Sheet,
    affine_sheet,
    features_sheet,
    metric_sheet,
    ordinal_sheet,
    views_sheet,
)
from leadline.io.atomic import atomic_write

P = TypeVar("P")

TALLEST = 3.0  # bars are cut off here at the latest; their numbers are not
BAR, CUT, NONE = "#4c72b0", "#c44e52", "#55a868"


def sheets() -> tuple[Sheet[Any], ...]:
    """Return all families, in the order of the page."""
    return (affine_sheet(), metric_sheet(), ordinal_sheet(), views_sheet(), features_sheet())


def draw(sheet: Sheet[P], out: Path) -> None:
    """Write one family's picture: a column for each prediction, a row of bars for each objective."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns, rows = len(sheet.predictions), len(sheet.objectives)
    label_width = 2.0  # in columns
    figure = pyplot.figure(figsize=(1.22 * (columns + label_width), 1.5 + 0.68 * rows), facecolor="white")
    grid = figure.add_gridspec(
        rows + 1, 1, height_ratios=[1.5] + [1] * rows, hspace=0.28, left=label_width / (columns + label_width), right=0.995
    )
    grid.update(top=1 - 0.5 / figure.get_figheight(), bottom=0.02)
    pictures = grid[0].subgridspec(1, columns, wspace=0.06)
    exact = sheet.picture(next(iter(sheet.predictions.values())))
    for place, (error, prediction) in enumerate(sheet.predictions.items()):
        axis = figure.add_subplot(pictures[0, place])
        axis.imshow(sheet.picture(prediction).numpy(), cmap="viridis", vmin=float(exact.min()), vmax=float(exact.max()))
        axis.set_title(error, fontsize=8, pad=3)
        axis.set_xticks([])
        axis.set_yticks([])
    table = [list(sheet.responses(objective).values()) for objective in sheet.objectives]
    tallest = min(TALLEST, max(max(responses) for responses in table))
    for index, (objective, responses) in enumerate(zip(sheet.objectives, table, strict=True)):
        axis = figure.add_subplot(grid[index + 1])
        nothing = [response <= responses[0] + NOTHING for response in responses]
        colours = [NONE if free else CUT if r > tallest else BAR for r, free in zip(responses, nothing, strict=True)]
        axis.bar(range(columns), [min(r, tallest) for r in responses], width=0.6, color=colours)
        for place, (response, free, colour) in enumerate(zip(responses, nothing, colours, strict=True)):
            axis.text(place, min(response, tallest) + 0.03 * tallest, _short(response), ha="center", va="bottom", fontsize=7,
                      color="black" if not free else colour, fontweight="bold" if free else "normal")  # fmt: skip
        axis.set_xlim(-0.5, columns - 0.5)
        axis.set_ylim(0, tallest * 1.3)
        axis.set_yticks([])
        axis.set_xticks([])
        axis.spines[["left", "top", "right"]].set_visible(False)
        axis.set_ylabel(objective.name.replace(", ", ",\n"), rotation=0, ha="right", va="center", fontsize=8)
    figure.suptitle(
        f"{sheet.title}   (response to “{sheet.unit}” = 1)", fontsize=10, y=1 - 0.1 / figure.get_figheight(), va="top"
    )
    with atomic_write(out) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
    pyplot.close(figure)


def _short(response: float) -> str:
    if response < 0.005:
        return "0" if response < NOTHING else "< 0.01"
    return f"{response:.2f}" if response < 10 else f"{response:.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.losses_page", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the pictures")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    for sheet in sheets():
        path = given.out / f"losses-{sheet.name}.png"
        draw(sheet, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
