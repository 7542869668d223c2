"""Mirror3D with a truth inside the mirrors that needs no refined depth: the plane of each mirror's border."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from leadline.data.datasets import mirror3d
from leadline.data.datasets.dataset import Dataset
from leadline.data.mirror_planes import mirror_depth
from leadline.depth_map import replace_map
from leadline.sample import Sample

FARTHEST_M = 20.0

INFO = replace(
    mirror3d.INFO,
    name="mirror3d_borders",
    title="Mirror3D (planes of borders)",
    invalid="0; a mirror whose border is not known or not flat",
    notes="inside a mirror the truth is the plane on which the sensor's depth along its border lies, an estimate: within a few "
    "per cent on flat mirrors in flat frames, wrong for one that leans in its frame; masks['material'] is 2 on mirrors",
)


def _read(root: Path, name: str) -> Sample:
    sample = mirror3d.DATASET.read(root, name)
    assert sample.depth is not None
    instance = np.asarray(sample.masks["instance"])
    values, valid = sample.depth.values.copy(), sample.depth.valid & (instance == 0)
    for number in np.unique(instance[instance > 0]):
        mirror = instance == number
        plane = mirror_depth(sample.depth.values, valid, mirror)
        if plane is not None:
            known = mirror & (plane > 0) & (plane <= FARTHEST_M)
            values[known], valid[known] = plane[known], True
    depth = replace_map(sample.depth, values=np.where(valid, values, 0), valid=valid, source=INFO.title)
    return replace(sample, depth=depth)


DATASET = Dataset(INFO, mirror3d.DATASET.names, _read)
iter_samples = DATASET.iter_samples
