"""What a reader of a data set is: facts about it, the names of its samples, and a way to read one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from leadline.depth_map import Kind
from leadline.errors import LeadlineError
from leadline.sample import Sample


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set that no number in its files tells.

    Attributes:
        name: how users name it on the command line.
        title: how people name it.
        layout: the files that the reader looks for, relative to the root.
        kind: of the truth that a sample carries; None if it carries no depth, or if the folder's own settings say.
        unit: of the numbers in the files, and how they become those of the kind.
        invalid: the numbers in the files that mean "no measurement".
        camera: where the intrinsics come from and where their source puts the centre of the first pixel.
        licence: of the pictures and depths.
        citation: whom to name.
        training_allowed: whether this project may train on it: the licence permits it and no score of ours is taken on it.
        notes: what a user of the truth should know.
    """

    name: str
    title: str
    layout: str
    kind: Kind | None
    unit: str
    invalid: str
    camera: str
    licence: str
    citation: str
    training_allowed: bool
    notes: str = ""


@dataclass(frozen=True)
class Dataset:
    """A reader. `list_names` and `read_sample` get the root folder; use `names`, `read` and `iter_samples`.

    Reading one sample by name is what random access, strides and worker processes need; iterating is built on it.
    """

    info: DatasetInfo
    list_names: Callable[[Path], list[str]]
    read_sample: Callable[[Path, str], Sample]

    def names(self, root: Path | str) -> list[str]:
        """Return the names of all samples under `root`, in order, without reading a picture.

        Raises:
            LeadlineError: `root` is no folder, or holds no sample in this layout.
        """
        root = Path(root)
        if not root.is_dir():
            raise LeadlineError(f"{root} is not a folder: expected the root of {self.info.title} ({self.info.layout})")
        names = self.list_names(root)
        if not names:
            raise LeadlineError(f"no {self.info.title} sample in {root}: expected {self.info.layout}; is the root right?")
        return names

    def read(self, root: Path | str, name: str) -> Sample:
        """Read the sample that `names` calls `name`.

        Raises:
            LeadlineError: one of its files is missing or broken.
        """
        return self.read_sample(Path(root), name)

    def iter_samples(self, root: Path | str, every: int = 1) -> Iterator[Sample]:
        """Yield the samples in order, each read when its turn comes; with `every` = n only the first of each n.

        Raises:
            LeadlineError: as `names` (at once) and `read` (when the sample's turn comes).
        """
        if every < 1:
            raise LeadlineError(f"every = {every}: expected 1 (all samples) or more")
        names = self.names(root)[::every]
        return (self.read(root, name) for name in names)
