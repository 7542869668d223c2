"""Which weighted mean of several gradients is shortest: the question that MGDA asks at every step.

All functions take the Gram matrix of the gradients, (k, k) float64, entry (i, j) the inner product of gradients i and j, and
return (k,) weights, none negative, that sum to 1. The inner product of the shortest mean d with every gradient is at least
|d|^2, so a small step along -d lowers every objective (Désidéri 2012; Sener & Koltun, arXiv 1810.04650, theorem 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXACT_ENDS = (0.0, 1.0)
PUBLISHED_ENDS = (0.001, 0.999)  # Sener & Koltun's code leaves a thousandth to a gradient that should get nothing
MOST_STEPS = 250
SMALLEST_CHANGE = 1e-5


def min_norm_weights(gram: NDArray[Any]) -> Array:
    """Return the exact weights, by an active set (Lawson & Hanson 1974, algorithm NNLS, on the Gram matrix).

    With free x >= 0 in place of weights that sum to 1, minimise |sum x_i g_i|^2 + m (1 - sum x_i)^2: for any m > 0 the
    solution is a multiple of the weights. Gradients are scaled to length 1 first, so lengths may differ by any factor.

    Two gradients that say the same share a weight in no particular way; a zero gradient takes all of it.
    """
    g = np.asarray(gram, np.float64)
    squares = np.diagonal(g)
    shortest = int(squares.argmin())
    if squares[shortest] <= 0:
        return np.asarray(np.eye(len(g))[shortest])
    inverse = 1 / np.sqrt(squares)
    u = inverse / inverse[shortest]
    normal = g * np.outer(inverse, inverse) + np.outer(u, u)
    x, free = np.zeros(len(g)), np.zeros(len(g), bool)
    # Every round lowers the sum above, so no set of free weights comes back; the cap is for rounding.
    for _ in range(10 * len(g)):
        pull = np.where(free, -np.inf, u - normal @ x)
        best = int(pull.argmax())
        if pull[best] <= 1e-12:
            break
        free[best] = True
        x = _solve_free(normal, u, x, free)
    weights = inverse * x
    return np.asarray(weights / weights.sum())


def two_task_weight(aa: float, ab: float, bb: float, ends: tuple[float, float] = EXACT_ENDS) -> float:
    """Return the weight of the first of two gradients (Sener & Koltun, algorithm 1) from |a|^2, the inner product and |b|^2.

    Args:
        aa, ab, bb: entries of the Gram matrix.
        ends: what stands for 0 and for 1 where one gradient dominates, `EXACT_ENDS` or `PUBLISHED_ENDS`.
    """
    if ab >= aa:
        return ends[1]
    if ab >= bb:
        return ends[0]
    return (bb - ab) / (aa + bb - 2 * ab)


def frank_wolfe_weights(gram: NDArray[Any], ends: tuple[float, float] = EXACT_ENDS) -> Array:
    """Return approximate weights by Frank-Wolfe (Sener & Koltun, algorithm 2): exact for two gradients.

    From the best pair on, each step moves towards the gradient that agrees least with the mean, as far as
    `two_task_weight` says; at most `MOST_STEPS` steps, until the weights change by less than `SMALLEST_CHANGE` in all.
    """
    g = np.asarray(gram, np.float64)
    weights = _best_pair(g, ends)
    if len(g) < 3:
        return weights
    for _ in range(MOST_STEPS):
        product = g @ weights
        worst = int(product.argmin())
        stay = two_task_weight(float(weights @ product), float(product[worst]), float(g[worst, worst]), ends)
        change = (1 - stay) * (np.eye(len(g))[worst] - weights)
        if np.abs(change).sum() < SMALLEST_CHANGE:
            break
        weights = weights + change
    return weights


def _best_pair(g: Array, ends: tuple[float, float]) -> Array:
    """Return the weights of the two gradients whose shortest mean is the shortest."""
    if len(g) == 1:
        return np.ones(1)
    best, least = np.zeros(len(g)), np.inf
    for i in range(len(g)):
        for j in range(i + 1, len(g)):
            weights = np.zeros(len(g))
            weights[i] = two_task_weight(float(g[i, i]), float(g[i, j]), float(g[j, j]), ends)
            weights[j] = 1 - weights[i]
            length = float(weights @ g @ weights)
            if length < least:
                best, least = weights, length
    return best


def _solve_free(normal: Array, u: Array, x: Array, free: NDArray[np.bool_]) -> Array:
    """Solve for the free weights; where some would turn negative, stop at the first that reaches 0, fix it and go on."""
    while True:
        wanted = np.zeros_like(x)
        wanted[free] = np.linalg.lstsq(normal[np.ix_(free, free)], u[free], rcond=None)[0]
        falling = free & (wanted <= 0)
        if not falling.any():
            return wanted
        shares = np.where(falling, x / np.maximum(x - wanted, np.finfo(np.float64).tiny), np.inf)
        x = x + shares.min() * (wanted - x)
        free &= ~(falling & (shares <= shares.min()))
        x[~free] = 0.0
