"""KITTI stereo 2015: street pairs with the disparity of a laser scan, and of car models put in place of moving cars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_labels, read_map, read_picture, stems
from leadline.data.datasets.kitti_calibration import baseline_m, camera_of, read_calibration
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_stereo2015",
    title="KITTI stereo 2015",
    layout="training/image_2/*_10.png, image_3, disp_occ_0, disp_noc_0, obj_map, calib_cam_to_cam/*.txt",
    kind=PIXEL_DISPARITY,
    unit="1/256 px, uint16 PNG",
    invalid="0",
    camera="P_rect_02 of calib_cam_to_cam/*.txt, first pixel's centre taken as 0; unknown without that file",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Menze and Geiger, Object scene flow for autonomous vehicles, CVPR 2015",
    training_allowed=False,
    notes="the truth is disp_occ_0; the masks 'noc' and 'occ' tell the pixels that both cameras see (those of disp_noc_0) "
    "from the others, and 'instance' numbers the cars (obj_map, 0 is background: D1-fg and D1-bg)",
)


def _base(root: Path) -> Path:
    return root / "training" if (root / "training").is_dir() else root


def _names(root: Path) -> list[str]:
    return stems(_base(root) / "disp_occ_0", "*.png", ".png")


def _read(root: Path, name: str) -> Sample:
    base = _base(root)
    image = read_picture(base / "image_2" / f"{name}.png")
    hw = image.shape[:2]
    camera, baseline = None, None
    calibration = base / "calib_cam_to_cam" / f"{name.split('_')[0]}.txt"
    if calibration.exists():
        projections = read_calibration(calibration, {"P_rect_02": (3, 4), "P_rect_03": (3, 4)})
        camera = camera_of(projections["P_rect_02"], hw)
        baseline = baseline_m(projections["P_rect_02"], projections["P_rect_03"])
    depth = read_map(base / "disp_occ_0" / f"{name}.png", hw, convention="kitti_disparity", camera=camera, source=INFO.title)
    noc = read_map(base / "disp_noc_0" / f"{name}.png", hw, convention="kitti_disparity").valid
    masks: dict[str, NDArray[np.generic]] = {"noc": noc, "occ": depth.valid & ~noc}
    objects = base / "obj_map" / f"{name}.png"
    if objects.exists():
        masks["instance"] = read_labels(objects, hw)
    right_view = read_picture(base / "image_3" / f"{name}.png")
    return StereoPair(name, image, depth, camera, masks, right=right_view, baseline_m=baseline)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
