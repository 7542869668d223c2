"""OpenEXR: channel Z (depth, ray_distance) or Y (disparities), half or float, NaN where there is no measurement."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.header import StoredMap, header_of

LARGEST_HALF = 65504.0
COMPRESSIONS = ("none", "rle", "zips", "zip", "piz")  # the lossless ones
_TYPES = {"half": np.float16, "float": np.float32}
# Z is OpenEXR's name for depth; renderers add a prefix; some writers put it in a colour channel.
_READ_FROM = ("Z", "Y", "depth.Z", "depth", "disparity", "R", "V")


def write(path: Path, depth: DepthMap, *, dtype: str = "float", compression: str | None = None) -> None:
    """Write a map with its header in string attributes.

    Args:
        path: the file.
        depth: the map.
        dtype: "float" keeps every bit; "half" keeps 11 significant bits (relative error below 0.05 %) in a tenth of the size.
        compression: one of COMPRESSIONS. None for "zip" with half; with float, whose last bits hardly shrink, "none".

    Raises:
        LeadlineError: an unknown option, or values above 65504, which a half can't hold.
    """
    import OpenEXR

    if dtype not in _TYPES:
        raise LeadlineError(f"EXR dtype {dtype!r}: expected 'half' or 'float'")
    compression = compression or ("zip" if dtype == "half" else "none")
    if compression not in COMPRESSIONS:
        raise LeadlineError(f"EXR compression {compression!r}: expected one of {', '.join(COMPRESSIONS)}")
    largest = float(np.abs(depth.values).max(initial=0))
    if dtype == "half" and largest > LARGEST_HALF:
        raise LeadlineError(f"a value of {largest:g} in a half-float EXR: expected at most {LARGEST_HALF:g}; use dtype='float'")
    numbers = depth.values.astype(_TYPES[dtype])
    numbers[~depth.valid] = np.nan
    codec = "NO_COMPRESSION" if compression == "none" else f"{compression.upper()}_COMPRESSION"
    attributes = {**header_of(depth), "compression": getattr(OpenEXR, codec), "type": OpenEXR.scanlineimage}
    try:
        with OpenEXR.File(attributes, {"Z" if not depth.kind.near_is_large else "Y": numbers}) as file:
            file.write(str(path))
    except RuntimeError as error:
        raise OSError(None, str(error).splitlines()[0]) from None


def read(path: Path) -> StoredMap:
    """Read the first channel of Z, Y and the names that other programs use; infinity is "no measurement", too."""
    import OpenEXR

    path.open("rb").close()  # OpenEXR's own message doesn't tell a missing file from a damaged one
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            header = {name: value for name, value in file.header().items() if isinstance(value, str)}
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    except (RuntimeError, ValueError) as error:
        raise LeadlineError(f"not an OpenEXR file, or damaged ({str(error).splitlines()[0]})") from None
    for name in _READ_FROM:
        if name in channels:
            return StoredMap(channels[name], None, header)
    raise LeadlineError(f"an EXR file with the channels {', '.join(channels)}: expected one of {', '.join(_READ_FROM)}")
