"""Middlebury stereo 2014: rooms and objects at about six megapixels, with doffs and exact float disparity."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.pfm_pair import read_pfm_pair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="middlebury2014",
    title="Middlebury 2014",
    layout="SCENE-perfect/im0.png, im1.png, disp0.pfm, calib.txt",
    kind=PIXEL_DISPARITY,
    unit="px, float32 PFM (bottom row first)",
    invalid="infinity",
    camera="cam0 of calib.txt; first pixel's centre taken as 0",
    licence="research",
    citation="Scharstein et al., High-resolution stereo datasets with subpixel-accurate ground truth, GCPR 2014",
    training_allowed=False,
    notes="z = fx * baseline / (pixel_disparity + doffs), baseline in mm in the file; scenes named -imperfect have a small "
    "vertical disparity; the pictures under other exposures and lights (im1E, im1L) are not read",
)


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/disp0.pfm"))


def _read(root: Path, name: str) -> Sample:
    folder = root / name
    return read_pfm_pair(root.name if name == "." else name, folder, folder / "disp0.pfm", INFO.title)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
