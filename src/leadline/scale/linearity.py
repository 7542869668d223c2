"""Is one number enough? How linear a network's maps are in the truth, image by image and over a whole data set.

"One Scalar Is All You Need" (arXiv 2303.07662) rests on two claims that this measures: predictions are a multiple of the true
depth (R2 of each image), and the multiple is the same for all images of a data set (R2 of the data set, spread of the slopes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.alignment import fit_scale, fit_scale_shift
from leadline.depth_map import Quantity
from leadline.errors import LeadlineError
from leadline.scale.estimators import Interval, bootstrap, estimate, group_ratios
from leadline.scale.observations import Numbers, Observations, joined, metres_of


@dataclass(frozen=True)
class ImageLine:
    """One image's line through its pixels.

    Attributes:
        name: of the image.
        slope, shift: least squares of target = slope * pred + shift.
        r2: of that line, 0 to 1.
        r2_origin: 1 - residuals / spread of the best line through the origin; negative where the mean does better.
        ratio: median(target) / median(pred), the image's own scale.
    """

    name: str
    slope: float
    shift: float
    r2: float
    r2_origin: float
    ratio: float


@dataclass(frozen=True)
class Linearity:
    """How linear a data set's maps are in its truth.

    Attributes:
        space: the quantity in which they are compared.
        images: a line for each.
        r2, r2_origin: of one line for all pixels of all images, each image weighing the same; with a shift, and through 0.
        slope, shift: of the line with a shift.
        factors: estimator -> (scale, interval), each through the origin.
        ratio_spread: standard deviation over mean of the images' ratios: what one scalar for all can cost.
        seen: the pixels, for plots; groups are the images.
    """

    space: Quantity
    images: tuple[ImageLine, ...]
    r2: float
    r2_origin: float
    slope: float
    shift: float
    factors: dict[str, tuple[float, Interval | None]]
    ratio_spread: float
    seen: Observations


@dataclass(frozen=True)
class Transfer:
    """What one scalar is worth on a data set with truth, beside the upper bound that sees each image's truth.

    Attributes:
        images: how many.
        abs_rel: with the scalar, mean over images.
        per_image: with each image's own median ratio (needs its truth).
        constant: without the map: every image its own median depth. A bound from below on what is useful.
    """

    images: int
    abs_rel: float
    per_image: float
    constant: float

    @property
    def price(self) -> float:
        """AbsRel that one scalar costs against each image's own."""
        return self.abs_rel - self.per_image


def analyse(
    images: Sequence[tuple[str, Observations]],
    estimators: Sequence[str] = ("median_of_ratios", "pooled_median", "least_squares", "theil_sen", "ransac"),
    *,
    pixels: int = 2000,
    resamples: int = 200,
    seed: int = 0,
) -> Linearity:
    """Measure how linear maps are in the truth.

    Args:
        images: (name, pixels) of each; see `leadline.scale.points.observe`.
        estimators: those to estimate the one scalar by.
        pixels: how many of each image, drawn at random; of images that have fewer some are drawn twice, so that all weigh the
            same.
        resamples: draws of images for the intervals.
        seed: of the draws.

    Raises:
        LeadlineError: there is no image, or one has no pixel.
    """
    rng = np.random.default_rng(seed)
    lines, drawn = [], []
    for name, seen in images:
        if seen.pred.size == 0:
            raise LeadlineError(f"image {name!r} has no pixel with truth: expected at least two; leave it out")
        lines.append(_line(name, seen))
        drawn.append(seen.where(rng.choice(seen.pred.size, pixels, replace=seen.pred.size < pixels)))
    both = joined(drawn)
    line = fit_scale_shift(both.pred, both.target)
    factors = {
        name: (estimate(both, name, seed=seed).scale, bootstrap(both, name, seed=seed, resamples=resamples))
        for name in estimators
    }
    ratios = group_ratios(both)
    return Linearity(
        both.space, tuple(lines), r_squared(both.pred, both.target), _r_squared_origin(both.pred, both.target), line.scale,
        line.shift, factors, float(ratios.std() / ratios.mean()) if ratios.size else float("nan"), both,
    )  # fmt: skip


def transfer(images: Sequence[tuple[str, Observations]], scale: float) -> Transfer:
    """Score one scalar on images with truth: AbsRel of ``scale * pred``, and of each image's own median ratio.

    Raises:
        LeadlineError: there is no image, or the maps have an unknown shift.
    """
    if not images:
        raise LeadlineError("no image to score a factor on: expected one or more with truth")
    rows = []
    for _, seen in images:
        if seen.space is not Quantity.DEPTH:
            raise LeadlineError(f"one scalar for {seen.space}: expected maps known up to scale, as depth")
        truth = seen.target
        own = float(np.median(truth) / np.median(seen.pred))
        rows.append([_abs_rel(z, truth) for z in (scale * seen.pred, own * seen.pred, np.full(truth.size, np.median(truth)))])
    means = np.mean(rows, axis=0)
    return Transfer(len(rows), float(means[0]), float(means[1]), float(means[2]))


def r_squared(pred: Numbers, target: Numbers) -> float:
    """Return the squared correlation: the share of the target's variance that a line explains; 0 for a constant."""
    p, t = pred - pred.mean(), target - target.mean()
    power = float((p * p).sum() * (t * t).sum())
    return float((p * t).sum()) ** 2 / power if power > 0 else 0.0


def _r_squared_origin(pred: Numbers, target: Numbers) -> float:
    residual = fit_scale(pred, target).apply(pred) - target
    spread = float(((target - target.mean()) ** 2).sum())
    return 1 - float((residual * residual).sum()) / spread if spread > 0 else 0.0


def _line(name: str, seen: Observations) -> ImageLine:
    line = fit_scale_shift(seen.pred, seen.target)
    middle = float(np.median(seen.pred))
    ratio = float(np.median(seen.target)) / middle if middle > 0 else float("nan")
    return ImageLine(
        name, line.scale, line.shift, r_squared(seen.pred, seen.target), _r_squared_origin(seen.pred, seen.target), ratio
    )


def _abs_rel(found: Numbers, truth: Numbers) -> float:
    return float((np.abs(metres_of(found, Quantity.DEPTH) - truth) / truth).mean())
