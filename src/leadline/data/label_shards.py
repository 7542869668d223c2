"""The shards that ``leadline label teacher`` wrote, as training views read where they lie: tar files and their manifest.

Nothing is decoded ahead of time and nothing is stored a second time, so that a hundred million labels need no more memory and
disk than a thousand. View number n of the stream is a function of the seed and n alone: an epoch is a permutation of the
shards, `WINDOW` of them at a time are the shuffle buffer, and what lies in a window comes in an order of its own. So a resumed
run goes on in the same order without a state, and processes that take turns share an epoch.
"""

from __future__ import annotations

import json
import tarfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.folder import Source
from leadline.data.labelled import labelled_sample
from leadline.data.recent import Recent
from leadline.data.views import View, make_view
from leadline.depth_map import RELATIVE_DISPARITY, Ambiguity, Kind
from leadline.errors import LeadlineError
from leadline.io.depth import decode_depth
from leadline.io.image import Photo, decode_image, read_image

SHARDS = "shards:"
WINDOW = 16  # shards whose views are shuffled with one another
HELD_OUT_SHARE = 20  # of a shard's labels the last twentieth is kept for validation
FORMATS = {"depth.png": "png16", "depth.npz": "npz"}
_FOLDERS = ("manifest", "shards")
_OPEN_TARS = 4  # of photos, whose tables of contents are kept


class Span(NamedTuple):
    """Where some bytes of a file lie."""

    offset: int
    size: int


class Entry(NamedTuple):
    """A label in its shard.

    Attributes:
        key: its name there.
        label: where it lies.
        format: "png16" or "npz".
        record: where what is known of it lies, JSON.
        picture: where its photo lies, None if the record only names it.
    """

    key: str
    label: Span
    format: str
    record: Span
    picture: Span | None


@dataclass(frozen=True)
class Shard:
    """A shard that is whole.

    Attributes:
        tar: the file.
        labels: in it.
    """

    tar: Path
    labels: int

    @property
    def held_out(self) -> int:
        """Labels that are not trained on."""
        return self.labels // HELD_OUT_SHARE


@dataclass(frozen=True)
class ShardSource:
    """A folder that ``leadline label teacher`` wrote; what `leadline.data.folder.Source` is for other training views.

    Attributes:
        text: as the user wrote it, ``shards:FOLDER``.
        root: the folder.
    """

    text: str
    root: Path

    @property
    def name(self) -> str:
        """Short name for logs."""
        return self.root.name

    def open_store(self, folder: Path, longest: int) -> LabelShards:
        """Return the source's views; `folder`, of decoded ones, is not needed."""
        return LabelShards(self.root, longest)

    def ingest(self, store: LabelShards, longest: int, broken: dict[str, str] | None = None) -> int:
        """Open `store`, once: shards that are finished later are for the next run. Return how many views it has.

        Args:
            store: as `open_store` gave it.
            longest: as there.
            broken: gets the names of shards that are cut short, with the reason; None makes the first of them an error.

        Raises:
            LeadlineError: see `LabelShards.open`.
        """
        return store.open(broken)


def parse_source(text: str) -> Source | ShardSource:
    """Read ``shards:FOLDER``, or what `Source.parse` reads."""
    if text.startswith(SHARDS):
        return ShardSource(text, Path(text.removeprefix(SHARDS)))
    return Source.parse(text)


