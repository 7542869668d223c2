"""The published forms of one error: the spread of ln pred - ln target, each under a name of its own.

With d = ln pred - ln target over n pixels, all are ``factor * root?(mean(d^2) - mean_weight * mean(d)^2)``. They differ in how
much of a wrong scale they forgive (`mean_weight` 1 forgives all of it), in the root and in the factor; many projects print
theirs as "SILog". Never compare two without their names.

| name | whose | formula |
| --- | --- | --- |
| `silog` | KITTI's depth benchmark as listed, "log(m) * 100" (Uhrig et al. 2017); Marigold | 100 sqrt(mean d² - mean² d) |
| `si_rmse` | KITTI's devkit as it is computed; METHODS section 0 | sqrt(mean d² - mean² d) |
| `silog_eigen` | Eigen et al. 2014 (arXiv 1406.2283), their training loss | mean d² - 0.5 mean² d |
| `silog_variance` | Eigen et al. 2014, their scale-invariant error, the same with weight 1 | mean d² - mean² d |
| `silog_depth_anything` | Depth Anything V2's metric evaluation (metric_depth/util/metric.py) | sqrt(mean d² - 0.5 mean² d) |
| `silog_bts` | the loss of BTS (arXiv 1907.10326), AdaBins and others | 10 sqrt(mean d² - 0.85 mean² d) |

The definition with a fitted log scale is also written with 1 / 2n in front, half of `silog_variance`; no half is taken here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class LogError:
    """One form of the error, as it is finished from the mean and the variance of d.

    ``mean(d^2) - w mean(d)^2`` is ``variance + (1 - w) mean^2``: no difference of large numbers, and never negative.

    Attributes:
        mean_weight: w, 0 to 1.
        rooted: whether the root is taken.
        factor: in front.
    """

    mean_weight: float
    rooted: bool
    factor: float

    def __call__(self, mean: float, variance: float) -> float:
        """Return the error."""
        inner = variance + (1 - self.mean_weight) * mean * mean
        return self.factor * (sqrt(inner) if self.rooted else inner)


LOG_ERRORS = {
    "silog": LogError(1.0, rooted=True, factor=100.0),
    "si_rmse": LogError(1.0, rooted=True, factor=1.0),
    "silog_eigen": LogError(0.5, rooted=False, factor=1.0),
    "silog_variance": LogError(1.0, rooted=False, factor=1.0),
    "silog_depth_anything": LogError(0.5, rooted=True, factor=1.0),
    "silog_bts": LogError(0.85, rooted=True, factor=10.0),
}
