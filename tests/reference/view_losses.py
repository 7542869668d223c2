"""Slow twins of the losses between views and of smoothness: one image, one pixel at a time (METHODS D.8 to D.10)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def mirrored(index: int, length: int) -> int:
    """Return where a position just outside lies in the picture mirrored about its rim pixel, which is not repeated."""
    index = abs(index)
    return 2 * (length - 1) - index if index >= length else index


def ssim(first: NDArray[Any], second: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return SSIM of one channel: 3 x 3 windows, their valid pixels, plain moments; 1 where a window has no valid pixel."""
    h, w = first.shape
    result = np.ones((h, w))
    for y in range(h):
        for x in range(w):
            window = [(mirrored(y + dy, h), mirrored(x + dx, w)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            window = [place for place in window if valid[place]]
            if not window:
                continue
            a, b = np.array([first[p] for p in window]), np.array([second[p] for p in window])
            covariance = ((a - a.mean()) * (b - b.mean())).mean()
            result[y, x] = (2 * a.mean() * b.mean() + 1e-4) * (2 * covariance + 9e-4)
            result[y, x] /= (a.mean() ** 2 + b.mean() ** 2 + 1e-4) * (a.var() + b.var() + 9e-4)
    return result


def photometric(first: NDArray[Any], second: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (h, w) errors of (c, h, w) pictures, 0 where not valid."""
    channels = [
        0.85 * np.clip((1 - ssim(a, b, valid)) / 2, 0, 1) + 0.15 * np.abs(a - b) for a, b in zip(first, second, strict=True)
    ]
    return np.where(valid, np.mean(channels, axis=0), 0.0)


def photometric_loss(target: NDArray[Any], warped: NDArray[Any], valid: NDArray[np.bool_], sources: NDArray[Any]) -> float:
    """Return the loss of one target with S sources, auto-masked without noise."""
    everywhere = np.ones(target.shape[1:], bool)
    errors = [photometric(target, view, mask) for view, mask in zip(warped, valid, strict=True)]
    identity = [photometric(target, source, everywhere) for source in sources]
    total, seen = 0.0, 0
    for y, x in np.ndindex(*target.shape[1:]):
        known = [error[y, x] for error, mask in zip(errors, valid, strict=True) if mask[y, x]]
        if known:
            seen += 1
            if min(known) < min(error[y, x] for error in identity):
                total += min(known)
    return total / max(1, seen)


def edge_aware(disparity: NDArray[Any], image: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    total = 0.0
    d = disparity / (disparity[valid].mean() + 1e-7) if valid.any() else disparity
    for dy, dx in ((0, 1), (1, 0)):
        costs = []
        for y, x in np.ndindex(*valid.shape):
            v, u = y + dy, x + dx
            if v < valid.shape[0] and u < valid.shape[1] and valid[y, x] and valid[v, u]:
                edge = np.abs(image[:, v, u] - image[:, y, x]).mean()
                costs.append(abs(d[v, u] - d[y, x]) * math.exp(-edge))
        total += float(np.mean(costs)) if costs else 0.0
    return total


def second_order(values: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    """Return the four means, each a stencil of three (or four) pixels written out; the mixed one counts twice."""
    stencils = [
        {(0, 0): 1, (0, 1): -2, (0, 2): 1},
        {(0, 0): 1, (1, 0): -2, (2, 0): 1},
        {(0, 0): 1, (0, 1): -1, (1, 0): -1, (1, 1): 1},
        {(0, 0): 1, (0, 1): -1, (1, 0): -1, (1, 1): 1},
    ]
    total = 0.0
    for stencil in stencils:
        costs = []
        for y, x in np.ndindex(*valid.shape):
            places = [(y + dy, x + dx) for dy, dx in stencil]
            if all(v < valid.shape[0] and u < valid.shape[1] and valid[v, u] for v, u in places):
                costs.append(abs(sum(k * values[p] for k, p in zip(stencil.values(), places, strict=True))))
        total += float(np.mean(costs)) if costs else 0.0
    return total


def seen_in_other(other: NDArray[Any], x: float, row: int, valid: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return (c,) what a (c, h, w) picture has in a row at x, the first centre being at 0.5; None where nothing is known."""
    width = other.shape[2]
    left = math.floor(x - 0.5)
    share = x - 0.5 - left
    result = np.zeros(other.shape[0])
    for column, part in ((left, 1 - share), (left + 1, share)):
        if part == 0:
            continue
        if not 0 <= column < width or not valid[row, column]:
            return None
        result += part * other[:, row, column]
    return result


def one_sided(
    mine: NDArray[Any],
    other: NDArray[Any],
    disparity: NDArray[Any],
    valid: NDArray[np.bool_],
    valid_other: NDArray[np.bool_],
    direction: int,
) -> float:
    """Return the mean difference between a view and the other one, read at x + direction * disparity."""
    costs = []
    for y, x in np.ndindex(*valid.shape):
        if valid[y, x]:
            seen = seen_in_other(other, x + 0.5 + direction * disparity[y, x], y, valid_other)
            if seen is not None:
                costs.append(np.abs(mine[:, y, x] - seen).mean())
    return float(np.mean(costs)) if costs else 0.0


def blurred(picture: NDArray[Any], sigma: float) -> NDArray[np.float64]:
    """Return one channel under a Gaussian of radius ceil(3 sigma), the rim repeated: the two-dimensional sum, written out."""
    h, w = picture.shape
    radius = math.ceil(3 * sigma)
    offsets = range(-radius, radius + 1)
    weights = {(dy, dx): math.exp(-(dy**2 + dx**2) / (2 * sigma**2)) for dy in offsets for dx in offsets}
    result = np.zeros((h, w))
    for y, x in np.ndindex(h, w):
        for (dy, dx), weight in weights.items():
            result[y, x] += weight * picture[min(max(y + dy, 0), h - 1), min(max(x + dx, 0), w - 1)]
    return result / sum(weights.values())
