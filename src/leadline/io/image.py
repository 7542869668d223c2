"""Pictures of every kind that people have, as upright 8-bit sRGB."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.io.jpeg import decode_jpeg, reduction
from leadline.io.pillow_limit import lifted_pillow_limit
from leadline.io.srgb import pixels_to_srgb, to_srgb
from leadline.io.wide_tiff import decode_wide_tiff, tiff_layout

if TYPE_CHECKING:
    from PIL import Image

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif", ".jp2",
    ".ppm", ".pgm",
)  # fmt: skip
# What leadline itself writes beside photos ("A.depth.png", "A.preview.png"): a second run must not take it for input.
OUTPUT_STEMS = (".depth", ".preview")
# Larger than any single-shot camera; a file that claims more is a stitched panorama or an attack on the memory.
MAX_PIXELS = 250_000_000

_ORIENTATION = 0x0112
_EXIF_BLOCK = 0x8769
_FOCAL_LENGTH_IN_35MM_FILM = 0xA405
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Everything that Pillow's plug-ins let through on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, RuntimeError)


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture as read from a file.

    Attributes:
        pixels: (h, w, 3) uint8 sRGB, upright, without alpha; smaller than the file's if `at_least` allowed it.
        hw_full: height and width in pixels of the file's picture, upright.
        camera: from EXIF's 35 mm equivalent focal length, at `hw_full`; None if the file doesn't say.
    """

    pixels: NDArray[np.uint8]
    hw_full: tuple[int, int]
    camera: Camera | None = None


