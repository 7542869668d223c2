"""Contact sheets: many views of a data set on one picture, to look at a world with one's own eyes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.layout import StoredView, count_views, read_view, scene_folders

_MATERIALS = np.array([[60, 60, 60], [90, 200, 255], [255, 120, 200]], np.uint8)  # opaque, transparent, mirror


def contact_sheet(
    folder: Path, *, views: int = 24, columns: int = 3, width: int = 200, parts: bool = True
) -> NDArray[np.uint8]:
    """Return an RGB picture with up to `views` views spread over the data set in `folder`.

    Args:
        columns: views side by side. width: of each small picture in pixels. parts: show picture | depth | material
            of each view, else the picture only. With stereo the material's place shows the right picture.

    Raises:
        ValueError: there is nothing to show.
    """
    places = [(scene, i) for scene in scene_folders(folder) for i in range(count_views(scene))]
    if not places:
        raise ValueError(f"{folder} has no views")
    chosen = [places[round(k)] for k in np.linspace(0, len(places) - 1, min(views, len(places)))]
    tiles = [_tile(read_view(*place), width, parts) for place in chosen]
    height = max(t.shape[0] for t in tiles)
    tiles = [np.pad(t, ((0, height - t.shape[0] + 4), (0, 4), (0, 0)), constant_values=255) for t in tiles]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    return np.concatenate(rows, axis=0)


def colourise(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (h, w, 3) RGB of (h, w) depth in metres: near is bright, on a scale of 1 / depth; 0 is black."""
    valid = depth > 0
    if not valid.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    inverse = np.where(valid, 1 / np.where(valid, depth, 1), 0)
    low, high = np.quantile(inverse[valid], (0.01, 0.99))
    scaled = np.clip((inverse - low) / max(high - low, 1e-9), 0, 1) * 255
    colours = cv2.applyColorMap(scaled.astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.asarray(np.where(valid[..., None], colours, 0), np.uint8)


def _tile(view: StoredView, width: int, parts: bool) -> NDArray[np.uint8]:
    pictures = [view.image]
    if parts:
        pictures += [colourise(view.depth), view.right if view.right is not None else _MATERIALS[np.minimum(view.material, 2)]]
    height = round(width * view.image.shape[0] / view.image.shape[1])
    shrunk = [cv2.resize(np.ascontiguousarray(p), (width, height), interpolation=cv2.INTER_AREA) for p in pictures]
    return np.concatenate(shrunk, axis=1).astype(np.uint8)
