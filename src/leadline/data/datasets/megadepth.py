"""MegaDepth: tourists' photographs of landmarks with depth from structure from motion, or labels of near and far regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_picture, stems
from leadline.data.datasets.hdf5 import read_hdf5
from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.sample import Sample

KIND = Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT)
INFO = DatasetInfo(
    name="megadepth",
    title="MegaDepth",
    layout="(phoenix/S6/zl548/MegaDepth_v1/)SCENE/dense*/imgs/*.jpg with depths/*.h5",
    kind=KIND,
    unit="one unknown length a scene, float HDF5 `depth`",
    invalid="0",
    camera="not in MegaDepth_v1 (in the SfM models, for other sizes of the pictures)",
    licence="photographs by their takers, research, evaluation only",
    citation="Li and Snavely, MegaDepth: learning single-view depth prediction from internet photos, CVPR 2018",
    training_allowed=False,
    notes="a file with negative numbers holds labels of regions instead of depth: the sample then has no "
    "depth, and masks['ordinal'] holds the numbers as they are; their code (which is near, which is far) could not be "
    "confirmed, so no pairs are made of them; the authors' own further filtering of depths is not applied",
)

_SUFFIXES = (".jpg", ".JPG", ".jpeg", ".png")


def _names(root: Path) -> list[str]:
    found = (Path(stem) for stem in stems(root, "**/dense*/depths/*.h5", ".h5"))
    return [(stem.parent.parent / stem.name).as_posix() for stem in found]


def _read(root: Path, name: str) -> Sample:
    dense, stem = (root / name).parent, Path(name).name
    pictures = [dense / "imgs" / f"{stem}{suffix}" for suffix in _SUFFIXES]
    image = read_picture(next((path for path in pictures if path.exists()), pictures[0]))
    path = dense / "depths" / f"{stem}.h5"
    numbers = read_hdf5(path, "depth")
    if numbers.shape != image.shape[:2]:
        raise LeadlineError(f"{path}: shape {numbers.shape} beside a picture of {image.shape[:2]}; do they belong together?")
    if numbers.min(initial=0) < 0:
        return Sample(name, image, masks={"ordinal": np.rint(numbers).astype(np.int16)})
    return Sample(name, image, DepthMap(numbers, numbers > 0, KIND, None, INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
