"""MPI Sintel: frames of a rendered film with exact depth and cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture
from leadline.data.datasets.poses import inverse, rigid
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="sintel",
    title="MPI Sintel depth",
    layout="training/depth/SCENE/*.dpt, training/camdata_left/SCENE/*.cam, training/final/SCENE/*.png (or training/clean)",
    kind=METRIC_DEPTH,
    unit="metres of the film's world, float32 after a header of 12 bytes",
    invalid="none: what lies at no distance (sky) has a large number",
    camera="camdata_left/*.cam; first pixel's centre taken as 0 (the principal point is then the middle)",
    licence="film CC BY 3.0 (Blender Foundation); benchmark, so evaluation only",
    citation="Butler et al., A naturalistic open source movie for optical flow evaluation, ECCV 2012",
    training_allowed=False,
    notes="protocols cap the truth (MiDaS: 72 m), which leaves the sky out; the final pass is read where it is there",
)

TAG = 202021.25  # a float that reads wrongly in the other byte order


def read_dpt(path: Path) -> NDArray[np.float32]:
    """Return the (h, w) numbers of a .dpt file.

    Raises:
        LeadlineError: the file is missing, cut off, or does not start with the format's tag.
    """
    data = _tagged(path)
    width, height = (int(x) for x in np.frombuffer(data, "<i4", 2)) if len(data) >= 8 else (0, 0)
    if min(width, height) < 1 or len(data) != 8 + 4 * width * height:
        raise LeadlineError(f"{path}: {4 + len(data)} bytes for {width} x {height} pixels; is the download complete?")
    return np.frombuffer(data, "<f4", width * height, 8).reshape(height, width)


def read_cam(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (3, 3) intrinsics and the (4, 4) camera_from_world of a .cam file.

    Raises:
        LeadlineError: as `read_dpt`.
    """
    data = _tagged(path)
    if len(data) != 8 * (9 + 12):
        raise LeadlineError(f"{path}: {4 + len(data)} bytes; expected a tag, 9 and 12 float64, so 172")
    numbers = np.frombuffer(data, "<f8")
    extrinsics = numbers[9:].reshape(3, 4)
    return numbers[:9].reshape(3, 3), rigid(extrinsics[:, :3], extrinsics[:, 3])


def _tagged(path: Path) -> bytes:
    data = read_bytes(path)
    if len(data) < 4 or float(np.frombuffer(data, "<f4", 1)[0]) != TAG:
        raise LeadlineError(f"{path}: it starts with {data[:4]!r}; expected {TAG} as float32, the tag of Sintel's files")
    return data[4:]


def _names(root: Path) -> list[str]:
    folder = root / "training" / "depth"
    return sorted(path.relative_to(folder).as_posix().removesuffix(".dpt") for path in folder.glob("*/*.dpt"))


def _read(root: Path, name: str) -> Sample:
    training = root / "training"
    final = training / "final" / f"{name}.png"
    image = read_picture(final if final.exists() else training / "clean" / f"{name}.png")
    intrinsics, camera_from_world = read_cam(training / "camdata_left" / f"{name}.cam")
    camera = Camera.from_opencv(intrinsics, image.shape[:2])
    values = read_dpt(training / "depth" / f"{name}.dpt")
    if values.shape != camera.hw:
        raise LeadlineError(f"{name}: depth of {values.shape} beside a picture of {camera.hw} (height, width); same release?")
    depth = DepthMap(values, values > 0, METRIC_DEPTH, camera, INFO.title)
    return Sample(name, image, depth, camera, world_from_camera=inverse(camera_from_world))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
