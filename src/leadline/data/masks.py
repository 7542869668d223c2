"""Masks of glass and mirrors from any convention, as the classes of this project: 0 opaque, 1 transparent, 2 mirror.

A mask of 0 and 255 taken for classes, or turned round by ``1 - mask``, is wrong without an error: so every number in a file is
either known to its convention, or refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.files import read_bytes, read_labels
from leadline.data.datasets.surface_mask import HALF_BRIGHT, read_surface_mask
from leadline.errors import LeadlineError

CLASSES = {"opaque": 0, "transparent": 1, "mirror": 2}
OPAQUE, TRANSPARENT, MIRROR = CLASSES.values()

# A class number in the file, or a colour (red, green, blue).
Key = int | tuple[int, int, int]
_MOST_NAMED = 5  # values in a message


class SurfaceMask(NamedTuple):
    """What a picture's surfaces are.

    Attributes:
        material: (h, w) uint8: 0 opaque, 1 transparent, 2 mirror.
        instance: (h, w) int32 numbers of the things, 0 for none; or None where the file doesn't tell things apart.
    """

    material: NDArray[np.uint8]
    instance: NDArray[np.int32] | None = None

    @property
    def regions(self) -> NDArray[np.int32]:
        """(h, w) numbers above 0 where the surface is not opaque: of things where they are known, else of classes."""
        marked = self.material if self.instance is None else np.where(self.material > 0, self.instance, 0)
        return np.asarray(marked, dtype=np.int32)


class Convention(NamedTuple):
    """A way to store masks.

    Attributes:
        about: which numbers mean what, in words.
        read: from a file.
    """

    about: str
    read: Callable[[Path], SurfaceMask]


def read_surfaces(path: Path, convention: str = "any", mapping: Mapping[Key, int] | None = None) -> SurfaceMask:
    """Read a mask file.

    Args:
        path: a picture (PNG, TIFF, ...; a JPEG has no exact numbers and is good for "any" alone).
        convention: one of `CONVENTIONS`.
        mapping: class of each number, or of each colour, in the file; instead of a convention. See `parse_mapping`.

    Raises:
        LeadlineError: no such file or convention, or a number or colour that the convention does not know.
    """
    if mapping is not None:
        return _mapped(path, mapping)
    if convention not in CONVENTIONS:
        raise LeadlineError(f"mask convention {convention!r}: expected one of {', '.join(CONVENTIONS)}, or a mapping")
    return CONVENTIONS[convention].read(path)


def parse_mapping(text: str) -> dict[Key, int]:
    """Read ``"3=transparent,7=mirror,0=opaque"`` or, for colours, ``"#ff0000=transparent,#000000=opaque"``.

    Raises:
        LeadlineError: an entry is not of that form.
    """
    mapping: dict[Key, int] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, _, name = (part.strip() for part in entry.partition("="))
        if name not in CLASSES or not (number := _key(key)):
            raise LeadlineError(
                f"mask mapping {entry!r}: expected NUMBER=CLASS or #RRGGBB=CLASS, CLASS of {', '.join(CLASSES)}"
            )
        mapping[number[0]] = CLASSES[name]
    if not mapping:
        raise LeadlineError(f"mask mapping {text!r}: expected at least one entry such as 3=transparent")
    if len({isinstance(key, int) for key in mapping}) > 1:
        raise LeadlineError(f"mask mapping {text!r} mixes numbers and colours: a file holds one or the other")
    return mapping


def fit_mask(mask: NDArray[Any], hw: tuple[int, int]) -> NDArray[Any]:
    """Return an (h, w) mask at the size of its picture, nearest neighbour.

    Args:
        mask: (h', w') numbers or bool, of the picture's aspect ratio to a pixel (of the smaller of the two).
        hw: the picture's size.

    Raises:
        LeadlineError: the aspect ratio is another one, or the mask has not two dimensions.
    """
    if mask.ndim != 2 or not mask.size:
        raise LeadlineError(f"a mask of shape {mask.shape}: expected two dimensions (height, width)")
    if mask.shape == hw:
        return mask
    import cv2

    (small_h, small_w), (large_h, large_w) = sorted((mask.shape, hw), key=lambda size: size[0] * size[1])
    if min(abs(large_h * small_w / large_w - small_h), abs(large_w * small_h / large_h - small_w)) > 1:
        raise LeadlineError(
            f"a mask of {mask.shape[1]} x {mask.shape[0]} for a picture of {hw[1]} x {hw[0]}: expected its size, "
            "or at least its aspect ratio to a pixel; do they belong together?"
        )
    plain = mask.astype(np.uint8) if mask.dtype == np.bool_ else mask
    # OpenCV's plain INTER_NEAREST takes a corner of each pixel, not its centre. It has no 64-bit integers.
    plain = plain.astype(np.int32) if plain.dtype.kind in "iu" and plain.dtype.itemsize > 4 else plain
    exact = plain.astype(np.float32) if plain.dtype.itemsize > 2 else plain  # the exact one takes no 32-bit integers
    resized = cv2.resize(np.ascontiguousarray(exact), hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized).astype(mask.dtype)


class _Picture(NamedTuple):
    """A mask file's content: class numbers where it has them, and colours."""

    numbers: NDArray[Any] | None
    colours: NDArray[np.uint8] | None
    lossy: bool


