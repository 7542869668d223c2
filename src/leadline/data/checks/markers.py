"""A marker of "no measurement" that was taken for a distance: one value that many pixels share, far beyond the rest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadline.data.checks.finding import Finding, Look
from leadline.depth_map import Quantity
from leadline.io.conventions import CONVENTIONS

LEAST_SHARE = 0.02  # of the valid pixels: a lone spike, however far, is not a marker
FAR_BEYOND = 3.0  # times the 99th percentile of the other values
# The largest number of a 16-bit file, in each data set's unit: 65.535 m, 255.996 m, 13.107 m, ...
SATURATED = tuple(sorted({65535 * convention.scale for convention in CONVENTIONS.values()} | {65535.0}))
CAP_SHARE = 0.05


def find(look: Look) -> Iterator[Finding]:
    """Judge the largest value of one map of distances."""
    depth = look.depth
    if depth is None or depth.kind.quantity not in (Quantity.DEPTH, Quantity.RAY_DISTANCE):
        return
    values = depth.values[depth.valid]
    top = float(values.max())
    at_top = values == top
    share, rest = float(at_top.mean()), values[~at_top]
    if not rest.size:
        return
    beyond = top / float(np.percentile(rest, 99)) if np.percentile(rest, 99) > 0 else np.inf
    evidence = f"{share:.1%} of the valid pixels are exactly {top:g}{' ' + depth.unit if depth.unit else ''}"
    remedy = "mark this value as invalid"
    if (known := [number for number in SATURATED if abs(top / number - 1) < 1e-6]) and share > 1e-4 and beyond > 1.05:
        yield Finding(
            "marker taken for a distance", "error", "likely", f"{evidence}, which is 65535 * {known[0] / 65535:.6g}", remedy
        )
    elif share > LEAST_SHARE and beyond > FAR_BEYOND:
        yield Finding(
            "marker taken for a distance",
            "error",
            "likely",
            f"{evidence}, {beyond:.0f} times what 99 % of the rest reach",
            remedy,
        )


class RangeLimit:
    """The same largest value in map after map, held by many pixels: what lies beyond the sensor's range was cut to it."""

    def __init__(self) -> None:
        self._tops: dict[str, tuple[float, float]] = {}
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        depth = look.metric_depth
        self._looked += 1
        if depth is None:
            return
        values = depth.values[depth.valid]
        top = float(values.max())
        self._tops[look.name] = top, float((values == top).mean())

    def findings(self) -> Iterator[Finding]:
        """Yield the value, if at least three maps and half of all share it."""
        if len(self._tops) < 3:
            return
        tops, counts = np.unique([top for top, _ in self._tops.values()], return_counts=True)
        common = float(tops[counts.argmax()])
        names = tuple(name for name, (top, share) in self._tops.items() if top == common and share > CAP_SHARE)
        if len(names) >= max(3, len(self._tops) / 2):
            share = float(np.median([self._tops[name][1] for name in names]))
            yield Finding(
                "values cut at a limit", "warning", "likely",
                f"the largest depth is exactly {common:g} m in {len(names)} maps, on {share:.0%} of their pixels",
                f"mark {common:g} as invalid if it stands for everything beyond", names, self._looked,
            )  # fmt: skip
