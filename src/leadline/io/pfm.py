"""Portable float maps: bottom-up rows of float32 after three lines of text, infinity where there is no measurement.

Source: the Middlebury stereo page's description of the format. It has no room for a comment, so that a reader has to be told
the kind.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.header import StoredMap

# One white-space character, and no more, separates the scale from the numbers.
_HEADER = re.compile(rb"(P[Ff])\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s")


def write(path: Path, depth: DepthMap) -> None:
    """Write a map, little-endian."""
    height, width = depth.hw
    values = np.where(depth.valid[::-1], depth.values[::-1], np.float32(np.inf)).astype("<f4", copy=False)
    with path.open("wb") as file:
        file.write(f"Pf\n{width} {height}\n-1.0\n".encode())
        values.tofile(file)


def read(path: Path) -> StoredMap:
    """Read a map of either byte order; the scale's size, which writers use as they like, is ignored."""
    data = path.read_bytes()
    header = _HEADER.match(data)
    if header is None:
        raise LeadlineError(f"not a PFM file: it starts with {data[:12]!r}, expected 'Pf', width, height and scale")
    if header[1] == b"PF":
        raise LeadlineError("a PFM file with three channels: expected one ('Pf'); this is a picture, not a depth map")
    width, height, scale = int(header[2]), int(header[3]), float(header[4])
    if len(data) - header.end() < 4 * width * height:
        raise LeadlineError(f"a PFM file of {width} x {height} that is cut off; get a whole copy")
    values = np.frombuffer(data, "<f4" if scale < 0 else ">f4", width * height, header.end()).reshape(height, width)
    return StoredMap(values[::-1])
