"""Things on tables, by a RealSense camera: ``N-color.png`` and ``N-depth.png``."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_json, read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="table_clutter",
    title="Table clutter",
    layout="*-color.png, *-depth.png, camera_params.json",
    kind=METRIC_DEPTH,
    unit="mm, uint16 PNG",
    invalid="0",
    camera="camera_params.json; first pixel's centre at 0 (RealSense)",
    licence="non-commercial: evaluation only",
    citation="table scenes of a public object-pose repository",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    return stems(root, "*-color.png", "-color.png")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / f"{name}-color.png")
    hw = image.shape[:2]
    path = root / "camera_params.json"
    facts = read_json(path)
    try:
        k = [[facts["fx"], 0, facts["x_offset"]], [0, facts["fy"], facts["y_offset"]], [0, 0, 1]]
        camera = Camera.from_opencv(k, (int(facts["img_height"]), int(facts["img_width"]))).resize(hw)
    except (KeyError, TypeError) as error:
        raise LeadlineError(f"{path}: {error}; expected img_width, img_height, fx, fy, x_offset, y_offset") from None
    return Sample(
        name, image, read_map(root / f"{name}-depth.png", hw, convention="nyu", camera=camera, source=INFO.title), camera
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
