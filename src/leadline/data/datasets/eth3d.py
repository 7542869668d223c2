"""ETH3D multi-view: 24 megapixel pictures in and outside, with the depth of a stationary laser scanner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture
from leadline.data.datasets.poses import inverse, rigid, rotation_matrix
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="eth3d",
    title="ETH3D",
    layout="SCENE/images/dslr_images/*.JPG, SCENE/ground_truth_depth/dslr_images/*.JPG (raw floats), "
    "SCENE/dslr_calibration_jpg",
    kind=METRIC_DEPTH,
    unit="metres (z), float32 without a header, row by row from the top, as many as the picture has pixels",
    invalid="infinity",
    camera="dslr_calibration_jpg/cameras.txt (COLMAP, top-left corner at 0). Its THIN_PRISM_FISHEYE is no pinhole, so the "
    "camera is unknown; a PINHOLE entry gives it",
    licence="CC BY-NC-SA 4.0: evaluation only",
    citation="Schöps et al., A multi-view stereo benchmark with high-resolution images and multi-camera videos, CVPR 2017",
    training_allowed=False,
    notes="the truth belongs to the pictures as taken: beside images/dslr_images_undistorted it is off by up to dozens of "
    "pixels, and those are read only where there is a ground_truth_depth/dslr_images_undistorted, which is not part of the "
    "download",
)

# Folder of pictures -> folder of their calibration.
CALIBRATIONS = {"dslr_images": "dslr_calibration_jpg", "dslr_images_undistorted": "dslr_calibration_undistorted"}


def read_colmap(folder: Path, picture: str) -> tuple[tuple[int, int], Camera | None, NDArray[np.float64]]:
    """Return a picture's (height, width), its camera if it is a pinhole, and its world_from_camera.

    Args:
        folder: holds cameras.txt and images.txt of COLMAP.
        picture: its name in images.txt ends with this.

    Raises:
        LeadlineError: a file is missing, or has no entry for the picture.
    """
    # Every second line lists points and ends with a number.
    entries = map(str.split, _lines(folder / "images.txt"))
    entry = next((words for words in entries if words and words[-1].endswith(picture)), None)
    if entry is None:
        raise LeadlineError(f"{folder / 'images.txt'}: no entry for {picture}; is the calibration of this scene?")
    try:
        w, x, y, z, *translation = (float(word) for word in entry[1:8])
        camera_from_world = rigid(rotation_matrix((w, x, y, z)), translation)
        cameras = {words[0]: words for words in map(str.split, _lines(folder / "cameras.txt")) if words}
        _, model, width, height, *numbers = cameras[entry[8]]
        hw = int(height), int(width)
        fx, fy, cx, cy = (float(number) for number in numbers[:4])
        camera = Camera(hw[1], hw[0], fx, fy, cx, cy) if model == "PINHOLE" else None
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise LeadlineError(f"{folder}: {error!r} at {picture}; expected COLMAP's images.txt and cameras.txt") from None
    return hw, camera, inverse(camera_from_world)


def _lines(path: Path) -> list[str]:
    return read_bytes(path).decode("utf-8", errors="replace").splitlines()


def _names(root: Path) -> list[str]:
    found = [path for folder in CALIBRATIONS for path in root.glob(f"*/ground_truth_depth/{folder}/*.JPG")]
    return sorted(f"{path.parts[-4]}/{path.parts[-2]}/{path.stem}" for path in found)


def _read(root: Path, name: str) -> Sample:
    scene, folder, stem = name.split("/")
    image = read_picture(root / scene / "images" / folder / f"{stem}.JPG")
    hw, camera, pose = read_colmap(root / scene / CALIBRATIONS[folder], f"{folder}/{stem}.JPG")
    if image.shape[:2] != hw:
        # A turned picture has as many pixels, so that the floats would fill it all the same.
        raise LeadlineError(
            f"{name}: a picture of {image.shape[1]} x {image.shape[0]}, calibrated as {hw[1]} x {hw[0]}; was it turned?"
        )
    path = root / scene / "ground_truth_depth" / folder / f"{stem}.JPG"
    data = read_bytes(path)
    if len(data) != 4 * hw[0] * hw[1]:
        raise LeadlineError(
            f"{path}: {len(data)} bytes; expected {4 * hw[0] * hw[1]}, a float32 for each of {hw[1]} x {hw[0]} pixels"
        )
    values = np.frombuffer(data, "<f4").reshape(hw)
    depth = DepthMap(values, values > 0, METRIC_DEPTH, camera, INFO.title)
    return Sample(name, image, depth, camera, world_from_camera=pose)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
