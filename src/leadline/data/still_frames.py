"""How far a picture moved since another one, to leave out the frames of a film in which the camera stands still."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 256  # pixels, at which motion is measured
TEXTURED = 12.0  # slope of a Sobel filter, in grey levels, from which on a pixel shows where it went


def moved_share(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the median length of the optical flow, as a share of the picture's width; 0 where nothing has any texture.

    The median is over pixels with texture, so that a car that passes before a camera at rest does not count, and a bare wall
    does not hide that the camera moves.

    Args:
        first, second: (h, w, 3) uint8 of one size.
    """
    a, b = _grey(first), _grey(second)
    slope = cv2.magnitude(cv2.Sobel(a, cv2.CV_32F, 1, 0), cv2.Sobel(a, cv2.CV_32F, 0, 1))
    textured = slope > TEXTURED
    if not textured.any():
        return 0.0
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(a, b, None)  # type: ignore[call-overload]
    return float(np.median(np.hypot(flow[..., 0], flow[..., 1])[textured])) / WIDTH


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    h, w = grey.shape
    hw = max(24, round(h * WIDTH / w)), WIDTH
    return np.asarray(cv2.resize(grey, hw[::-1], interpolation=cv2.INTER_AREA if w > WIDTH else cv2.INTER_LINEAR), np.uint8)
