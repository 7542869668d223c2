"""Fast JPEG decoding: straight to RGB, and at 1/2, 1/4 or 1/8 of the size inside the codec when that is enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

START_OF_SCAN = 0xDA
END_OF_IMAGE = b"\xff\xd9"


def reduction(hw: tuple[int, int], at_least: int | None) -> int:
    """Return the largest of 1, 2, 4, 8 by which the picture may shrink with its longer side still at least `at_least` pixels.

    The codec rounds sizes up. Where the size is no multiple of the result, the last row or column of the small picture
    covers less than its share of the large one: positions are off by less than one small pixel at that edge.
    """
    if at_least is None:
        return 1
    return max((d for d in (1, 2, 4, 8) if -(-max(hw) // d) >= at_least), default=1)


def is_whole(data: bytes) -> bool:
    """Whether an end marker follows the first scan.

    Decoders fill what is missing with grey, some without a word. The thumbnail in the EXIF block has an end marker of its
    own, so the search starts behind the header; cameras append trailers, so it is not for the last two bytes alone.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == START_OF_SCAN:
            return data.find(END_OF_IMAGE, at) >= 0  # inside a scan, 0xFF is always followed by 0 or a restart marker
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def decode_jpeg(data: bytes, divisor: int = 1) -> NDArray[np.uint8] | None:
    """Return the (h, w, 3) RGB pixels of an 8-bit grey or YCbCr JPEG, as stored: EXIF rotation is the caller's.

    Args:
        data: the file.
        divisor: 1, 2, 4 or 8; sizes are divided by it and rounded up.

    Returns:
        The pixels, or None if the file is cut off or OpenCV can't decode it.
    """
    import cv2

    if not is_whole(data):
        return None
    # The "grayscale" flags hold nothing but the divisor; the colour ones would add BGR, which excludes RGB.
    size: dict[int, int] = {
        1: 0,
        2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
        4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
        8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    }
    try:
        pixels: Any = cv2.imdecode(
            np.frombuffer(data, np.uint8), size[divisor] | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)
