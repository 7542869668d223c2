"""Blur of a thin lens, from a sharp picture and its depth. NumPy only.

Tracing the lens with few samples per pixel leaves grain that no denoiser removes, so the sharp picture is gathered over each
point's circle of confusion instead. What the lens sees behind an edge is not known and is taken from beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_LARGEST_PX = 14.0  # more blur than this takes long and shows nothing
_MOST_TAPS = 240


def circle_of_confusion(inverse_depth: F32, focal_px: float, aperture_m: float, focus_m: float) -> F32:
    """Return the radius in pixels of the disc that a point becomes, at 1 / `inverse_depth` metres; `aperture_m` is a radius."""
    radius = aperture_m * focal_px * np.abs(inverse_depth - 1 / focus_m)
    return np.asarray(np.minimum(radius, _LARGEST_PX), np.float32)


def blur(picture: F32, inverse_depth: F32, focal_px: float, aperture_m: float, focus_m: float) -> F32:
    """Return the linear (h, w, 3) `picture` as a lens of radius `aperture_m` focused at `focus_m` sees it.

    `inverse_depth` is (h, w) in 1 / metres, 0 for the sky. A point's light spreads evenly over its disc; light from behind a
    sharper surface does not spill over it.
    """
    h, w = inverse_depth.shape
    radius = circle_of_confusion(inverse_depth, focal_px, aperture_m, focus_m)
    reach = int(np.ceil(radius.max()))
    if radius.max() < 0.5:
        return picture
    pad = ((reach, reach), (reach, reach))
    radii, nearness = np.pad(radius, pad, mode="edge"), np.pad(inverse_depth, pad, mode="edge")
    planes = np.pad(np.moveaxis(picture, -1, 0), ((0, 0), *pad), mode="edge")
    total, weights = np.zeros((3, h, w), np.float32), np.full((h, w), 1e-6, np.float32)
    for dy, dx in _taps(float(radius.max())):
        at = (slice(reach + dy, reach + dy + h), slice(reach + dx, reach + dx + w))
        behind = nearness[at] < inverse_depth
        disc = np.where(behind, np.minimum(radii[at], radius), radii[at])
        weight = np.clip(disc + np.float32(0.5 - np.hypot(dy, dx)), 0, 1) / np.maximum(disc * disc, np.float32(0.25))
        total += weight * planes[:, *at]
        weights += weight
    return np.ascontiguousarray(np.moveaxis(total / weights, 0, -1))


def _taps(radius: float) -> list[tuple[int, int]]:
    """Whole-pixel offsets (dy, dx) in a disc: all of them, or an even spiral of at most `_MOST_TAPS`."""
    reach = int(np.ceil(radius))
    every = [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1) if np.hypot(y, x) < radius + 0.5]
    if len(every) <= _MOST_TAPS:
        return every
    k = np.arange(_MOST_TAPS)
    r, angle = radius * np.sqrt(k / _MOST_TAPS), k * np.pi * (3 - np.sqrt(5))
    return sorted({(round(y), round(x)) for y, x in zip(r * np.sin(angle), r * np.cos(angle), strict=True)})
