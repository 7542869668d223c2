"""Stereo pairs from single pictures with depth: the right view is drawn from the left one.

After Watson et al. 2020 (arXiv 2008.01484). The truth is exact where the depth is: the left picture is as taken, and each
right pixel has the colour of the nearest left surface that a camera beside would see there. What the left camera does not see
gets the texture of another picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.stereo_layers import Pair

STEPS = 4  # columns drawn a pixel, so that none of a slanted surface is missed


def warped_pair(
    image: NDArray[np.uint8],
    inverse_depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    largest_px: float,
    behind: NDArray[np.uint8],
) -> Pair:
    """Return a pair whose left picture is `image`.

    Args:
        image: (h, w, 3) uint8 sRGB.
        inverse_depth: (h, w), 0 where infinitely far, in any unit.
        valid: (h, w) bool, where it is known; the right view shows what is unknown at disparity 0, and the truth leaves it out.
        largest_px: disparity of the nearest surface (of the 99.5th percentile, so that a speck does not decide).
        behind: (h, w, 3) uint8, seen where the left camera sees nothing.
    """
    h, w = inverse_depth.shape
    known = np.where(valid, inverse_depth, 0).astype(np.float32)
    nearest = float(np.percentile(known[valid], 99.5)) if valid.any() else 0.0
    disparity = np.clip(known * np.float32(largest_px / nearest if nearest > 0 else 0.0), 0, 1.5 * largest_px)
    seen = _seen_from_right(disparity)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    there = seen >= 0
    colours = cv2.remap(image, x + np.maximum(seen, 0), y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    right = np.where((there & (x + seen <= w - 1))[..., None], colours, behind)
    return Pair(image, np.asarray(right, dtype=np.uint8), disparity.astype(np.float32), valid)


def _seen_from_right(disparity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (h, w) the largest disparity that lands on each right pixel, -1 where none does."""
    h, w = disparity.shape
    column = (np.arange(w * STEPS, dtype=np.float32) + 0.5) / STEPS - 0.5
    # Between two pixels of one surface the disparity changes little and is interpolated; over an edge it is the nearest one's.
    low = np.clip(np.floor(column).astype(np.intp), 0, w - 2)
    share = np.clip(column - low, 0, 1)
    one, other = disparity[:, low], disparity[:, low + 1]
    fine = np.where(np.abs(one - other) < 1, one + share * (other - one), np.where(share < 0.5, one, other))
    target = np.rint(column - fine).astype(np.intp)
    inside = (target >= 0) & (target < w)
    rows = np.broadcast_to(np.arange(h)[:, None], fine.shape)
    order = np.argsort(fine[inside], kind="stable")  # the nearest is written last
    seen = np.full((h, w), -1, np.float32)
    # The surface's own disparity, not the way from this column: the pixel's centre lies a fraction of a pixel beside it.
    seen[rows[inside][order], target[inside][order]] = fine[inside][order]
    return seen
