"""A sample whose truth was measured between two cameras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.sample import Sample


@dataclass(frozen=True, eq=False)
class StereoPair(Sample):
    """A rectified pair; `image` and `depth` are those of the left view.

    Attributes:
        right: (h, w, 3) uint8 sRGB, the right view: a left pixel at x is seen at x - pixel_disparity.
        baseline_m: distance of the cameras in metres, or None if unknown.
        offset_px: what must be added to the pixel_disparity before it is proportional to 1/z, because the two pictures were
            cropped differently (their principal points differ by it): z = fx * baseline_m / (pixel_disparity + offset_px).
            0 where it is not published.
    """

    right: NDArray[np.uint8] | None = None
    baseline_m: float | None = None
    offset_px: float = 0.0
