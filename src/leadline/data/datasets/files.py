"""Find and read the files of data sets, with messages that name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import METRIC_DEPTH, DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth
from leadline.io.image import read_image


def stems(root: Path, pattern: str, suffix: str) -> list[str]:
    """Return what is left of each path matching `pattern` without `root` and `suffix`, sorted, with forward slashes."""
    return sorted(path.relative_to(root).as_posix().removesuffix(suffix) for path in root.glob(pattern))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return a picture as (h, w, 3) uint8 sRGB.

    Raises:
        LeadlineError: the file is missing or no readable picture.
    """
    return read_image(path).pixels


def read_map(
    path: Path,
    hw: tuple[int, int],
    *,
    convention: str | None = None,
    scale: float | None = None,
    camera: Camera | None = None,
    source: str = "",
) -> DepthMap:
    """Return a depth file as a map of the picture beside it; what is not positive is not valid.

    Args:
        path: PNG or EXR.
        hw: the picture's size.
        convention: how integers become values, by name (`leadline.io.conventions`); without it the file is metric depth.
        scale: metres a count, where there is no convention.
        camera: at the picture's size.
        source: goes into the map.

    Raises:
        LeadlineError: the file is missing, damaged, of another size than the picture, or holds no such numbers.
    """
    depth = read_depth(path, convention=convention, scale=scale, kind=None if convention else METRIC_DEPTH)
    if depth.hw != hw:
        raise LeadlineError(
            f"{path}: {depth.hw[1]} x {depth.hw[0]} pixels beside a picture of {hw[1]} x {hw[0]}; do they belong together?"
        )
    return replace_map(depth, valid=depth.valid & (depth.values > 0), camera=camera, source=source)


def read_labels(path: Path, hw: tuple[int, int]) -> NDArray[np.uint16]:
    """Return a one-channel PNG's numbers as (h, w) uint16, as they are in the file.

    Raises:
        LeadlineError: the file is missing, has several channels, or another size than `hw`, the picture's.
    """
    import cv2

    # imdecode, because imread can't open names with non-Latin letters everywhere.
    data = np.frombuffer(read_bytes(path), dtype=np.uint8)
    labels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if labels is None:
        raise LeadlineError(f"{path}: not a readable picture; is the download complete?")
    if labels.shape != hw or labels.dtype not in (np.uint8, np.uint16):
        raise LeadlineError(f"{path}: shape {labels.shape} of {labels.dtype}; expected {hw}, one channel of 8 or 16 bits")
    return labels.astype(np.uint16)


def read_npy(path: Path) -> NDArray[Any]:
    """Return an NPY file's array.

    Raises:
        LeadlineError: the file is missing or no plain NPY array.
    """
    read_bytes(path, 4)
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise LeadlineError(f"{path}: not a readable NPY array ({error}); is the download complete?") from None


def read_matrix(path: Path, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a text file's numbers in the given shape (-1 as in NumPy).

    Raises:
        LeadlineError: the file is missing, holds something else than numbers, or another count of them.
    """
    text = read_bytes(path).decode("utf-8", errors="replace")
    try:
        return np.array([float(word) for word in text.split()], dtype=np.float64).reshape(shape)
    except ValueError as error:
        raise LeadlineError(f"{path}: {error}; expected numbers that fill the shape {shape}") from None


def read_json(path: Path) -> Any:
    """Return a JSON file's content.

    Raises:
        LeadlineError: the file is missing or no JSON.
    """
    import json

    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise LeadlineError(f"{path}: not JSON ({error}); is the download complete?") from None


def read_bytes(path: Path, count: int = -1) -> bytes:
    """Return the first `count` bytes of a file, by default all.

    Raises:
        LeadlineError: the file can't be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise LeadlineError(f"can't read {path}: {error.strerror}; is the data set complete?") from None
