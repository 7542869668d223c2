"""Where a flat mirror is, told by what surrounds it: the plane of the depth along its border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The border is as wide as a frame looks: this share of the picture's longer side.
BORDER_SHARE = 0.025
# A border pixel lies on the plane if its depth is off by no more than this share: sensor noise at a few metres, and a frame.
TOLERANCE = 0.03
# With fewer pixels, or a smaller share of them, on one plane, nothing is said of the mirror.
FEWEST_PIXELS, FEWEST_SHARE = 200, 0.4
_DRAWS = 400


def mirror_depth(
    depth: NDArray[np.float32], valid: NDArray[np.bool_], mirror: NDArray[np.bool_], seed: int = 0
) -> NDArray[np.float32] | None:
    """Return the depth of the plane that a mirror's border lies on.

    In the picture of a pinhole camera the inverse depth of a plane is ``1/z = a x + b y + c`` of the pixel (x, y), so that no
    camera is needed. The plane is the one that most border pixels agree with (RANSAC, Fischler and Bolles 1981), refined by
    least squares over these.

    Args:
        depth: (h, w) z.
        valid: (h, w), where `depth` is known; not asked inside the mirror.
        mirror: (h, w), one mirror.
        seed: of the draws.

    Returns:
        (h, w) z of the plane over the whole picture, 0 where it is behind the camera; None where too little of the border is
        known or flat.
    """
    import cv2

    width = max(2, round(BORDER_SHARE * max(mirror.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    near = cv2.dilate(mirror.astype(np.uint8), disc).astype(bool)
    rows, columns = np.nonzero(near & ~mirror & valid & (depth > 0))
    if rows.size < FEWEST_PIXELS:
        return None
    # Coordinates of about 1 keep the equations well conditioned.
    scale = float(max(mirror.shape))
    points = np.stack([columns / scale, rows / scale, np.ones(rows.size)], 1)
    inverse = 1 / depth[rows, columns].astype(np.float64)
    draws = np.random.default_rng(seed).integers(0, rows.size, (_DRAWS, 3))
    corners = points[draws]
    usable = np.abs(np.linalg.det(corners)) > 1e-6
    if not usable.any():
        return None
    planes = np.linalg.solve(corners[usable], inverse[draws[usable]][..., None])[..., 0]
    # |z - z'| / z is |1/z' - 1/z| / (1/z').
    found = planes @ points.T
    agree = np.abs(found - inverse) <= TOLERANCE * np.abs(found)
    inside = agree[np.argmax(agree.sum(1))]
    if inside.sum() < max(FEWEST_PIXELS, FEWEST_SHARE * rows.size):
        return None
    plane = np.linalg.lstsq(points[inside], inverse[inside], rcond=None)[0]
    y, x = np.mgrid[: mirror.shape[0], : mirror.shape[1]] / scale
    flat = plane[0] * x + plane[1] * y + plane[2]
    ahead = flat > 0
    return np.where(ahead, 1 / np.where(ahead, flat, 1.0), 0.0).astype(np.float32)