def read_image(path: str | os.PathLike[str], *, at_least: int | None = None, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a picture: JPEG, PNG, WebP, TIFF, BMP, GIF (first frame), AVIF, JPEG 2000, and HEIC with the extra ``heic``.

    EXIF rotation is applied, transparency lies on white, colour profiles are converted to sRGB: see `leadline.io.srgb`.

    Args:
        path: the file; its content decides, not its suffix.
        at_least: the caller needs the longer side to have this many pixels and no more, so that a JPEG may be decoded at a
            half, a quarter or an eighth of its size (about three times as fast). None for the full size.
        max_pixels: refuse larger pictures before decoding them.

    Raises:
        LeadlineError: one line: no such file, empty, no picture, damaged or cut off, too large, a float picture with NaN.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        return decode_image(data, at_least=at_least, max_pixels=max_pixels)
    except LeadlineError as error:
        raise LeadlineError(f"can't read {path}: {error}") from None


def decode_image(data: bytes, *, at_least: int | None = None, max_pixels: int = MAX_PIXELS) -> Photo:
    """Decode the bytes of a picture file; see `read_image`."""
    with lifted_pillow_limit():
        return _photo(data, at_least, max_pixels)


def list_images(folder: str | os.PathLike[str], recursive: bool = True) -> list[Path]:
    """Return the pictures in a folder, sorted by path.

    A picture is a file with one of IMAGE_SUFFIXES. Hidden files and folders are skipped, and so are leadline's own outputs
    (``A.depth.png``, ``A.preview.png``).

    Raises:
        LeadlineError: no such folder, or a part of it can't be listed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LeadlineError(f"no folder {folder}: give a folder of pictures")
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=_refuse_to_skip):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        found += [Path(parent, name) for name in files if _is_picture_name(name)]
    return sorted(found)


def _is_picture_name(name: str) -> bool:
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122, a Path for each of a million names is slow
    return suffix in IMAGE_SUFFIXES and not name.startswith(".") and not stem.endswith(OUTPUT_STEMS)


def _refuse_to_skip(error: OSError) -> None:
    raise LeadlineError(f"can't list {error.filename}: {error.strerror}; give a folder that you may read")


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise LeadlineError(f"no file {path}: check the name") from None
    except IsADirectoryError:
        raise LeadlineError(f"{path} is a folder: expected a picture") from None
    except OSError as error:
        raise LeadlineError(f"can't read {path}: {error.strerror or error}") from None
    if not data:
        raise LeadlineError(f"can't read {path}: it is empty (0 bytes); get a whole copy")
    return data


def _photo(data: bytes, at_least: int | None, max_pixels: int) -> Photo:
    layout = tiff_layout(data)
    if layout is not None and layout.separate_planes and layout.bits > 8:
        raise LeadlineError(f"a TIFF of {layout} can't be read (Pillow would mix them up); save it as 8 or 16-bit PNG")
    try:
        image = _open(data, max_pixels)
    except LeadlineError:
        if layout is None:
            raise
        _check_size(layout.hw, max_pixels)
        return Photo(pixels_to_srgb(decode_wide_tiff(data, layout)), layout.hw)
    width, height = image.size
    _check_size((height, width), max_pixels)
    pixels, orientation = _decode(image, data, at_least)
    pixels = _upright(pixels, orientation)
    hw_full = (width, height) if orientation >= 5 else (height, width)
    if image.format == "TIFF":  # Pillow itself turns these (only these) while loading
        hw_full = pixels.shape[0], pixels.shape[1]
    return Photo(pixels, hw_full, _camera(image, hw_full))


def _check_size(hw: tuple[int, int], max_pixels: int) -> None:
    if hw[0] * hw[1] > max_pixels:
        raise LeadlineError(
            f"{hw[1]} x {hw[0]} is {hw[0] * hw[1] / 1e6:.0f} million pixels: at most {max_pixels / 1e6:.0f} million are read; "
            "shrink it or cut it into parts"
        )


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header alone."""
    from PIL import Image, UnidentifiedImageError

    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return _open_heif(data, max_pixels)
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise LeadlineError(
            f"no picture, or cut off: it starts with {data[:12]!r}; expected JPEG, PNG, WebP, TIFF, BMP, GIF, ..."
        ) from None
    except _DAMAGE as error:
        raise LeadlineError(f"damaged or cut off ({_short(error)}); get a whole copy") from None


def _open_heif(data: bytes, max_pixels: int) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise LeadlineError("a HEIC picture needs another package: pip install leadline[heic], or convert it to JPEG") from None
    try:
        file = pillow_heif.open_heif(io.BytesIO(data))
        _check_size(file.size[::-1], max_pixels)  # here, because the next line decodes
        image: Image.Image = file.to_pillow()
    except LeadlineError:
        raise
    except _DAMAGE as error:
        raise LeadlineError(f"a damaged or cut off HEIC picture ({_short(error)}); get a whole copy") from None
    return image


def _decode(image: Image.Image, data: bytes, at_least: int | None) -> tuple[NDArray[np.uint8], int]:
    """Return (h, w, 3) sRGB pixels as stored, and the EXIF orientation that is still to be applied."""
    from PIL import Image as pil

    is_jpeg = image.format in ("JPEG", "MPO")
    divisor = reduction((image.height, image.width), at_least) if is_jpeg else 1
    if is_jpeg and (image.mode == "RGB" or (image.mode == "L" and "icc_profile" not in image.info)):
        pixels = decode_jpeg(data, divisor)
        if pixels is not None:
            if profile := image.info.get("icc_profile"):
                coloured = pil.fromarray(pixels)
                coloured.info["icc_profile"] = profile
                pixels = to_srgb(coloured)
            return pixels, _orientation(image)
    try:
        if divisor > 1:
            image.draft(image.mode, (image.width // divisor, image.height // divisor))
        image.load()
        if image.mode == "CMYK" and is_jpeg and "adobe" not in image.info:
            # Adobe's files hold inverted ink and say so; Pillow takes every CMYK JPEG for one of them.
            from PIL import ImageChops

            profile = image.info.get("icc_profile")
            inverted = ImageChops.invert(image)
            inverted.info["icc_profile"] = profile
            return to_srgb(inverted), _orientation(image)
        return to_srgb(image), _orientation(image)
    except LeadlineError:
        raise
    except _DAMAGE as error:
        raise LeadlineError(
            f"the {image.format or 'HEIC'} file is damaged or cut off ({_short(error)}); get a whole copy"
        ) from None


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 (upright) where it is missing or nonsense."""
    try:
        value = int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGE:
        return 1
    return value if 1 <= value <= 8 else 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112: where row 0 and column 0 of the stored picture lie)."""
    import cv2

    if orientation >= 5:
        pixels = np.asarray(cv2.transpose(pixels), dtype=np.uint8)
    # Now row 0 lies at the top or bottom and column 0 at the left or right. OpenCV: 0 turns rows, 1 columns, -1 both around.
    around = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if around is None else np.asarray(cv2.flip(pixels, around), dtype=np.uint8)


def _camera(image: Image.Image, hw: tuple[int, int]) -> Camera | None:
    try:
        focal = float(image.getexif().get_ifd(_EXIF_BLOCK).get(_FOCAL_LENGTH_IN_35MM_FILM, 0))
        return Camera.from_focal_35mm(focal, hw) if focal > 0 else None  # the standard has 0 for "unknown"
    except (*_DAMAGE, ZeroDivisionError):
        return None  # a broken tag, or a fisheye that no pinhole has, must not cost the picture


def _short(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:100] if lines else type(error).__name__
