"""Hypersim: rendered rooms, whose ``depth_meters`` are distances to the camera's centre, turned into depth here."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture, stems
from leadline.data.datasets.hdf5 import read_hdf5
from leadline.depth_map import METRIC_DEPTH, Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="hypersim",
    title="Hypersim",
    layout="ai_*/images/scene_cam_*_geometry_hdf5/frame.*.depth_meters.hdf5, scene_cam_*_final_preview/frame.*.tonemap.jpg (or "
    ".color.jpg), and for poses ai_*/_detail",
    kind=METRIC_DEPTH,
    unit="m, float16 HDF5 `dataset`: distance to the camera's centre, divided here by the length of the pixel's ray",
    invalid="NaN (no surface)",
    camera="60 degrees horizontally, square pixels, centred: 886.81 px at 1024 x 768",
    licence="CC BY-SA 3.0",
    citation="Roberts et al., Hypersim: a photorealistic synthetic dataset for holistic indoor scene understanding, ICCV 2021",
    training_allowed=False,
    notes="not trained on here: what share-alike asks of weights is unclear; some scenes were rendered with a tilted image "
    "plane (listed in the toolkit's metadata_camera_parameters.csv), for which this camera is wrong; poses are in metres, "
    "turned from the scene's units and from y up, z back to y down, z forward",
)

FOV_DEG = 60.0
_RAY_DISTANCE = Kind(Quantity.RAY_DISTANCE, Ambiguity.METRIC)


def _names(root: Path) -> list[str]:
    return stems(root, "**/scene_cam_*_geometry_hdf5/frame.*.depth_meters.hdf5", ".depth_meters.hdf5")


def _read(root: Path, name: str) -> Sample:
    path = root / f"{name}.depth_meters.hdf5"
    track = path.parent.name.removesuffix("_geometry_hdf5")  # scene_cam_00
    frame = path.name.removesuffix(".depth_meters.hdf5")  # frame.0000
    previews = path.parent.with_name(f"{track}_final_preview")
    tonemapped = previews / f"{frame}.tonemap.jpg"
    image = read_picture(tonemapped if tonemapped.exists() else previews / f"{frame}.color.jpg")
    camera = Camera.from_fov_deg(FOV_DEG, image.shape[:2])
    distance = read_hdf5(path, "dataset").astype(np.float64)
    if distance.shape != camera.hw:
        raise LeadlineError(f"{path}: shape {distance.shape} beside a picture of {camera.hw}; do they belong together?")
    depth = DepthMap(distance, distance > 0, _RAY_DISTANCE, camera, INFO.title).to_depth()
    detail, cam = path.parent.parent.with_name("_detail"), track.removeprefix("scene_")
    pose = read_pose(detail, cam, int(frame.rpartition(".")[2])) if (detail / cam).is_dir() else None
    return Sample(name, image, depth, camera, world_from_camera=pose)


def read_pose(detail: Path, track: str, frame: int) -> NDArray[np.float64]:
    """Return world_from_camera (4, 4) in metres, x right, y down, z forward.

    Args:
        detail: the scene's folder ``_detail``.
        track: ``cam_00``.
        frame: the number in the file's name.

    Raises:
        LeadlineError: a file is missing, or the track has no such frame.
    """
    folder = detail / track
    numbers = read_hdf5(folder / "camera_keyframe_frame_indices.hdf5", "dataset").ravel()
    row = int(np.searchsorted(numbers, frame))
    if row == len(numbers) or numbers[row] != frame:
        raise LeadlineError(
            f"{folder}: no keyframe {frame}; expected one of {len(numbers)}: do scene and frame belong together?"
        )
    pose = np.eye(4)
    # Their camera's y points up and z back: both columns turn round.
    pose[:3, :3] = read_hdf5(folder / "camera_keyframe_orientations.hdf5", "dataset", row) * (1, -1, -1)
    pose[:3, 3] = read_hdf5(folder / "camera_keyframe_positions.hdf5", "dataset", row) * _metres_per_unit(detail)
    return pose


def _metres_per_unit(detail: Path) -> float:
    path = detail / "metadata_scene.csv"
    rows = csv.reader(read_bytes(path).decode("utf-8", errors="replace").splitlines())
    try:
        return next(float(row[1]) for row in rows if row and row[0].strip() == "meters_per_asset_unit")
    except (StopIteration, IndexError, ValueError):
        raise LeadlineError(f"{path}: no meters_per_asset_unit; expected a line of that name and a number") from None


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
