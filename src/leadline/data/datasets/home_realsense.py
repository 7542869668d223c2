"""Views of a home from the floor, by a RealSense camera: ``color/N.png`` and ``depth/N.png``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_json, read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="home_realsense",
    title="Home (RealSense)",
    layout="color/*.png, depth/*.png, cam_params_realsense.json",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0",
    camera="cam_params_realsense.json (the matrix by columns); first pixel's centre at 0 (RealSense)",
    licence="MIT; kept for evaluation",
    citation="floor-level home sequence of a public RGB-D repository",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    return stems(root / "color", "*.png", ".png")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / "color" / f"{name}.png")
    hw = image.shape[:2]
    path = root / "cam_params_realsense.json"
    facts = read_json(path)
    try:
        # Nine numbers column after column: read by rows they put cx and cy into the last row.
        intrinsics = np.asarray(facts["intrinsic_matrix"], dtype=np.float64).reshape(3, 3).T
        camera = Camera.from_opencv(intrinsics, (int(facts["height"]), int(facts["width"]))).resize(hw)
    except (KeyError, TypeError, ValueError) as error:
        raise LeadlineError(f"{path}: {error}; expected width, height and intrinsic_matrix (9 numbers by columns)") from None
    return Sample(
        name, image, read_map(root / "depth" / f"{name}.png", hw, convention="nyu", camera=camera, source=INFO.title), camera
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
