"""An indoor walk with a HoloLens: consecutive pictures, registered depth and poses."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_matrix, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="hololens",
    title="HoloLens walk",
    layout="images/*.jpg, depth/*.png, poses.txt (a line of 16 numbers a frame), K.txt",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0 (a fifth to a half: out of range, and the lattice that reprojection leaves)",
    camera="K.txt; first pixel's centre at 0 (so cx = 269.5 of 540 is the middle)",
    licence="MIT",
    citation="Duzceker et al., DeepVideoMVS: multi-view stereo on video with recurrent spatio-temporal fusion, CVPR 2021",
    training_allowed=True,
)


def _names(root: Path) -> list[str]:
    return stems(root / "images", "*.jpg", ".jpg")


def _read(root: Path, name: str) -> Sample:
    names = _names(root)
    poses = read_matrix(root / "poses.txt", (-1, 4, 4))
    if len(poses) != len(names):
        raise LeadlineError(
            f"{root / 'poses.txt'}: {len(poses)} poses for {len(names)} pictures; expected one a picture, in order"
        )
    image = read_picture(root / "images" / f"{name}.jpg")
    camera = Camera.from_opencv(read_matrix(root / "K.txt", (3, 3)), image.shape[:2])
    depth = read_map(root / "depth" / f"{name}.png", image.shape[:2], convention="nyu", camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera, world_from_camera=poses[names.index(name)])


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
