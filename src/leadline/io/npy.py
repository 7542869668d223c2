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
    """Read an array of floats or integers, (h, w) after axes of length 1 are dropped."""
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise LeadlineError(f"not a NumPy array ({str(error).splitlines()[0]}): expected one written by numpy.save") from None
    array = array.squeeze()
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise LeadlineError(f"a {array.dtype} array of shape {array.shape}: expected numbers of shape (height, width)")
    return StoredMap(array)
