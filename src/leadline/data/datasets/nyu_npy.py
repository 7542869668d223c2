"""NYU Depth v2 pairs as NumPy arrays: ``rgb.npy`` (0..1) and ``depth.npy`` (metres) in one folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_npy
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="nyu_npy",
    title="NYU Depth v2 (NPY)",
    layout="rgb.npy beside depth.npy, in the root or in folders below it",
    kind=METRIC_DEPTH,
    unit="m, float32 NPY; the picture is floating point in 0..1",
    invalid="0 and below, NaN",
    camera="unknown (the crop and resize to 224 x 224 are not recorded)",
    licence="research, evaluation only",
    citation="Silberman, Hoiem, Kohli and Fergus, Indoor segmentation and support inference from RGBD images, ECCV 2012",
    training_allowed=False,
    notes="the picture is squashed to a square; the depth was in-painted",
)


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/rgb.npy"))


def _read(root: Path, name: str) -> Sample:
    rgb = read_npy(root / name / "rgb.npy")
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype.kind != "f":
        raise LeadlineError(
            f"{root / name / 'rgb.npy'}: shape {rgb.shape} of {rgb.dtype}; expected (h, w, 3) floating point in 0..1"
        )
    image = np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    depth = read_npy(root / name / "depth.npy").astype(np.float32)
    if depth.shape != image.shape[:2]:
        raise LeadlineError(
            f"{root / name / 'depth.npy'}: shape {depth.shape} beside a picture of {image.shape[:2]}; expected the same"
        )
    return Sample(root.name if name == "." else name, image, DepthMap(depth, depth > 0, METRIC_DEPTH, None, INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
