"""Depth in 16-bit PNG: counts, and in the header what one count is worth; 0 is "no measurement"."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.depth_map import Ambiguity, DepthMap, Quantity
from leadline.errors import LeadlineError
from leadline.io.conventions import convention_named, to_counts
from leadline.io.header import StoredMap, header_of
from leadline.io.png import decode_png, encode_png

LARGEST_COUNT = 65535


def write(path: Path, depth: DepthMap, *, scale: float | None = None, convention: str | None = None, level: int = 1) -> None:
    """Write a map; ``value = offset + scale * count`` with both in the header, so that reading is within half a step.

    Metric depth and ray distance are stored in millimetres, or where that doesn't reach far enough in 2, 5, 10, ... mm;
    metric pixel_disparity in 1/256 px, 1/128 px, ... All other maps use the full range of counts, 1 to 65535.

    Args:
        path: the file.
        depth: the map.
        scale: what one count is worth, in the map's unit; the offset is then 0. None to have it chosen as said above.
        convention: a data set's way of storing, by name (`leadline.io.conventions`), instead of a scale.
        level: zlib's compression level; 0 is about four times as fast as 1 and gives twice the size.

    Raises:
        LeadlineError: the values don't fit the scale or convention that was asked for, or the map is of another kind.
    """
    if not 0 <= level <= 9:
        raise LeadlineError(f"compression level {level}: expected 0 (fast) to 9 (small)")
    if convention is not None:
        if scale is not None:
            raise LeadlineError(f"scale {scale:g} and convention {convention!r}: a convention has a scale; give one of them")
        chosen = convention_named(convention)
        counts, scale, offset = chosen.encode(depth), chosen.scale, chosen.offset
        how = {"convention": convention}
    else:
        if scale is not None and not (np.isfinite(scale) and scale > 0):
            raise LeadlineError(f"scale {scale}: expected a positive number, what one count is worth")
        scale, offset = (scale, 0.0) if scale is not None else _chosen_steps(depth)
        counts, how = to_counts(depth, scale, offset, LARGEST_COUNT), {}
    # repr keeps every bit of a float64.
    header = header_of(depth, scale=repr(float(scale)), offset=repr(float(offset)), **how)
    path.write_bytes(encode_png(counts, header, level))


def read(path: Path) -> StoredMap:
    """Read the counts and the header."""
    return decode(path.read_bytes())


def decode(data: bytes) -> StoredMap:
    """Return what a file's bytes hold; see `read`."""
    counts, header = decode_png(data)
    if counts.ndim != 2:
        raise LeadlineError(f"a PNG with {counts.shape[2]} channels: expected a grey one; this is a picture, not a depth map")
    return StoredMap(counts, None, header)


def _chosen_steps(depth: DepthMap) -> tuple[float, float]:
    """Return the scale and offset for a map whose user has no wish."""
    import cv2

    if not depth.valid.any():
        return 1.0, 0.0
    lowest, highest, *_ = cv2.minMaxLoc(depth.values, depth.valid.view(np.uint8))
    if depth.kind.ambiguity is Ambiguity.METRIC and lowest >= 0:
        match depth.kind.quantity:
            case Quantity.DEPTH | Quantity.RAY_DISTANCE:
                steps = (digit * 10.0**power / 1000 for power in range(40) for digit in (1, 2, 5))
                return next(step for step in steps if highest / step < LARGEST_COUNT + 0.5), 0.0
            case Quantity.PIXEL_DISPARITY:
                return next(2.0**power for power in range(-8, 130) if highest / 2.0**power < LARGEST_COUNT + 0.5), 0.0
            case _:
                pass
    step = (highest - lowest) / (LARGEST_COUNT - 1)
    if step == 0:  # one value everywhere
        step = abs(lowest) or 1.0
    return step, lowest - step
