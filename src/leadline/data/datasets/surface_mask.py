"""Masks of glass and mirrors as people store them: black and white, black and colours, or class numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.files import read_bytes
from leadline.errors import LeadlineError

LARGEST_CLASS = 2  # a mask without larger numbers holds classes
HALF_BRIGHT = 128  # the edges of black and white masks may be grey


def read_surface_mask(path: Path, hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (h, w) where a mask is marked: bright in any channel, or, if no number exceeds 2, any class but 0.

    Taken as numbers, a 0/255 mask is no class and turns round in ``1 - mask``; hence bool. Transparency is ignored.

    Args:
        path: PNG with 1, 3 or 4 channels of 8 bits, or with a palette, whose colours count.
        hw: the picture's size.

    Raises:
        LeadlineError: the file is missing, no such picture, or of another size than the picture.
    """
    import cv2

    data = np.frombuffer(read_bytes(path), dtype=np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if pixels is None:
        raise LeadlineError(f"{path}: not a readable picture; is the download complete?")
    if pixels.shape[:2] != hw or pixels.dtype != np.uint8:
        raise LeadlineError(f"{path}: shape {pixels.shape} of {pixels.dtype}; expected a mask of {hw} with 8 bits a channel")
    brightest = pixels[..., :3].max(axis=2) if pixels.ndim == 3 else pixels
    lowest = HALF_BRIGHT if brightest.max(initial=0) > LARGEST_CLASS else 1
    return np.asarray(brightest >= lowest)
