"""Small worlds with glass, mirrors and sky, in layout leadline-folder/1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.data.views import held_out

HW = (48, 64)
# Of opaque, transparent, mirror and sky.
COLOURS = np.array([(60, 60, 60), (220, 30, 30), (30, 30, 220), (30, 220, 30)], np.uint8)


def draw(seed: int, hw: tuple[int, int] = HW) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a picture and its classes, which its colours give away: a sky, a window and a mirror."""
    h, w = hw
    rng = np.random.default_rng(seed)
    classes = np.zeros(hw, np.uint8)
    classes[: h // 4] = 3
    for index in (1, 2):
        y, x = int(rng.integers(h // 4, h // 2)), int(rng.integers(0, w // 2)) // index
        classes[y : y + h // 3, x : x + w // 3] = index
    noise = rng.integers(-20, 21, (*hw, 3))
    return np.clip(COLOURS[classes] + noise, 0, 255).astype(np.uint8), classes


def write_tom_world(root: Path, scenes: int = 4) -> list[str]:
    """Write so many scenes and one more that is held out for validation; return their names."""
    names = [f"s{i}" for i in range(200)]
    chosen = [*names[:scenes], next(name for name in names[scenes:] if held_out(name))]
    for seed, name in enumerate(chosen):
        image, classes = draw(seed)
        depth = np.where(classes == 3, 0, 2).astype(np.float32)
        material = np.where(classes == 3, 0, classes).astype(np.uint8)
        flat = np.zeros((*HW, 3), np.float32)
        view = StoredView(image, depth, flat, material, material.astype(np.uint16), classes == 3, np.eye(3), np.eye(4))
        write_scene(root, name, [view])
    return chosen
