"""Uploaded pictures: what they are by their first bytes, how large by their header, and then their pixels."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.image import Photo, decode_image
from leadline.io.pillow_limit import lifted_pillow_limit
from leadline.io.wide_tiff import tiff_layout
from leadline.server.errors import Refusal

JPEG, PNG, WEBP, TIFF, BMP, HEIC = "image/jpeg", "image/png", "image/webp", "image/tiff", "image/bmp", "image/heic"
TYPES = (JPEG, PNG, WEBP, TIFF, BMP, HEIC)
# What else clients call them. No name at all, or that of bytes, leaves it to the first bytes (parts of forms alone).
_ALIASES = {"image/heif": HEIC, "image/x-ms-bmp": BMP}
_UNNAMED = ("", "application/octet-stream")
# Pillow's names; asking for the one alone keeps it from trying others on a file that only begins like a JPEG.
_FORMATS: Mapping[str, str] = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", TIFF: "TIFF", BMP: "BMP"}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_HALF_BRIGHT = 128


def sniffed_type(data: bytes) -> str | None:
    """Return the content type that a file's first bytes stand for, or None of anything but `TYPES`."""
    if data[:3] == b"\xff\xd8\xff":
        return JPEG
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TIFF
    if data[:2] == b"BM":
        return BMP
    return HEIC if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS else None


def check_type(data: bytes, claimed: str, *, part: bool = False) -> str:
    """Return a picture's content type.

    Args:
        data: the file.
        claimed: the Content-Type, perhaps with parameters.
        part: of a form, whose parts may come without a type.

    Raises:
        Refusal: 415: the type is none of `TYPES`, or the bytes are of another type; 422: there are no bytes.
    """
    name = claimed.partition(";")[0].strip().lower()
    expected = _ALIASES.get(name, name)
    if expected not in TYPES and not (part and expected in _UNNAMED):
        raise Refusal(415, "type", f"content type {name[:60]!r}: expected one of {', '.join(TYPES)}, or multipart/form-data")
    if not data:
        raise Refusal(422, "no_picture", "an empty body (0 bytes): expected the bytes of a picture")
    found = sniffed_type(data)
    if found is None:
        raise Refusal(415, "type", f"bytes that start with {data[:8]!r}: expected a picture, one of {', '.join(TYPES)}")
    if expected in TYPES and found != expected:
        raise Refusal(415, "type", f"content type {expected} for bytes of {found}: give the type that the picture has")
    return found


def check_header(data: bytes, content_type: str, max_pixels: int) -> None:
    """Refuse what does not open as the type that it begins like, or is too large, without decoding it.

    Raises:
        Refusal: 422 no such picture; 413 more pixels than allowed.
    """
    if content_type == HEIC:
        return  # its reader checks the size itself, before it decodes
    from PIL import Image

    try:
        with lifted_pillow_limit(), Image.open(io.BytesIO(data), formats=[_FORMATS[content_type]]) as image:
            width, height = image.size
    except Exception as error:  # Pillow's plug-ins let everything through on damaged files
        layout = tiff_layout(data) if content_type == TIFF else None
        if layout is None:
            raise _damaged(content_type, error) from None
        height, width = layout.hw
    if width * height > max_pixels:
        raise Refusal(
            413,
            "too_many_pixels",
            f"{width} x {height} is {width * height / 1e6:.0f} million pixels: expected at most {max_pixels / 1e6:g} million; "
            "send a smaller picture",
        )


def decode_picture(data: bytes, content_type: str, max_pixels: int, at_least: int | None = None) -> Photo:
    """Decode a picture whose type was checked; see `leadline.io.image.decode_image`.

    Raises:
        Refusal: 413 or 422.
    """
    check_header(data, content_type, max_pixels)
    try:
        return decode_image(data, at_least=at_least, max_pixels=max_pixels)
    except LeadlineError as error:
        raise Refusal(422, "no_picture", str(error)) from None
    except MemoryError:
        raise Refusal(413, "too_many_pixels", "no memory for so large a picture: send a smaller one") from None
    except Exception as error:  # see above
        raise _damaged(content_type, error) from None


def decode_mask(data: bytes, content_type: str, max_pixels: int) -> NDArray[np.bool_]:
    """Return (h, w) where a mask is marked: any number but 0, or at least half bright in a JPEG, whose numbers are not exact.

    What is transparent is not marked, whatever its colour.

    Raises:
        Refusal: 413 or 422.
    """
    check_header(data, content_type, max_pixels)
    if content_type in (JPEG, HEIC):
        pixels = decode_picture(data, content_type, max_pixels).pixels
        return np.asarray(pixels.max(axis=2) >= _HALF_BRIGHT)
    from PIL import Image

    try:
        with lifted_pillow_limit(), Image.open(io.BytesIO(data), formats=[_FORMATS[content_type]]) as image:
            numbers = np.asarray(image)
            channels = image.getbands()
    except Exception as error:  # see above
        raise _damaged(content_type, error) from None
    if numbers.ndim == 2:
        return np.asarray(numbers != 0)
    if channels[-1] in ("A", "a"):
        return np.asarray((numbers[..., :-1] != 0).any(axis=2) & (numbers[..., -1] != 0))
    return np.asarray((numbers != 0).any(axis=2))


def _damaged(content_type: str, error: Exception) -> Refusal:
    reason = " ".join(str(error).split())
    known = f" ({reason[:80]})" if reason and "<" not in reason else ""  # Pillow names its file object in some
    return Refusal(422, "no_picture", f"damaged or cut off {content_type}{known}; send a whole picture")
