"""Distance along the ray, or disparity, stored under the name of depth, and the other way round: planes come out bent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadline.data.checks.finding import Finding, Look
from leadline.data.checks.planes import Reading
from leadline.depth_map import Quantity

LEAST_GAIN = 0.08  # of the points: how much more lies on planes under the other reading, in the median over samples
LEAST_RATIO = 1.25
LEAST_SUPPORT = 0.3  # without planes there is nothing to see
AGREEING = 0.8  # of the samples that have planes
SURE_GAIN, SURE_COUNT = 0.15, 3  # either makes a hint an error

_STATED: dict[Quantity, Reading] = {
    Quantity.DEPTH: "depth",
    Quantity.RAY_DISTANCE: "ray_distance",
    Quantity.DISPARITY: "disparity",
    Quantity.PIXEL_DISPARITY: "disparity",
}
_OTHERS: dict[Reading, tuple[Reading, ...]] = {
    "depth": ("ray_distance", "disparity"),
    "ray_distance": ("depth", "disparity"),
    "disparity": ("depth",),
}
_NAMES: dict[Reading, str] = {"depth": "depth", "ray_distance": "distance along the ray", "disparity": "disparity"}
_REMEDIES: dict[Reading, str] = {
    "depth": "state the kind as depth",
    "ray_distance": "state the kind as ray_distance, and DepthMap.to_depth divides by the length of each pixel's ray",
    "disparity": "state the kind as disparity (larger is closer), and DepthMap.to_depth inverts it",
}

Shares = dict[Reading, float]


class Readings:
    """Compares how much of each map its largest planes hold, as what it is said to be and as what it may be."""

    def __init__(self) -> None:
        self._shares: dict[Reading, dict[str, Shares]] = {}

    def see(self, look: Look) -> None:
        """Look at one sample."""
        if look.depth is not None and look.supports:
            shares = {reading: support.share for reading, support in look.supports.items()}
            self._shares.setdefault(_STATED[look.depth.kind.quantity], {})[look.name] = shares

    def findings(self) -> Iterator[Finding]:
        """Yield the reading that explains the maps clearly better than the stated one, if there is one."""
        for stated, shares in self._shares.items():
            judged = [_judge(stated, other, shares) for other in _OTHERS[stated]]
            found = [pair for pair in judged if pair is not None]
            if found:
                yield max(found, key=lambda pair: pair[0])[1]


def _judge(stated: Reading, other: Reading, shares: dict[str, Shares]) -> tuple[float, Finding] | None:
    """Return how much more lies on planes under the other reading, and the finding, if that is clear."""
    pairs = {name: (s[stated], s[other]) for name, s in shares.items() if other in s and max(s.values()) >= LEAST_SUPPORT}
    if not pairs:
        return None
    as_stated, as_other = np.array(list(pairs.values())).T
    gain, agreeing = float(np.median(as_other - as_stated)), float((as_other > as_stated).mean())
    ratio = float(np.median(as_other)) / max(float(np.median(as_stated)), 1e-6)
    if gain < LEAST_GAIN or ratio < LEAST_RATIO or agreeing < AGREEING:
        return None
    sure = gain >= SURE_GAIN or len(pairs) >= SURE_COUNT
    finding = Finding(
        f"{_NAMES[other]} stored as {_NAMES[stated]}",
        "error" if sure else "warning",
        "likely" if sure else "possible",
        f"the largest planes hold {np.median(as_other):.0%} of the pixels if the numbers are {_NAMES[other]}, "
        f"{np.median(as_stated):.0%} if they are {_NAMES[stated]}, as they are said to be",
        _REMEDIES[other],
        tuple(name for name, (a, b) in pairs.items() if b > a),
        len(shares),
    )
    return gain, finding
