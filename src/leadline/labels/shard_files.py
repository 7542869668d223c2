"""A shard of labels on disk: a WebDataset tar named by its content, and the manifest's part that makes it count.

A picture's label is in the tar as ``KEY.depth.png`` (or ``KEY.depth.npz``) beside ``KEY.json``, which says where the picture is
and how the label was made, and the picture itself if that was asked for. Files carry no times and no owners: the same labels
give the same bytes.

A shard counts once its part of the manifest exists. Tar first, part second: a worker killed in between leaves a tar that the
next one replaces by the same bytes under the same name. The part is made only if there is none, so that of two workers that
believe to own a shard the first wins and the other takes back what it wrote.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import secrets
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from leadline.errors import LeadlineError
from leadline.io.atomic import TEMPORARY_PREFIX
from leadline.labels.claims import create_whole
from leadline.labels.manifest import Part, count_states, encode_part, part_path, read_part

FOLDER = "shards"


class ShardWriter:
    """Writes one shard; nothing counts until `commit`.

    Args:
        out: folder of the labels.
        shard: the shard's number.

    Raises:
        LeadlineError: the folder can't be written.
    """

    def __init__(self, out: Path, shard: int) -> None:
        self._out, self._shard = out, shard
        self._rows: list[dict[str, Any]] = []
        folder = out / FOLDER
        self._temporary = folder / f"{TEMPORARY_PREFIX}{shard:06d}-{secrets.token_hex(6)}.tar"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{TEMPORARY_PREFIX}{shard:06d}-*.tar"):
                left.unlink(missing_ok=True)  # of a worker that was killed
            self._file = _Hashed(self._temporary.open("xb"))
        except OSError as error:
            raise _unwritable(self._temporary, error) from None
        self._tar = tarfile.open(fileobj=self._file, mode="w|", format=tarfile.USTAR_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115

    def add(self, row: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """Add a picture: its row of the manifest, and the files of its label by suffix; none if it has no label.

        Raises:
            LeadlineError: the disk is full.
        """
        self._rows.append(dict(row))
        try:
            for suffix, data in files.items():
                info = tarfile.TarInfo(f"{row['key']}.{suffix}")
                info.size = len(data)
                self._tar.addfile(info, io.BytesIO(data))
        except OSError as error:
            raise _unwritable(self._temporary, error) from None

    def commit(self, plan: str, teacher: Mapping[str, str], software: str) -> Part | None:
        """Make the shard count; return what its part says, or None if another worker has committed it first.

        Raises:
            LeadlineError: the disk is full.
        """
        try:
            self._tar.close()
            self._file.sync()
            digest, size = self._file.sha256.hexdigest(), self._file.size
            self._file.close()
            tar = self._temporary.with_name(f"shard-{self._shard:06d}-{digest[:16]}.tar")
            try:
                self._temporary.replace(tar)
            except FileNotFoundError:  # taken over, and the new owner has cleared up
                return None
            part = Part(plan, self._shard, tar.name, size, digest, count_states(self._rows), dict(teacher), software)
            path = part_path(self._out, self._shard)
            path.parent.mkdir(exist_ok=True)
            first = create_whole(path, encode_part(self._rows, part))
        except OSError as error:
            raise _unwritable(self._temporary, error) from None
        winner = part if first else read_part(path)
        for other in self._temporary.parent.glob(f"shard-{self._shard:06d}-*.tar"):
            if winner is not None and other.name != winner.tar:
                other.unlink(missing_ok=True)
        return part if first else None

    def discard(self) -> None:
        """Remove what was written; of no effect after `commit`."""
        with contextlib.suppress(OSError, ValueError):
            self._tar.close()  # first: it would complain when it is collected, of a closed file
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def whole_part(out: Path, shard: int, plan: str, sizes: Mapping[str, int] | None = None, verify: bool = False) -> Part | None:
    """Return the part of a shard that is there as a whole, else None.

    Args:
        out: folder of the labels.
        shard: the shard's number.
        plan: hash of the plan that it must belong to.
        sizes: of the files in the folder of shards, if they have been listed.
        verify: compare the tar's checksum, not only its size.

    Raises:
        LeadlineError: the part belongs to another plan.
    """
    path = part_path(out, shard)
    part = read_part(path)
    if part is None:
        return None
    if part.plan != plan:
        teacher = part.teacher.get("name", "another teacher")
        raise LeadlineError(f"{path} belongs to another job (labels by {teacher}): choose another folder for the labels")
    tar = out / FOLDER / part.tar
    size = sizes.get(part.tar, -1) if sizes is not None else tar.stat().st_size if tar.is_file() else -1
    if size != part.tar_bytes:
        return None
    if verify:
        with tar.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
                return None
    return part


def shard_sizes(out: Path) -> dict[str, int]:
    """Return the size of every file of labels by name."""
    try:
        with os.scandir(out / FOLDER) as rows:
            return {row.name: row.stat().st_size for row in rows if not row.name.startswith(TEMPORARY_PREFIX)}
    except FileNotFoundError:
        return {}


def record_json(row: Mapping[str, Any], teacher: Mapping[str, str], software: str) -> bytes:
    """Return the ``KEY.json`` of a label: the picture's row of the manifest, without what is null, and who made the label."""
    known = {name: value for name, value in row.items() if value is not None}
    if "phash" in known:
        known["phash"] = f"{known['phash']:016x}"
    return json.dumps({**known, "teacher": dict(teacher), "software": software}, ensure_ascii=False).encode()


class _Hashed:
    """A file that computes its checksum as it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self.sha256.update(data)
        self.size += len(data)
        return len(data)

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _unwritable(path: Path, error: OSError) -> LeadlineError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return LeadlineError(
            f"can't write to {path.parent}: the disk or quota is full; free some space and run again: finished shards are kept"
        )
    return LeadlineError(f"can't write to {path.parent}: {error.strerror or error}; run again once that is settled")
