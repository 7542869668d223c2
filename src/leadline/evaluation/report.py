"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are numbers, padded so that it reads well unrendered.

    Raises:
        ValueError: a row has another length than the header.
    """
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    aligned = [
        [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))]
        for line in (header, *rows)
    ]
    rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [aligned[0], rule, *aligned[1:]])


def number(value: float | None, digits: int = 3) -> str:
    """Return a score with a fixed number of digits, a dash where there is none."""
    return "–" if value is None or isnan(value) else f"{value:.{digits}f}"
