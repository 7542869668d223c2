"""KITTI's calibration files: lines of ``NAME: numbers``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.files import read_bytes
from leadline.errors import LeadlineError


def read_calibration(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float64]]:
    """Return the matrices of the given names, each in the given shape; other lines (dates, other cameras) are passed over.

    Raises:
        LeadlineError: the file or one of the names is missing, or holds another count of numbers.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for line in read_bytes(path).decode("utf-8", errors="replace").splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() not in wanted:
            continue
        shape = wanted[name.strip()]
        try:
            found[name.strip()] = np.array(numbers.split(), dtype=np.float64).reshape(shape)
        except ValueError:
            raise LeadlineError(f"{path}: line {line[:40]!r}; expected {name.strip()}: {np.prod(shape)} numbers") from None
    if missing := sorted(wanted.keys() - found.keys()):
        raise LeadlineError(f"{path}: {', '.join(missing)} missing; expected a calibration file of KITTI")
    return found


def camera_of(projection: NDArray[np.float64], hw: tuple[int, int]) -> Camera:
    """Return the camera of a rectified (3, 4) projection; the first pixel's centre is taken as 0, as in the C++ code."""
    return Camera.from_opencv(projection[:, :3], hw)


def camera_offset(projection: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3,) metres to add to a point of the reference camera's frame to have it in this camera's."""
    return np.asarray(np.linalg.solve(projection[:, :3], projection[:, 3]), dtype=np.float64)


def baseline_m(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return how far right of the left camera the right one stands, from their (3, 4) projections."""
    return float(camera_offset(left)[0] - camera_offset(right)[0])
