"""Read single arrays, or slices of them, out of HDF5 files (MATLAB's .mat since v7.3, .hdf5, .h5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.files import read_bytes
from leadline.errors import LeadlineError

# Everything that h5py lets through on damaged files.
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError)


def read_hdf5(path: Path, key: str, index: int | None = None) -> NDArray[Any]:
    """Return the array `key` of a file, or only its slice `index` along the first axis, which alone is then read.

    MATLAB writes the axes in reverse order: its (480, 640, 1449) is (1449, 640, 480) here.

    Raises:
        LeadlineError: h5py is not installed, the file is missing or damaged, or it holds no such array or slice.
    """
    with _array(path, key) as array:
        if index is not None and not 0 <= index < len(array):
            raise LeadlineError(
                f"{path}: {len(array)} slices of {key!r}, none is number {index}; expected 0 to {len(array) - 1}"
            )
        return np.asarray(array[()] if index is None else array[index])


def hdf5_shape(path: Path, key: str) -> tuple[int, ...]:
    """Return the shape of the array `key` of a file, without reading its numbers.

    Raises:
        LeadlineError: as `read_hdf5`.
    """
    with _array(path, key) as array:
        return tuple(int(side) for side in array.shape)


@contextmanager
def _array(path: Path, key: str) -> Iterator[Any]:
    """Open an array of at least one axis; what is damaged becomes a LeadlineError."""
    try:
        import h5py
    except ImportError:
        raise LeadlineError(f"{path} is an HDF5 file, which needs h5py: pip install 'leadline[eval]'") from None
    read_bytes(path, 1)  # h5py's own message for a missing file takes several lines
    try:
        with h5py.File(path, "r") as file:
            array = file.get(key)
            if not getattr(array, "shape", None):
                raise LeadlineError(f"{path}: no array {key!r}; expected one beside {', '.join(sorted(file)) or 'nothing'}")
            yield array
    except LeadlineError:
        raise
    except _DAMAGE as error:
        raise LeadlineError(f"{path}: not a readable HDF5 file ({error}); is the download complete?") from None
