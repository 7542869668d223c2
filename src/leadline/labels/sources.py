"""Where pictures to label come from: files, folders, globs, lists, tar shards and Parquet files, here or behind a URL.

A source is listed as a stream in a fixed order, folder by folder, so that tens of millions of pictures need no more memory than
the largest folder. Listing opens no picture: it reads the headers of tar files and the footers of Parquet files.
"""

from __future__ import annotations

import contextlib
import glob
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast

from leadline.errors import LeadlineError
from leadline.io.image import IMAGE_SUFFIXES, OUTPUT_STEMS
from leadline.runtime.engine import one_line

LIST_SUFFIXES = (".txt", ".lst")
TAR, PARQUET = ".tar", ".parquet"
# Names under which data sets keep encoded pictures, should a Parquet file have several columns of bytes.
_COLUMNS = ("image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo", "image_bytes", "bytes")


class Entry(NamedTuple):
    """One picture of a source.

    Attributes:
        source: path or URL of the file that holds it.
        member: its name in a tar, its row in a Parquet file; "" if the file is the picture.
        offset: where its bytes begin in a tar; its row in a Parquet file.
        size: its bytes; of a Parquet row the average over its row group, and -1 where listing does not tell.
        problem: why it can't be read, where listing found out; else "".
    """

    source: str
    member: str = ""
    offset: int = 0
    size: int = -1
    problem: str = ""

    @property
    def reference(self) -> str:
        """The picture's name in one string."""
        return f"{self.source}#{self.member}" if self.member else self.source


class _Child(NamedTuple):
    path: str
    is_folder: bool
    size: int


def iter_entries(inputs: Sequence[str]) -> Iterator[Entry]:
    """List the pictures of all inputs in a fixed order.

    Args:
        inputs: pictures, folders (searched deep, hidden files left out), globs, lists (``.txt``, one path or URL a line,
            relative to the list), tar files, Parquet files with encoded pictures; each a path or a URL that fsspec knows.

    Raises:
        LeadlineError: an input does not exist, can't be read or holds no pictures.
    """
    for text in inputs:
        found = False
        for entry in _of_input(text):
            found = True
            yield entry
        if not found:
            raise LeadlineError(
                f"no pictures in {text!r}: expected a folder, a glob, a list (.txt), a .tar or a .parquet with some"
            )


def is_url(text: str) -> bool:
    """Whether fsspec has to read it."""
    return "://" in text


def open_source(source: str) -> BinaryIO:
    """Open a file or URL for reading.

    Raises:
        LeadlineError: it does not exist or can't be read.
    """
    try:
        if not is_url(source):
            return Path(source).open("rb")
        system, path = file_system(source)
        return cast(BinaryIO, system.open(path, "rb"))
    except LeadlineError:
        raise
    except Exception as error:  # of whatever package stands behind the URL
        raise unreadable(source, error) from None


def file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the path in it.

    Raises:
        LeadlineError: fsspec, or the package for this sort of URL, is missing.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise LeadlineError(f"{url} needs another package: pip install 'leadline[labels]', or copy it here") from None
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise LeadlineError(f"can't open {url}: {one_line(error)}") from None
    return found


def unreadable(source: str, error: Exception) -> LeadlineError:
    """Return the error of a source that can't be read."""
    if isinstance(error, FileNotFoundError):
        return LeadlineError(f"no file {source}: check the name")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {one_line(error)}"
    return LeadlineError(f"can't read {source}: {reason}; check that you may read it from here")


def _of_input(text: str) -> Iterator[Entry]:
    if is_url(text):
        system, path = file_system(text)
        try:
            if glob.has_magic(path):
                for match in sorted(system.glob(path)):
                    yield from _of_file(system.unstrip_protocol(match), -1)
                return
            about = system.info(path)
        except Exception as error:
            raise unreadable(text, error) from None
        if about["type"] == "directory":
            yield from _of_folder(text)
            return
        yield from _of_list(text) if _is_list(text) else _of_file(text, _size(about))
    elif os.path.isdir(text):  # noqa: PTH112, a list may name millions
        yield from _of_folder(text)
    elif os.path.isfile(text):  # noqa: PTH113
        yield from _of_list(text) if _is_list(text) else _of_file(text, Path(text).stat().st_size)
    elif glob.has_magic(text):
        for match in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207
            if os.path.isfile(match):  # noqa: PTH113
                yield from _of_file(match, Path(match).stat().st_size)
    else:
        raise LeadlineError(f"no file or folder {text!r}: check the name")


def _of_folder(folder: str) -> Iterator[Entry]:
    for child in _children(folder):
        if child.is_folder:
            yield from _of_folder(child.path)
        elif _is_wanted(child.path):
            yield from _of_file(child.path, child.size)


