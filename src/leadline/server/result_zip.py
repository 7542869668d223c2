"""The zip that a job answers with: depth maps under safe names, and a report with one line for each picture."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write

REPORT = "report.json"
MOST_RESULT_BYTES = 8 << 30


class ResultZip:
    """A zip that appears under its name when the block ends well, and not at all when it fails.

    The maps are stored as they are: their formats pack them already, or trade size for speed on purpose.

    Args:
        path: of the zip.
        about: what holds for all: kind, unit, model, ...
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path, self._about = path, dict(about)
        self._lines: list[str] = []
        self._bytes = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_write(self._path))
            self._zip = stack.enter_context(zipfile.ZipFile(temporary, "w"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self._stack.__exit__(*error)
            return
        with self._stack:
            self._zip.writestr(REPORT, self._report(), zipfile.ZIP_DEFLATED)

    def move_in(self, path: Path, name: str) -> None:
        """Store a file under a name, and remove it.

        Raises:
            LeadlineError: the zip becomes larger than `MOST_RESULT_BYTES`.
        """
        self._bytes += path.stat().st_size
        if self._bytes > MOST_RESULT_BYTES:
            raise LeadlineError(
                f"the result is larger than {MOST_RESULT_BYTES >> 30} GiB: send fewer pictures at once, or ask for png16"
            )
        # Not ZipFile.write, which refuses files from before 1980: a server without a clock has them.
        with path.open("rb") as file, self._zip.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
            shutil.copyfileobj(file, entry, 1 << 20)
        path.unlink()

    def add_line(self, **fields: Any) -> None:
        """Append a picture's line to the report."""
        self._lines.append(json.dumps(fields, ensure_ascii=False))

    def _report(self) -> str:
        head = json.dumps(self._about, ensure_ascii=False)[1:-1]
        return f'{{{head},\n"pictures": [\n' + ",\n".join(self._lines) + "\n]}\n"
