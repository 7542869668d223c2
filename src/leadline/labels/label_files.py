"""Label files: 16-bit PNG, or NumPy archives of half floats with the spread beside the values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.depth import write_depth
from leadline.io.header import header_of

SUFFIXES = {"npz": ".npz", "png16": ".depth.png"}
SPREAD_SUFFIX = ".spread.npz"
# Half floats keep eleven bits. Where their steps would be coarser than this share of the map's range, float32 is kept.
_COARSEST = 1e-3


def label_paths(out: Path, stem: Path, write: str, spread: bool) -> list[Path]:
    """Return the files of one picture's label: an npz holds the spread itself, a PNG has it in a file beside.

    Raises:
        LeadlineError: an unknown format.
    """
    if write not in SUFFIXES:
        raise LeadlineError(f"label format {write!r}: expected one of {', '.join(SUFFIXES)}")
    suffixes = [SUFFIXES[write], *([SPREAD_SUFFIX] if spread and write == "png16" else [])]
    return [out / stem.parent / (stem.name + suffix) for suffix in suffixes]


def write_label(paths: list[Path], depth: DepthMap, spread: NDArray[np.float32] | None) -> None:
    """Write what `label_paths` named, the map last: where it is, the label is complete.

    `leadline.read_depth` reads both formats. An npz has ``values`` and, where there is one, ``spread`` (half the inter-quartile
    range over the colours, in the map's unit), float16 where that is fine enough and float32 else.
    """
    texts: dict[str, Any] = {name: np.array(text) for name, text in header_of(depth).items()}
    extra: dict[str, Any] = {} if spread is None else {"spread": as_half(spread)}
    for path in paths[1:]:
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            beside: dict[str, Any] = extra or {"spread": np.zeros((0, 0), np.float16)}
            np.savez(file, **beside, **texts)
    if paths[0].suffix == ".npz":
        with atomic_write(paths[0]) as temporary, temporary.open("wb") as file:
            np.savez(file, values=as_half(depth.values, depth.valid), valid=depth.valid, **extra, **texts)
    else:
        write_depth(paths[0], depth)


def as_half(values: NDArray[np.float32], valid: NDArray[np.bool_] | None = None) -> NDArray[Any]:
    """Return numbers as float16 where that rounds them by less than a thousandth of their range, else as they are."""
    known = values if valid is None else values[valid]
    if known.size == 0:
        return values.astype(np.float16)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
        rounded = half if valid is None else half[valid]
    error = float(np.abs(rounded.astype(np.float32) - known).max())
    span = float(known.max()) - float(known.min()) or abs(float(known.max()))
    return half if error <= _COARSEST * span else values
