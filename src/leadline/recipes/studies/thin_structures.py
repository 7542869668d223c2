"""Where a view shows thin things: legs of chairs, branches, lamp posts, railings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap

WIDTH_PX = 7
NEARER = 0.1


def thin_mask(depth: DepthMap, width_px: int = WIDTH_PX, nearer: float = NEARER) -> NDArray[np.bool_]:
    """Return (h, w) bool: the pixels of what is nearer than its surroundings and into which no square of `width_px` fits.

    The morphological opening of disparity by the square takes such things away; thin is what it lowers by more than `nearer`
    of what is left. The corners of large things that stand obliquely are among it; a thing cut off by the picture's edge is
    as wide as if it went on.

    Args:
        depth: metric, or up to scale. What is not valid (the sky) counts as infinitely far.
        width_px: side of the square, in pixels of the map.
        nearer: least share of the disparity behind.
    """
    disparity = np.where(depth.valid, 1 / np.where(depth.valid, depth.values, 1), 0).astype(np.float32)
    opened = cv2.morphologyEx(disparity, cv2.MORPH_OPEN, np.ones((width_px, width_px), np.uint8))
    return np.asarray(depth.valid & (disparity > (1 + nearer) * opened))
