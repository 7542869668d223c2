"""A job on a server: follow it, stop it, fetch what it made."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from leadline.client.transport import Transport
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write

_ENDED = ("done", "failed", "cancelled")
_PIECE = 1 << 20
# A stream of events that breaks off is opened again; so many times in a row without a single event, and no more.
_MOST_BREAKS = 5


@dataclass(frozen=True)
class JobRecord:
    """A job as the server keeps it.

    Attributes:
        id: of the job.
        state: see there.
        kind: what was sent.
        total: frames or pictures, or None while that is not known.
        done, failed: how many came out well, and how many did not.
        seconds: since work on it began, or None.
        expires_at: when it is removed, in seconds since 1970, or None.
        message: what one should know, or None.
    """

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    kind: Literal["video", "zip"]
    total: int | None
    done: int
    failed: int
    seconds: float | None
    expires_at: float | None
    message: str | None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> JobRecord:
        """Read a record.

        Raises:
            LeadlineError: it is none.
        """
        try:
            return cls(**{name: row[name] for name in cls.__dataclass_fields__})
        except (KeyError, TypeError) as error:
            raise LeadlineError(f"a job's record that can't be read ({error!r}): is this a leadline server?") from None


class Job:
    """One job.

    Attributes:
        id: of the job.

    Args:
        transport: to its server.
        id: see there.
    """

    def __init__(self, transport: Transport, id: str) -> None:
        self._transport, self.id = transport, id

    @property
    def record(self) -> JobRecord:
        """How far it is, asked now."""
        return JobRecord.from_json(self._transport.ask("GET", self._path).json())

    def wait(self, progress: Callable[[JobRecord], object] | None = None) -> JobRecord:
        """Return the last record when the job is done; its events are followed meanwhile.

        Args:
            progress: called with each record.

        Raises:
            LeadlineError: it failed or was cancelled, with its message; or the server can't be reached.
        """
        breaks = 0
        while True:
            record: JobRecord | None = None
            try:
                for record in self._events():
                    breaks = 0
                    if progress is not None:
                        progress(record)
            except (OSError, http.client.HTTPException):
                pass  # the connection broke; the next one begins with the newest record
            if record is not None and record.state in _ENDED:
                break
            breaks += 1
            if breaks > _MOST_BREAKS:
                raise LeadlineError(f"the events of job {self.id} break off at once: ask for its record now and then instead")
            time.sleep(min(5.0, 0.2 * 2**breaks))
        if record.state != "done":
            raise LeadlineError(f"the job ended {record.state}: {record.message or 'no reason is given'}")
        return record

    def cancel(self) -> JobRecord:
        """Stop it and remove its files; one that has ended is forgotten by the server."""
        return JobRecord.from_json(self._transport.ask("DELETE", self._path).json())

    def save(self, path: str | PathLike[str]) -> Path:
        """Write its result, an MP4 or a zip, whole or not at all.

        Raises:
            LeadlineError: it is not done, or the file can't be written.
        """
        path = Path(path)
        with self._transport.stream(f"{self._path}/result") as response:
            expected, written = response.length, 0
            try:
                with atomic_write(path) as temporary, temporary.open("wb") as file:
                    while piece := response.read(_PIECE):
                        written += file.write(piece)
                    if expected is not None and written < expected:
                        raise LeadlineError(f"the result of job {self.id} broke off after {written} bytes: fetch it again")
            except http.client.HTTPException as error:
                raise LeadlineError(f"the result of job {self.id} broke off ({error!r:.60}): fetch it again") from None
        return path

    @property
    def _path(self) -> str:
        return f"/v1/jobs/{self.id}"

    def _events(self) -> Iterator[JobRecord]:
        """Yield the records of the events until the stream ends (WHATWG HTML, section 9.2.6)."""
        data: list[str] = []
        with self._transport.stream(f"{self._path}/events") as response:
            while line := response.readline():
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if text.startswith("data:"):
                    data.append(text[5:].removeprefix(" "))
                elif not text and data:
                    try:
                        row = json.loads("\n".join(data))
                    except ValueError:
                        raise LeadlineError("an event that is not JSON: is this a leadline server?") from None
                    yield JobRecord.from_json(row)
                    data.clear()
