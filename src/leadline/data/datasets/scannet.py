"""ScanNet: walks through rooms with an iPad, as frames exported from the .sens files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_matrix, read_picture, stems
from leadline.data.datasets.picture_size import picture_at
from leadline.depth_map import METRIC_DEPTH, replace_map
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth
from leadline.sample import Sample

INFO = DatasetInfo(
    name="scannet",
    title="ScanNet",
    layout="scene*/color/N.jpg, depth/N.png, pose/N.txt, intrinsic/intrinsic_depth.txt (or intrinsics_depth.txt in the scene)",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG of 640 x 480",
    invalid="0",
    camera="intrinsic_depth.txt (4 x 4), of the depth's size; first pixel's centre taken as 0",
    licence="ScanNet terms of use: research, evaluation only",
    citation="Dai et al., ScanNet: richly-annotated 3D reconstructions of indoor scenes, CVPR 2017",
    training_allowed=False,
    notes="the picture (1296 x 968) is averaged down to the depth's 640 x 480; the two cameras lie almost on each other and "
    "are taken as one, as the data set's own tools do; frames that tracking lost have a pose of -inf, here None",
)

_INTRINSICS = ("intrinsic/intrinsic_depth.txt", "intrinsics_depth.txt")


def _in_order(name: str) -> list[tuple[int, str]]:
    """Return a key that puts frame 9 before frame 10."""
    return [(int(digits or -1), text) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def _names(root: Path) -> list[str]:
    frames = [stem for stem in stems(root, "**/color/*.jpg", ".jpg") if Path(stem).parent.name == "color"]
    return sorted(((Path(stem).parent.parent / Path(stem).name).as_posix() for stem in frames), key=_in_order)


def _read(root: Path, name: str) -> Sample:
    scene, frame = (root / name).parent, Path(name).name
    path = scene / "depth" / f"{frame}.png"
    depth = read_depth(path, convention="scannet")
    image = picture_at(read_picture(scene / "color" / f"{frame}.jpg"), depth.hw, path)
    camera = _camera(scene, depth.hw)
    return Sample(
        name, image, replace_map(depth, camera=camera, source=INFO.title), camera, world_from_camera=_pose(scene, frame)
    )


def _camera(scene: Path, hw: tuple[int, int]) -> Camera:
    path = next((scene / name for name in _INTRINSICS if (scene / name).exists()), None)
    if path is None:
        raise LeadlineError(f"{scene}: no intrinsics; expected {' or '.join(_INTRINSICS)} (export them with the frames)")
    return Camera.from_opencv(read_matrix(path, (4, 4))[:3, :3], hw)


def _pose(scene: Path, frame: str) -> NDArray[np.float64] | None:
    if not (scene / "pose").is_dir():
        return None
    pose = read_matrix(scene / "pose" / f"{frame}.txt", (4, 4))
    return pose if np.isfinite(pose).all() else None


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
