"""``leadline data preview``: look at a data set before believing it."""

from __future__ import annotations

from os import PathLike

import numpy as np
from numpy.typing import NDArray

from leadline.data.contact_sheet import Tile, write_sheet
from leadline.data.datasets.registry import get_dataset
from leadline.depth_map import DepthMap, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.io.preview import colourise
from leadline.sample import Sample

# A map with fewer measurements than this share would vanish when it is shrunk: its pixels are thickened first.
SPARSE_SHARE = 0.3
THICK_PX = 7
MASK_COLOURS = {"transparent": (0, 220, 255), "mirror": (255, 60, 220), "sky": (70, 110, 255)}


def write_contact_sheet(
    root: str | PathLike[str], out: str | PathLike[str], dataset: str = "leadline", count: int = 12
) -> None:
    """Write a PNG with a row a sample: picture, truth (near is bright), masks over the picture.

    Args:
        root: the data set's folder.
        out: the file.
        dataset: the registered name of its layout.
        count: how many samples at most, spread evenly.

    Raises:
        LeadlineError: unknown data set, no samples, `count` below 1, a sample that can't be read, or no permission to write.
    """
    if count < 1:
        raise LeadlineError(f"count {count}: expected at least 1 sample")
    reader = get_dataset(dataset)
    names = reader.names(str(root))
    chosen = [names[int((i + 0.5) * len(names) / count)] for i in range(count)] if count < len(names) else names
    rows = [row_of(reader.read(str(root), name)) for name in chosen]
    # Two samples a line: pictures are wider than high, and so are screens.
    write_sheet(out, [[tile for row in rows[i : i + 2] for tile in row] for i in range(0, len(rows), 2)])


def row_of(sample: Sample) -> list[Tile]:
    """Return the tiles of one sample: picture, truth, masks."""
    height, width = sample.image.shape[:2]
    return [Tile(sample.image, f"{sample.name}  {width} x {height}"), _truth_tile(sample.depth), _mask_tile(sample)]


def picture_of(depth: DepthMap) -> NDArray[np.uint8]:
    """Return (h, w, 3) colours in which near and far are both seen: depth is shown as disparity, sparse maps are thickened."""
    known_shift = depth.kind.ambiguity in ("metric", "scale_invariant")
    shown = depth.to_disparity() if depth.kind.quantity is Quantity.DEPTH and known_shift else depth
    return colourise(thickened(shown))


def thickened(depth: DepthMap) -> DepthMap:
    """Return a sparse map with each measurement spread over its empty neighbours, the nearest winning; others as they are."""
    if not 0 < depth.valid.mean() < SPARSE_SHARE:
        return depth
    import cv2

    lowest = np.float32(depth.values[depth.valid].min())
    # Dilation takes maxima, so nearness must grow with the number, and holes lie below everything.
    sign = np.float32(1 if depth.kind.near_is_large else -1)
    floor = np.float32(-np.finfo(np.float32).max)
    near = np.where(depth.valid, sign * (depth.values - lowest), floor)
    spread = cv2.dilate(near, np.ones((THICK_PX, THICK_PX), np.uint8))
    values = np.where(depth.valid, depth.values, sign * spread + lowest)
    return replace_map(depth, values=values, valid=spread > floor)


def _truth_tile(depth: DepthMap | None) -> Tile:
    if depth is None or not depth.valid.any():
        return Tile(None, "no depth")
    values = depth.values[depth.valid]
    unit = f" {depth.unit}" if depth.unit else ""
    text = f"{depth.kind}  {values.min():.3g} to {values.max():.3g}{unit}, {depth.valid.mean():.0%} valid"
    return Tile(picture_of(depth), text)


def _mask_tile(sample: Sample) -> Tile:
    height, width = sample.image.shape[:2]
    picture = (sample.image // 2).astype(np.uint8)
    if (instance := sample.masks.get("instance")) is not None:
        # Neighbouring numbers get unlike colours: 97 and so on are coprime to 256.
        number = instance.astype(np.int64)[..., None]
        hues = (number * np.array([97, 57, 173]) % 256).astype(np.uint8)
        picture = np.where(number > 0, picture // 2 + hues // 2, picture)
    material, sky = sample.masks.get("material"), sample.masks.get("sky")
    none = np.zeros((height, width), bool)
    shares = []
    for name, where in (
        ("transparent", none if material is None else material == 1),
        ("mirror", none if material is None else material == 2),
        ("sky", none if sky is None else sky.astype(bool)),
    ):
        if where.any():
            colour = np.array(MASK_COLOURS[name], dtype=np.uint8)
            picture[where] = picture[where] // 2 + colour // 2
            shares.append(f"{name} {where.mean():.0%}")
    return Tile(picture if sample.masks else None, ", ".join(shares) or ", ".join(sorted(sample.masks)) or "no masks")
