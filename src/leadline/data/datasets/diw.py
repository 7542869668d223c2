"""Depth in the Wild: photographs from the web, and for each one pair of points whose order people have judged."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture
from leadline.data.datasets.ordinal_sample import CLOSER, FARTHER, OrdinalSample
from leadline.depth_map import Ambiguity, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="diw",
    title="Depth in the Wild",
    layout="DIW_test.csv (or DIW_val.csv, DIW_train.csv; also in DIW_Annotations/) beside the folder of pictures it names, "
    "such as DIW_test/*.thumb",
    kind=Kind(Quantity.DEPTH, Ambiguity.ORDINAL),
    unit="two lines a picture: its path; y_A, x_A, y_B, x_B, relation, width, height",
    invalid="none: each picture has one judged pair",
    camera="unknown",
    licence="photographs by their takers, research, evaluation only",
    citation="Chen, Fu, Yang and Deng, Single-image depth perception in the wild, NeurIPS 2016",
    training_allowed=False,
    notes="row before column, counted from 1 (the authors' DataLoader_DIW.lua); > says that A is farther; where there are "
    "several lists DIW_test.csv is read alone; points are scaled if a picture is not of the size in its line",
)

_LISTS = ("DIW_test.csv", "DIW_val.csv", "DIW_train.csv")


def find_list(root: Path) -> Path | None:
    """Return the list to read: the test pictures' before the others', in the root before DIW_Annotations."""
    candidates = (root / folder / name for name in _LISTS for folder in ("", "DIW_Annotations"))
    return next((path for path in candidates if path.exists()), None)


@lru_cache(maxsize=4)  # half a million lines, and needed for each picture
def read_list(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the seven words of each picture's annotation by the picture's path, as the list has it.

    Raises:
        LeadlineError: the file is missing, or its lines are not pairs of a path and seven words.
    """
    lines = [line.strip() for line in read_bytes(path).decode("utf-8", errors="replace").splitlines() if line.strip()]
    pictures, annotations = lines[::2], [tuple(line.split(",")) for line in lines[1::2]]
    if len(lines) % 2 or any(len(words) != 7 for words in annotations):
        raise LeadlineError(f"{path}: expected a path and y_A,x_A,y_B,x_B,relation,width,height in turn; is it cut off?")
    return {PurePosixPath(picture).as_posix(): words for picture, words in zip(pictures, annotations, strict=True)}


def _names(root: Path) -> list[str]:
    path = find_list(root)
    return list(read_list(path)) if path else []


def _read(root: Path, name: str) -> Sample:
    path = find_list(root)
    if path is None:
        raise LeadlineError(f"{root}: no list; expected {' or '.join(_LISTS)}")
    words = read_list(path).get(name)
    if words is None:
        raise LeadlineError(f"{path}: no picture {name!r}; expected a path as the list has it")
    image = read_picture(root / name)
    try:
        y_a, x_a, y_b, x_b = (float(word) for word in words[:4])
        relation = {">": FARTHER, "<": CLOSER}[words[4].strip()[:1]]
        size = np.array([float(words[5]), float(words[6])])
    except (KeyError, ValueError) as error:
        raise LeadlineError(f"{path}: {','.join(words)!r} of {name}: {error}; expected numbers around > or <") from None
    # The centre of the pixel that they count as 1 is 0.5 from the corner.
    scale = np.array([image.shape[1], image.shape[0]]) / size
    return OrdinalSample(
        name=name,
        image=image,
        xy_a=(np.array([[x_a, y_a]]) - 0.5) * scale,
        xy_b=(np.array([[x_b, y_b]]) - 0.5) * scale,
        relation=np.array([relation], dtype=np.int8),
        weight=np.ones(1),
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
