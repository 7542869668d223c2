"""KITTI frames with accumulated, semi-dense depth, listed in ``test_annotations.json``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_json, read_map, read_picture
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="kitti_semidense",
    title="KITTI semi-dense",
    layout="test_annotations.json, rgb/*.png, depth/*.png",
    kind=METRIC_DEPTH,
    unit="1/256 m, uint16 PNG (depth_scale of the annotations)",
    invalid="0",
    camera="cam_in (fx, fy, cx, cy) of the annotations; first pixel's centre taken as 0",
    licence="CC BY-NC-SA 3.0: evaluation only",
    citation="Uhrig et al., Sparsity invariant CNNs, 3DV 2017",
    training_allowed=False,
)


def _annotations(root: Path) -> dict[str, tuple[list[float], float]]:
    path = root / "test_annotations.json"
    content = read_json(path)
    try:
        # The listed paths start at another folder; their last parts are the files here.
        return {
            PurePosixPath(entry["rgb"]).stem: ([float(x) for x in entry["cam_in"]], float(entry["depth_scale"]))
            for entry in content["files"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise LeadlineError(f"{path}: {error}; expected files with rgb, cam_in and depth_scale") from None


def _names(root: Path) -> list[str]:
    return sorted(_annotations(root)) if (root / "test_annotations.json").exists() else []


def _read(root: Path, name: str) -> Sample:
    (fx, fy, cx, cy), scale = _annotations(root)[name]
    image = read_picture(root / "rgb" / f"{name}.png")
    camera = Camera.from_opencv([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], image.shape[:2])
    depth = read_map(root / "depth" / f"{name}.png", camera.hw, scale=1 / scale, camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
