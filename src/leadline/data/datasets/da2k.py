"""DA-2K: photographs of eight kinds of scenes with pairs of points, the first of which is closer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_json, read_picture
from leadline.data.datasets.ordinal_sample import CLOSER, FARTHER, OrdinalSample
from leadline.depth_map import Ambiguity, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.sample import Sample

SCENE_TYPES = (
    "indoor", "outdoor", "non_real", "transparent_reflective", "adverse_style", "aerial", "underwater", "object",
)  # fmt: skip
INFO = DatasetInfo(
    name="da2k",
    title="DA-2K",
    layout="annotations.json beside the pictures it names (images/SCENE_TYPE/*)",
    kind=Kind(Quantity.DEPTH, Ambiguity.ORDINAL),
    unit="pixels, [row, column], counted from 0",
    invalid="none: each pair has been judged",
    camera="unknown",
    licence="photographs of several sources, evaluation only",
    citation="Yang et al., Depth Anything V2, NeurIPS 2024",
    training_allowed=False,
    notes="row before column (DA-2K.md of the authors); scene_type is the part of a picture's path that is one of the eight "
    "types",
)


@lru_cache(maxsize=4)
def read_annotations(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the pairs of each picture by its path below the root, as the file has it.

    Raises:
        LeadlineError: the file is missing or no JSON object of lists.
    """
    annotations = read_json(path)
    if not isinstance(annotations, dict) or not all(isinstance(pairs, list) for pairs in annotations.values()):
        raise LeadlineError(f"{path}: expected an object with a list of pairs for each picture")
    return annotations


def _names(root: Path) -> list[str]:
    path = root / "annotations.json"
    return sorted(read_annotations(path)) if path.exists() else []


def _read(root: Path, name: str) -> Sample:
    path = root / "annotations.json"
    annotations = read_annotations(path)
    if name not in annotations:
        raise LeadlineError(f"{path}: no picture {name!r}; expected a path as the file has it")
    pairs = annotations[name]
    try:
        points = np.array([[pair["point1"], pair["point2"]] for pair in pairs], dtype=np.float64).reshape(len(pairs), 2, 2)
        relation = [{"point1": CLOSER, "point2": FARTHER}[pair["closer_point"]] for pair in pairs]
    except (KeyError, TypeError, ValueError) as error:
        raise LeadlineError(f"{path}: {name}: {error!r}; expected point1, point2 as [row, column] and closer_point") from None
    xy = points[..., ::-1] + 0.5  # from a pixel's index to its centre
    return OrdinalSample(
        name=name,
        image=read_picture(root / name),
        xy_a=xy[:, 0],
        xy_b=xy[:, 1],
        relation=np.array(relation, dtype=np.int8),
        weight=np.ones(len(pairs)),
        scene_type=next((part for part in PurePosixPath(name).parts if part in SCENE_TYPES), ""),
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
