"""Depth files: the suffix chooses the format, the header says what the numbers mean."""

from __future__ import annotations

import inspect
import os
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import Ambiguity, DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.conventions import convention_named, from_counts
from leadline.io.header import StoredMap, depth_from, kind_in

# Each format is the module of that name in leadline.io.
FORMATS = {
    ".png": "png16", ".pfm": "pfm", ".npy": "npy", ".npz": "npz", ".exr": "exr", ".tif": "tiff", ".tiff": "tiff"
}  # fmt: skip


class _Format(Protocol):
    def write(self, path: Path, depth: DepthMap, **options: Any) -> None: ...

    def read(self, path: Path) -> StoredMap: ...


def write_depth(path: str | os.PathLike[str], depth: DepthMap, *, format: str | None = None, **options: Any) -> None:
    """Write a map, whole or not at all.

    Kind, unit, camera, source and software go into the header of every format that has room for text (all but pfm and npy).

    Args:
        path: the file; its suffix chooses the format unless `format` does.
        depth: the map.
        format: png16, pfm, npy, npz, exr or tiff.
        options: of the format: png16 ``scale, convention, level``; exr ``dtype, compression``; see ``FORMAT.write``.

    Raises:
        LeadlineError: an unknown format or option, values that don't fit the format, or a file that can't be written.
    """
    path = Path(path)
    codec = _format(path, format)
    known = [name for name, p in inspect.signature(codec.write).parameters.items() if p.kind is p.KEYWORD_ONLY]
    if unknown := sorted(set(options) - set(known)):
        raise LeadlineError(f"unknown option {unknown[0]!r} for {path.name}: expected one of {', '.join(known) or 'none'}")
    with atomic_write(path) as temporary:
        codec.write(temporary, depth, **options)


def read_depth(
    path: str | os.PathLike[str],
    *,
    kind: Kind | str | None = None,
    convention: str | None = None,
    scale: float | None = None,
    format: str | None = None,
) -> DepthMap:
    """Read a map that knows what it is: from its header, or else from what the caller says.

    Args:
        path: the file.
        kind: what the numbers are, for files without a header (pfm, npy, other programs' files).
        convention: the data set whose integers these are (`leadline.io.conventions`); it implies kind and scale.
        scale: what one count of an integer file is worth, in metres, 1/m or px, where neither header nor convention says so.
        format: as in `write_depth`.

    Returns:
        The map. NaN, infinity, and 0 in integer files are not valid.

    Raises:
        LeadlineError: no such file, damaged, no depth map, of unknown kind or scale, or the header contradicts the caller.
    """
    path = Path(path)
    codec = _format(path, format)
    try:
        return _interpreted(codec.read(path), Kind.parse(kind) if isinstance(kind, str) else kind, convention, scale)
    except FileNotFoundError:
        raise LeadlineError(f"no file {path}: check the name") from None
    except OSError as error:
        raise LeadlineError(f"can't read {path}: {error.strerror or error}") from None
    except LeadlineError as error:
        raise LeadlineError(f"can't read {path}: {error}") from None


def decode_depth(data: bytes, format: str) -> DepthMap:
    """Return the map that a file's bytes hold, by its header; see `read_depth`.

    Args:
        data: of the whole file.
        format: png16 or npz.

    Raises:
        LeadlineError: another format, or the bytes are damaged, no depth map, or of unknown kind.
    """
    if format not in ("png16", "npz"):
        raise LeadlineError(f"depth format {format!r} in memory: expected png16 or npz")
    codec = import_module(f"leadline.io.{format}")
    return _interpreted(codec.decode(data), None, None, None)


def read_header(path: str | os.PathLike[str], *, format: str | None = None) -> dict[str, str]:
    """Return all texts in a depth file's header, by name: what `read_depth` uses, and who wrote it (``software``)."""
    path = Path(path)
    try:
        return dict(_format(path, format).read(path).header)
    except (OSError, LeadlineError) as error:
        raise LeadlineError(f"can't read {path}: {error}") from None


def _format(path: Path, name: str | None) -> _Format:
    name = name or FORMATS.get(path.suffix.lower())
    if name not in FORMATS.values():
        raise LeadlineError(
            f"depth format {name or path.suffix or path.name!r}: expected one of {', '.join(dict.fromkeys(FORMATS.values()))} "
            f"(suffix {', '.join(FORMATS)})"
        )
    return cast(_Format, import_module(f"leadline.io.{name}"))


def _interpreted(stored: StoredMap, kind: Kind | None, convention: str | None, scale: float | None) -> DepthMap:
    stated = kind_in(stored.header)
    if convention is not None:
        chosen = convention_named(convention)
        for other, who in ((stated, "its header says"), (kind, "you said")):
            if other not in (None, chosen.kind):
                raise LeadlineError(f"{who} {other}, but the {convention} convention is {chosen.kind}: leave one of them out")
        values, valid = chosen.decode(stored.numbers)
        return depth_from(values, valid, chosen.kind, stored.header)
    if stated and kind and stated != kind:
        raise LeadlineError(f"its header says {stated}, you said {kind}: leave the kind out")
    known = stated or kind
    if known is None:
        raise LeadlineError("it doesn't say what its numbers are: give kind= (for instance 'depth/metric') or convention=")
    if stored.numbers.dtype.kind == "f":
        if scale is not None:
            raise LeadlineError(f"scale {scale:g} for a file of floats, which are values already: leave it out")
        return depth_from(stored.numbers, stored.valid, known, stored.header)
    return _from_integers(stored, known, known == stated, scale)


def _from_integers(stored: StoredMap, kind: Kind, trust_header: bool, scale: float | None) -> DepthMap:
    offset = 0.0
    counts: NDArray[Any] = stored.numbers
    if trust_header and "scale" in stored.header:
        if convention := stored.header.get("convention"):
            values, valid = convention_named(convention).decode(counts)
            return depth_from(values, valid, kind, stored.header)
        try:
            scale, offset = float(stored.header["scale"]), float(stored.header.get("offset", "0"))
        except ValueError:
            raise LeadlineError("the scale or offset in its header is no number: give convention=") from None
    elif scale is None and kind.ambiguity is Ambiguity.METRIC:
        raise LeadlineError(f"it holds integers, and nothing says what one is worth in {kind.unit}: give convention= or scale=")
    valid = counts > 0
    if counts.dtype in (np.uint8, np.uint16):
        return depth_from(from_counts(counts, scale or 1.0, offset), valid, kind, stored.header)
    return depth_from(offset + (scale or 1.0) * counts.astype(np.float64), valid, kind, stored.header)
