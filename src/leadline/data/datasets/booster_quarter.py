"""Booster at a quarter of its size, as its authors score it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets import booster
from leadline.data.datasets.dataset import Dataset
from leadline.depth_map import replace_map
from leadline.sample import Sample

INFO = replace(
    booster.INFO,
    name="booster_quarter",
    title="Booster (quarter size)",
    unit="px of the full size, float32 NPY; every fourth number of every fourth row, times 1/4, is read",
    notes=f"{booster.INFO.notes}. Truth and masks are thinned (nearest neighbour), pictures averaged; the authors' monocular "
    "script gives the network the full pictures and thins the truth alone",
)

SHARE = 0.25


def _thinned(array: NDArray[Any]) -> NDArray[Any]:
    """Return the numbers that the authors' evaluation keeps."""
    import cv2

    plain = array.astype(np.uint8) if array.dtype == np.bool_ else array
    thin = cv2.resize(np.ascontiguousarray(plain), None, fx=SHARE, fy=SHARE, interpolation=cv2.INTER_NEAREST)
    return np.asarray(thin).astype(array.dtype)


def _averaged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.resize(picture, None, fx=SHARE, fy=SHARE, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _read(root: Path, name: str) -> Sample:
    full = booster.read_pair(root, name)
    assert full.depth is not None  # booster always has both
    assert full.camera is not None
    image = _averaged(full.image)
    camera = full.camera.resize(image.shape[:2])
    depth = replace_map(
        full.depth, values=_thinned(full.depth.values) * np.float32(SHARE), valid=_thinned(full.depth.valid), camera=camera
    )
    return replace(
        full,
        image=image,
        depth=depth,
        camera=camera,
        masks={key: _thinned(mask) for key, mask in full.masks.items()},
        right=None if full.right is None else _averaged(full.right),
        offset_px=full.offset_px * SHARE,
    )


DATASET = Dataset(INFO, booster.list_names, _read)
iter_samples = DATASET.iter_samples
