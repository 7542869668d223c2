"""ClearGrasp, rendered part: transparent bottles in a box, with the exact depth of their first surface."""

from __future__ import annotations

from math import degrees
from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_json, read_labels, read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="cleargrasp_synthetic",
    title="ClearGrasp (synthetic)",
    layout="OBJECT/rgb-imgs/*-rgb.jpg (in synthetic-val/, synthetic-test/ or the folder of the training part) with "
    "depth-imgs-rectified, segmentation-masks and json-files beside",
    kind=METRIC_DEPTH,
    unit="m, half float EXR, the same number in each channel; rectified means z, not ray distance",
    invalid="0 and NaN",
    camera="horizontal field of view of json-files/*-masks.json, centred",
    licence="Apache-2.0",
    citation="Sajjan et al., ClearGrasp: 3D shape estimation of transparent objects for manipulation, ICRA 2020",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    found = (Path(stem) for stem in stems(root, "**/rgb-imgs/*-rgb.jpg", "-rgb.jpg"))
    return [(stem.parent.parent / stem.name).as_posix() for stem in found]


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent, Path(name).name
    image = read_picture(folder / "rgb-imgs" / f"{stem}-rgb.jpg")
    facts = folder / "json-files" / f"{stem}-masks.json"
    try:
        fov_deg = degrees(float(read_json(facts)["camera"]["field_of_view"]["x_axis_rads"]))
    except (KeyError, TypeError, ValueError):
        raise LeadlineError(f"{facts}: no camera.field_of_view.x_axis_rads; expected a masks.json of ClearGrasp") from None
    camera = Camera.from_fov_deg(fov_deg, image.shape[:2])
    transparent = (
        read_labels(folder / "segmentation-masks" / f"{stem}-segmentation-mask.png", camera.hw) > 0
    )  # 255 on the objects
    depth = read_map(
        folder / "depth-imgs-rectified" / f"{stem}-depth-rectified.exr", camera.hw, camera=camera, source=INFO.title
    )
    return Sample(name, image, depth, camera, {"material": transparent.astype(np.uint8)})


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
