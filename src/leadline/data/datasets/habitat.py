"""Rooms rendered by Habitat: ``NAME-color_sensor.npy`` and ``NAME-depth_sensor.npy``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_npy, stems
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="habitat",
    title="Habitat renders",
    layout="*-color_sensor.npy beside *-depth_sensor.npy",
    kind=METRIC_DEPTH,
    unit="m, float32 NPY; the picture is RGBA uint8",
    invalid="0 (holes in the scanned rooms)",
    camera="field of view not recorded; *-state.json holds only the agent's place",
    licence="scans of mixed licence, evaluation only",
    citation="Savva et al., Habitat: a platform for embodied AI research, ICCV 2019",
    training_allowed=False,
)


def _names(root: Path) -> list[str]:
    return stems(root, "*-color_sensor.npy", "-color_sensor.npy")


def _read(root: Path, name: str) -> Sample:
    colour = read_npy(root / f"{name}-color_sensor.npy")
    depth = read_npy(root / f"{name}-depth_sensor.npy").astype(np.float32)
    if colour.ndim != 3 or colour.shape[2] not in (3, 4) or colour.dtype != np.uint8 or depth.shape != colour.shape[:2]:
        raise LeadlineError(
            f"{root / name}: colour {colour.shape} of {colour.dtype}, depth {depth.shape}; expected (h, w, 4) uint8 and (h, w)"
        )
    return Sample(name, np.ascontiguousarray(colour[..., :3]), DepthMap(depth, depth > 0, METRIC_DEPTH, None, INFO.title))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
