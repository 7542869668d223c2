"""The rows of a run that is not finished, so that it can go on after a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from leadline.errors import LeadlineError
from leadline.evaluation.result import Row
from leadline.io.atomic import atomic_write


class PartialRows:
    """Rows by name, appended to a file of JSON lines as they come.

    The first line says which run they are of. A last line that was cut off by a crash is dropped. Rows of unreadable samples
    are kept too: run again without the file once the data are mended.

    Args:
        path: the file, or None to keep rows in memory alone.
        key: what the run depends on: model, data set, protocol.
        resume: False discards what the file holds.

    Raises:
        LeadlineError: the file holds rows of another run, or can't be read or written.
    """

    def __init__(self, path: Path | None, key: Mapping[str, str], *, resume: bool = True) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        self._key = dict(key)
        self._file: IO[str] | None = None
        if path is not None and resume and path.is_file():
            self._read(path)

    def __enter__(self) -> Self:
        if self.path is not None:
            with atomic_write(self.path) as temporary:  # whole rows alone: what a crash cut off goes
                lines = [self._key, *(row.to_dict() for row in self.rows.values())]
                temporary.write_text("".join(_line(content) for content in lines), encoding="utf-8")
            self._file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Row) -> None:
        """Keep a row."""
        self.rows[row.name] = row
        self._write(row.to_dict())

    def remove(self) -> None:
        """Delete the file, once the rows are safe elsewhere."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _write(self, content: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(_line(content))
            self._file.flush()

    def _read(self, path: Path) -> None:
        try:
            lines = path.read_text("utf-8", errors="replace").splitlines()
        except OSError as error:
            raise LeadlineError(f"can't read {path}: {error.strerror}; remove it or choose another --json") from None
        for number, line in enumerate(lines):
            try:
                content = json.loads(line)
                if number:
                    row = Row.from_dict(content)
                    self.rows[row.name] = row
            except (ValueError, KeyError, TypeError, AttributeError):
                if number and number == len(lines) - 1:
                    return  # cut off while it was written
                raise LeadlineError(f"{path}: line {number + 1} is no row; remove the file, or give --no-resume") from None
            if not number and content != self._key:
                other = next(name for name in self._key if content.get(name) != self._key[name])
                raise LeadlineError(
                    f"{path} holds rows of another {other}: give --no-resume to start over, or another --json to keep both"
                )


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"
