"""The stereo layout that Middlebury introduced in 2014 and others took over: im0, im1, calib.txt and a PFM disparity."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.files import read_bytes, read_labels, read_picture
from leadline.data.datasets.stereo_files import read_disparity
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

SEEN_BY_BOTH, SEEN_BY_ONE = 255, 128  # in mask0nocc.png; 0 is unknown


@dataclass(frozen=True)
class PairCalibration:
    """What a calib.txt says.

    Attributes:
        camera: the left one, at the picture's size.
        baseline_m: distance of the cameras in metres (the file has millimetres).
        offset_px: doffs, how far right of the left principal point the right one is: z = fx * baseline_m / (disparity + doffs).
    """

    camera: Camera
    baseline_m: float
    offset_px: float


def read_pair_calibration(path: Path, hw: tuple[int, int]) -> PairCalibration:
    """Read ``cam0=[fx 0 cx; 0 fy cy; 0 0 1]``, ``doffs``, ``baseline`` and, where they are there, ``width`` and ``height``.

    Raises:
        LeadlineError: the file or one of the first three is missing, or it belongs to another size than `hw`, the picture's.
    """
    lines = (line.partition("=") for line in read_bytes(path).decode("utf-8", errors="replace").splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    try:
        matrix = np.array(re.split(r"[;\s]+", fields["cam0"].strip("[] ")), dtype=np.float64).reshape(3, 3)
        baseline_mm, doffs = float(fields["baseline"]), float(fields["doffs"])
        size = int(fields.get("height", hw[0])), int(fields.get("width", hw[1]))
    except (KeyError, ValueError) as error:
        raise LeadlineError(f"{path}: {error}; expected cam0=[9 numbers], doffs and baseline") from None
    if size != hw:
        raise LeadlineError(
            f"{path}: for pictures of {size[1]} x {size[0]}, beside one of {hw[1]} x {hw[0]}; take both from one archive"
        )
    return PairCalibration(Camera.from_opencv(matrix, hw), baseline_mm / 1000, doffs)


def read_pfm_pair(name: str, folder: Path, truth: Path, source: str) -> StereoPair:
    """Read one scene.

    Args:
        name: of the sample.
        folder: holds im0.png, im1.png and calib.txt.
        truth: the PFM file; a mask0nocc.png beside it becomes the masks "noc" (both cameras see it) and "occ" (one does).
        source: goes into the map.

    Raises:
        LeadlineError: one of the files is missing, broken, or of another size.
    """
    image = read_picture(folder / "im0.png")
    hw = image.shape[:2]
    calibration = read_pair_calibration(folder / "calib.txt", hw)
    masks: dict[str, NDArray[np.generic]] = {}
    seen_by = truth.parent / "mask0nocc.png"
    if seen_by.exists():
        labels = read_labels(seen_by, hw)
        masks = {"noc": labels == SEEN_BY_BOTH, "occ": labels == SEEN_BY_ONE}
    return StereoPair(
        name=name,
        image=image,
        depth=read_disparity(truth, hw, calibration.camera, source),
        camera=calibration.camera,
        masks=masks,
        right=read_picture(folder / "im1.png"),
        baseline_m=calibration.baseline_m,
        offset_px=calibration.offset_px,
    )
