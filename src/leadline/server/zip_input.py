"""Pictures in a zip that a stranger sent: limited in number and size as they are read, never unpacked under their names."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from leadline.errors import LeadlineError
from leadline.io.image import IMAGE_SUFFIXES, OUTPUT_STEMS

MOST_ENTRIES = 5_000
# Of all pictures of one zip together, unpacked.
MOST_UNPACKED_BYTES = 8 << 30
# The list of entries is read at once; a longer one than this names more entries than are allowed.
_MOST_BYTES_AT_ONCE = 4 << 20
_PIECE = 1 << 16
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".jar")
_ENCRYPTED = 1
_LONGEST_PART, _LONGEST_NAME = 100, 200
# Names that Windows takes for devices, whatever their suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@dataclass(frozen=True)
class ZipLimits:
    """What is refused.

    Attributes:
        entries: more entries than this, folders and other files counted.
        entry_bytes: a picture that unpacks to more.
        total_bytes: pictures that together unpack to more.
    """

    entries: int = MOST_ENTRIES
    entry_bytes: int = 256 << 20
    total_bytes: int = MOST_UNPACKED_BYTES


@dataclass(frozen=True)
class ZipEntry:
    """One picture of a zip, or why it is none.

    Attributes:
        name: as the zip has it, for people to read; never a path.
        safe_name: a relative path without "..", unique in its zip whatever the case of its letters; for the results' zip.
        ignored: why it is left out, or None for a picture.
    """

    name: str
    safe_name: str
    ignored: str | None = None


class ZipInput:
    """The pictures of a zip, in the order that it lists them.

    Args:
        path: of the zip, where the server itself put it.
        limits: what is refused.

    Raises:
        LeadlineError: it is no zip, it is damaged, or it lists more entries than allowed.
    """

    def __init__(self, path: Path, limits: ZipLimits | None = None) -> None:
        self._limits = limits or ZipLimits()
        self._left = self._limits.total_bytes
        self._file = _SmallReads(path)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except LeadlineError:
            self._file.close()
            raise
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            self._file.close()
            raise LeadlineError(f"the zip can't be read ({error}): it is damaged or cut off; send a whole one") from None
        listed = self._zip.infolist()
        if len(listed) > self._limits.entries:
            self.close()
            raise LeadlineError(
                f"the zip has {len(listed):,} entries: expected at most {self._limits.entries:,}; send it in parts"
            )
        self._listed: dict[str, zipfile.ZipInfo] = {}
        names = UniqueNames()
        self.entries: list[ZipEntry] = []
        for info in listed:
            if info.is_dir() or _is_rubbish(info.filename):
                continue
            entry = ZipEntry(info.filename, names.add(safe_name(info.filename)), _why_ignored(info))
            self._listed[entry.safe_name] = info
            self.entries.append(entry)

    def __enter__(self) -> ZipInput:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()

    @property
    def pictures(self) -> list[ZipEntry]:
        """The entries that are not ignored."""
        return [entry for entry in self.entries if entry.ignored is None]

    def read(self, entry: ZipEntry) -> bytes:
        """Return the bytes of a picture.

        Raises:
            LeadlineError: it is damaged, it unpacks to more than is allowed, or all pictures up to this one do.
        """
        pieces: list[bytes] = []
        size = 0
        try:
            for piece in self._pieces(entry):
                size += len(piece)
                self._left -= len(piece)
                if size > self._limits.entry_bytes:
                    raise LeadlineError(
                        f"it unpacks to more than {_megabytes(self._limits.entry_bytes)}: expected a smaller picture"
                    )
                if self._left < 0:
                    raise LeadlineError(
                        f"the zip unpacks to more than {_megabytes(self._limits.total_bytes)}: send it in parts"
                    )
                pieces.append(piece)
        except LeadlineError:
            raise
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
            raise LeadlineError(f"damaged in the zip ({error}); pack it again") from None
        return b"".join(pieces)

    def _pieces(self, entry: ZipEntry) -> Iterator[bytes]:
        with self._zip.open(self._listed[entry.safe_name]) as file:
            while piece := file.read(_PIECE):
                yield piece


def safe_name(name: str) -> str:
    """Return a relative path with "/" made of a name that a stranger chose.

    Drives, roots, "." and ".." are dropped; control characters and those that some system forbids become "_"; long parts
    are cut; what is left is at least "_".
    """
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    parts = [part for raw in text.split("/") if (part := _safe_part(raw))]
    while len(parts) > 1 and len("/".join(parts)) > _LONGEST_NAME:
        del parts[0]
    return "/".join(parts) or "_"


def _safe_part(raw: str) -> str:
    kept = "".join("_" if c in '<>:"|?*' or unicodedata.category(c)[0] == "C" else c for c in raw)
    kept = kept.strip(" ").rstrip(". ")  # "..", and the ends that Windows drops
    if len(kept) > _LONGEST_PART:
        suffix = PurePosixPath(kept).suffix[:16]
        kept = kept[: _LONGEST_PART - len(suffix)] + suffix
    return f"_{kept}" if _DEVICES.match(kept) or kept.startswith(".") else kept


class UniqueNames:
    """Gives each name once: a second "a.jpg" becomes "a-2.jpg". Letters that differ in case alone are the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def add(self, name: str) -> str:
        """Return `name`, or it with a number."""
        path = PurePosixPath(name)
        chosen, key = name, name.casefold()
        while chosen.casefold() in self._taken:
            number = self._next[key] = self._next.get(key, 1) + 1
            chosen = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        self._taken.add(chosen.casefold())
        return chosen


def _is_rubbish(name: str) -> bool:
    """Whether an entry is what macOS and Windows add of their own."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "__MACOSX" in parts or (parts[-1:] != () and parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini"))


def _why_ignored(info: zipfile.ZipInfo) -> str | None:
    lower = info.filename.lower()
    suffix = PurePosixPath(lower).suffix
    if suffix in _ARCHIVES:
        return "an archive within the zip: pack its pictures themselves"
    if suffix not in IMAGE_SUFFIXES:
        return "its name is not that of a picture"
    if PurePosixPath(lower).stem.endswith(OUTPUT_STEMS):
        return "an output of leadline, not a photo"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted: pack it without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Others ask for as much memory as the file says, before a byte is unpacked.
        return "it is not packed with deflate, the usual method of zips"
    return None


def _megabytes(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MiB" if count >= 1 << 20 else f"{count:,} bytes"


class _SmallReads(io.BufferedReader):
    """A file that refuses to be read by many megabytes at once: zipfile reads the list of entries so, and trusts its length."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes; all that are left if it is negative."""
        wanted = self._size - self.tell() if size is None or size < 0 else size
        if wanted > _MOST_BYTES_AT_ONCE:
            raise LeadlineError(
                f"the zip's list of entries is longer than {_megabytes(_MOST_BYTES_AT_ONCE)}: send fewer entries at once"
            )
        return super().read(size)
