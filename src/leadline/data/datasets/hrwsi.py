"""HRWSI: stereo photographs from the web in high resolution, with relative disparity and a mask of what flow could match."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_labels, read_picture, stems
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.sample import Sample

INFO = DatasetInfo(
    name="hrwsi",
    title="HRWSI",
    layout="(train|val)/imgs/*.jpg, gts/*.png, valid_masks/*.png",
    kind=RELATIVE_DISPARITY,
    unit="uint8 PNG, larger is closer; divided by 255",
    invalid="valid_masks 0 (255 is valid)",
    camera="unknown",
    licence="research, evaluation only",
    citation="Xian et al., Structure-guided ranking loss for single image depth prediction, CVPR 2020",
    training_allowed=False,
    notes="0 is a number here (the farthest), not a hole; the sky is set to the smallest disparity by its authors",
)


def _names(root: Path) -> list[str]:
    found = (Path(stem) for stem in stems(root, "**/gts/*.png", ".png"))
    return [(stem.parent.parent / stem.name).as_posix() for stem in found]


def _read(root: Path, name: str) -> Sample:
    split, stem = (root / name).parent, Path(name).name
    image = read_picture(split / "imgs" / f"{stem}.jpg")
    hw = image.shape[0], image.shape[1]
    disparity = read_labels(split / "gts" / f"{stem}.png", hw).astype(np.float64) / 255.0
    valid = read_labels(split / "valid_masks" / f"{stem}.png", hw) > 0
    return Sample(name, image, DepthMap(disparity, valid, RELATIVE_DISPARITY, None, INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
