"""Files of times that run backwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from leadline.data.checks.finding import Finding

NAMES = ("times.txt", "timestamps.txt", "rgb.txt", "depth.txt", "groundtruth.txt")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\S*")


def find(root: Path) -> Iterator[Finding]:
    """Judge the files of times in a data set's folder and in those directly below it."""
    for path in sorted(p for name in NAMES for p in (*root.glob(name), *root.glob(f"*/{name}"))):
        words = _first_words(path)
        back = _backwards(words)
        if back:
            at = back[0]
            yield Finding(
                "times that run backwards", "error", "certain",
                f"{path.relative_to(root)}: {words[at]} comes after {words[at - 1]} (time {at + 1} of {len(words)}; "
                f"{len(back)} in all)",
                "sort the frames by time, or mend the file",
            )  # fmt: skip


def _first_words(path: Path) -> list[str]:
    """Return the time that each line begins with, as text; comments are passed over."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    return [match[0] if (match := _DATE.match(line)) else re.split(r"[\s,]", line)[0] for line in found]


def _backwards(words: list[str]) -> list[int]:
    """Return the places of times that are earlier than those before; none if they are no times."""
    if all(_DATE.match(word) for word in words):
        return [i for i in range(1, len(words)) if words[i] < words[i - 1]]  # dates of one form sort as text
    try:
        times = [float(word) for word in words]
    except ValueError:
        return []
    return [i for i in range(1, len(times)) if times[i] < times[i - 1]]
