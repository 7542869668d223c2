"""Virtual depth in float64 loops, written from the paper (arXiv 2307.15052) and not from the library."""

from __future__ import annotations

import numpy as np


def median_and_spread(maps):
    """Return the median and half the inter-quartile range (linear between ranks) of each pixel of (n, h, w) maps."""
    count, height, width = maps.shape
    median, spread = np.zeros((height, width)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            ranked = sorted(float(value) for value in maps[:, y, x])

            def at(share, ranked=ranked):
                place = share * (count - 1)
                low = int(place)
                high = min(low + 1, count - 1)
                return ranked[low] + (place - low) * (ranked[high] - ranked[low])

            median[y, x], spread[y, x] = at(0.5), (at(0.75) - at(0.25)) / 2
    return median, spread


def fit_line(pred, target, where):
    """Return scale and shift by the normal equations, summed pixel by pixel."""
    n = sp = st = spp = spt = 0.0
    for p, t, used in zip(pred.ravel(), target.ravel(), where.ravel(), strict=True):
        if used:
            p, t = float(p), float(t)
            n, sp, st, spp, spt = n + 1, sp + p, st + t, spp + p * p, spt + p * t
    scale = (n * spt - sp * st) / (n * spp - sp * sp)
    return scale, (st - scale * sp) / n


def merge_stereo(disparity, mono, mask):
    """Depth4ToM's merge with a mask of {0, 1}: min-max normalised, fitted where stereo is valid and opaque, laid on ToM."""
    valid = disparity > 0
    low, high = mono[valid].min(), mono[valid].max()
    normalised = (mono.astype(np.float64) - low) / (high - low)
    scale, shift = fit_line(normalised, disparity, valid & (mask == 0))
    return np.where(mask == 1, scale * normalised + shift, disparity)
