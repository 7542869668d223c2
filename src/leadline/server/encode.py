"""A map as the bytes of each format."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError

TYPES = {
    "float32": "application/octet-stream",
    "png16": "image/png",
    "npz": "application/octet-stream",
    "exr": "image/x-exr",
    "pfm": "application/octet-stream",
    "tiff": "image/tiff",
    "preview": "image/png",
    "ply": "application/octet-stream",
    "glb": "model/gltf-binary",
}
NAMES = {
    "float32": "depth.f32", "png16": "depth.png", "npz": "depth.npz", "exr": "depth.exr", "pfm": "depth.pfm",
    "tiff": "depth.tiff", "preview": "preview.png", "ply": "points.ply", "glb": "points.glb",
}  # fmt: skip
CLOUDS = ("ply", "glb")  # these need the photo's own pixels at the map's size


@dataclass(frozen=True)
class Encoded:
    """A reply's body.

    Attributes:
        body: the file.
        scale, offset: value = offset + scale * stored number; 1 and 0 of floats.
        colour_range: lowest and highest value of a preview's colours, or None.
    """

    body: bytes
    scale: float = 1.0
    offset: float = 0.0
    colour_range: tuple[float, float] | None = None


def encode_map(depth: DepthMap, output: str, pixels: NDArray[np.uint8] | None = None, colormap: str = "inferno") -> Encoded:
    """Return a map as a file of a format.

    Args:
        depth: the map.
        output: one of `TYPES`. "float32" is the rows from the top, little-endian, NaN where there is no value; a preview has
            the map's size, without a legend.
        pixels: (h, w, 3) uint8 photo at the map's size, for clouds.
        colormap: of a preview.

    Raises:
        LeadlineError: an unknown format, or nothing to write.
    """
    match output:
        case "float32":
            return Encoded(np.where(depth.valid, depth.values, np.float32(np.nan)).astype("<f4", copy=False).tobytes())
        case "preview":
            return _preview(depth, colormap)
        case "ply" | "glb":
            return _cloud(depth, output, pixels)
        case "png16":
            body = _file(depth, output)
            return Encoded(body, *_steps(body))
        case _ if output in TYPES:
            return Encoded(_file(depth, output))
        case _:
            raise LeadlineError(f"output {output!r}: expected one of {', '.join(TYPES)}")


def _preview(depth: DepthMap, colormap: str) -> Encoded:
    from leadline.io.header import header_of
    from leadline.io.png import encode_png
    from leadline.io.preview import colourise, robust_range

    low, high = robust_range(depth)
    picture = colourise(depth, colormap=colormap, value_range=(low, high))
    header = header_of(depth, range=f"{low!r} {high!r}", colormap=colormap)
    return Encoded(encode_png(picture, header), colour_range=(low, high))


def _cloud(depth: DepthMap, output: str, pixels: NDArray[np.uint8] | None) -> Encoded:
    from leadline.io.cloud import write_glb, write_ply

    with TemporaryDirectory(prefix="leadline-") as folder:  # their writers rename a temporary file, so they need a folder
        path = Path(folder, f"points.{output}")
        (write_ply if output == "ply" else write_glb)(path, depth, pixels)
        return Encoded(path.read_bytes())


def _file(depth: DepthMap, output: str) -> bytes:
    """Return what a format's writer puts into a file."""
    with _nameless_file() as path:
        import_module(f"leadline.io.{output}").write(path, depth)
        return path.read_bytes()


@contextmanager
def _nameless_file() -> Iterator[Path]:
    """Yield the path of a file in memory (Linux), elsewhere of one in a temporary folder."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        number = os.memfd_create("leadline")
        try:
            yield Path(f"/proc/self/fd/{number}")
        finally:
            os.close(number)
    else:
        with TemporaryDirectory(prefix="leadline-") as folder:
            yield Path(folder, "map")


def _steps(png: bytes) -> tuple[float, float]:
    """Return scale and offset from the header of a PNG that leadline wrote."""
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return float(image.info["scale"]), float(image.info["offset"])
