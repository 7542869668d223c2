"""Metric depth in the wrong unit: millimetres taken for metres, 1/256 m for 1/1000 m, a normalised map for metres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadline.camera import Camera
from leadline.data.checks.finding import Finding, Look
from leadline.data.checks.planes import Support, plane_normals

# The median distance over a whole set: outside lies what people don't photograph (a coin from near, a town from the air).
PLAUSIBLE_MEDIAN_M = (0.1, 100.0)
# How high cameras are above the plane they look down on: a robot's on the floor, or on a desk, to a balcony's.
PLAUSIBLE_HEIGHT_M = (0.05, 6.0)
# What most sets show: for choosing among factors.
USUAL_MEDIAN_M, USUAL_HEIGHT_M = (0.4, 20.0), (0.3, 3.0)
LARGEST_GROUND_TILT = 0.7  # downward part of the plane's unit normal: 45 degrees
SMALLEST_GROUND_SHARE = 0.1  # of the points
# What the integers of depth files are divided by, the most frequent first.
DIVISORS = {"mm": 1000.0, "1/256 m": 256.0, "1/5000 m": 5000.0, "cm": 100.0, "1/4000 m": 4000.0}


class Scale:
    """Judges the typical distance of all samples, and the camera's height above the ground where a camera is known."""

    def __init__(self) -> None:
        self._medians: list[float] = []
        self._heights: list[float] = []
        self._tops: list[float] = []

    def see(self, look: Look) -> None:
        """Look at one sample."""
        depth = look.metric_depth
        if depth is None:
            return
        values = depth.values[depth.valid]
        self._medians.append(float(np.median(values)))
        self._tops.append(float(values.max()))
        if look.depth_camera is not None and "depth" in look.supports:
            height = height_above_ground(look.supports["depth"], depth.hw, look.depth_camera)
            self._heights += [] if height is None else [height]

    def findings(self) -> Iterator[Finding]:
        """Yield a wrong unit of the set."""
        if not self._medians:
            return
        median = float(np.median(self._medians))
        height = float(np.median(self._heights)) if len(self._heights) >= max(1, len(self._medians) // 4) else None
        above = "" if height is None else f", the camera {height:.3g} m above the ground"
        if _beyond(median, PLAUSIBLE_MEDIAN_M):
            yield Finding(
                "wrong scale", "error", "likely", f"a typical distance of {median:.4g} m{above}", _remedy(median, height)
            )
        elif height is not None and len(self._heights) >= 3 and _beyond(height, PLAUSIBLE_HEIGHT_M):
            yield Finding(
                "wrong scale", "warning", "possible",
                f"a typical distance of {median:.4g} m is usual{above} is not (median of {len(self._heights)} samples)",
                _remedy(median, height),
            )  # fmt: skip
        if len(self._tops) >= 3 and all(abs(top - 1) < 1e-6 for top in self._tops):
            yield Finding(
                "normalised depth", "warning", "likely", f"the largest depth is exactly 1 in each of {len(self._tops)} maps",
                "undo the normalisation of each map, or state the kind as depth/affine_invariant",
            )  # fmt: skip


def height_above_ground(support: Support, hw: tuple[int, int], camera: Camera) -> float | None:
    """Return the camera's distance from the largest plane that faces up, in metres; None if there is none."""
    for normal, share in zip(plane_normals(support, hw, camera), support.shares, strict=True):
        length = float(np.linalg.norm(normal))
        if share >= SMALLEST_GROUND_SHARE and length > 0 and normal[1] / length > LARGEST_GROUND_TILT:
            return 1 / length
    return None


def _remedy(median: float, height: float | None) -> str:
    """Name the factors that make distance and height usual; among equals the most frequent mistake."""
    factors = {f"the numbers are {unit}: divide by {divisor:g}": 1 / divisor for unit, divisor in DIVISORS.items()}
    factors |= {f"they were divided by {divisor:g} once too often": divisor for divisor in DIVISORS.values()}
    for unit, divisor in DIVISORS.items():
        if unit != "mm":
            # The integers are of one unit and were divided as if they were of the other.
            factors[f"they are {unit}, not mm: multiply by 1000 / {divisor:g}"] = 1000 / divisor
            factors[f"they are mm, not {unit}: multiply by {divisor:g} / 1000"] = divisor / 1000

    def oddness(factor: float) -> float:
        odd = _beyond(median * factor, USUAL_MEDIAN_M)
        return odd if height is None else odd + _beyond(height * factor, USUAL_HEIGHT_M)

    # The sort is stable: of equally usual results the first factor of the list wins.
    fits = [
        text
        for text, factor in sorted(factors.items(), key=lambda item: oddness(item[1]))
        if not _beyond(median * factor, PLAUSIBLE_MEDIAN_M)
        and (height is None or not _beyond(height * factor, PLAUSIBLE_HEIGHT_M))
    ]
    return f"perhaps {' or '.join(fits[:2])}" if fits else "check the unit of the files"


def _beyond(value: float, limits: tuple[float, float]) -> float:
    """Return how far a positive value lies outside the limits, as a logarithm; 0 inside."""
    if value <= 0:
        return np.inf
    return max(0.0, float(np.log(limits[0] / value)), float(np.log(value / limits[1])))
