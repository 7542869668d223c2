"""What a calibration file says of a rectified pair: Middlebury's and ETH3D's calib.txt, KITTI's files."""

from __future__ import annotations

import re
from pathlib import Path

from leadline.data.datasets.files import read_bytes
from leadline.data.datasets.kitti_calibration import baseline_m, camera_of, read_calibration
from leadline.data.datasets.pfm_pair import PairCalibration, read_pair_calibration
from leadline.errors import LeadlineError

# The pairs of projections in KITTI's files: of the colour cameras first, then of the grey ones.
_KITTI_PAIRS = (("P_rect_02", "P_rect_03"), ("P_rect_00", "P_rect_01"), ("P2", "P3"), ("P0", "P1"))


def read_rig(path: Path, hw: tuple[int, int]) -> PairCalibration:
    """Return camera, baseline and offset from a calibration file; its content decides which kind it is.

    Args:
        path: a calib.txt of Middlebury (2014 and later) or ETH3D, or KITTI's calib_cam_to_cam.txt (raw, stereo 2015) or
            calib.txt (stereo 2012, odometry, object). KITTI's grey cameras are taken where the colour ones are missing.
        hw: height and width of the left picture.

    Raises:
        LeadlineError: the file can't be read, is of another kind, or belongs to pictures of another size.
    """
    text = read_bytes(path).decode("utf-8", errors="replace")
    if re.search(r"^\s*cam0\s*=", text, re.MULTILINE):
        return read_pair_calibration(path, hw)
    names = set(re.findall(r"^\s*(\w+):", text, re.MULTILINE))
    for left, right in _KITTI_PAIRS:
        if {left, right} <= names:
            _check_size(path, text, left, hw)
            found = read_calibration(path, {left: (3, 4), right: (3, 4)})
            # Both cameras share their principal point, so disparity 0 is infinitely far: no offset.
            return PairCalibration(camera_of(found[left], hw), baseline_m(found[left], found[right]), 0.0)
    raise LeadlineError(
        f"{path} is no calibration of a rectified pair: expected Middlebury's (cam0=[...], baseline=) or KITTI's (P2: and P3:, "
        "P_rect_02: and P_rect_03:); or give --focal-px and --baseline-m"
    )


def _check_size(path: Path, text: str, left: str, hw: tuple[int, int]) -> None:
    """Refuse a file whose S_rect says another size."""
    number = left.removeprefix("P_rect_")
    size = re.search(rf"^S_rect_{number}:\s*(\S+)\s+(\S+)", text, re.MULTILINE)
    if size is None:
        return
    width, height = round(float(size[1])), round(float(size[2]))
    if (height, width) != hw:
        raise LeadlineError(
            f"{path}: for pictures of {width} x {height}, given one of {hw[1]} x {hw[0]}; take both from one archive"
        )
