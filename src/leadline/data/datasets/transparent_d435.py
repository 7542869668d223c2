"""Transparent containers on a table by a RealSense D435, with the exact depth of the containers alone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_labels, read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="transparent_d435",
    title="Transparent containers (D435)",
    layout="SCENE/rgb/*.jpg, SCENE/object_depth/*.png, SCENE/label/*.png, camera_d435.yaml",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG (object_depth: rendered from measured meshes and poses)",
    invalid="0: everything but the containers",
    camera="camera_d435.yaml; first pixel's centre at 0 (RealSense)",
    licence="none stated: evaluation only",
    citation="dataset of a master's thesis on the refinement of transparent objects' poses",
    training_allowed=False,
    notes="the truth covers the containers only (1 to 2 % of a picture), at nearly one distance: AbsRel there says little "
    "about relief; the sensor's own depth (sensor_depth/) is off by more than 1 cm on half of the glass and is not used",
)


def read_intrinsics(path: Path) -> Camera:
    """Read image_width, image_height and camera_matrix of camera_d435.yaml.

    Raises:
        LeadlineError: one of them is missing.
    """
    text = read_bytes(path).decode("utf-8", errors="replace")
    size = dict(re.findall(r"^image_(width|height)\s*:\s*(\d+)", text, flags=re.MULTILINE))
    matrix = re.search(r"^camera_matrix\s*:\s*\[([^\]]*)\]", text, flags=re.MULTILINE)
    try:
        intrinsics = np.array([float(x) for x in matrix[1].split(",")] if matrix else []).reshape(3, 3)
        return Camera.from_opencv(intrinsics, (int(size["height"]), int(size["width"])))
    except (KeyError, ValueError) as error:
        raise LeadlineError(f"{path}: {error}; expected image_width, image_height, camera_matrix (9 numbers)") from None


def _names(root: Path) -> list[str]:
    return [stem.replace("/rgb/", "/") for stem in stems(root, "*/rgb/*.jpg", ".jpg")]


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent, Path(name).name
    image = read_picture(folder / "rgb" / f"{stem}.jpg")
    hw = image.shape[:2]
    label = read_labels(folder / "label" / f"{stem}.png", hw)
    camera = read_intrinsics(root / "camera_d435.yaml").resize(hw)
    masks: dict[str, NDArray[np.generic]] = {"material": (label > 0).astype(np.uint8), "instance": label}
    depth = read_map(folder / "object_depth" / f"{stem}.png", hw, convention="nyu", camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera, masks)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
