"""Float TIFF: the header is JSON in ImageDescription, NaN where there is no measurement (and GDAL's no-data tag says so)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.header import StoredMap, header_of

_IMAGE_DESCRIPTION = 270
_GDAL_NODATA = 42113


def write(path: Path, depth: DepthMap) -> None:
    """Write the float32 values, not compressed."""
    from PIL import Image, TiffImagePlugin

    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[_IMAGE_DESCRIPTION] = json.dumps(header_of(depth))  # JSON escapes what the tag's ASCII can't hold
    tags.tagtype[_GDAL_NODATA] = 2  # ASCII
    tags[_GDAL_NODATA] = "nan"
    image = Image.fromarray(np.where(depth.valid, depth.values, np.float32(np.nan)))
    image.save(path, format="TIFF", tiffinfo=tags)


def read(path: Path) -> StoredMap:
    """Read the first page: floats, or integer counts."""
    from PIL import Image

    try:
        with Image.open(path, formats=["TIFF"]) as image:
            description = image.tag_v2.get(_IMAGE_DESCRIPTION, "")  # type: ignore[attr-defined]
            numbers = np.array(image)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise LeadlineError(f"not a TIFF file, or damaged ({str(error).splitlines()[0]})") from None
    if numbers.ndim != 2:
        raise LeadlineError(f"a TIFF file with {numbers.shape[2]} channels: expected one; this is a picture, not a depth map")
    return StoredMap(numbers, None, _header(description))


def _header(description: object) -> dict[str, str]:
    try:
        fields = json.loads(str(description))
    except json.JSONDecodeError:
        return {}
    return {str(name): str(text) for name, text in fields.items()} if isinstance(fields, dict) else {}
