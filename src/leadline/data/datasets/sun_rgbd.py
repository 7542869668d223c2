"""SUN RGB-D: indoor pictures whose depth PNGs hold each millimetre value rotated left by three bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_depth_png, read_image, stems
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.sample import Sample

INFO = DatasetInfo(
    name="sun_rgbd",
    title="SUN RGB-D",
    layout="*_color.jpg beside *_depth.png",
    kind=METRIC_DEPTH,
    unit="mm after rotating each uint16 right by 3 bits",
    invalid="0",
    camera="not in the sample",
    licence="research, evaluation only",
    citation="Song, Lichtenberg and Xiao, SUN RGB-D, CVPR 2015",
    training_allowed=False,
)


def decode_millimetres(raw: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Rotate each 16-bit number right by three bits: the three lowest bits are the value's highest."""
    return (raw >> np.uint16(3)) | (raw << np.uint16(13))


def _names(root: Path) -> list[str]:
    return stems(root, "*_color.jpg", "_color.jpg")


def _read(root: Path, name: str) -> Sample:
    image = read_image(root / f"{name}_color.jpg")
    millimetres = decode_millimetres(read_depth_png(root / f"{name}_depth.png", image.shape[:2]))
    return Sample(name, image, DepthMap(millimetres / 1000.0, millimetres > 0, METRIC_DEPTH, None, INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
