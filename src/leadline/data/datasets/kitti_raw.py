"""KITTI raw recordings: street pictures with laser scans, all of them or those of a list such as an Eigen split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture
from leadline.data.datasets.kitti_calibration import camera_of, camera_offset, read_calibration
from leadline.data.datasets.kitti_lists import (
    Frame,
    find_calibration,
    find_list,
    find_picture,
    find_truth,
    frame_named,
    read_list,
)
from leadline.data.datasets.laser import nearest_points, read_kitti_scan
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_raw",
    title="KITTI raw",
    layout="DATE/DRIVE_sync/image_02/data/*.png (or .jpg), velodyne_points/data/*.bin, DATE/calib_*.txt; optionally one "
    "*files*.txt with the frames that are meant",
    kind=METRIC_DEPTH,
    unit="metres (x, y, z, reflectance as float32 in the scanner's frame); 1/256 m, uint16 PNG for lists that name depth maps",
    invalid="pixels that no laser point falls on (about 95 %); 0 in PNG files",
    camera="P_rect_02 or P_rect_03 of calib_cam_to_cam.txt; first pixel's centre taken as 0, as in the C++ development kit",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Geiger et al., Vision meets robotics: the KITTI dataset, IJRR 2013",
    training_allowed=False,
    notes="no list is shipped; lines 'FOLDER NUMBER SIDE' and 'PICTURE' get the laser scan as truth, 'PICTURE TRUTH' the "
    "annotated depth map, and frames whose truth is 'None' are left out. Of two points in a pixel the nearer counts. The "
    "scanner sits above the camera, so a few points behind near objects are seen that the picture does not show",
)


def make_dataset(
    info: DatasetInfo, *, first_pixel: int = 0, list_path: Path | None = None, list_needed: bool = False
) -> Dataset:
    """Return a reader of the raw recordings.

    Args:
        info: its facts.
        first_pixel: see `laser.nearest_points`.
        list_path: the frames to read; None for the one in the root, or all frames if there is none.
        list_needed: without a list there are no samples.
    """

    def frames(root: Path) -> Mapping[str, Frame]:
        path = list_path or find_list(root)
        if path is not None:
            return read_list(path)
        return {} if list_needed else {name: frame_named(name) for name in _all_names(root)}

    def read(root: Path, name: str) -> Sample:
        path = list_path or find_list(root)
        frame = frame_named(name) if path is None else read_list(path)[name]
        image = read_picture(find_picture(root, frame))
        depth = _depth(root, frame, image.shape[:2], first_pixel, info.title)
        return Sample(name, image, depth, depth.camera)

    return Dataset(info, lambda root: list(frames(root)), read)


def with_list(path: Path | str) -> Dataset:
    """Return the reader for the frames of a list that lies elsewhere than in the root."""
    return make_dataset(INFO, list_path=Path(path))


def _all_names(root: Path) -> list[str]:
    scans = sorted(root.glob("*/*_sync/velodyne_points/data/*.bin"))
    frames = [Frame(path.parts[-5], path.parts[-4], 2, path.stem) for path in scans]
    return [frame.name for frame in frames]


def _depth(root: Path, frame: Frame, hw: tuple[int, int], first_pixel: int, source: str) -> DepthMap:
    folder = find_calibration(root, frame)
    if folder is None:
        raise LeadlineError(f"no {frame.date}/calib_cam_to_cam.txt in {root}; expected the day's calibration archive there")
    projection_name, size_name = f"P_rect_0{frame.camera}", f"S_rect_0{frame.camera}"
    shapes = {projection_name: (3, 4), size_name: (2,), "R_rect_00": (3, 3)}
    cameras = read_calibration(folder / "calib_cam_to_cam.txt", shapes)
    projection = cameras[projection_name]
    width, height = cameras[size_name].astype(int)
    camera: Camera = camera_of(projection, (int(height), int(width))).resize(hw)
    if frame.truth:
        return read_map(find_truth(root, frame), hw, convention="kitti", camera=camera, source=source)
    scanner = read_calibration(folder / "calib_velo_to_cam.txt", {"R": (3, 3), "T": (3,)})
    points = read_kitti_scan(folder / frame.drive / "velodyne_points" / "data" / f"{frame.number}.bin")
    reference = points @ scanner["R"].T + scanner["T"]
    return nearest_points(reference @ cameras["R_rect_00"].T + camera_offset(projection), camera, source, first_pixel)


DATASET = make_dataset(INFO)
iter_samples = DATASET.iter_samples
