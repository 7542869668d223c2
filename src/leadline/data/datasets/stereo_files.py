"""What readers of stereo data sets share: maps of pixel_disparity in float files."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.files import read_map
from leadline.depth_map import PIXEL_DISPARITY, DepthMap, replace_map


def read_disparity(path: Path, hw: tuple[int, int], camera: Camera | None = None, source: str = "") -> DepthMap:
    """Return a float file (PFM, EXR) as pixel_disparity; what is not positive and finite is not valid.

    Raises:
        LeadlineError: the file is missing, damaged, or of another size than `hw`, the picture's.
    """
    return replace_map(read_map(path, hw, camera=camera, source=source), kind=PIXEL_DISPARITY)
