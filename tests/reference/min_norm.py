"""The shortest weighted mean of gradients by trying every set of them: the quadratic programme, with no cleverness."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray


def min_norm_square(gradients: NDArray[Any]) -> float:
    """Return the square of the least length of a weighted mean of (k, p) gradients.

    Some set of linearly independent differences holds the optimum (Caratheodory), and within a set it is a least-squares
    problem: first - differences @ x.
    """
    g = gradients.astype(np.float64)
    least = np.inf
    for size in range(1, len(g) + 1):
        for chosen in combinations(range(len(g)), size):
            first, others = g[chosen[0]], g[list(chosen[1:])]
            x = np.linalg.lstsq((first - others).T, first, rcond=None)[0] if size > 1 else np.zeros(0)
            weights = np.concatenate([[1 - x.sum()], x])
            if (weights >= -1e-9).all():
                weights = np.maximum(weights, 0)
                mean = weights / weights.sum() @ g[list(chosen)]
                least = min(least, float(mean @ mean))
    return least
