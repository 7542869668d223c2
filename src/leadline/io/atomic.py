"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadline.errors import LeadlineError

# Unfinished files are hidden, so that a scan of the folder never takes one for a result.
TEMPORARY_PREFIX = ".leadline-"


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds, remove it when it fails.

    The temporary name is hidden and keeps the suffix, on which many writers dispatch. Missing parent folders are made. A
    failure of any sort, Ctrl-C included, leaves what was at `path` before untouched. Two writers of one path don't mix: the
    last to finish wins. There is no fsync: the promise holds against crashes of the program, not of the machine.

    Raises:
        LeadlineError: the folder or the file can't be written (permission, full disk, ...): one line that says why.
    """
    path = Path(path)
    # Of fixed length, because the longest allowed name leaves no room for a prefix.
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{path.suffix[:16]}")
    try:
        if path.is_dir():
            raise LeadlineError(f"can't write {path}: it is a folder; give a file's name")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if _concerns_another_file(error, temporary):
            raise
        raise LeadlineError(f"can't write {path}: {_reason(error)}") from None
    finally:
        # After success the temporary name is gone already. A folder that can't be read has nothing to remove.
        try:  # noqa: SIM105, contextlib.suppress would hide a KeyboardInterrupt's place
            temporary.unlink(missing_ok=True)
        except OSError:
            pass


def _concerns_another_file(error: OSError, temporary: Path) -> bool:
    """Whether the block failed at a file outside the target's folder tree, for instance one that it was reading."""
    if not isinstance(error.filename, str | bytes):
        return False
    named = Path(os.fsdecode(error.filename))
    return named != temporary and named not in temporary.parents


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return "the disk or quota is full; free some space or write elsewhere"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "no permission; choose a folder that you may write to"
        case errno.ENOTDIR | errno.EEXIST:
            return "a part of its path is a file, not a folder; choose another folder"
        case errno.ENAMETOOLONG:
            return "the name is too long; choose a shorter one"
        case None:  # NumPy's tofile reports a short write without a number
            return f"{error or 'the write was cut short'}; is the disk full?"
        case _:
            return f"{error.strerror or error}; choose another place"
