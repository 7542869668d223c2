"""ETH3D two-view: rectified grey pairs of a small rig, in and outside, with masks of what both cameras see."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.pfm_pair import read_pfm_pair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="eth3d_stereo",
    title="ETH3D two-view",
    layout="two_view_training/SCENE/im0.png, im1.png, calib.txt; two_view_training_gt/SCENE/disp0GT.pfm, mask0nocc.png",
    kind=PIXEL_DISPARITY,
    unit="px, float32 PFM (bottom row first)",
    invalid="infinity",
    camera="cam0 of calib.txt; first pixel's centre taken as 0",
    licence="CC BY-NC-SA 4.0: evaluation only",
    citation="Schöps et al., A multi-view stereo benchmark with high-resolution images and multi-camera videos, CVPR 2017",
    training_allowed=False,
    notes="the truth may also lie beside the pictures; the baseline is read as millimetres, as in Middlebury's format",
)


def _truth(root: Path, scene: str) -> Path:
    apart = root / "two_view_training_gt" / scene / "disp0GT.pfm"
    return apart if apart.exists() else root / "two_view_training" / scene / "disp0GT.pfm"


def _names(root: Path) -> list[str]:
    scenes = sorted(path.parent.name for path in root.glob("two_view_training/*/im0.png"))
    return [scene for scene in scenes if _truth(root, scene).exists()]


def _read(root: Path, name: str) -> Sample:
    return read_pfm_pair(name, root / "two_view_training" / name, _truth(root, name), INFO.title)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
