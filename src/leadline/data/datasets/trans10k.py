"""Trans10K: photographs with masks of transparent things (cups, bottles) and stuff (windows, doors); no depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_picture, stems
from leadline.data.datasets.surface_mask import read_surface_mask
from leadline.sample import Sample

INFO = DatasetInfo(
    name="trans10k",
    title="Trans10K",
    layout="(train|validation|test)/**/images/*.jpg with masks/*_mask.png (or masks/*.png) beside",
    kind=None,
    unit="no depth",
    invalid="no depth",
    camera="unknown",
    licence="non-commercial research, evaluation only",
    citation="Xie et al., Segmenting transparent objects in the wild, ECCV 2020",
    training_allowed=False,
    notes="masks['material'] is 1 where the mask is marked: red for things and white for stuff as first released, 255 or class "
    "numbers 1 and 2 in later copies; material 0 says only that nobody marked it",
)


def _names(root: Path) -> list[str]:
    found = (Path(stem) for stem in stems(root, "**/images/*.jpg", ".jpg"))
    return [(stem.parent.parent / stem.name).as_posix() for stem in found]


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent, Path(name).name
    image = read_picture(folder / "images" / f"{stem}.jpg")
    first = folder / "masks" / f"{stem}_mask.png"
    plain = folder / "masks" / f"{stem}.png"
    transparent = read_surface_mask(plain if plain.exists() and not first.exists() else first, (image.shape[0], image.shape[1]))
    return Sample(name, image, masks={"material": transparent.astype(np.uint8)})


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
