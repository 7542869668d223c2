"""NumPy archives: ``values`` float32, ``valid`` bool and ``kind`` as a string; ``unit``, ``camera``, ``source`` when known.

Not compressed: at 12 megapixels numpy.savez takes 0.1 s, and deflate ten times as long to save a third.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.header import StoredMap, header_of


def write(path: Path, depth: DepthMap) -> None:
    """Write a map; the texts of the header are arrays of no dimensions."""
    texts: dict[str, Any] = {name: np.array(text) for name, text in header_of(depth).items()}
    with path.open("wb") as file:
        np.savez(file, values=depth.values, valid=depth.valid, **texts)


def read(path: Path) -> StoredMap:
    """Read ``values``, or the only array of two dimensions in an archive of another program."""
    # numpy.load leaves a path open when it fails, so the file is opened here.
    with path.open("rb") as file:
        return _read(file)


def decode(data: bytes) -> StoredMap:
    """Return what a file's bytes hold; see `read`."""
    return _read(io.BytesIO(data))


def _read(file: BinaryIO) -> StoredMap:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile):  # whose words advise to unpickle what is no archive
        raise LeadlineError("not a NumPy archive, or cut off: expected one of numpy.savez") from None
    header = {name: str(array) for name, array in arrays.items() if array.ndim == 0 and array.dtype.kind == "U"}
    if "values" in arrays:
        return StoredMap(arrays["values"], arrays.get("valid"), header)
    maps = [array for array in arrays.values() if array.ndim == 2 and array.dtype.kind in "fiu"]
    if len(maps) != 1:
        raise LeadlineError(f"an archive with the arrays {', '.join(arrays) or 'none'}: expected one named 'values'")
    return StoredMap(maps[0], None, header)
