"""KITTI depth benchmark, the thousand selected validation pictures, cropped to 1216 x 352."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_matrix, read_picture
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_depth_selection",
    title="KITTI depth selection",
    layout="val_selection_cropped/image/*_image_*.png with groundtruth_depth/*_groundtruth_depth_*.png and "
    "intrinsics/*.txt beside",
    kind=METRIC_DEPTH,
    unit="1/256 m, uint16 PNG",
    invalid="0",
    camera="intrinsics/*.txt, of the cropped picture; first pixel's centre taken as 0",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Uhrig et al., Sparsity invariant CNNs, 3DV 2017",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    truths = root.glob("**/groundtruth_depth/*_groundtruth_depth_*.png")
    stems = [(path.parent.parent, path.stem.replace("_groundtruth_depth_", "_image_")) for path in truths]
    return sorted((folder / "image" / stem).relative_to(root).as_posix() for folder, stem in stems)


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent.parent, Path(name).name
    image = read_picture(root / f"{name}.png")
    camera = Camera.from_opencv(read_matrix(folder / "intrinsics" / f"{stem}.txt", (3, 3)), image.shape[:2])
    if "_image_" not in stem:
        raise LeadlineError(f"{name}: expected a name like 2011_09_26_drive_0002_sync_image_0000000005_image_02")
    truth = folder / "groundtruth_depth" / f"{stem.replace('_image_', '_groundtruth_depth_', 1)}.png"
    depth = read_map(truth, camera.hw, convention="kitti", camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
