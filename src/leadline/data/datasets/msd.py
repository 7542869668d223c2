"""MSD: photographs with masks of mirrors; no depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_picture, stems
from leadline.data.datasets.surface_mask import read_surface_mask
from leadline.sample import Sample

INFO = DatasetInfo(
    name="msd",
    title="MSD (mirrors)",
    layout="(train|test)/image/*.jpg with mask/*.png of the same name",
    kind=None,
    unit="no depth",
    invalid="no depth",
    camera="unknown",
    licence="non-commercial research, evaluation only",
    citation="Yang et al., Where is my mirror?, ICCV 2019",
    training_allowed=False,
    notes="masks['material'] is 2 on the mirrors (255 in the files)",
)


def _names(root: Path) -> list[str]:
    found = (Path(stem) for stem in stems(root, "**/image/*.jpg", ".jpg"))
    return [(stem.parent.parent / stem.name).as_posix() for stem in found]


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent, Path(name).name
    image = read_picture(folder / "image" / f"{stem}.jpg")
    mirror = read_surface_mask(folder / "mask" / f"{stem}.png", (image.shape[0], image.shape[1]))
    return Sample(name, image, masks={"material": np.where(mirror, 2, 0).astype(np.uint8)})


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
