"""TUM RGB-D: pairs of a Kinect picture and its registered depth, as ``NAME_color.png`` and ``NAME_depth.png``."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.sample import Sample

INFO = DatasetInfo(
    name="tum",
    title="TUM RGB-D",
    layout="*_color.png beside *_depth.png",
    kind=METRIC_DEPTH,
    unit="1/5000 m, uint16 PNG",
    invalid="0",
    camera="the benchmark's default fx = fy = 525, cx = 319.5, cy = 239.5; first pixel's centre at 0 (so exactly centred)",
    licence="CC BY 4.0",
    citation="Sturm et al., A benchmark for the evaluation of RGB-D SLAM systems, IROS 2012",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    return stems(root, "*_color.png", "_color.png")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / f"{name}_color.png")
    hw = image.shape[:2]
    camera = Camera.from_opencv([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]], (480, 640)).resize(hw)
    depth = read_map(root / f"{name}_depth.png", hw, convention="tum", camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
