"""Virtual KITTI 2: rendered stereo drives under several weathers, with exact depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_labels, read_map, read_picture
from leadline.data.datasets.poses import inverse
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="vkitti2",
    title="Virtual KITTI 2",
    layout="SCENE/VARIATION/frames/rgb/Camera_0/rgb_*.jpg and frames/depth/Camera_0/depth_*.png, intrinsic.txt, extrinsic.txt",
    kind=METRIC_DEPTH,
    unit="cm, uint16 PNG (z, not distance)",
    invalid="65535, the far plane: sky, which the mask 'sky' has",
    camera="intrinsic.txt (K[0,2] = 620.5 of 1242 pixels: first pixel's centre at 0, so exactly centred)",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Cabon, Murray and Humenberger, Virtual KITTI 2, arXiv 2001.10773, 2020",
    training_allowed=False,
    notes="unpack the rgb, depth and textgt archives (and instanceSegmentation, if wanted) over one another; samples of "
    "Camera_0 are stereo pairs with Camera_1, 0.532725 m to the right; 'instance' numbers vehicles, 0 is none",
)

BASELINE_M = 0.532725
FAR_PLANE = 65535


def _names(root: Path) -> list[str]:
    found = root.glob("Scene*/*/frames/depth/Camera_*/depth_*.png")
    return sorted(f"{path.parts[-6]}/{path.parts[-5]}/{path.parts[-2]}/{path.stem.removeprefix('depth_')}" for path in found)


def read_rows(path: Path, frame: int, camera: int, count: int) -> NDArray[np.float64]:
    """Return the numbers that a table (a line of names, then ``frame cameraID numbers``) has for a picture.

    Raises:
        LeadlineError: the file or the line is missing, or holds another count of numbers.
    """
    for line in read_bytes(path).decode("utf-8", errors="replace").splitlines():
        words = line.split()
        if words[:2] == [str(frame), str(camera)]:
            try:
                return np.array(words[2:], dtype=np.float64).reshape(count)
            except ValueError:
                raise LeadlineError(f"{path}: line {line[:40]!r}; expected frame, cameraID and {count} numbers") from None
    raise LeadlineError(f"{path}: no line for frame {frame} of camera {camera}; is the file of this drive?")


def _instances(path: Path, hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the numbers of an indexed PNG, which OpenCV would turn into the palette's colours."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            labels = np.array(picture)
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise LeadlineError(f"{path}: not a readable picture ({error}); is the download complete?") from None
    if labels.shape != hw or labels.dtype != np.uint8:
        raise LeadlineError(f"{path}: shape {labels.shape} of {labels.dtype}; expected {hw}, an indexed PNG of 8 bits")
    return labels


def _read(root: Path, name: str) -> Sample:
    scene, variation, camera_folder, number = name.split("/")
    drive, index = root / scene / variation, int(camera_folder.removeprefix("Camera_"))
    image = read_picture(drive / "frames/rgb" / camera_folder / f"rgb_{number}.jpg")
    hw = image.shape[:2]
    fx, fy, cx, cy = read_rows(drive / "intrinsic.txt", int(number), index, 4)
    camera = Camera.from_opencv([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], hw)
    camera_from_world = read_rows(drive / "extrinsic.txt", int(number), index, 16).reshape(4, 4)
    truth = drive / "frames/depth" / camera_folder / f"depth_{number}.png"
    depth = read_map(truth, hw, convention="vkitti2", camera=camera, source=INFO.title)
    masks: dict[str, NDArray[np.generic]] = {"sky": read_labels(truth, hw) == FAR_PLANE}
    vehicles = drive / "frames/instanceSegmentation" / camera_folder / f"instancegt_{number}.png"
    if vehicles.exists():
        masks["instance"] = _instances(vehicles, hw)
    pose = inverse(camera_from_world)
    right = drive / "frames/rgb/Camera_1" / f"rgb_{number}.jpg"
    if index != 0 or not right.exists():
        return Sample(name, image, depth, camera, masks, pose)
    return StereoPair(name, image, depth, camera, masks, pose, right=read_picture(right), baseline_m=BASELINE_M)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
