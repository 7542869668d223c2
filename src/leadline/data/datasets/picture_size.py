"""Bring a picture to the size of a depth map that was measured with fewer pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

LARGEST_SQUASH = 0.02


def picture_at(image: NDArray[np.uint8], hw: tuple[int, int], where: object) -> NDArray[np.uint8]:
    """Return `image` averaged down to `hw`, or as it is where it has that size.

    The truth is left as it was measured: enlarging it would invent pixels.

    Args:
        image: (h, w, 3) uint8.
        hw: of the depth map.
        where: the file, for the message.

    Raises:
        LeadlineError: the picture is smaller than `hw`, or of another shape (by more than 2 %).
    """
    import cv2

    height, width = image.shape[:2]
    if (height, width) == hw:
        return image
    squash = (width / height) / (hw[1] / hw[0])
    if height < hw[0] or width < hw[1] or abs(squash - 1) > LARGEST_SQUASH:
        raise LeadlineError(
            f"{where}: {hw[1]} x {hw[0]} pixels beside a picture of {width} x {height}; expected the picture's shape and no "
            "more pixels: do they belong together?"
        )
    return np.asarray(cv2.resize(image, (hw[1], hw[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)
