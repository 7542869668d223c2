"""What a folder of somebody's own pictures and depth files looks like, as its ``leadline_images.toml`` says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from leadline.camera import Camera
from leadline.depth_map import Kind
from leadline.errors import LeadlineError
from leadline.io.conventions import convention_named
from leadline.io.depth import FORMATS
from leadline.io.image import IMAGE_SUFFIXES

SETTINGS = "leadline_images.toml"
HELP = "see how-to/own-data in the documentation"
_KEYS = ("images", "depths", "kind", "scale", "convention", "invalid", "camera")
_CAMERA_KEYS = ("fx", "fy", "cx", "cy", "width", "height", "first_pixel_centre", "focal_px", "fov_deg")
_WILDCARD = re.compile(r"\*\*/|\*|\?")
_CAPTURES = {"**/": "((?:[^/]+/)*)", "*": "([^/]*)", "?": "([^/])"}


@dataclass(frozen=True)
class CameraSettings:
    """One camera for all pictures: by its matrix, its focal length or its field of view.

    Attributes:
        fx, fy, cx, cy: pixels of a picture of `width` x `height`.
        width, height: the size that the matrix belongs to; None for the pictures' own.
        first_pixel_centre: where the calibration puts the centre of the first pixel: 0 in OpenCV and ROS, 0.5 in COLMAP.
        focal_px: focal length in pixels of the pictures, the principal point in the middle.
        fov_deg: horizontal field of view in degrees, the principal point in the middle.
    """

    fx: float | None = None
    fy: float | None = None
    cx: float | None = None
    cy: float | None = None
    width: int | None = None
    height: int | None = None
    first_pixel_centre: float = 0.0
    focal_px: float | None = None
    fov_deg: float | None = None

    def __post_init__(self) -> None:
        matrix = (self.fx, self.fy, self.cx, self.cy)
        ways = (all(value is not None for value in matrix), self.focal_px is not None, self.fov_deg is not None)
        if sum(ways) != 1 or (not ways[0] and any(value is not None for value in matrix)):
            raise LeadlineError("a camera needs fx, fy, cx and cy, or focal_px, or fov_deg alone: expected one of these")
        if (self.width is None) != (self.height is None):
            raise LeadlineError("a camera with one of width and height: expected both, or none for the pictures' own size")

    def camera(self, hw: tuple[int, int]) -> Camera:
        """Return the camera of a picture of size `hw`.

        Raises:
            LeadlineError: the numbers are no camera.
        """
        if self.fov_deg is not None:
            return Camera.from_fov_deg(self.fov_deg, hw)
        if self.focal_px is not None:
            return Camera.from_focal_px(self.focal_px, hw)
        fx, fy, cx, cy = (float(value or 0) for value in (self.fx, self.fy, self.cx, self.cy))
        height, width = (self.height or hw[0], self.width or hw[1])
        corner = 0.5 - self.first_pixel_centre
        return Camera(width, height, fx, fy, cx + corner, cy + corner).resize(hw)


@dataclass(frozen=True)
class ImageLayout:
    """Which file is whose depth, and what its numbers mean.

    Attributes:
        images: glob of the pictures below the root: ``*`` stands for a part of a name, ``**/`` for any folders.
        depths: the same for the depth files, with as many wildcards: what they stand for is taken from the picture.
        kind: of the depth files; None if their headers say.
        scale: what 1 in the files is worth, in m, 1/m or px by the kind; None for 1 (floats) or where it has no unit.
        convention: instead of kind and scale, a data set's way of storing, by name (`leadline.io.conventions`).
        invalid: the numbers in the files that mean "no measurement", beside NaN and infinity.
        camera: of all pictures, or None if unknown.

    Raises:
        LeadlineError: two settings contradict each other, or one is not what it should be.
    """

    images: str
    depths: str
    kind: Kind | None = None
    scale: float | None = None
    convention: str | None = None
    invalid: tuple[float, ...] = (0.0,)
    camera: CameraSettings | None = None

    def __post_init__(self) -> None:
        for key in ("images", "depths"):
            pattern = getattr(self, key)
            if pattern.startswith("/") or ".." in pattern.split("/") or "[" in pattern or "\\" in pattern:
                raise LeadlineError(
                    f'{key} = "{pattern}": expected a path below the folder with *, ? and **/, such as "rgb/*.jpg"'
                )
        counts = [len(_WILDCARD.findall(pattern)) for pattern in (self.images, self.depths)]
        if counts[0] != counts[1]:
            raise LeadlineError(
                f'images = "{self.images}" has {counts[0]} wildcards, depths = "{self.depths}" has {counts[1]}: expected '
                "as many, so that each picture's text can be put into its depth's name"
            )
        if self.convention is not None:
            convention_named(self.convention)
            if self.kind is not None or self.scale is not None:
                raise LeadlineError(f'convention = "{self.convention}" says kind and scale, too: leave those two out')
        if self.scale is not None and not (isfinite(self.scale) and self.scale > 0):
            raise LeadlineError(f"scale = {self.scale}: expected a positive number, such as 0.001 for millimetres")
        if self.scale is not None and self.kind is None:
            raise LeadlineError(f'scale = {self.scale} without a kind: expected kind = "depth/metric" (or another) beside it')

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> ImageLayout:
        """Read the settings of a parsed TOML file.

        Raises:
            LeadlineError: a key is unknown, missing or of another type; it says what to write.
        """
        _refuse_unknown(settings, _KEYS)
        images, depths = (_text(settings, key, f'{key} = "{example}"') for key, example in _EXAMPLES)
        kind, convention = settings.get("kind"), settings.get("convention")
        invalid = settings.get("invalid", [0])
        if not isinstance(invalid, list) or not all(_is_number(value) for value in invalid):
            raise LeadlineError(f"invalid = {invalid!r}: expected a list of numbers, such as invalid = [0, 65535]")
        scale = settings.get("scale")
        if scale is not None and not _is_number(scale):
            raise LeadlineError(f"scale = {scale!r}: expected a number without quotes, such as scale = 0.001")
        return cls(
            images,
            depths,
            None if kind is None else Kind.parse(str(kind)),
            None if scale is None else float(scale),
            None if convention is None else str(convention),
            tuple(float(value) for value in invalid),
            _camera_settings(settings.get("camera")),
        )

    def pairs(self, root: Path) -> dict[str, tuple[Path, Path]]:
        """Return picture and depth file by the sample's name (what the wildcards stand for), in order.

        Raises:
            LeadlineError: no picture matches, or none of them has its depth file.
        """
        matcher = re.compile("".join(_CAPTURES.get(part, re.escape(part)) for part in _split(self.images)))
        found: dict[str, tuple[Path, Path]] = {}
        for path in sorted(root.glob(self.images)):
            match = matcher.fullmatch(path.relative_to(root).as_posix())
            if match and path.is_file():
                texts = iter(match.groups())
                depth = "".join(next(texts) if part in _CAPTURES else part for part in _split(self.depths))
                name = "/".join(text.strip("/") for text in match.groups() if text.strip("/"))
                found[name or path.stem] = (path, root / depth)
        maps = {depth for _, depth in found.values()}
        # "*.png" takes in "A_depth.png", too.
        pairs = {name: pair for name, pair in found.items() if pair[0] not in maps}
        if not pairs:
            raise LeadlineError(f'no file matches images = "{self.images}" in {root}{_holding(root)}: expected pictures there')
        if not any(path.exists() for _, path in pairs.values()):
            picture, path = next(iter(pairs.values()))
            raise LeadlineError(
                f'depths = "{self.depths}": none of {len(pairs)} pictures has its depth; expected '
                f"{path.relative_to(root)} for {picture.relative_to(root)}{_holding(root)}"
            )
        return pairs


_EXAMPLES = (("images", "rgb/*.jpg"), ("depths", "depth/*.png"))


def read_settings(root: Path) -> ImageLayout:
    """Read the settings in a folder's root.

    Raises:
        LeadlineError: there are none (it says what to write, guessed from the files), or they are wrong.
    """
    path = root / SETTINGS
    try:
        with path.open("rb") as file:
            return ImageLayout.from_mapping(tomllib.load(file))
    except FileNotFoundError:
        images, depths = guess_patterns(root)
        raise LeadlineError(
            f'no {SETTINGS} in {root}{_holding(root)}: expected one with lines like images = "{images}", depths = "{depths}", '
            f'kind = "depth/metric", scale = 0.001 (metres a count); {HELP}'
        ) from None
    except OSError as error:
        raise LeadlineError(f"can't read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LeadlineError(f'{path}: not TOML ({error}); expected lines like images = "rgb/*.jpg"; {HELP}') from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def guess_patterns(root: Path) -> tuple[str, str]:
    """Return globs of what look like pictures and depth files in a folder; examples where nothing does."""
    images, depths = (example for _, example in _EXAMPLES)
    patterns: list[str] = []
    for path in _some_files(root):
        relative = path.relative_to(root)
        word = re.search(r"[-_.][A-Za-z]+$", relative.stem)
        patterns.append((relative.parent / f"*{word[0] if word else ''}{relative.suffix}").as_posix())
    deep = [
        p for p in patterns if re.search("depth|disp", p.lower()) or Path(p).suffix.lower() in (".npy", ".npz", ".exr", ".pfm")
    ]
    flat = [p for p in patterns if p not in deep and Path(p).suffix.lower() in IMAGE_SUFFIXES]
    return (flat or [images])[0], (deep or [depths])[0]


def _some_files(root: Path) -> list[Path]:
    wanted = {*FORMATS, *IMAGE_SUFFIXES}
    return sorted(islice((path for path in root.glob("**/*") if path.suffix.lower() in wanted), 500))


def _holding(root: Path) -> str:
    """Return ", which holds A, B" of one picture or depth file of each folder."""
    first = {path.parent: path.relative_to(root).as_posix() for path in reversed(_some_files(root))}
    return f", which holds {', '.join(sorted(first.values())[:4])}" if first else ""


def _split(pattern: str) -> list[str]:
    """Return the pattern in pieces: wildcards and what is between them."""
    return [part for part in re.split(r"(\*\*/|\*|\?)", pattern) if part]


def _camera_settings(settings: Any) -> CameraSettings | None:
    if settings is None:
        return None
    if not isinstance(settings, dict) or not all(_is_number(value) for value in settings.values()):
        raise LeadlineError(f"camera = {settings!r}: expected a table [camera] of numbers, such as fov_deg = 65")
    _refuse_unknown(settings, _CAMERA_KEYS)
    return CameraSettings(**settings)


def _refuse_unknown(settings: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(set(settings) - set(known)):
        raise LeadlineError(f"unknown setting {unknown[0]!r}: expected {', '.join(known)}")


def _text(settings: Mapping[str, Any], key: str, example: str) -> str:
    value = settings.get(key)
    if not isinstance(value, str) or not value:
        raise LeadlineError(
            f"{key} = {value!r}: expected a text, such as {example}" if key in settings else f"no {key}: expected {example}"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
