"""Mirror3D: rooms of NYU, ScanNet and Matterport with mirrors, whose depth was put right on the mirrors' planes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_labels, read_picture, stems
from leadline.data.datasets.nyu_labelled import CAMERA as NYU_CAMERA
from leadline.data.datasets.picture_size import picture_at
from leadline.depth_map import METRIC_DEPTH, replace_map
from leadline.io.depth import read_depth
from leadline.sample import Sample

INFO = DatasetInfo(
    name="mirror3d",
    title="Mirror3D",
    layout="mirror_color_images/(SCENE/)*.jpg, refined_sensorD_precise/(SCENE/)*.png (or raw_sensorD), "
    "mirror_instance_mask_precise/(SCENE/)*.png: one of the folders nyu, scannet, mp3d",
    kind=METRIC_DEPTH,
    unit="uint16 PNG; mm for NYU and ScanNet, 1/4000 m for Matterport",
    invalid="0; where there is only raw_sensorD, the inside of the mirrors too",
    camera="NYU: the toolbox's, 640 x 480 or its centred crop; ScanNet 574 px at 640 x 480 and Matterport 1074 px at 1280 x "
    "1024, centred (Mirror3D's own figures; the cameras differ from scan to scan)",
    licence="terms of NYU, ScanNet and Matterport3D: evaluation only",
    citation="Tan et al., Mirror3D: depth refinement for mirror surfaces, CVPR 2021",
    training_allowed=False,
    notes="files in no scene's folder are NYU's, those in scene*/ ScanNet's, all others Matterport's, whose depths have _d "
    "where pictures and masks have _i; masks['material'] is 2 on mirrors, masks['instance'] numbers them",
)


class Origin(NamedTuple):
    """How one of the three data sets stores its rooms.

    Attributes:
        convention: of the depth PNGs (`leadline.io.conventions`).
        focal_share: focal length over the picture's width, or None for NYU's camera.
        depth_mark: what a depth's name has instead of the last "_i" of the picture's.
    """

    convention: str
    focal_share: float | None
    depth_mark: str = "_i"


NYU = Origin("nyu", None)
SCANNET = Origin("scannet", 574 / 640)
MATTERPORT = Origin("matterport", 1074 / 1280, "_d")


def origin_of(name: str) -> Origin:
    """Return which data set a sample is of."""
    scene = name.rpartition("/")[0]
    return NYU if not scene else SCANNET if scene.startswith("scene") else MATTERPORT


def _names(root: Path) -> list[str]:
    return [stem.removeprefix("mirror_color_images/") for stem in stems(root, "mirror_color_images/**/*.jpg", ".jpg")]


def _read(root: Path, name: str) -> Sample:
    origin = origin_of(name)
    depth_name = origin.depth_mark.join(name.rsplit("_i", 1))
    refined = root / "refined_sensorD_precise" / f"{depth_name}.png"
    path = refined if refined.exists() else root / "raw_sensorD" / f"{depth_name}.png"
    depth = read_depth(path, convention=origin.convention)
    image = picture_at(read_picture(root / "mirror_color_images" / f"{name}.jpg"), depth.hw, path)
    instance = read_labels(root / "mirror_instance_mask_precise" / f"{name}.png", depth.hw)
    in_mirror = instance > 0
    valid = depth.valid if path == refined else depth.valid & ~in_mirror
    camera = _camera(origin, depth.hw)
    masks: dict[str, NDArray[np.generic]] = {"material": np.where(in_mirror, 2, 0).astype(np.uint8), "instance": instance}
    return Sample(name, image, replace_map(depth, valid=valid, camera=camera, source=INFO.title), camera, masks)


def _camera(origin: Origin, hw: tuple[int, int]) -> Camera:
    if origin.focal_share is not None:
        return Camera.from_focal_px(origin.focal_share * hw[1], hw)
    return NYU_CAMERA.crop((NYU_CAMERA.width - hw[1]) // 2, (NYU_CAMERA.height - hw[0]) // 2, hw[1], hw[0])


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
