"""Middlebury stereo 2003 (cones, teddy), quarter size: views 2 and 6 with their pixel_disparity."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="middlebury2003",
    title="Middlebury 2003",
    layout="SCENE/im2.png, im6.png, disp2.png",
    kind=PIXEL_DISPARITY,
    unit="1/4 px, uint8 PNG",
    invalid="0",
    camera="not published: depth is 1/pixel_disparity up to scale, if the two views share their principal point",
    licence="research",
    citation="Scharstein and Szeliski, High-accuracy stereo depth maps using structured light, CVPR 2003",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/disp2.png"))


def _read(root: Path, name: str) -> Sample:
    folder = root / name
    image = read_picture(folder / "im2.png")
    disparity = read_map(folder / "disp2.png", image.shape[:2], convention="middlebury2003", source=INFO.title)
    return StereoPair(root.name if name == "." else name, image, disparity, right=read_picture(folder / "im6.png"))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
