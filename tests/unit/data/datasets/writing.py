"""Write the files of data sets, for the tests of their readers."""

import struct
from pathlib import Path

import cv2
import numpy as np

HW = (6, 8)
RED = np.full((*HW, 3), (200, 30, 10), np.uint8)
BLUE = np.full((*HW, 3), (10, 30, 200), np.uint8)


def save(path, array):
    """Write a picture (red first) or a one-channel PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array)


def save_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def save_npy(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def save_pfm(path, values, big_endian=False):
    """Write a PFM float by float: the bottom row comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = values.shape
    order = ">" if big_endian else "<"
    body = b"".join(struct.pack(f"{order}f", float(values[y, x])) for y in reversed(range(height)) for x in range(width))
    path.write_bytes(f"Pf\n{width} {height}\n{'1.0' if big_endian else '-1.0'}\n".encode() + body)


def ramp(first=1.0, step=1.0):
    """(h, w) float32 with another number in every pixel."""
    return (first + step * np.arange(HW[0] * HW[1], dtype=np.float32)).reshape(HW)


def counts(**places):
    """(h, w) uint16 of 1000, but for the given first pixels."""
    raw = np.full(HW, 1000, np.uint16)
    raw[0, : len(places)] = list(places.values())
    return raw


def only(module, root):
    """Return the only sample under a root, which must agree with what its data set says."""
    (sample,) = module.iter_samples(root)
    assert sample.depth.kind == module.INFO.kind
    assert sample.image.shape[:2] == HW
    assert sample.depth.hw == HW
    assert sample.camera is None or sample.camera.hw == HW
    assert all(mask.shape == HW for mask in sample.masks.values())
    return sample


def cut(path: Path, keep: int):
    """Keep only the first bytes of a file (negative: all but the last)."""
    path.write_bytes(path.read_bytes()[:keep])
