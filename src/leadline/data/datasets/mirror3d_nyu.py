"""Mirror3D on NYU Depth v2: rooms with mirrors, their masks, and sensor depth that is wrong inside the mirrors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_labels, read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH, replace_map
from leadline.sample import Sample

INFO = DatasetInfo(
    name="mirror3d_nyu",
    title="Mirror3D (NYU)",
    layout="mirror_color_images/*.jpg, raw_sensorD/*.png, mirror_instance_mask_precise/*.png",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0, and everything inside a mirror's mask",
    camera="colour intrinsics of the NYUv2 toolbox (first pixel's centre at 1, MATLAB), 608 x 456 taken as the centred crop",
    licence="MIT repository; NYU pictures: evaluation only",
    citation="Tan et al., Mirror3D: depth refinement for mirror surfaces, CVPR 2021",
    training_allowed=False,
    notes="inside a mirror the sensor measures what is reflected; those pixels are invalid here and marked as material 2",
)

# camera_params.m of the toolbox. MATLAB puts the first pixel's centre at 1, this project at 0.5.
_FULL = Camera(640, 480, 518.8579, 519.4696, 325.5824 - 0.5, 253.7362 - 0.5)


def _names(root: Path) -> list[str]:
    return stems(root / "mirror_color_images", "*.jpg", ".jpg")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / "mirror_color_images" / f"{name}.jpg")
    h, w = image.shape[:2]
    instance = read_labels(root / "mirror_instance_mask_precise" / f"{name}.png", (h, w))
    in_mirror = instance > 0
    camera = _FULL.crop((640 - w) // 2, (480 - h) // 2, w, h)
    sensor = read_map(root / "raw_sensorD" / f"{name}.png", (h, w), convention="nyu", camera=camera, source=INFO.title)
    depth = replace_map(sensor, valid=sensor.valid & ~in_mirror)
    return Sample(name, image, depth, camera, {"material": np.where(in_mirror, 2, 0).astype(np.uint8), "instance": instance})


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
