"""7-Scenes: consecutive Kinect frames of one room with poses; the depth is that of the depth camera, not registered."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_matrix, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.sample import Sample

INFO = DatasetInfo(
    name="seven_scenes",
    title="7-Scenes",
    layout="frame-*.color.jpg (or .png), frame-*.depth.png, frame-*.pose.txt",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0 and 65535",
    camera="depth camera: nominal fx = fy = 585 centred on 640 x 480 (camera-intrinsics.txt where there is one); the colour "
    "camera (about 525) is not calibrated, so a sample's camera is None and its depth map has its own",
    licence="Microsoft Research licence: evaluation and method experiments only",
    citation="Shotton et al., Scene coordinate regression forests for camera relocalization in RGB-D images, CVPR 2013",
    training_allowed=False,
    notes="picture and depth come from two cameras and are not registered: the depth appears about a tenth larger than the "
    "picture and a dozen pixels aside, so edges do not meet; scores here are pessimistic for everybody",
)


def _names(root: Path) -> list[str]:
    return stems(root, "**/frame-*.depth.png", ".depth.png")


def _read(root: Path, name: str) -> Sample:
    jpeg = root / f"{name}.color.jpg"
    image = read_picture(jpeg if jpeg.exists() else root / f"{name}.color.png")
    hw = image.shape[:2]
    intrinsics = (root / name).parent / "camera-intrinsics.txt"
    if intrinsics.exists():
        k = read_matrix(intrinsics, (3, 3))
        # "Principal point (320, 240)" of a 640 x 480 picture names its middle: the corner convention, no half pixel to add.
        camera = Camera(hw[1], hw[0], k[0, 0], k[1, 1], k[0, 2], k[1, 2])
    else:
        camera = Camera(640, 480, 585.0, 585.0, 320.0, 240.0).resize(hw)
    depth = read_map(root / f"{name}.depth.png", hw, convention="seven_scenes", camera=camera, source=INFO.title)
    return Sample(name, image, depth, None, world_from_camera=read_matrix(root / f"{name}.pose.txt", (4, 4)))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