class LabelShards:
    """The views of a folder of label shards.

    Labels are brought to 0..1 where they are known up to scale and shift (Depth Anything V1, section 3.1), else to inverse
    depth; the sky, whose disparity the label job may have set to 0, stays the lowest.

    Args:
        root: folder of the label job.
        longest: longer side of a view at most, pixels.
        window: shards that are shuffled together.
    """

    def __init__(self, root: Path, longest: int, window: int = WINDOW) -> None:
        self.root, self.longest, self.window = root, longest, window
        self.shards: list[Shard] = []
        self.kind: Kind | None = None
        self._teacher: dict[str, str] = {}
        self._sizes: NDArray[np.int64] = np.zeros(0, np.int64)
        self._contents = Recent[Path, list[Entry]](2 * window + 2)  # those of a window and of the next one
        self._photos = Recent[Path, dict[str, Span]](_OPEN_TARS)
        self._epochs = Recent[tuple[int, int], tuple[NDArray[np.int64], list[int]]](2)
        self._windows = Recent[tuple[int, int, int], NDArray[np.int64]](3)

    def __len__(self) -> int:
        """Return the number of views to train on."""
        return int(self._sizes.sum())

    def open(self, broken: dict[str, str] | None = None) -> int:
        """Read the manifest; return the number of views. Of no effect when it is open.

        Raises:
            LeadlineError: no manifest, labels of two teachers or of a kind that can't be learned from, or, if `broken` is
                None, a shard that is cut short.
        """
        if self.shards:
            return 0
        parts = sorted((self.root / _FOLDERS[0]).glob("part-*.parquet"))
        if not parts:
            raise LeadlineError(f"no manifest in {self.root}: expected a folder that leadline label teacher wrote")
        for path in parts:
            try:
                part = _read_part(path)
                self._check_teacher(part)
                shard = self._whole(part)
            except _CutShort as error:
                if broken is None:
                    raise
                broken[f"{self.root}: {path.stem}"] = str(error)
                continue
            if shard.labels:
                self.shards.append(shard)
        self._sizes = np.array([shard.labels - shard.held_out for shard in self.shards], np.int64)
        return len(self)

    def place(self, position: int, seed: int) -> tuple[int, int]:
        """Return shard and row of view `position` of the endless stream of a seed; each comes once in an epoch."""
        epoch, index = divmod(position, len(self))
        order, ends = self._epochs.get((seed, epoch), lambda: self._order(seed, epoch))
        number = bisect_right(ends, index)
        within = self._windows.get(
            (seed, epoch, number),
            lambda: np.random.default_rng([seed, epoch, number, 1]).permutation(
                ends[number] - (ends[number - 1] if number else 0)
            ),
        )
        row = int(within[index - (ends[number - 1] if number else 0)])
        for shard in order[number * self.window : (number + 1) * self.window]:
            if row < self._sizes[shard]:
                return int(shard), row
            row -= int(self._sizes[shard])
        raise AssertionError  # a window is as long as its shards together

    def read(self, shard: int, row: int) -> tuple[str, View]:
        """Return name and view of a label.

        Raises:
            LeadlineError: label or photo can't be read, or are not of this folder's kind or of one shape.
        """
        tar = self.shards[shard].tar
        entries = self._contents.get(tar, lambda: _contents(tar))
        if row >= len(entries):
            raise LeadlineError(f"{tar} has {len(entries)} labels, not {self.shards[shard].labels} as its manifest says")
        entry = entries[row]
        try:
            with tar.open("rb") as file:
                record = json.loads(_bytes(file, entry.record))
                label = decode_depth(_bytes(file, entry.label), entry.format)
                packed = None if entry.picture is None else _bytes(file, entry.picture)
        except (OSError, ValueError) as error:
            raise LeadlineError(f"can't read {entry.key} in {tar} ({error}): label its shard again") from None
        name = f"{entry.key} {record.get('source', '')}"
        if label.kind != self.kind:
            raise LeadlineError(f"{name}: its label is {label.kind}, the others are {self.kind}")
        photo = self._photo(record) if packed is None else decode_image(packed, at_least=self.longest)
        return name, make_view(labelled_sample(name, photo, label, self.longest, name), self.longest)

    def held_out(self, most: int) -> list[View]:
        """Return up to `most` views that are not trained on, evenly from all shards; those that can't be read are left out."""
        held = np.repeat(np.arange(len(self.shards)), [shard.held_out for shard in self.shards])
        views: list[View] = []
        for shard in held[:: max(1, -(-len(held) // max(1, most)))]:
            rows = self.shards[shard].labels - self.shards[shard].held_out, self.shards[shard].labels
            row = rows[0] + len(views) % (rows[1] - rows[0])
            try:
                views.append(self.read(int(shard), row)[1])
            except LeadlineError:
                continue
        return views

    def _order(self, seed: int, epoch: int) -> tuple[NDArray[np.int64], list[int]]:
        """Return the shards of an epoch in their order, and the number of views up to the end of each window."""
        order = np.random.default_rng([seed, epoch, 0, 0]).permutation(len(self.shards))
        ends = np.cumsum(self._sizes[order])
        last = np.minimum(np.arange(self.window, len(order) + self.window, self.window), len(order)) - 1
        return order, ends[last].tolist()

    def _photo(self, record: dict[str, Any]) -> Photo:
        source, member = str(record.get("source", "")), record.get("member")
        if "://" in source or source.lower().endswith(".parquet"):
            raise LeadlineError(
                f"{source} is not read while training: label with --images bytes, which puts photos into shards"
            )
        if not member:
            return read_image(source, at_least=self.longest)
        path = Path(source)
        contents = self._photos.get(path, lambda: dict(_members(path)))
        if member not in contents:
            raise LeadlineError(f"{source} has no {member} any more: label again")
        with path.open("rb") as file:
            return decode_image(_bytes(file, contents[member]), at_least=self.longest)

    def _check_teacher(self, part: dict[str, Any]) -> None:
        teacher: dict[str, str] = part["teacher"]
        if self.kind is None:
            self._teacher, self.kind = teacher, Kind.parse(teacher["kind"])
            if self.kind != RELATIVE_DISPARITY and self.kind.ambiguity not in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
                raise LeadlineError(
                    f"{self.root} has labels of {self.kind}: expected depth, or disparity up to scale and shift"
                )
        if teacher != self._teacher:
            one, other = self._teacher, teacher
            raise LeadlineError(
                f"{self.root} has labels by {one['name']} ({one['kind']}) and by {other['name']} ({other['kind']}): "
                "expected one teacher, give each a folder of its own"
            )

    def _whole(self, part: dict[str, Any]) -> Shard:
        tar = self.root / _FOLDERS[1] / str(part["tar"])
        size = tar.stat().st_size if tar.is_file() else 0
        if size != part["tar_bytes"]:
            raise _CutShort(f"{tar} has {size} of {part['tar_bytes']} bytes: run leadline label teacher again")
        return Shard(tar, int(part["counts"].get("labelled", 0)))


class _CutShort(LeadlineError):
    """A shard that can't be trained on, while others can."""


def _read_part(path: Path) -> dict[str, Any]:
    """Return what a part of the manifest says of its shard, see `leadline.labels.manifest.Part`."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise LeadlineError("label shards need another package: pip install 'leadline[labels]'") from None
    try:
        with path.open("rb") as file:
            part: dict[str, Any] = json.loads(parquet.read_metadata(file).metadata[b"leadline"])
        if not {"tar", "tar_bytes", "counts", "teacher"} <= set(part):
            raise KeyError(path.name)
        return part
    except (OSError, arrow.ArrowException, KeyError, TypeError, ValueError):
        raise _CutShort(f"{path} is cut short: run leadline label teacher again") from None


def _contents(tar: Path) -> list[Entry]:
    """Return the labels of a shard in their order."""
    found: dict[str, dict[str, Span]] = {}
    for name, span in _members(tar):
        key, _, suffix = name.partition(".")
        found.setdefault(key, {})[suffix] = span
    entries = []
    for key, spans in found.items():
        label = next((suffix for suffix in FORMATS if suffix in spans), "")
        if label and "json" in spans:
            pictures = [span for suffix, span in spans.items() if suffix not in (label, "json")]
            entries.append(Entry(key, spans[label], FORMATS[label], spans["json"], pictures[0] if pictures else None))
    return entries


def _members(tar: Path) -> Iterator[tuple[str, Span]]:
    """Yield the files of a tar with their places."""
    try:
        with tarfile.open(tar, mode="r:") as archive:
            for info in archive:
                if info.isfile():
                    yield info.name, Span(info.offset_data, info.size)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise LeadlineError(f"can't read {tar} ({error}): get a whole copy") from None


def _bytes(file: Any, span: Span) -> bytes:
    file.seek(span.offset)
    data: bytes = file.read(span.size)
    if len(data) < span.size:
        raise ValueError("cut short")
    return data