def _open(path: Path) -> _Picture:
    from PIL import Image, ImageOps

    read_bytes(path, 1)  # a missing file is told as everywhere
    try:
        with Image.open(path) as opened:
            lossy = opened.format in ("JPEG", "MPO", "WEBP")
            image = ImageOps.exif_transpose(opened)
            image.load()
    except (OSError, SyntaxError, ValueError):
        raise LeadlineError(f"{path}: not a readable picture; expected a mask such as a PNG") from None
    if image.mode == "P":
        return _Picture(np.asarray(image), np.asarray(image.convert("RGB")), lossy)
    if image.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F"):
        numbers = np.asarray(image.getchannel(0) if image.mode == "LA" else image)
        return _Picture(numbers.astype(np.uint8) if image.mode == "1" else numbers, None, lossy)
    colours = np.asarray(image.convert("RGB"))
    grey = bool((colours == colours[..., :1]).all())
    return _Picture(colours[..., 0] if grey else None, colours, lossy)


def _mapped(path: Path, mapping: Mapping[Key, int]) -> SurfaceMask:
    picture = _open(path)
    if any(isinstance(key, tuple) for key in mapping):
        if picture.colours is None:
            raise LeadlineError(
                f"{path} holds grey numbers: expected colours for a mapping of colours; map the numbers instead"
            )
        code = picture.colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        known = {(key[0] << 16) + (key[1] << 8) + key[2]: name for key, name in mapping.items() if isinstance(key, tuple)}
        return SurfaceMask(_looked_up(path, code, known, lambda n: f"#{n:06x}", picture.lossy))
    if picture.numbers is None:
        raise LeadlineError(f"{path} holds colours: expected class numbers; map the colours instead, as #RRGGBB=CLASS")
    known = {key: name for key, name in mapping.items() if isinstance(key, int)}
    return SurfaceMask(_looked_up(path, picture.numbers.astype(np.int64), known, str, picture.lossy))


def _looked_up(
    path: Path, code: NDArray[np.int64], known: Mapping[int, int], spell: Callable[[int], str], lossy: bool = False
) -> NDArray[np.uint8]:
    values, where = np.unique(code, return_inverse=True)
    unknown = [int(value) for value in values if int(value) not in known]
    if unknown:
        found = ", ".join(spell(value) for value in unknown[:_MOST_NAMED]) + (", ..." if len(unknown) > _MOST_NAMED else "")
        hint = "; a JPEG or WebP blurs numbers, save masks as PNG" if lossy else ""
        raise LeadlineError(f"{path} holds {found}: expected {', '.join(spell(key) for key in sorted(known))}{hint}")
    table = np.array([known[int(value)] for value in values], dtype=np.uint8)
    return table[where].reshape(code.shape)


def _key(text: str) -> tuple[Key] | None:
    """Return the number or colour, in a tuple since 0 is one; None if it is neither."""
    if text.startswith("#") and len(text) == 7:
        try:
            code = int(text[1:], 16)
        except ValueError:
            return None
        return ((code >> 16, code >> 8 & 255, code & 255),)
    return (int(text),) if text.isdecimal() else None


def _nonzero(material: int) -> Callable[[Path], SurfaceMask]:
    def read(path: Path) -> SurfaceMask:
        picture = _open(path)
        brightest = picture.colours.max(axis=2) if picture.colours is not None else picture.numbers
        assert brightest is not None
        marked = brightest >= HALF_BRIGHT if picture.lossy else brightest > 0  # compression leaves traces everywhere
        return SurfaceMask(np.where(marked, material, OPAQUE).astype(np.uint8))

    return read


def _bright(material: int) -> Callable[[Path], SurfaceMask]:
    def read(path: Path) -> SurfaceMask:
        return SurfaceMask(np.where(read_surface_mask(path, _size(path)), material, OPAQUE).astype(np.uint8))

    return read


def _read_instances(path: Path) -> SurfaceMask:
    instance = read_labels(path, _size(path)).astype(np.int32)
    return SurfaceMask(np.where(instance > 0, MIRROR, OPAQUE).astype(np.uint8), instance)


def _read_numbers(known: Mapping[int, int]) -> Callable[[Path], SurfaceMask]:
    def read(path: Path) -> SurfaceMask:
        labels = read_labels(path, _size(path)).astype(np.int64)
        if set(np.unique(labels).tolist()) == {0, 255}:
            raise LeadlineError(f"{path} holds 0 and 255: expected classes {sorted(known)}; it is a mask of convention 'any'")
        return SurfaceMask(_looked_up(path, labels, known, str))

    return read


def _size(path: Path) -> tuple[int, int]:
    from PIL import Image

    read_bytes(path, 1)
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError):
        raise LeadlineError(f"{path}: not a readable picture; expected a mask such as a PNG") from None


CONVENTIONS: dict[str, Convention] = {
    "any": Convention("whatever is not black is transparent or a mirror; it is called transparent", _nonzero(TRANSPARENT)),
    "transparent": Convention("whatever is not black is transparent", _nonzero(TRANSPARENT)),
    "mirror": Convention("whatever is not black is a mirror", _nonzero(MIRROR)),
    "material": Convention("0 opaque, 1 transparent, 2 mirror", _read_numbers({0: OPAQUE, 1: TRANSPARENT, 2: MIRROR})),
    "trans10k": Convention("red or white, 255, or classes 1 and 2: all transparent", _bright(TRANSPARENT)),
    "msd": Convention("255 on mirrors", _bright(MIRROR)),
    "mirror3d": Convention("numbers of mirrors, 0 elsewhere", _read_instances),
    # Booster doesn't say which of its classes 2 and 3 is glass and which a mirror: both are ToM, so one class will do.
    "booster": Convention(
        "mask_cat: 0 and 1 are Other, 2 and 3 transparent or mirroring (called transparent)",
        _read_numbers({0: OPAQUE, 1: OPAQUE, 2: TRANSPARENT, 3: TRANSPARENT}),
    ),
}
