"""Middlebury stereo evaluation, version 3: the benchmark's own training pairs, with masks of what both cameras see."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.pfm_pair import read_pfm_pair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="middlebury_v3",
    title="Middlebury stereo evaluation v3",
    layout="trainingF|H|Q/SCENE/im0.png, im1.png, calib.txt, disp0GT.pfm, mask0nocc.png",
    kind=PIXEL_DISPARITY,
    unit="px of the size at hand, float32 PFM (bottom row first)",
    invalid="infinity",
    camera="cam0 of calib.txt; first pixel's centre taken as 0",
    licence="research",
    citation="Scharstein et al., High-resolution stereo datasets with subpixel-accurate ground truth, GCPR 2014",
    training_allowed=False,
    notes="unpack the input and the truth archive of one size (F, H or Q) over one another; mask0nocc.png has 255 where both "
    "cameras see the point, 128 where one does",
)


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/disp0GT.pfm"))


def _read(root: Path, name: str) -> Sample:
    folder = root / name
    return read_pfm_pair(root.name if name == "." else name, folder, folder / "disp0GT.pfm", INFO.title)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
