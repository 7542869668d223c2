"""SUN RGB-D as downloaded: a folder a picture, with ``image/``, ``depth/`` and ``intrinsics.txt``."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_matrix, read_picture
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="sun_rgbd_scenes",
    title="SUN RGB-D (scenes)",
    layout="(kv1|kv2|realsense|xtion)/**/SCENE/image/*.jpg, depth/*.png, intrinsics.txt",
    kind=METRIC_DEPTH,
    unit="mm after rotating each uint16 right by 3 bits",
    invalid="0",
    camera="intrinsics.txt; first pixel's centre taken as 0 (not stated)",
    licence="research, evaluation only",
    citation="Song, Lichtenberg and Xiao, SUN RGB-D, CVPR 2015",
    training_allowed=False,
    notes="`depth` is what the sensor measured; `depth_bfx` (in-painted) is not read; the toolbox clips at 8 m, this reader "
    "doesn't (protocols cap at 8 m)",
)


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/intrinsics.txt"))


def _only(folder: Path, suffix: str) -> Path:
    found = sorted(folder.glob(f"*{suffix}"))
    if len(found) != 1:
        raise LeadlineError(f"{folder}: {len(found)} files *{suffix}; expected exactly one: is the download complete?")
    return found[0]


def _read(root: Path, name: str) -> Sample:
    scene = root / name
    image = read_picture(_only(scene / "image", ".jpg"))
    # Nine numbers in rows; some sensors' files hold them in one line.
    camera = Camera.from_opencv(read_matrix(scene / "intrinsics.txt", (3, 3)), image.shape[:2])
    depth = read_map(_only(scene / "depth", ".png"), camera.hw, convention="sun", camera=camera, source=INFO.title)
    return Sample(root.name if name == "." else name, image, depth, camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
