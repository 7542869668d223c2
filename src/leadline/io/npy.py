"""One NumPy array: NaN where there is no measurement. There is no header, so that a reader has to be told the kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.header import StoredMap


def write(path: Path, depth: DepthMap) -> None:
    """Write the float32 values."""
    with path.open("wb") as file:  # np.save would append ".npy" to a name without it
        np.save(file, np.where(depth.valid, depth.values, np.float32(np.nan)))


def read(path: Path) -> StoredMap:
    """Read an (h, w), (1, h, w) or (h, w, 1) array of floats or integers."""
    try:
        with path.open("rb") as file:  # numpy.load leaves a path open when it fails
            array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError):  # whose words advise to unpickle what is no array
        raise LeadlineError("not a NumPy array, or cut off: expected one of numpy.save") from None
    if array.ndim == 3:  # (1, h, w) and (h, w, 1) are common
        array = array[0] if array.shape[0] == 1 else array[..., 0] if array.shape[2] == 1 else array
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise LeadlineError(f"a {array.dtype} array of shape {array.shape}: expected numbers of shape (height, width)")
    return StoredMap(array)
