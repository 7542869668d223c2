"""Read the raw files of data sets as they are: no EXIF rotation, no scaling, no guess about units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError


def stems(root: Path, pattern: str, suffix: str) -> list[str]:
    """Return what is left of each path matching `pattern` without `root` and `suffix`, sorted, with forward slashes."""
    return sorted(path.relative_to(root).as_posix().removesuffix(suffix) for path in root.glob(pattern))


def read_raw(path: Path) -> NDArray[Any]:
    """Return a raster file's numbers: (h, w) or (h, w, 3 or 4) in RGB order, of the file's own integer type.

    Raises:
        LeadlineError: the file is missing or no readable picture.
    """
    import cv2

    # imdecode, because imread can't open names with non-Latin letters everywhere.
    data = np.frombuffer(read_bytes(path), dtype=np.uint8)
    raw = cv2.imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if raw is None:
        raise LeadlineError(f"{path}: not a readable picture; is the download complete?")
    if raw.ndim == 3 and raw.shape[2] in (3, 4):
        raw = cv2.cvtColor(raw, cv2.COLOR_BGR2RGB if raw.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    return np.asarray(raw)


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an 8-bit picture as (h, w, 3) RGB; grey is repeated, alpha dropped.

    Raises:
        LeadlineError: the file is missing, no readable picture, or not of 8 bits.
    """
    raw = read_raw(path)
    if raw.dtype != np.uint8:
        raise LeadlineError(f"{path}: a picture of {raw.dtype} numbers; expected 8 bits a channel")
    return np.ascontiguousarray(np.repeat(raw[..., None], 3, axis=2) if raw.ndim == 2 else raw[..., :3])


def read_depth_png(path: Path, hw: tuple[int, int] | None = None) -> NDArray[np.uint16]:
    """Return a one-channel PNG's numbers as (h, w) uint16.

    Raises:
        LeadlineError: the file is missing, has several channels, or another size than `hw`, the picture's.
    """
    raw = read_raw(path)
    if raw.ndim != 2 or raw.dtype not in (np.uint8, np.uint16):
        raise LeadlineError(f"{path}: shape {raw.shape} of {raw.dtype}; expected one channel of 8 or 16 bits")
    if hw is not None and raw.shape != hw:
        raise LeadlineError(
            f"{path}: {raw.shape[1]} x {raw.shape[0]} pixels beside a picture of {hw[1]} x {hw[0]}; do they belong together?"
        )
    return raw.astype(np.uint16, copy=False)


def read_exr(path: Path) -> NDArray[np.float32]:
    """Return an EXR file's (h, w) or (h, w, 3) numbers as float32.

    Raises:
        LeadlineError: the file is missing or no EXR file.
    """
    import OpenEXR

    read_bytes(path, 4)  # a missing file gets the same message as elsewhere
    try:
        with OpenEXR.File(str(path)) as file:
            channels = file.channels()
            # OpenEXR joins R, G, B into one array; a lone channel keeps its own name (Y, Z, V, ...).
            pixels = channels["RGB"].pixels if "RGB" in channels else next(iter(channels.values())).pixels
            return np.asarray(pixels, dtype=np.float32)
    except (RuntimeError, ValueError, StopIteration) as error:
        raise LeadlineError(f"{path}: not a readable EXR file ({error}); is the download complete?") from None


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
