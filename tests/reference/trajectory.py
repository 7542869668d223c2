"""Slow twins of `leadline.metrics.trajectory`: one pose at a time, and SciPy's rotation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Poses = NDArray[np.float64]


def similarity_rms(pred: Poses, target: Poses) -> tuple[float, float]:
    """Return the root mean square distance after the best similarity, and its scale: SciPy's rotation, a line through 0."""
    x, y = pred[:, :3, 3] - pred[:, :3, 3].mean(0), target[:, :3, 3] - target[:, :3, 3].mean(0)
    turned = Rotation.align_vectors(y, x)[0].apply(x)
    scale = float(np.linalg.lstsq(turned.reshape(-1, 1), y.ravel(), rcond=None)[0][0])
    return float(np.sqrt(((scale * turned - y) ** 2).sum() / len(pred))), scale


def relative(pred: Poses, target: Poses, delta: int) -> tuple[list[float], list[float]]:
    """Return the errors of translation and of rotation in degrees."""
    moved, turned = [], []
    for i in range(0, len(pred) - delta, delta):
        mine = np.linalg.inv(pred[i]) @ pred[i + delta]
        true = np.linalg.inv(target[i]) @ target[i + delta]
        off = np.linalg.inv(true) @ mine
        moved.append(float(np.linalg.norm(off[:3, 3])))
        turned.append(float(np.degrees(np.linalg.norm(Rotation.from_matrix(off[:3, :3]).as_rotvec()))))
    return moved, turned
