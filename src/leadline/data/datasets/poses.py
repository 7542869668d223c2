"""Poses as data sets write them: quaternions and rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError


def rotation_matrix(wxyz: Sequence[float]) -> NDArray[np.float64]:
    """Return the (3, 3) rotation of a quaternion, real part first; its length does not matter.

    Raises:
        LeadlineError: the quaternion has no length.
    """
    q = np.asarray(wxyz, dtype=np.float64)
    length = np.linalg.norm(q)
    if not (np.isfinite(length) and length > 0):
        raise LeadlineError(f"quaternion {tuple(wxyz)}: expected four numbers that are not all zero")
    w, x, y, z = q / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def rigid(rotation: NDArray[np.float64], translation: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (4, 4) matrix of x -> rotation x + translation."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of a rigid (4, 4) matrix, whose rotation's inverse is its transpose."""
    rotation = matrix[:3, :3].T
    return rigid(rotation, -rotation @ matrix[:3, 3])
