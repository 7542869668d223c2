"""Detail for very large pictures: tiles at the network's resolution, laid over a pass of the whole picture.

A network that sees a tile knows neither its scale nor its place in the scene. Each tile is therefore fitted by scale and
shift to the map of the whole picture (as BoostingMonocularDepth and PatchFusion do with networks of their own, arXiv
2105.14021 and 2312.02284), and tiles fade into each other under windows that vanish at their borders, so that there is no seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.runtime.mutual_fit import fit_mutually

# From here on `--tiles auto` takes tiles: beyond the sensors of most cameras and phones.
AUTOMATIC_FROM_PIXELS = 50_000_000
# Tiles along the longer side, not counting overlap. More would see too little of the scene to tell near from far.
TILES_ALONG = 4
# The fit of a tile looks at about this many pixels.
_FIT_PIXELS = 2500
# A tile that explains this share of the whole picture's variation in its place is believed fully, less in proportion.
_AGREEMENT = 0.5


@dataclass(frozen=True)
class TiledPredictor:
    """A predictor that looks at a picture as a whole and then at each of its tiles.

    Time is that of about ``(2 n - 1)^2`` calls for n tiles along each side; memory is the picture, its two maps and one tile.
    Where a tile contradicts the whole picture, or is as flat as a sky, the whole picture's map stays.

    Attributes:
        predictor: gets the whole picture and each tile, at their own size.
        tile_px: the side of the square tiles in pixels; None for a quarter of the longer side and at least the network's
            input size.
        overlap: the least share of a tile's side that it has in common with its neighbour; 0.2 to 0.8.
        from_pixels: smaller pictures are predicted as a whole.

    Raises:
        LeadlineError: a network of one field of view, an overlap outside its range, or tiles of less than 16 pixels.
    """

    predictor: Predictor
    tile_px: int | None = None
    overlap: float = 0.5
    from_pixels: int = 0

    def __post_init__(self) -> None:
        if not 0.2 <= self.overlap <= 0.8:
            raise LeadlineError(f"tile overlap {self.overlap}: expected a share of 0.2 to 0.8")
        if self.predictor.card.fov_deg:
            raise LeadlineError(f"tiles for {self.predictor.card.name}, which learnt one field of view: predict without them")
        if self.tile_px is not None and self.tile_px < 16:
            raise LeadlineError(f"tiles of {self.tile_px} pixels: expected at least 16; try the network's input size")

    @property
    def streams(self) -> int:
        """How many calls run at the same time without waiting for each other."""
        return int(getattr(self.predictor, "streams", 1))

    @property
    def card(self) -> ModelCard:
        """Who the network is and what its maps mean."""
        return self.predictor.card

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Predict the map of an (h, w, 3) uint8 sRGB picture."""
        whole = self.predictor(image, camera)
        height, width = image.shape[:2]
        side = self.tile_px or max(self.card.input_size, ceil(max(height, width) / TILES_ALONG))
        if height * width < self.from_pixels or side >= max(height, width):
            return whole
        rows, columns = _axis(height, side, self.overlap), _axis(width, side, self.overlap)
        values = np.zeros((height, width), np.float32)
        notes = dict.fromkeys(whole.notes)
        for top, down in rows:
            for left, across in columns:
                window = np.s_[top : top + len(down), left : left + len(across)]
                tile_camera = camera.crop(left, top, len(across), len(down)) if camera else None
                tile = self.predictor(np.ascontiguousarray(image[window]), tile_camera)
                notes.update(dict.fromkeys(tile.notes))
                values[window] += _laid_on(tile.depth, whole.depth, window) * down[:, None] * across
        return Prediction(replace_map(whole.depth, values=values), notes=tuple(notes))


def _axis(length: int, side: int, overlap: float) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the starts of the tiles along an axis and their weights, which sum to 1 at each pixel."""
    side = min(side, length)
    count = ceil((length - side) / (side * (1 - overlap))) + 1
    starts = [round(i * (length - side) / max(1, count - 1)) for i in range(count)]
    # Squared sines of half-pixel positions fade to nothing at each border of a tile, except at the picture's own.
    windows = np.tile(np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2, (count, 1))
    windows[0, : side // 2] = windows[-1, side // 2 :] = 1
    total = np.zeros(length)
    for start, window in zip(starts, windows, strict=True):
        total[start : start + side] += window
    return [
        (start, (window / total[start : start + side]).astype(np.float32))
        for start, window in zip(starts, windows, strict=True)
    ]


def _laid_on(tile: DepthMap, whole: DepthMap, window: tuple[slice, slice]) -> NDArray[np.float32]:
    """Return a tile's values in the scale of the whole picture's map, as far as the two agree."""
    base, valid = whole.values[window], whole.valid[window] & tile.valid
    step = max(1, int((base.size / _FIT_PIXELS) ** 0.5))
    sparse = np.s_[step // 2 :: step, step // 2 :: step]
    picked = valid[sparse]
    fit = fit_mutually(tile.values[sparse], base[sparse], picked)
    if fit.degenerate:
        return base
    there = base[sparse][picked]
    variation = float(np.abs(there - np.median(there)).mean())
    trust = min(1.0, (1 - fit.residual / variation) / _AGREEMENT) if variation > fit.residual else 0.0
    laid = base + np.float32(trust) * (np.float32(fit.scale) * tile.values + np.float32(fit.shift) - base)
    return np.where(valid, laid, base)
