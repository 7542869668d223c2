"""Jobs and their files: each has a folder of its own with a name of ours, which is gone when the job is."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from leadline.server.errors import Refusal
from leadline.server.private_folder import PrivateFolder

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
CANCELLED_BY_USER = "cancelled"
SHUTTING_DOWN = "cancelled: the server was shut down; send it again when it is back"
# What is left of a disk for everything else.
_LEAST_FREE_BYTES = 512 << 20
_RETRY_S = 30.0
_log = logging.getLogger("leadline.server")


class JobCancelled(Exception):
    """The job is to end now."""


@dataclass(frozen=True)
class JobOptions:
    """What a job makes.

    Attributes:
        output: "preview", "png16" or "npz".
        model: name of the predictor.
        colormap: of previews.
        side_by_side: previews show the picture beside its depth.
    """

    output: str
    model: str
    colormap: str = "inferno"
    side_by_side: bool = False


class Job:
    """One job. Its state may be changed and watched from any thread and event loop.

    Attributes:
        id: cannot be guessed, and names the folder.
        folder: where its files lie.
        state: see `State`.
        kind: "video" or "zip", once the file has been looked at.
        total: pictures or frames, or None if that is not known.
        done, failed: how many of them came out well, and how many did not.
        message: what the user should know, in sentences; None if there is nothing.
        name: that of the file that was sent, made safe; "" before it came.
        options: what to make.
        result: the finished file, or None.
    """

    def __init__(self, folder: Path) -> None:
        self.id, self.folder = folder.name, folder
        self.state: State = "queued"
        self.kind: Literal["video", "zip"] = "zip"
        self.total: int | None = None
        self.done = self.failed = 0
        self.message: str | None = None
        self.name = ""
        self.options = JobOptions("preview", "")
        self.result: Path | None = None
        self.expires_at: float | None = None
        self._started, self._ended = 0.0, 0.0
        self._lock = threading.Lock()
        self._watchers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._reason: str | None = None
        self._pending: Future[Any] | None = None

    @property
    def input(self) -> Path:
        """Where the file that was sent lies."""
        return self.folder / "input"

    @property
    def ended(self) -> bool:
        """Whether it changes no more."""
        return self.state in ENDED

    def without_paths(self, text: str) -> str:
        """Return a sentence for the user in which the server's paths are the names of what was sent and made."""
        return text.replace(str(self.input), self.name or "the file").replace(f"{self.folder}/", "")

    def record(self) -> dict[str, Any]:
        """Return what users see of it. Times are in seconds, `expires_at` since 1970."""
        with self._lock:
            until = self._ended or time.time()
            return {
                "id": self.id, "state": self.state, "kind": self.kind, "total": self.total, "done": self.done,
                "failed": self.failed, "seconds": round(until - self._started, 3) if self._started else None,
                "expires_at": None if self.expires_at is None else round(self.expires_at, 3), "message": self.message,
            }  # fmt: skip

    def start(self) -> bool:
        """Let a queued job run; False if it was cancelled meanwhile."""
        with self._lock:
            if self.state != "queued":
                return False
            self.state, self._started = "running", time.time()
        self._tell()
        return True

    def advance(self, *, total: int | None = None, done: int = 0, failed: int = 0) -> None:
        """Count what is done, and tell those who watch; the record of a job that has ended stays as it is."""
        with self._lock:
            if self.state in ENDED:
                return
            self.total = self.total if total is None else total
            self.done += done
            self.failed += failed
        self._tell()

    def end(self, state: State, message: str | None, expires_at: float, result: Path | None = None) -> bool:
        """End it; False if it has ended already."""
        with self._lock:
            if self.state in ENDED:
                return False
            self.state, self.message, self.result = state, message, result
            self._ended, self.expires_at = time.time(), expires_at
        self._tell()
        return True

    def cancel(self, reason: str) -> None:
        """Ask the thread that works on it to stop; work that waits for the network is dropped at once."""
        with self._lock:
            self._reason = self._reason or reason
            pending = self._pending
        if pending is not None:
            pending.cancel()

    @property
    def cancel_reason(self) -> str | None:
        """Why it is to stop, or None."""
        return self._reason

    def raise_if_cancelled(self) -> None:
        """Stop the thread that works on it, if that was asked for.

        Raises:
            JobCancelled: it was.
        """
        if self._reason is not None:
            raise JobCancelled(self._reason)

    def hold(self, pending: Future[Any] | None) -> None:
        """Say what the job waits for, so that `cancel` can drop it, before or after; None for nothing."""
        with self._lock:
            self._pending = pending
            cancelled = self._reason is not None
        if cancelled and pending is not None:
            pending.cancel()

    def watch(self) -> tuple[asyncio.Event, Callable[[], None]]:
        """Return an event of the running loop that is set at each change, and what ends the watching."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._watchers.add(entry)

        def stop() -> None:
            with self._lock:
                self._watchers.discard(entry)

        return entry[1], stop

    def _tell(self) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for loop, event in watchers:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)


class JobStore:
    """All jobs of a server.

    Args:
        parent: folder in which a private one is made when the first job comes.
        ttl_s: how long a job is kept after its end.
        most: how many may wait or be sent at the same time.
    """

    def __init__(self, parent: Path, ttl_s: float, most: int) -> None:
        self._parent, self._ttl_s, self._most = parent, ttl_s, most
        self._root: PrivateFolder | None = None
        self._jobs: dict[str, Job] = {}
        self._lock, self._ending = threading.Lock(), threading.Lock()
        self._closed = False

    def new(self, size: int = 0) -> Job:
        """Return a job with an empty folder; it counts as waiting from now on.

        Args:
            size: bytes that are to come, as far as the request says so.

        Raises:
            Refusal: 429 if too many wait, 503 if the server shuts down or the disk is full.
        """
        with self._lock:
            if self._closed:
                raise Refusal(503, "shutting_down", "the server is shutting down: try again when it is back", _RETRY_S)
            waiting = sum(job.state == "queued" for job in self._jobs.values())
            if waiting >= self._most:
                raise Refusal(429, "too_many_jobs", f"{waiting} jobs wait already: try again when one has ended", _RETRY_S)
            root = self._made_root().path
            # As much again for the result, which is often larger, but then the job says so when the disk is full.
            if shutil.disk_usage(root).free < 2 * size + _LEAST_FREE_BYTES:
                raise Refusal(503, "disk_full", "the server's disk has no room for this job: send a smaller file", _RETRY_S)
            folder = root / secrets.token_hex(16)
            folder.mkdir(mode=0o700)
            job = self._jobs[folder.name] = Job(folder)
            return job

    def get(self, id: str) -> Job | None:
        """Return a job, or None if there is none of that name, or no longer."""
        self.sweep()
        with self._lock:
            return self._jobs.get(id)

    def end(self, job: Job, state: State, message: str | None = None, result: Path | None = None) -> None:
        """End a job, and remove its files but for the result; one that has ended already loses the files that it made since.

        They go first, so that whoever hears of the end finds them gone.
        """
        with self._ending:
            _remove_all_but(job.folder, job.result if job.ended else result)
            job.end(state, message, time.time() + self._ttl_s, result)

    def remove(self, job: Job) -> None:
        """Forget a job and remove its files."""
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what has expired."""
        now = time.time()
        with self._lock:
            expired = [job for job in self._jobs.values() if job.expires_at is not None and job.expires_at <= now]
        for job in expired:
            self.remove(job)

    def close(self) -> None:
        """Remove all files; no job can be made from now on."""
        with self._lock:
            self._closed = True
            jobs, root = list(self._jobs.values()), self._root
        for job in jobs:
            if not job.ended:
                job.cancel(SHUTTING_DOWN)
                self.end(job, "cancelled", SHUTTING_DOWN)
        if root is not None:
            root.remove()

    def _made_root(self) -> PrivateFolder:
        if self._root is None:
            try:
                self._root = PrivateFolder(self._parent)
            except OSError as error:
                _log.error("can't make a folder for jobs in %s: %s; start with another job_dir", self._parent, error.strerror)
                raise Refusal(503, "no_folder", "the server has no folder for jobs: its log says why", _RETRY_S) from None
        return self._root


def _remove_all_but(folder: Path, kept: Path | None) -> None:
    """Remove a folder with what is in it; with a file to keep, all but that."""
    if kept is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path != kept:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
