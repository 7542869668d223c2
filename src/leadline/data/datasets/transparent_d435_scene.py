"""The same frames as `transparent_d435` with a truth of the whole scene: the sensor's depth beside the exact containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from leadline.data.datasets import transparent_d435
from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.files import read_map
from leadline.depth_map import replace_map
from leadline.sample import Sample

# A stereo sensor smears depth across outlines: so many pixels around a container are not believed.
RIM_PX = 10

INFO = replace(
    transparent_d435.INFO,
    name="transparent_d435_scene",
    title="Transparent containers (D435), whole scene",
    layout=f"{transparent_d435.INFO.layout}, SCENE/sensor_depth/*.png",
    unit="mm, uint16 PNG (object_depth on the containers, sensor_depth elsewhere)",
    invalid=f"0, and {RIM_PX} pixels around each container",
    notes="scale and shift can be fitted to the table, so that a map that is wrong on the containers alone is found out; the "
    "sensor's depth beside them has its noise and holes",
)


def _read(root: Path, name: str) -> Sample:
    import cv2

    sample = transparent_d435.DATASET.read(root, name)
    assert sample.depth is not None
    path = (root / name).parent / "sensor_depth" / f"{Path(name).name}.png"
    sensor = read_map(path, sample.depth.hw, convention="nyu", camera=sample.camera, source=INFO.title)
    glass = np.asarray(sample.masks["material"]) > 0
    rim = cv2.dilate(glass.astype(np.uint8), np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)) > 0
    depth = replace_map(
        sensor,
        values=np.where(glass, sample.depth.values, sensor.values),
        valid=np.where(glass, sample.depth.valid, sensor.valid & ~rim),
    )
    return replace(sample, depth=depth)


DATASET = Dataset(INFO, transparent_d435.DATASET.names, _read)
iter_samples = DATASET.iter_samples
