"""KITTI stereo 2012: street pairs with the disparity of an accumulated laser scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture, stems
from leadline.data.datasets.kitti_calibration import baseline_m, camera_of, read_calibration
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_stereo2012",
    title="KITTI stereo 2012",
    layout="training/colored_0/*_10.png and colored_1 (or image_0 and image_1, grey), disp_occ, disp_noc, calib/*.txt",
    kind=PIXEL_DISPARITY,
    unit="1/256 px, uint16 PNG",
    invalid="0",
    camera="P2 of calib/*.txt (P0 for the grey pictures), first pixel's centre taken as 0; unknown without that file",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Geiger, Lenz and Urtasun, Are we ready for autonomous driving?, CVPR 2012",
    training_allowed=False,
    notes="the truth is disp_occ; the masks 'noc' and 'occ' tell the pixels that both cameras see (those of disp_noc) from "
    "the others, 'reflective' those of disp_refl_occ where it was downloaded",
)


def _base(root: Path) -> Path:
    return root / "training" if (root / "training").is_dir() else root


def _names(root: Path) -> list[str]:
    return stems(_base(root) / "disp_occ", "*.png", ".png")


def _read(root: Path, name: str) -> Sample:
    base = _base(root)
    colour = (base / "colored_0").is_dir()
    left, right, cameras = ("colored_0", "colored_1", ("P2", "P3")) if colour else ("image_0", "image_1", ("P0", "P1"))
    image = read_picture(base / left / f"{name}.png")
    hw = image.shape[:2]
    camera, baseline = None, None
    calibration = base / "calib" / f"{name.split('_')[0]}.txt"
    if calibration.exists():
        projections = read_calibration(calibration, dict.fromkeys(cameras, (3, 4)))
        camera = camera_of(projections[cameras[0]], hw)
        baseline = baseline_m(projections[cameras[0]], projections[cameras[1]])
    depth = read_map(base / "disp_occ" / f"{name}.png", hw, convention="kitti_disparity", camera=camera, source=INFO.title)
    noc = read_map(base / "disp_noc" / f"{name}.png", hw, convention="kitti_disparity").valid
    masks: dict[str, NDArray[np.generic]] = {"noc": noc, "occ": depth.valid & ~noc}
    reflective = base / "disp_refl_occ" / f"{name}.png"
    if reflective.exists():
        masks["reflective"] = read_map(reflective, hw, convention="kitti_disparity").valid
    right_view = read_picture(base / right / f"{name}.png")
    return StereoPair(name, image, depth, camera, masks, right=right_view, baseline_m=baseline)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
