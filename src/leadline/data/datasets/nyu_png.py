"""NYU Depth v2 as the PNG exports that many projects share: ``SCENE/rgb_00045.jpg`` beside ``SCENE/sync_depth_00045.png``."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture
from leadline.data.datasets.nyu_labelled import CAMERA
from leadline.depth_map import METRIC_DEPTH
from leadline.sample import Sample

INFO = DatasetInfo(
    name="nyu_png",
    title="NYU Depth v2 (PNG)",
    layout="SCENE/rgb_*.jpg beside SCENE/sync_depth_*.png: official_splits/test, or the `sync` training scenes",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0",
    camera="colour intrinsics of the toolbox (camera_params.m); MATLAB, first pixel's centre at 1",
    licence="research, evaluation only",
    citation="Silberman, Hoiem, Kohli and Fergus, Indoor segmentation and support inference from RGBD images, ECCV 2012; "
    "exported by Lee et al., From big to small (BTS), 2019",
    training_allowed=False,
    notes="official_splits/test holds the 654 test pictures of `nyu_test`, rounded to millimetres",
)


def _names(root: Path) -> list[str]:
    found = (path.relative_to(root) for path in root.glob("**/rgb_*.jpg"))
    return sorted((path.parent / path.stem.removeprefix("rgb_")).as_posix() for path in found)


def _read(root: Path, name: str) -> Sample:
    folder, number = (root / name).parent, Path(name).name
    image = read_picture(folder / f"rgb_{number}.jpg")
    camera = CAMERA.resize(image.shape[:2])
    depth = read_map(folder / f"sync_depth_{number}.png", camera.hw, convention="nyu", camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
