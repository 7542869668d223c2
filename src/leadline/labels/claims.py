"""Claims on work that several processes share, as files in a folder that all of them see.

A claim is made by a file that must not exist yet. Its owner touches it every few seconds; a claim whose owner is known to be
dead, or that nobody has touched for long, is taken over. Claims only save double work: should two workers ever believe to own
one shard, the first to commit it wins (`leadline.labels.shard_files`).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock, Thread

from leadline.io.atomic import TEMPORARY_PREFIX

BEAT_S = 10.0
STALE_S = 120.0


def create_whole(path: Path, data: bytes) -> bool:
    """Write a file whole if there is none of this name; return whether this call has made it.

    The content is written under a temporary name and linked to its own, which fails if that exists. Where the file system has
    no hard links, the file is created empty and then filled, and a reader must be ready for one cut short.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{path.suffix[:16]}")
    try:
        temporary.write_bytes(data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError:
                return False
        return True
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


class Claims:
    """The claims of one worker.

    Args:
        folder: of the claim files; made if absent.
        stale_s: a claim of a worker on another machine is dead if it has not been touched for so long while this one looked.
        beat_s: how often own claims are touched.
    """

    def __init__(self, folder: Path, stale_s: float = STALE_S, beat_s: float = BEAT_S) -> None:
        self._folder = folder
        self._stale_s = stale_s
        self._me = {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid()), "token": secrets.token_hex(8)}
        self._held: set[str] = set()
        self._seen: dict[str, tuple[int, float]] = {}  # claim of another: when it was touched, and since when that is known
        self._lock, self._stop = Lock(), Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = Thread(target=self._beat, args=(beat_s,), name="leadline-claims", daemon=True)
        self._thread.start()

    def take(self, name: str) -> bool:
        """Claim `name`; return whether it is this worker's now."""
        path = self._path(name)
        text = json.dumps(self._me).encode()
        if not create_whole(path, text):
            if name in self._held or not self._is_dead(name):
                return False
            with self._one_at_a_time():
                if not self._is_dead(name):
                    return False  # another has taken it over meanwhile
                path.unlink(missing_ok=True)
                if not create_whole(path, text):
                    return False
        with self._lock:
            self._held.add(name)
        return True

    def release(self, name: str) -> None:
        """Give a claim back, or forget one that another worker has taken over."""
        with self._lock:
            self._held.discard(name)
        path = self._path(name)
        if (self._owner(path) or {}).get("token") == self._me["token"]:
            path.unlink(missing_ok=True)

    @property
    def token(self) -> str:
        """What tells this worker's claims from all others."""
        return str(self._me["token"])

    def drop(self, name: str, token: str) -> None:
        """Remove a claim of the worker with this `token`, which is known to be gone."""
        path = self._path(name)
        with self._one_at_a_time():
            if (self._owner(path) or {}).get("token") == token:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give all claims back."""
        self._stop.set()
        self._thread.join()
        for name in list(self._held):
            with contextlib.suppress(OSError):
                self.release(name)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.claim"

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let one process at a time take a dead claim over, so that none removes what another has just made.

        The system frees this lock when its holder dies. Where there are no such locks, two may take one claim over.
        """
        with (self._folder / ".takeover").open("ab") as file:
            with contextlib.suppress(ImportError, OSError):
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _beat(self, every_s: float) -> None:
        while not self._stop.wait(every_s):
            with self._lock:
                held = list(self._held)
            for name in held:
                with contextlib.suppress(OSError):
                    os.utime(self._path(name))

    def _is_dead(self, name: str) -> bool:
        path = self._path(name)
        try:
            touched = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False  # given back this moment: the next round gets it
        owner = self._owner(path)
        if owner and owner.get("host") == self._me["host"]:
            return _born(int(owner["pid"])) != owner["born"]
        # By this machine's clock alone: those of others may be wrong.
        before, since = self._seen.get(name, (0, 0.0))
        now = time.monotonic()
        if before != touched:
            self._seen[name] = (touched, now)
            return False
        return now - since > self._stale_s

    @staticmethod
    def _owner(path: Path) -> dict[str, str | int] | None:
        try:
            owner = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return owner if isinstance(owner, dict) else None


def _born(pid: int) -> str:
    """Return when a process of this machine was started, "" if there is none; numbers of processes are used again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
        try:  # no /proc (macOS): whether there is one must do
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            pass
        return "alive"
    state, _, _, *rest = stat.rpartition(")")[2].split()
    return "" if state in ("Z", "X") else rest[16]  # field 22 of proc(5): start time; a zombie works no more