def _children(folder: str) -> list[_Child]:
    """Return what lies in a folder, by name; hidden ones left out."""
    try:
        if is_url(folder):
            system, path = file_system(folder)
            listed = [
                _Child(system.unstrip_protocol(row["name"]), row["type"] == "directory", _size(row))
                for row in system.ls(path, detail=True)
                if row["name"].rstrip("/") != path.rstrip("/")  # object stores list the folder itself
            ]
        else:
            with os.scandir(folder) as rows:
                listed = [_Child(row.path, row.is_dir(), 0 if row.is_dir() else row.stat().st_size) for row in rows]
    except Exception as error:
        raise unreadable(folder, error) from None
    return sorted(child for child in listed if not PurePosixPath(child.path).name.startswith("."))


def _of_file(source: str, size: int) -> Iterator[Entry]:
    lower = source.lower()
    if lower.endswith(TAR):
        return _of_tar(source)
    if lower.endswith(PARQUET):
        return _of_parquet(source)
    if lower.endswith((".tar.gz", ".tgz", ".zip")):
        raise LeadlineError(f"{source} is compressed as a whole, so that no part can be read alone: unpack it to a .tar")
    return iter([Entry(source, size=size)])


def _of_list(source: str) -> Iterator[Entry]:
    base = source.rpartition("/")[0] if is_url(source) else str(Path(source).parent)
    with open_source(source) as file:
        for line in file:
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError:
                raise LeadlineError(f"{source} is no list: expected UTF-8 text with one path or URL a line") from None
            if not text or text.startswith("#"):
                continue
            path = text if is_url(text) or text.startswith("/") else f"{base}/{text}"
            size = -1
            if not is_url(path):
                with contextlib.suppress(OSError):  # what is wrong is recorded when it is read
                    size = os.stat(path).st_size  # noqa: PTH116
            yield from _of_file(path, size)


def _of_tar(source: str) -> Iterator[Entry]:
    count = 0
    with open_source(source) as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for info in archive:
                    cast(Any, archive).members = []  # tarfile would keep them all
                    if info.isfile() and _is_wanted(info.name) and not info.name.lower().endswith((TAR, PARQUET)):
                        count += 1
                        yield Entry(source, info.name, info.offset_data, info.size)
        except (tarfile.TarError, EOFError) as error:
            yield Entry(source, "(rest)", problem=f"the tar is damaged or cut short after {count} pictures ({one_line(error)})")


def _of_parquet(source: str) -> Iterator[Entry]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    with open_source(source) as file:
        try:
            about = parquet.ParquetFile(file)
        except (arrow.ArrowInvalid, OSError) as error:
            yield Entry(source, "(rest)", problem=f"the Parquet file is damaged or cut short ({one_line(error)})")
            return
        column = image_column(about.schema_arrow, source)
        chunk = [about.metadata.schema.column(i).path for i in range(about.metadata.num_columns)].index(column)
        row = 0
        for number in range(about.num_row_groups):
            group = about.metadata.row_group(number)
            size = group.column(chunk).total_uncompressed_size // max(1, group.num_rows)
            for _ in range(group.num_rows):
                yield Entry(source, str(row), row, size)
                row += 1


def image_column(schema: Any, source: str) -> str:
    """Return the path of the column of encoded pictures: bytes, or a struct with ``bytes`` as Hugging Face writes them.

    Raises:
        LeadlineError: there is none, or more than one could be it.
    """
    import pyarrow.types as types

    def is_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    found = [field.name for field in schema if is_bytes(field.type)]
    for field in schema:
        if types.is_struct(field.type):
            found += [f"{field.name}.bytes" for part in field.type if part.name == "bytes" and is_bytes(part.type)]
    named = [path for path in found if path.partition(".")[0] in _COLUMNS]
    if len(found) == 1 or len(named) == 1:
        return str((named or found)[0])
    raise LeadlineError(
        f"{source} has {len(found)} columns of bytes ({', '.join(found) or 'none'}): expected one of encoded pictures, "
        "or one of them named image"
    )


def _is_list(source: str) -> bool:
    return source.lower().endswith(LIST_SUFFIXES)


def _is_wanted(path: str) -> bool:
    name = path.lower().rpartition("/")[2]
    stem, suffix = os.path.splitext(name)  # noqa: PTH122, a Path for each of a million names is slow
    if name.startswith("."):
        return False
    return suffix in (TAR, PARQUET) or (suffix in IMAGE_SUFFIXES and not stem.endswith(OUTPUT_STEMS))


def _size(about: dict[str, Any]) -> int:
    size = about.get("size")
    return -1 if size is None else int(size)
