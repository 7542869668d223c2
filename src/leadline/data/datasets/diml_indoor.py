"""DIML, indoor part: rooms by a Kinect v2, its depth brought to the picture and in-painted."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.sample import Sample

INFO = DatasetInfo(
    name="diml_indoor",
    title="DIML (indoor)",
    layout="(train|test)/(HR|LR)/SCENE/color/*_c.png with SCENE/depth_filled/*_depth_filled.png (the sample release)",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0",
    camera="not in the files (Kinect v2, cut and reduced)",
    licence="academic use, evaluation only",
    citation="Cho, Min, Kim and Sohn, DIML/CVL RGB-D dataset: 2M RGB-D images of natural indoor and outdoor scenes, 2021",
    training_allowed=False,
    notes="the depth is in-painted; give HR or LR as root to read one size; the folder names of the full release "
    "(2 million pictures) could not be confirmed and are not read",
)


def _names(root: Path) -> list[str]:
    found = (Path(stem) for stem in stems(root, "**/color/*_c.png", "_c.png"))
    return [(stem.parent.parent / stem.name).as_posix() for stem in found]


def _read(root: Path, name: str) -> Sample:
    scene, stem = (root / name).parent, Path(name).name
    image = read_picture(scene / "color" / f"{stem}_c.png")
    path = scene / "depth_filled" / f"{stem}_depth_filled.png"
    return Sample(name, image, read_map(path, image.shape[:2], convention="nyu", source=INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
