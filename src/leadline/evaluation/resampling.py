"""Predictions at the size of the truth, by the filters that evaluators use."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap, Quantity, replace_map


def resampled(prediction: DepthMap, hw: tuple[int, int], mode: str) -> DepthMap:
    """Return a prediction at another size; a pixel is valid where all that is mixed into it is.

    Pixel centres are half-way (cv2.resize, align_corners=False), except in "bilinear_corners", where the centres of the corner
    pixels meet (align_corners=True). A pixel_disparity is multiplied by the ratio of the widths.

    Args:
        prediction: of any size.
        hw: the new one.
        mode: one of the resize modes of `leadline.evaluation.protocol.Protocol`.
    """
    if prediction.hw == hw:
        return prediction
    values = _values(prediction.values, hw, mode)
    if mode == "cubic":  # its weights can cancel; it reaches one pixel farther than bilinear on each side
        missing = _values(_grown(~prediction.valid), hw, "bilinear")
    else:
        missing = _values((~prediction.valid).astype(np.float32), hw, mode)
    if prediction.kind.quantity is Quantity.PIXEL_DISPARITY:
        values = values * (hw[1] / prediction.hw[1])
    camera = prediction.camera and prediction.camera.resize(hw)
    return replace_map(prediction, values=values, valid=missing == 0, camera=camera)


def _values(values: NDArray[np.float32], hw: tuple[int, int], mode: str) -> NDArray[np.float32]:
    import cv2

    if mode == "bilinear_corners":
        return _between_corners(_between_corners(values, hw[0]).T, hw[1]).T
    flags = {"nearest": cv2.INTER_NEAREST_EXACT, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}
    resized = cv2.resize(values, hw[::-1], interpolation=flags.get(mode, cv2.INTER_LINEAR))
    return np.asarray(resized, dtype=np.float32)


def _between_corners(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Return the rows of an array resampled to `length` of them, the first and last staying where they are."""
    old = values.shape[0]
    position = np.linspace(0, old - 1, length) if length > 1 else np.zeros(1)
    below = np.minimum(position.astype(np.int64), max(old - 2, 0))
    share = (position - below).astype(np.float32)[:, None]
    return np.asarray(values[below] * (1 - share) + values[np.minimum(below + 1, old - 1)] * share, dtype=np.float32)


def _grown(mask: NDArray[np.bool_]) -> NDArray[Any]:
    import cv2

    return cv2.dilate(mask.astype(np.float32), np.ones((3, 3), np.uint8))
