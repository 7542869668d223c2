"""A folder of this process alone. What a process that was killed left behind is removed by the next one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "leadline-jobs-"
_LOCK = "in-use"


class PrivateFolder:
    """A folder that only its owner can read, made in `parent`, and locked as long as the process lives.

    Attributes:
        path: of the folder.

    Args:
        parent: made if it is not there. Folders in it whose lock nobody holds are removed.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        for other in parent.glob(f"{_PREFIX}*"):
            _remove_if_left_behind(other)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        # Named after it is locked: one that is found under its name and can be locked has lost its owner.
        unnamed = self.path / f"{_LOCK}.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT, 0o600)
        _is_locked(self._lock)
        unnamed.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_if_left_behind(folder: Path) -> None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:  # another user's, or just being made
        return
    try:
        if _is_locked(lock):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _is_locked(file: int) -> bool:
    """Lock a file for this process; False if another one holds it, or where files can't be locked."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
