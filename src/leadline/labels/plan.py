"""The plan of a label job: every picture in a fixed order, cut into shards, on disk before the first is labelled.

A plan is a folder of Parquet files, each with a row group for each shard, so that a worker reads its shard alone and nobody
holds the list in memory. Its name carries a hash of all pictures in it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from leadline.errors import LeadlineError
from leadline.io.atomic import TEMPORARY_PREFIX
from leadline.labels.sources import Entry

SHARDS_IN_A_FILE = 1000
_BUCKETS = 64
_COLUMNS = ("source", "member", "offset", "size", "problem")


@dataclass(frozen=True)
class PlanSummary:
    """A plan in numbers.

    Attributes:
        sha256: of all its entries in their order.
        images, shards: how many.
        shard_images: pictures in a shard; the last one may have fewer.
        bytes_known: of the encoded pictures, those whose size the listing told.
        sizes_unknown: of how many it did not.
        problems: entries known to be unreadable.
    """

    sha256: str
    images: int
    shards: int
    shard_images: int
    bytes_known: int
    sizes_unknown: int
    problems: int


class Plan:
    """A plan on disk.

    Args:
        folder: where `write_plan` put it.
        summary: what it returned.
    """

    def __init__(self, folder: Path, summary: PlanSummary) -> None:
        self.folder = folder
        self.summary = summary
        self._open: tuple[int, Any] = (-1, None)

    def read_shard(self, shard: int) -> list[Entry]:
        """Return the pictures of a shard.

        Raises:
            LeadlineError: the plan's file is gone or damaged.
        """
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        number, group = divmod(shard, SHARDS_IN_A_FILE)
        path = self.folder / _file_name(number)
        try:
            if self._open[0] != number:
                self._open = (number, parquet.ParquetFile(path))
            table = self._open[1].read_row_group(group)
        except (OSError, arrow.ArrowException) as error:
            raise LeadlineError(f"can't read the plan's {path} ({error}): choose another folder for the labels") from None
        return [Entry(*row) for row in zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True)]


def write_plan(entries: Iterable[Entry], out: Path, shard_images: int, salt: str = "") -> Plan:
    """Write the plan of `entries` into a folder ``plan-HASH`` in `out`, whole or not at all.

    Args:
        entries: in a fixed order, for instance of `iter_entries`; taken one by one.
        out: folder for the plan; made if absent.
        shard_images: pictures in a shard.
        salt: what else the hash shall stand for.

    Raises:
        LeadlineError: there is no picture, one is listed twice, or the folder can't be written.
    """
    if shard_images < 1:
        raise LeadlineError(f"{shard_images} pictures in a shard: expected at least 1")
    temporary = out / f"{TEMPORARY_PREFIX}plan-{secrets.token_hex(6)}"
    try:
        temporary.mkdir(parents=True)
        summary = _write(entries, temporary, shard_images, salt)
        final = out / f"plan-{summary.sha256[:16]}"
        (temporary / "plan.json").write_text(json.dumps(asdict(summary), indent=2) + "\n", "utf-8")
        try:
            temporary.rename(final)
        except OSError:
            if not (final / "plan.json").is_file():  # else it is there already, with the same content
                raise
    except OSError as error:
        raise LeadlineError(f"can't write a plan in {out}: {error.strerror or error}; choose another folder") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Plan(final, summary)


def read_plan(folder: Path) -> Plan:
    """Open a plan.

    Raises:
        LeadlineError: it is gone or no plan.
    """
    try:
        return Plan(folder, PlanSummary(**json.loads((folder / "plan.json").read_text("utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise LeadlineError(f"can't read the plan {folder} ({error}): choose another folder for the labels") from None


def _write(entries: Iterable[Entry], folder: Path, shard_images: int, salt: str) -> PlanSummary:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    numbers = ("offset", "size")
    schema = arrow.schema([(name, arrow.int64() if name in numbers else arrow.string()) for name in _COLUMNS])
    content = hashlib.sha256(f"{shard_images}\n{salt}\n".encode())
    images = shards = known = unknown = problems = 0
    repeats = _Repeats(folder)
    writer: Any = None
    try:
        for shard in _cut(entries, shard_images):
            if shards % SHARDS_IN_A_FILE == 0:
                if writer:
                    writer.close()
                writer = parquet.ParquetWriter(folder / _file_name(shards // SHARDS_IN_A_FILE), schema, compression="zstd")
            columns = dict(zip(_COLUMNS, zip(*shard, strict=True), strict=True))
            writer.write_table(arrow.table({name: list(values) for name, values in columns.items()}, schema=schema))
            names = b"".join(hashlib.blake2b(entry.reference.encode(), digest_size=16).digest() for entry in shard)
            content.update(names + b"".join(np.array(columns[name], np.int64).tobytes() for name in numbers))
            repeats.add(names)
            sizes = columns["size"]
            known += sum(size for size in sizes if size > 0)
            unknown += sum(size < 0 for size in sizes)
            problems += sum(bool(text) for text in columns["problem"])
            images, shards = images + len(shard), shards + 1
    finally:
        repeats.close()
        if writer:
            writer.close()
    if images == 0:
        raise LeadlineError("no pictures to label: expected at least one")
    plan = Plan(folder, PlanSummary(content.hexdigest(), images, shards, shard_images, known, unknown, problems))
    repeats.refuse(plan)
    return plan.summary


def _cut(entries: Iterable[Entry], count: int) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while part := list(islice(rest, count)):
        yield part


class _Repeats:
    """Finds what is listed twice, with eight bytes a picture on disk and a sixty-fourth of that in memory."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f".seen-{number:02d}" for number in range(_BUCKETS)]
        self._files = [path.open("wb", buffering=1 << 16) for path in self._paths]

    def add(self, digests: bytes) -> None:
        short = np.frombuffer(digests, np.uint64)[::2]
        buckets = short % _BUCKETS
        order = np.argsort(buckets, kind="stable")
        edges = np.searchsorted(buckets[order], np.arange(_BUCKETS + 1))
        for number, file in enumerate(self._files):
            if edges[number] < edges[number + 1]:
                file.write(short[order[edges[number] : edges[number + 1]]].tobytes())

    def close(self) -> None:
        for file in self._files:
            file.close()

    def refuse(self, plan: Plan) -> None:
        """Raise if a picture is in the plan twice; else remove the temporary files."""
        suspects: set[int] = set()
        for path in self._paths:
            numbers = np.sort(np.fromfile(path, np.uint64))
            suspects.update(numbers[1:][numbers[1:] == numbers[:-1]].tolist())
            path.unlink()
        if not suspects:
            return
        names: set[str] = set()  # two names may share eight bytes: compare them in full
        for shard in range(plan.summary.shards):
            for entry in plan.read_shard(shard):
                digest = hashlib.blake2b(entry.reference.encode(), digest_size=16).digest()
                if int.from_bytes(digest[:8], "little") in suspects:
                    if entry.reference in names:
                        raise LeadlineError(f"{entry.reference} is listed twice: name each picture once")
                    names.add(entry.reference)


def _file_name(number: int) -> str:
    return f"shards-{number:05d}.parquet"
