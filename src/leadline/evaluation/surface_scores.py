"""How right a map is on glass and mirrors, and whether its spread knows where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.classes import Classes, MaskClass
from leadline.evaluation.fitting import Fitted, fitted
from leadline.evaluation.measures import Tallies, measure
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.truth import Truth, truth_of
from leadline.sample import Sample

# Booster's way on rendered views: one fit of scale and shift in disparity over all pixels, then depth by class of surface. The
# map is already at the truth's size, and a fit by least squares is the same with and without Booster's min-max before it.
PROTOCOL = replace(
    get_protocol("booster-mono"),
    name="rendered-surfaces",
    title="Rendered glass and mirrors: scale and shift fitted in disparity, by class of surface",
    datasets=("leadline",),
    source="as booster-mono, at the view's own size",
    notes="classes are those of the rendered material",
    normalise="none",
    score_hw=None,
    classes=Classes((MaskClass("other", "material", (0,)), MaskClass("tom", "material", (1, 2)))),
)
# The fewest pixels in which ranks of errors say something.
_FEWEST = 20


@dataclass(frozen=True)
class SurfaceScore:
    """One map of one picture against the truth; NaN where there is nothing to say.

    Attributes:
        tom, other: metric -> value on transparent or mirroring pixels, and on all others.
        spread: the spread over the colours on ToM pixels, once fitted: mean share of the true disparity.
        error: the error there in the same measure: mean of |fitted - true disparity| / true disparity.
        rank: rank correlation (Spearman) of spread and error over the ToM pixels of the picture.
    """

    tom: dict[str, float]
    other: dict[str, float]
    spread: float
    error: float
    rank: float


class Scorer:
    """What maps of one sample are compared with, prepared once.

    Args:
        sample: with depth and the mask "material".
        protocol: in disparity, with classes "tom" and "other".

    Raises:
        LeadlineError: the sample has too few pixels that count, of all or of one class.
    """

    def __init__(self, sample: Sample, protocol: Protocol = PROTOCOL) -> None:
        self.sample, self.protocol = sample, protocol
        self.truth: Truth = truth_of(sample, protocol)
        assert protocol.classes is not None
        self.masks = protocol.classes.masks(
            sample, self.truth.hw, self.truth.index, self.truth.depth, in_metres=self.truth.in_metres
        )
        for of in ("tom", "other"):
            if (count := int(np.count_nonzero(self.masks[of]))) < _FEWEST:
                raise LeadlineError(f"{sample.name} has {count} pixels of class {of} with depth: expected at least {_FEWEST}")

    def fit(self, depth: DepthMap) -> Fitted:
        """Fit a map to the truth.

        Raises:
            LeadlineError: it has holes, or another shape.
        """
        found = fitted(depth, self.truth, self.protocol)
        if isinstance(found, str):
            raise LeadlineError(f"{self.sample.name}: {found}")
        return found

    def __call__(self, depth: DepthMap, spread: NDArray[np.float32] | None = None) -> SurfaceScore:
        """Score a map.

        Args:
            depth: disparity, of the truth's size or another.
            spread: (h, w) of the truth's size, in the map's unit, or None.
        """
        found = self.fit(depth)
        tallies: Tallies = measure(self.protocol.metrics, self.sample, found, self.masks)
        tom = self.masks["tom"]
        true = self.truth.disparity[tom]
        aligned = found.fit.apply(found.prepared.values.ravel()[self.truth.index[tom]])
        error = np.abs(aligned - true) / true
        sure = np.full(error.shape, np.nan)
        if spread is not None:
            sure = abs(found.fit.scale) * spread.ravel()[self.truth.index[tom]].astype(np.float64) / true
        values = {of: {name: tally.value for name, tally in tallies[of].items()} for of in ("tom", "other")}
        return SurfaceScore(
            values["tom"], values["other"], float(sure.mean()), float(error.mean()), rank_correlation(sure, error)
        )


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation of two (n,) arrays; NaN where one is constant, not finite, or shorter than 3."""
    if a.size < 3 or not (np.isfinite(a).all() and np.isfinite(b).all()) or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
