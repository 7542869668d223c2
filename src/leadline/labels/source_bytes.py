"""The bytes of listed pictures, each read alone: a range of a tar, a row of a Parquet file, a whole file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from leadline.errors import LeadlineError
from leadline.labels.sources import PARQUET, Entry, file_system, image_column, is_url, open_source, unreadable
from leadline.runtime.engine import one_line

# A larger file is no photo, and would be in memory as a whole before its header is looked at.
MAX_BYTES = 1 << 30
_ATTEMPTS = 3
_PARQUET_BATCH = 16


class Item(NamedTuple):
    """A picture to read, with its bytes where they came along with its neighbours'."""

    entry: Entry
    data: bytes | None = None


def iter_items(entries: Iterable[Entry]) -> Iterator[Item]:
    """Yield an item for each entry, in order; rows of Parquet files, which can't be read alone, come with their bytes."""
    for (source, is_rows), group in groupby(entries, lambda entry: (entry.source, _is_row(entry))):
        if is_rows:
            yield from _rows(source, list(group))
        else:
            yield from (Item(entry) for entry in group)


def read_bytes(item: Item, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a picture's encoded bytes; a URL is tried three times.

    Raises:
        LeadlineError: it can't be read, is empty, cut short, or larger than `max_bytes`.
    """
    entry = item.entry
    if entry.problem:
        raise LeadlineError(entry.problem)
    size = entry.size if item.data is None else len(item.data)
    data = item.data
    if size <= max_bytes and data is None:
        data = _from_url(entry, max_bytes) if is_url(entry.source) else _from_file(entry, max_bytes)
        size = len(data)
    if size > max_bytes:
        raise LeadlineError(f"it has more than {max_bytes / 1e6:.0f} MB: shrink it or cut it into parts")
    if not data:
        raise LeadlineError("it is empty (0 bytes); get a whole copy")
    if entry.member and item.data is None and len(data) < entry.size:
        raise LeadlineError(f"cut short: {len(data)} of {entry.size} bytes are in {entry.source}; get a whole copy")
    return data


def _from_file(entry: Entry, max_bytes: int) -> bytes:
    try:
        with open_source(entry.source) as file:
            if entry.member:
                file.seek(entry.offset)
                return file.read(entry.size)
            return file.read(max_bytes + 1)
    except OSError as error:
        raise unreadable(entry.source, error) from None


def _from_url(entry: Entry, max_bytes: int) -> bytes:
    system, path = file_system(entry.source)
    for attempt in range(_ATTEMPTS):
        try:
            if entry.member:
                data: bytes = system.cat_file(path, start=entry.offset, end=entry.offset + entry.size)
            elif entry.size >= 0:
                data = system.cat_file(path)
            else:
                with system.open(path, "rb") as file:
                    data = file.read(max_bytes + 1)
            return data
        except Exception as error:  # of whatever package stands behind the URL
            if attempt == _ATTEMPTS - 1 or isinstance(error, FileNotFoundError | PermissionError):
                raise unreadable(entry.source, error) from None
            time.sleep(0.5 * 2**attempt)
    raise AssertionError  # the loop returns or raises


def _rows(source: str, entries: list[Entry]) -> Iterator[Item]:
    """Yield rows of one file, some at a time; after a failure the rest with what was wrong."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    left = iter(entries)
    entry = next(left)
    try:
        with open_source(source) as file:
            about = parquet.ParquetFile(file)
            column = image_column(about.schema_arrow, source)
            wanted, row = _groups(about, entries[0].offset, entries[-1].offset)
            for batch in about.iter_batches(_PARQUET_BATCH, row_groups=wanted, columns=[column]):
                values: Any = batch.column(0)
                if "." in column:
                    values = values.field("bytes")
                for value in values:
                    if row == entry.offset:
                        yield Item(entry, value.as_py() or b"")
                        following = next(left, None)
                        if following is None:
                            return
                        entry = following
                    row += 1
        reason = "the Parquet file has fewer rows than when it was listed"
    except (LeadlineError, arrow.ArrowInvalid, OSError) as error:
        reason = f"can't read the Parquet file: {one_line(error)}"
    yield from (Item(one._replace(problem=reason)) for one in (entry, *left))


def _groups(about: Any, first: int, last: int) -> tuple[list[int], int]:
    """Return the row groups that hold rows `first` to `last`, and the row that these begin with."""
    wanted: list[int] = []
    begin = start = 0
    for number in range(about.num_row_groups):
        stop = start + about.metadata.row_group(number).num_rows
        if start <= last and stop > first:
            begin = begin if wanted else start
            wanted.append(number)
        start = stop
    return wanted, begin


def _is_row(entry: Entry) -> bool:
    return bool(entry.member) and not entry.problem and entry.source.lower().endswith(PARQUET)
