"""The documentation's page of all data sets, written from what the readers say of themselves.

``python -m leadline.data.datasets.page docs/how-to/datasets.md`` puts the facts between the page's two marks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from leadline.data.datasets.dataset import DatasetInfo
from leadline.data.datasets.registry import dataset_names, get_dataset
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write

BEGIN, END = "<!-- data sets: begin -->", "<!-- data sets: end -->"


def updated(page: str) -> str:
    """Return the page's text with the facts of all registered data sets between its marks.

    Raises:
        LeadlineError: the page lacks a mark.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LeadlineError(f"a page without {BEGIN if not begin else END}: expected both marks, between which the facts go")
    infos = [get_dataset(name).info for name in dataset_names()]
    return f"{before}{BEGIN}\n\n{_table(infos)}\n\n{_sections(infos)}\n\n{END}{after}"


def _table(infos: Sequence[DatasetInfo]) -> str:
    rows = ["| name | data set | truth | licence | for training |", "| --- | --- | --- | --- | --- |"]
    for info in infos:
        kind = str(info.kind) if info.kind is not None else "none, or as its folder says"
        training = "yes" if info.training_allowed else "no"
        link = f"[`{info.name}`](#{_anchor(info)})"
        rows.append(f"| {link} | {_plain(info.title)} | {kind} | {_plain(info.licence)} | {training} |")
    return "\n".join(rows)


def _sections(infos: Sequence[DatasetInfo]) -> str:
    return "\n\n".join("\n".join(_section(info)) for info in infos)


def _section(info: DatasetInfo) -> Iterator[str]:
    yield f"### {_plain(info.title)} {{#{_anchor(info)}}}"
    yield ""
    yield f"`--dataset {info.name}`"
    yield ""
    facts = {
        "files": info.layout,
        "unit": info.unit,
        "no measurement": info.invalid,
        "camera": info.camera,
        "citation": info.citation,
        "to know": info.notes,
    }
    for subject, fact in facts.items():
        if fact:
            yield f"* {subject}: {_plain(fact)}"


def _anchor(info: DatasetInfo) -> str:
    return info.name.replace("_", "-")


def _plain(text: str) -> str:
    """Return text in which Markdown sees no markup; a bar and the like can't be escaped by a backslash everywhere."""
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(mark, entity)
    return re.sub(r"([\\`*_\[\]{}])", r"\\\1", text)


def main(arguments: Sequence[str]) -> None:
    """Rewrite the page named on the command line."""
    path = Path(arguments[0])
    text = updated(path.read_text(encoding="utf-8"))
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
