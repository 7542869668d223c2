"""SUN RGB-D: indoor pictures whose depth PNGs hold each millimetre value rotated left by three bits."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
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


def _names(root: Path) -> list[str]:
    return stems(root, "*_color.jpg", "_color.jpg")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / f"{name}_color.jpg")
    return Sample(name, image, read_map(root / f"{name}_depth.png", image.shape[:2], convention="sun", source=INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
