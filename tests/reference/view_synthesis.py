"""Slow twins of rigid motions and of inverse warping: power series, and one pixel at a time (METHODS D.9, E)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def expm(matrix: NDArray[Any], terms: int = 60) -> NDArray[np.float64]:
    """Return the exponential of a matrix by its power series."""
    result, term = np.eye(len(matrix)), np.eye(len(matrix))
    for n in range(1, terms):
        term = term @ matrix / n
        result = result + term
    return result


def screw(twist: NDArray[Any]) -> NDArray[np.float64]:
    """Return the (4, 4) exponential of one twist (axis times angle, velocity)."""
    x, y, z, *velocity = twist
    generator = np.zeros((4, 4))
    generator[:3, :3] = [[0, -z, y], [z, 0, -x], [-y, x, 0]]
    generator[:3, 3] = velocity
    return expm(generator)


def about(axis: int, angle: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation about a coordinate axis."""
    return screw(np.concatenate([np.eye(3)[axis] * angle, np.zeros(3)]))[:3, :3]


def landing(
    x: int, y: int, depth: float, k: NDArray[Any], source_from_target: NDArray[Any], k_source: NDArray[Any]
) -> tuple[float, float, float]:
    """Return where the centre of pixel (x, y) lands in the source, and its depth there."""
    ray = np.linalg.inv(k) @ np.array([x + 0.5, y + 0.5, 1.0])
    point = source_from_target @ np.append(depth * ray, 1.0)
    u, v, w = k_source @ point[:3]
    return u / w, v / w, point[2]


def read(picture: NDArray[Any], u: float, v: float) -> NDArray[np.float64] | None:
    """Return (c,) a (c, h, w) picture at a position from its corner, None where a neighbour is missing."""
    _, h, w = picture.shape
    left, top = math.floor(u - 0.5), math.floor(v - 0.5)
    result = np.zeros(len(picture))
    for column, across in ((left, left + 1.5 - u), (left + 1, u - left - 0.5)):
        for row, down in ((top, top + 1.5 - v), (top + 1, v - top - 0.5)):
            if across * down == 0:
                continue
            if not (0 <= column < w and 0 <= row < h):
                return None
            result += across * down * picture[:, row, column]
    return result


def reprojection(errors: NDArray[Any], valid: NDArray[Any], identity: NDArray[Any], combination: str) -> float:
    """Return the loss of one target, (S, h, w) errors each, auto-masked without noise."""
    total, seen = 0.0, 0
    choose = min if combination == "minimum" else (lambda values: sum(values) / len(values))
    for y, x in np.ndindex(*errors.shape[1:]):
        known = [error[y, x] for error, mask in zip(errors, valid, strict=True) if mask[y, x]]
        if known:
            seen += 1
            if choose(known) < choose([error[y, x] for error in identity]):
                total += choose(known)
    return total / max(1, seen)


def explained(target: NDArray[Any], warped: NDArray[Any], valid: NDArray[Any], logits: NDArray[Any]) -> float:
    """Return SfMLearner's weighted error of one target and one source."""
    costs = [
        np.abs(target[:, y, x] - warped[:, y, x]).mean() / (1 + math.exp(-logits[y, x]))
        for y, x in np.ndindex(*valid.shape)
        if valid[y, x]
    ]
    return float(np.mean(costs)) if costs else 0.0


def prior(logits: NDArray[Any]) -> float:
    """Return the cross entropy of two channels, whose difference the logits are, to a mask of ones."""
    return float(np.mean([-math.log(math.exp(v) / (math.exp(v) + math.exp(0.0))) for v in logits.ravel()]))
