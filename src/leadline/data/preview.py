"""``leadline data preview``: look at a data set before believing it."""

from __future__ import annotations

from itertools import cycle
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from leadline.data.contact_sheet import Tile, write_sheet
from leadline.data.datasets.ordinal_sample import CLOSER, EQUAL, FARTHER, OrdinalSample
from leadline.data.datasets.registry import get_dataset
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import DepthMap, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.io.preview import colourise
from leadline.sample import Sample

# A map with fewer measurements than this share would vanish when it is shrunk: its pixels are thickened first.
SPARSE_SHARE = 0.3
THICK_PX = 7
TILES_A_LINE = 6
MASK_COLOURS = {"transparent": (0, 220, 255), "mirror": (255, 60, 220), "sky": (70, 110, 255)}
OTHER_COLOURS = ((255, 200, 40), (90, 230, 90), (255, 110, 70))
MOST_COVERED = 0.7
PAIR_COLOURS = {CLOSER: (255, 225, 60), FARTHER: (70, 130, 255), EQUAL: (235, 235, 235)}
MOST_PAIRS = 40


def write_contact_sheet(
    root: str | PathLike[str], out: str | PathLike[str], dataset: str = "leadline", count: int = 12
) -> None:
    """Write a PNG with a few tiles a sample: picture, truth (near is bright) or pairs of points, masks over the picture.

    Stereo pairs show both pictures.

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
    if all(row[-1].picture is None for row in rows):
        rows = [row[:-1] for row in rows]  # no masks in the whole set
    columns = max(map(len, rows))
    rows = [[*row, *[Tile(None)] * (columns - len(row))] for row in rows]
    # Several samples a line: pictures are wider than high, and so are screens.
    across = max(1, TILES_A_LINE // columns)
    write_sheet(out, [[tile for row in rows[i : i + across] for tile in row] for i in range(0, len(rows), across)])


def row_of(sample: Sample) -> list[Tile]:
    """Return the tiles of one sample: picture, the right one of a stereo pair, truth, masks."""
    height, width = sample.image.shape[:2]
    tiles = [Tile(sample.image, f"{sample.name}  {width} x {height}")]
    if isinstance(sample, StereoPair) and sample.right is not None:
        baseline = f", baseline {sample.baseline_m:.4g} m" if sample.baseline_m else ""
        tiles.append(Tile(sample.right, f"right{baseline}"))
    tiles.append(_pairs_tile(sample) if isinstance(sample, OrdinalSample) else _truth_tile(sample.depth))
    return [*tiles, _mask_tile(sample)]


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


def _pairs_tile(sample: OrdinalSample) -> Tile:
    """Return the picture, darkened, with a line for each pair; the closer point is yellow, the farther one blue."""
    import cv2

    canvas = np.ascontiguousarray(sample.image // 2)
    size = max(canvas.shape[:2])
    for a, b, relation in list(zip(sample.xy_a, sample.xy_b, sample.relation, strict=True))[:MOST_PAIRS]:
        ends = [(round(float(x - 0.5)), round(float(y - 0.5))) for x, y in (a, b)]
        cv2.line(canvas, ends[0], ends[1], PAIR_COLOURS[EQUAL], max(1, size // 300), cv2.LINE_AA)
        for end, side in zip(ends, (relation, -relation), strict=True):
            cv2.circle(canvas, end, max(2, size // 70), PAIR_COLOURS[int(side)], cv2.FILLED, cv2.LINE_AA)
    count = len(sample.relation)
    shown = f", {MOST_PAIRS} shown" if count > MOST_PAIRS else ""
    what = f"{count} pairs{shown}: yellow is closer, blue farther" if count != 1 else "1 pair: yellow is closer, blue farther"
    return Tile(canvas.astype(np.uint8), f"{what}{'  ' + sample.scene_type if sample.scene_type else ''}")


def _mask_tile(sample: Sample) -> Tile:
    """Return the picture, darkened, with classes coloured and the numbers of things in hues."""
    height, width = sample.image.shape[:2]
    picture = (sample.image // 2).astype(np.uint8)
    masks = {name: mask for name, mask in sample.masks.items() if mask.shape == (height, width)}
    numbers = [name for name, mask in masks.items() if name not in ("material", "sky") and mask.dtype != np.bool_]
    if (labels := masks.get("instance", masks[numbers[0]] if numbers else None)) is not None:
        # Neighbouring numbers get unlike colours: 97 and so on are coprime to 256.
        number = labels.astype(np.int64)[..., None]
        hues = (number * np.array([97, 57, 173]) % 256).astype(np.uint8)
        picture = np.where(number > 0, picture // 2 + hues // 2, picture)
    material = masks.get("material")
    classes = {} if material is None else {"transparent": material == 1, "mirror": material == 2}
    if (sky := masks.get("sky")) is not None:
        classes["sky"] = sky.astype(bool)
    classes |= {name: mask.astype(bool) for name, mask in masks.items() if mask.dtype == np.bool_ and name != "sky"}
    shares = []
    for (name, where), other in zip(classes.items(), cycle(OTHER_COLOURS), strict=False):
        if where.any():
            # What covers most of the picture is said, not shown: it would hide the rest.
            if where.mean() < MOST_COVERED:
                colour = np.array(MASK_COLOURS.get(name, other), dtype=np.uint8)
                picture[where] = picture[where] // 2 + colour // 2
            shares.append(f"{name} {where.mean():.0%}")
    return Tile(
        picture if sample.masks else None, ", ".join([*shares, *numbers]) or ", ".join(sorted(sample.masks)) or "no masks"
    )
