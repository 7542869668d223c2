"""KITTI object detection: street pictures with a laser scan, projected here into the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture, stems
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_object",
    title="KITTI object",
    layout="image_2/*.png, velodyne/*.bin, calib/*.txt",
    kind=METRIC_DEPTH,
    unit="metres (x, y, z, reflectance as float32 in the scanner's frame)",
    invalid="pixels that no laser point falls on (about 95 %)",
    camera="P2 of calib/*.txt; first pixel's centre taken as 0, as in the C++ development kit (the MATLAB one counts from 1)",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Geiger, Lenz and Urtasun, Are we ready for autonomous driving?, CVPR 2012",
    training_allowed=False,
    notes="the scanner sits above the camera, so a few points behind near objects are seen that the picture does not show",
)

# Nearer than any laser return; points here would be on the car itself.
NEAREST_M = 0.5


def read_calibration(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the matrices of a calib file: P0..P3 and Tr_* as (3, 4), R0_rect as (3, 3).

    Raises:
        LeadlineError: a line is not ``NAME: numbers`` or one of P2, R0_rect, Tr_velo_to_cam is missing.
    """
    matrices = {}
    for line in read_bytes(path).decode("utf-8", errors="replace").splitlines():
        if not line.strip():
            continue
        name, _, numbers = line.partition(":")
        try:
            matrices[name] = np.array(numbers.split(), dtype=np.float64).reshape(3, -1)
        except ValueError:
            raise LeadlineError(f"{path}: line {line[:40]!r}; expected NAME: 9 or 12 numbers") from None
    if missing := {"P2", "R0_rect", "Tr_velo_to_cam"} - matrices.keys():
        raise LeadlineError(f"{path}: {', '.join(sorted(missing))} missing; expected a calib file of KITTI object")
    return matrices


def project_scan(points: NDArray[np.floating], calibration: dict[str, NDArray[np.float64]], hw: tuple[int, int]) -> DepthMap:
    """Return the z-depth of the nearest laser point in each pixel, in camera 2's frame.

    A point X of the scanner is seen at P2 [R0_rect (Tr_velo_to_cam X)] (KITTI development kit). P2's last column holds where
    camera 2 stands: it is taken out as a translation, so that depth and camera share camera 2's frame.

    Args:
        points: (n, 3) metres, in the scanner's frame (x forward, y left, z up).
        calibration: see `read_calibration`.
        hw: the picture's size.
    """
    projection = calibration["P2"]
    camera = Camera.from_opencv(projection[:, :3], hw)
    scan_to_reference = calibration["Tr_velo_to_cam"]
    reference = points @ scan_to_reference[:, :3].T + scan_to_reference[:, 3]
    in_camera = reference @ calibration["R0_rect"].T + np.linalg.solve(projection[:, :3], projection[:, 3])
    in_camera = in_camera[in_camera[:, 2] > NEAREST_M]
    x, y = np.floor(camera.project(in_camera)).T
    inside = (x >= 0) & (x < hw[1]) & (y >= 0) & (y < hw[0])
    index = (y[inside] * hw[1] + x[inside]).astype(np.int64)
    depth = np.full(hw[0] * hw[1], np.inf)
    np.minimum.at(depth, index, in_camera[inside, 2])
    values = depth.reshape(hw)
    return DepthMap(values, np.isfinite(values), METRIC_DEPTH, camera, INFO.title)


def _names(root: Path) -> list[str]:
    return stems(root / "image_2", "*.png", ".png")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / "image_2" / f"{name}.png")
    scan_path = root / "velodyne" / f"{name}.bin"
    data = read_bytes(scan_path)
    if not data or len(data) % 16:
        raise LeadlineError(f"{scan_path}: {len(data)} bytes; expected four float32 a point, so a multiple of 16")
    points = np.frombuffer(data, dtype="<f4").reshape(-1, 4)[:, :3].astype(np.float64)
    calibration = read_calibration(root / "calib" / f"{name}.txt")
    depth = project_scan(points, calibration, image.shape[:2])
    return Sample(name, image, depth, depth.camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
