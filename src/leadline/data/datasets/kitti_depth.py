"""KITTI depth benchmark: annotated depth of eleven accumulated scans, for pictures of the raw recordings."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_picture
from leadline.data.datasets.kitti_calibration import camera_of, read_calibration
from leadline.data.datasets.kitti_lists import Frame, find_calibration, find_picture
from leadline.depth_map import METRIC_DEPTH
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_depth",
    title="KITTI depth benchmark",
    layout="train|val/DRIVE_sync/proj_depth/groundtruth/image_0[23]/*.png, with the raw recordings at DATE/DRIVE_sync (or "
    "raw/DATE/DRIVE_sync, or train|val/DRIVE_sync) and DATE/calib_cam_to_cam.txt",
    kind=METRIC_DEPTH,
    unit="1/256 m, uint16 PNG",
    invalid="0",
    camera="P_rect_02 or P_rect_03 of calib_cam_to_cam.txt, first pixel's centre taken as 0; unknown without that file",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Uhrig et al., Sparsity invariant CNNs, 3DV 2017",
    training_allowed=False,
    notes="the first and last five frames of a drive have no truth",
)

_TRUTH = "proj_depth/groundtruth"


def _names(root: Path) -> list[str]:
    found = [path for split in ("train", "val") for path in root.glob(f"{split}/*/{_TRUTH}/image_0[23]/*.png")]
    return sorted(f"{path.parts[-6]}/{path.parts[-5]}/{path.parts[-2]}/{path.stem}" for path in found)


def _camera(root: Path, frame: Frame, hw: tuple[int, int]) -> Camera | None:
    folder = find_calibration(root, frame)
    if folder is None:
        return None
    projection, size = f"P_rect_0{frame.camera}", f"S_rect_0{frame.camera}"
    found = read_calibration(folder / "calib_cam_to_cam.txt", {projection: (3, 4), size: (2,)})
    width, height = found[size].astype(int)
    return camera_of(found[projection], (int(height), int(width))).resize(hw)


def _read(root: Path, name: str) -> Sample:
    split, drive, folder, number = name.split("/")
    frame = Frame(drive[:10], drive, int(folder[-1]), number)
    image = read_picture(find_picture(root, frame, split))
    hw = image.shape[:2]
    camera = _camera(root, frame, hw)
    truth = root / split / drive / _TRUTH / folder / f"{number}.png"
    return Sample(name, image, read_map(truth, hw, convention="kitti", camera=camera, source=INFO.title), camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
