"""Samples of any data set into pictures beside 16-bit depth files that say what they hold::

    OUT/leadline_images.toml       makes OUT readable as the data set images_and_depths
    OUT/image/NAME.png             8-bit sRGB
    OUT/depth/NAME.png             kind, unit, scale and camera are in the header (see `leadline.io.png16`)
    OUT/right/NAME.png             of a stereo pair
    OUT/mask/MASK/NAME.png         8 or 16 bits: the numbers as they are, or 0 and 255 of a mask of true and false
    OUT/sample/NAME.json           the name, and what is known of masks, camera, world_from_camera, baseline_m, offset_px

Integers of a data set are stored as those integers, so that reading gives the same numbers; floats are rounded to the step
that the header states.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import Ambiguity, DepthMap, Quantity
from leadline.io.atomic import atomic_write
from leadline.io.conventions import CONVENTIONS, to_counts
from leadline.io.depth import write_depth
from leadline.io.png import encode_png
from leadline.io.png16 import LARGEST_COUNT
from leadline.sample import Sample

SETTINGS = (
    'images = "image/**/*.png"\ndepths = "depth/**/*.png"\n# Kind, scale and camera are in the headers of the depth files.\n'
)
# Of the data sets' integers, and of 8-bit maps; the largest first, since it leaves most room.
_KNOWN_STEPS = sorted({convention.scale for convention in CONVENTIONS.values()} | {1.0, 0.5}, reverse=True)


class Png16Writer:
    """Writes one sample after another; see `leadline.data.convert.Writer`."""

    def __init__(self, out: Path, without: Sequence[str] = ()) -> None:
        self._out, self._without = out, frozenset(without)

    def blocks(self, names: Sequence[str], posed: bool) -> list[list[str]]:
        """Return each sample by itself."""
        return [[name] for name in names]

    def refusal(self, sample: Sample) -> str:
        """Return why the layout can't hold a sample."""
        if sample.depth is None:
            what = "pairs of points" if getattr(sample, "xy_a", None) is not None else "no depth"
            return f"{what}, and the png16 layout is one of depth: keep the data set as it is"
        if sample.depth.hw != sample.image.shape[:2]:
            return f"a map of {sample.depth.hw} under a picture of {sample.image.shape[:2]}: expected one size"
        if not sample.depth.valid.any():
            return "no valid depth: leave the sample out"
        for name, mask in sample.masks.items():
            whole = mask.dtype.kind in "bui" and mask.ndim == 2
            if name not in self._without and not (
                whole and mask.size and 0 <= int(mask.min()) <= int(mask.max()) <= LARGEST_COUNT
            ):
                return (
                    f"a mask {name!r} of {mask.dtype}, expected whole numbers from 0 to 65535: leave it out (--without {name})"
                )
        return ""

    def has(self, block: Sequence[str]) -> bool:
        """Return whether the samples are there; the JSON file is written last."""
        return all(self._path("sample", name, ".json").is_file() for name in block)

    def write(self, block: Sequence[str], read: Callable[[str], Sample]) -> None:
        """Write the files of each sample."""
        for name in block:
            self._write(read(name), name)

    def close(self) -> None:
        """Write the settings by which the folder is read."""
        if (self._out / "image").is_dir():
            with atomic_write(self._out / "leadline_images.toml") as temporary:
                temporary.write_text(SETTINGS, encoding="utf-8")

    def _write(self, sample: Sample, name: str) -> None:
        depth = sample.depth
        assert depth is not None
        self._picture("image", name, sample.image)
        write_depth(self._path("depth", name), depth, format="png16", scale=step_of(depth))
        facts: dict[str, Any] = {"name": name, "masks": {}}
        right = getattr(sample, "right", None)
        if right is not None and "right" not in self._without:
            self._picture("right", name, right)
            facts |= {"baseline_m": getattr(sample, "baseline_m", None), "offset_px": getattr(sample, "offset_px", 0.0)}
        for mask_name, mask in sample.masks.items():
            if mask_name not in self._without:
                self._picture(f"mask/{mask_name}", name, _as_stored(mask))
                facts["masks"][mask_name] = str(mask.dtype)
        if sample.camera is not None:
            facts["camera"] = sample.camera.to_dict()
        if sample.world_from_camera is not None:
            facts["world_from_camera"] = np.asarray(sample.world_from_camera).tolist()
        with atomic_write(self._path("sample", name, ".json")) as temporary:
            temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")

    def _picture(self, part: str, name: str, pixels: NDArray[Any]) -> None:
        data = encode_png(np.ascontiguousarray(pixels))
        with atomic_write(self._path(part, name)) as temporary:
            temporary.write_bytes(data)

    def _path(self, part: str, name: str, suffix: str = ".png") -> Path:
        return self._out / part / f"{name}{suffix}"


def step_of(depth: DepthMap) -> float | None:
    """Return what one count should be worth: exact if the values are multiples of a known step, else as fine as they allow.

    None leaves the choice to `leadline.io.png16`: the full range of counts, for maps without a unit.
    """
    values = depth.values[depth.valid]
    for step in _KNOWN_STEPS:
        counts = np.rint(values[:1000].astype(np.float64) / step)
        if (counts >= 1).all() and np.array_equal((counts * step).astype(np.float32), values[:1000]) and _exact(depth, step):
            return step
    if depth.kind.ambiguity is not Ambiguity.METRIC or depth.kind.quantity is Quantity.DISPARITY or values.min() <= 0:
        return None
    # 0.1 mm up to 6.5 m, 0.2 mm up to 13 m, ...: as fine as 16 bits allow, and round.
    steps = (digit * 10.0**power for power in range(-6, 30) for digit in (1, 2, 5))
    return next(step for step in steps if float(values.max()) / step < LARGEST_COUNT + 0.5)


def _exact(depth: DepthMap, step: float) -> bool:
    values = depth.values[depth.valid]
    if values.max() / step >= LARGEST_COUNT + 0.5:
        return False
    counts = to_counts(depth, step, 0.0, LARGEST_COUNT)[depth.valid]
    return bool(np.array_equal((counts * np.float64(step)).astype(np.float32), values))


def _as_stored(mask: NDArray[Any]) -> NDArray[Any]:
    if mask.dtype == np.bool_:
        return mask.astype(np.uint8) * np.uint8(255)
    return mask.astype(np.uint8 if int(mask.max()) < 256 else np.uint16)
