"""``leadline data convert``: any data set into plain files that leadline, and other tools, read without its reader.

Two layouts: ``leadline`` is the folder that `leadline synth` writes, for metric depth with a camera (`leadline_writer`);
``png16`` holds every kind of map, with or without a camera (`png16_writer`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from leadline.data.datasets.registry import get_dataset
from leadline.data.leadline_writer import LeadlineWriter
from leadline.data.png16_writer import Png16Writer
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.header import software
from leadline.sample import Sample

Target = Literal["leadline", "png16"]


class Unfit(LeadlineError):
    """A sample that can't be read, or that the layout can't hold: counted, and the others go on."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


class Writer(Protocol):
    """A layout: which samples appear together, what it can't hold, and how it is written."""

    def blocks(self, names: Sequence[str], posed: bool) -> list[list[str]]:
        """Return the names in groups that appear together; `posed` says whether the samples have poses."""
        ...

    def refusal(self, sample: Sample) -> str:
        """Return why the layout can't hold a sample, and what can be done, in one line; nothing if it can."""
        ...

    def has(self, block: Sequence[str]) -> bool:
        """Return whether all samples of the block are there."""
        ...

    def write(self, block: Sequence[str], read: Callable[[str], Sample]) -> None:
        """Write a block; `read` may raise `Unfit`, and then nothing of it appears."""
        ...

    def close(self) -> None:
        """Write what concerns the folder as a whole, and remove what was begun and not finished."""
        ...


@dataclass
class Conversion:
    """What became of a conversion.

    Attributes:
        out: the folder.
        written, kept: samples written now, and those that were there.
        failures: why a sample is not there, by its name.
    """

    out: Path
    written: int = 0
    kept: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        kept = f", {self.kept} were there already" if self.kept else ""
        lines = [f"{self.out}: {self.written} samples written{kept}, {len(self.failures)} failed"]
        return "\n".join(lines + [f"  {name}: {why}" for name, why in self.failures.items()])


def convert(
    root: Path | str,
    dataset: str,
    out: Path | str,
    *,
    to: Target = "leadline",
    every: int = 1,
    limit: int | None = None,
    without: Sequence[str] = (),
    on_progress: Callable[[Conversion, int], None] | None = None,
) -> Conversion:
    """Convert a data set; what is there already is kept, so that a job that was stopped goes on when it is run again.

    Args:
        root: the data set's folder.
        dataset: its registered name.
        out: the folder to write.
        to: its layout.
        every: convert the first of each `every` samples.
        limit: and at most so many.
        without: names of masks to leave out, or "right" for the second picture of stereo pairs, where the layout has no place.
        on_progress: called with the state and the number of samples after each block.

    Raises:
        LeadlineError: unknown data set or layout, no samples, `every` or `limit` below 1, a layout that can't hold this data
            set (judged by its first readable sample), `out` holds something else, or can't be written.
    """
    if every < 1 or (limit is not None and limit < 1):
        raise LeadlineError(f"every = {every}, limit = {limit}: expected 1 or more")
    root, out, reader = Path(root), Path(out), get_dataset(dataset)
    # A data set whose root is its only sample calls it "."; files need a name.
    sources = {root.resolve().name if name == "." else name: name for name in reader.names(root)[::every]}
    names = list(sources)
    make: dict[str, Callable[[], Writer]] = {
        "leadline": lambda: LeadlineWriter(out, reader.info, without),
        "png16": lambda: Png16Writer(out, without),
    }
    if to not in make:
        raise LeadlineError(f"unknown layout {to!r}: expected one of {', '.join(make)}")
    writer = make[to]()

    def read(name: str) -> Sample:
        try:
            sample = reader.read(root, sources[name])
        except LeadlineError as error:
            raise Unfit(name, str(error)) from None
        if why := writer.refusal(sample):
            raise Unfit(name, why)
        return sample

    blocks = _cut(writer.blocks(names, _posed(names, read)), limit)
    _claim(out, root, {"dataset": dataset, "root": root.resolve().name, "to": to, "every": every, "without": sorted(without)})
    state = Conversion(out)
    total = sum(map(len, blocks))
    try:
        for block in blocks:
            if writer.has(block):
                state.kept += len(block)
            else:
                _write(writer, block, read, state)
            if on_progress is not None:
                on_progress(state, total)
    finally:
        writer.close()
    return state


def _posed(names: Sequence[str], read: Callable[[str], Sample]) -> bool:
    """Return whether the first sample that fits has a pose.

    Raises:
        Unfit: the first sample that can be read doesn't fit, or none can be read.
    """
    first: Unfit | None = None
    for name in names[:8]:
        try:
            return read(name).world_from_camera is not None
        except Unfit as error:
            first = first or error
    assert first is not None
    raise first


def _cut(blocks: list[list[str]], limit: int | None) -> list[list[str]]:
    """Return the blocks with the first `limit` samples. They are cut after grouping: a larger limit later continues them."""
    if limit is None:
        return blocks
    kept = []
    for block in blocks:
        kept.append(block[:limit])
        limit -= len(block)
        if limit <= 0:
            break
    return kept


def _write(writer: Writer, block: list[str], read: Callable[[str], Sample], state: Conversion) -> None:
    """Write a block without the samples that fail."""
    left = list(block)
    while left:
        try:
            writer.write(left, read)
        except Unfit as error:
            state.failures[error.name] = error.why
            left.remove(error.name)
            continue
        except OSError as error:
            raise LeadlineError(f"can't write to {state.out}: {error.strerror or error}") from None
        state.written += len(left)
        return


def _claim(out: Path, root: Path, settings: dict[str, object]) -> None:
    """Note in OUT what is converted, or make sure that the note there says the same.

    Raises:
        LeadlineError: OUT is the data set itself, was converted with other settings, or holds something else.
    """
    note = out / "conversion.json"
    if out.resolve() == root.resolve():
        raise LeadlineError(f"{out} is the data set itself: give another folder with --out")
    if note.is_file():
        theirs = json.loads(note.read_text(encoding="utf-8"))
        if differing := [
            f"{key} {theirs.get(key)!r}, not {settings[key]!r}" for key in settings if theirs.get(key) != settings[key]
        ]:
            raise LeadlineError(f"{out} was converted with {'; '.join(differing)}: use the same settings, or another folder")
        return
    if out.is_dir() and any(out.iterdir()):
        raise LeadlineError(f"{out} holds other files: give a new folder with --out")
    with atomic_write(note) as temporary:
        temporary.write_text(json.dumps({**settings, "software": software()}, indent=1) + "\n", encoding="utf-8")
