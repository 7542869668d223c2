"""TIFF pictures that Pillow has no mode for: floats and wide integers with several channels."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# TIFF 6.0, tags.
_WIDTH, _HEIGHT, _BITS, _PLANAR, _SAMPLE_FORMAT = 256, 257, 258, 284, 339
_SEPARATE_PLANES = 2
_UNSIGNED, _FLOAT = 1, 3
_WHAT_OPENCV_READS = {(_UNSIGNED, 8), (_UNSIGNED, 16), (_FLOAT, 32), (_FLOAT, 64)}


@dataclass(frozen=True)
class TiffLayout:
    """How the first picture of a TIFF file stores its numbers."""

    hw: tuple[int, int]
    bits: int
    sample_format: int
    separate_planes: bool

    def __str__(self) -> str:
        kind = {_UNSIGNED: "integers", _FLOAT: "floats"}.get(
            self.sample_format, f"numbers of sample format {self.sample_format}"
        )
        return f"{self.bits}-bit {kind} in {'separate planes' if self.separate_planes else 'one plane'}"


def tiff_layout(data: bytes) -> TiffLayout | None:
    """Return the layout of a TIFF file, or None of any other or broken file."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if data[:4] not in SIGNATURES:
        return None
    try:
        directory = ImageFileDirectory_v2(data[:16] if data[2:3] == b"+" or data[3:4] == b"+" else data[:8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        return TiffLayout(
            hw=(int(directory[_HEIGHT]), int(directory[_WIDTH])),
            bits=max(directory.get(_BITS, (1,))),
            sample_format=max(directory.get(_SAMPLE_FORMAT, (_UNSIGNED,))),
            separate_planes=directory.get(_PLANAR, 1) == _SEPARATE_PLANES,
        )
    except (KeyError, ValueError, TypeError, OSError, SyntaxError, struct.error):
        return None


def decode_wide_tiff(data: bytes, layout: TiffLayout) -> NDArray[Any]:
    """Return (h, w), (h, w, 3) or (h, w, 4) floats or integers, RGB order.

    Raises:
        LeadlineError: a layout that OpenCV can't read either, or reads wrongly (wide numbers in separate planes).
    """
    import cv2

    pixels = None
    if not layout.separate_planes and (layout.sample_format, layout.bits) in _WHAT_OPENCV_READS:
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            pixels = None
    if pixels is None:
        raise LeadlineError(f"a TIFF of {layout} can't be read, or is damaged; save it as 8 or 16-bit PNG")
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]  # OpenCV has BGR(A)
    return pixels
