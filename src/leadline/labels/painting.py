"""Glass and mirrors painted over, so that a network sees a surface where it used to look through or into it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

Fill = Literal["random", "greys", "grey", "surroundings"]
PaintedAlike = Literal["image", "instance", "component"]
FILLS: tuple[str, ...] = get_args(Fill)
PAINTED_ALIKE: tuple[str, ...] = get_args(PaintedAlike)

GREY = 128
# Networks see no more; in-painting a whole photo at full size takes minutes.
_INPAINT_SIDE = 512
_INPAINT_RADIUS = 3  # pixels


def dilated(labels: NDArray[np.int32], radius_px: float) -> NDArray[np.int32]:
    """Return labels grown by so many pixels, centre to centre, into the zeros around them; each zero gets the nearest's."""
    import cv2

    marked = labels > 0
    if radius_px < 1 or not marked.any():
        return labels
    free = np.where(marked, np.uint8(0), np.uint8(1))
    near = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius_px + 1e-3
    if marked.all() or labels[marked].min() == labels.max():
        return np.where(near, labels.max(), 0).astype(np.int32)
    _, nearest = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    label_of = np.zeros(int(nearest.max()) + 1, np.int32)
    label_of[nearest[marked]] = labels[marked]
    return np.where(near, label_of[nearest], 0).astype(np.int32)


def regions_of(labels: NDArray[np.int32], alike: PaintedAlike) -> NDArray[np.int32]:
    """Return (h, w) numbers of what gets a colour of its own, 1, 2, ..., and 0 where the picture stays.

    Args:
        labels: (h, w), above 0 on glass and mirrors.
        alike: "image" gives all of it one colour, "instance" each number of `labels`, "component" each connected patch
            of one number (its pixels touch at sides or corners).
    """
    import cv2

    marked = labels > 0
    if alike == "image":
        return marked.astype(np.int32)
    if alike == "component":
        regions = np.zeros(labels.shape, np.int32)
        for number in np.unique(labels[marked]):
            _, patches = cv2.connectedComponents((labels == number).astype(np.uint8), connectivity=8)
            regions[patches > 0] = patches[patches > 0] + regions.max()
        return regions
    if alike != "instance":
        raise LeadlineError(f"painted alike: {alike!r}; expected one of {', '.join(PAINTED_ALIKE)}")
    regions = np.zeros(labels.shape, np.int32)
    regions[marked] = np.unique(labels[marked], return_inverse=True)[1].reshape(-1) + 1
    return regions


def draw_colours(count: int, regions: int, name: str = "", seed: int = 0, *, grey: bool = False) -> NDArray[np.uint8]:
    """Return (count, regions, 3) uint8 colours, uniform over all; the same for the same name and seed, whatever else is done.

    Args:
        count: copies of the picture.
        regions: colours in each.
        name: of the picture, so that neither the order nor the other pictures of a run matter.
        seed: for other colours of the same picture.
        grey: draw shades of grey instead: the red of each colour.
    """
    entropy = [seed, int.from_bytes(sha256(name.encode()).digest()[:16], "little")]
    colours = np.random.default_rng(entropy).integers(0, 256, (count, regions, 3), dtype=np.uint8)
    return np.repeat(colours[..., :1], 3, axis=2) if grey else colours


def iter_painted(
    image: NDArray[np.uint8], regions: NDArray[np.int32], colours: NDArray[np.uint8]
) -> Iterator[NDArray[np.uint8]]:
    """Yield a copy of the picture for each set of colours: Depth4ToM (arXiv 2307.15052), equation 1.

    Args:
        image: (h, w, 3).
        regions: (h, w) numbers as from `regions_of`.
        colours: (n, k, 3), of region 1 first.
    """
    where = np.nonzero(regions)
    number = regions[where] - 1
    for palette in colours:
        copy = image.copy()
        copy[where] = palette[number]
        yield copy


def filled_from_surroundings(image: NDArray[np.uint8], marked: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the picture with the marked pixels filled smoothly from those around them (Telea 2004), at a reduced size."""
    import cv2

    height, width = marked.shape
    scale = min(1.0, _INPAINT_SIDE / max(height, width))
    small_wh = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, small_wh, interpolation=cv2.INTER_AREA)
    touched = cv2.resize(marked.astype(np.float32), small_wh, interpolation=cv2.INTER_AREA) > 0
    filled = cv2.inpaint(small, touched.astype(np.uint8), _INPAINT_RADIUS, cv2.INPAINT_TELEA)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(marked[..., None], large, image).astype(np.uint8)
