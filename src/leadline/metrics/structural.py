"""Structural similarity (SSIM) of two maps, window by window, with what was done to the maps before (METHODS F).

`ssim` is Wang et al. 2004 with the defaults of scikit-image's ``structural_similarity``: a 7 x 7 uniform window, K1 = 0.01,
K2 = 0.03, sample covariance, mean over the map without its 3-pixel rim. Sums are float64 whatever comes in.

SSIM sees a shift and a stretch of its inputs, so a number means nothing without their scaling. `structural_similarity` takes
it as an argument, a `SsimInputs`, and its tally carries it in the name: tallies of two scalings don't add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.alignment.fit import Fit
from leadline.alignment.least_squares import fit_scale_shift
from leadline.depth_map import Ambiguity, DepthMap, Quantity, as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.tally import Tally, mean

WINDOW = 7
RADIUS = WINDOW // 2
K1, K2 = 0.01, 0.03
FULL_SCALE = 255.0


class Space(StrEnum):
    """In which numbers two maps are compared, and how each gets to 0..255."""

    MIN_MAX = "min_max"  # as they are (both disparity, or both depth); each from its own smallest to its own largest value
    FITTED_DISPARITY = "fitted_disparity"  # the prediction fitted to the target's disparity; both over the target's range
    CAPPED_DEPTH = "capped_depth"  # fitted so, then both inverted, no farther than a cap; both over the target's range


class Levels(StrEnum):
    """What becomes of the numbers once they are 0..255."""

    FLOAT = "float"
    UINT8_ROUNDED = "uint8_rounded"  # to the nearest level, halves to the even one
    UINT8_TRUNCATED = "uint8_truncated"  # downwards, as NumPy's astype(uint8) and the scripts of Depth Anything have it


@dataclass(frozen=True)
class SsimInputs:
    """How maps are scaled before SSIM compares them.

    In the fitted spaces the two maps share one range, the target's: a range of its own for each would undo any fit of positive
    scale. What the prediction has beyond that range is cut to it, in floats as in 8 bits: they differ by rounding alone. A
    constant map becomes 0 under "min_max"; under a constant target both become 0.

    Attributes:
        space: in which numbers the maps are compared.
        levels: whether they are rounded to 8 bits, and how.
        cap_m: farthest depth, in the target's unit; for "capped_depth", and only there.

    Raises:
        LeadlineError: unknown words, or a cap that is missing, needless or not positive.
    """

    space: Space
    levels: Levels = Levels.FLOAT
    cap_m: float | None = None

    def __post_init__(self) -> None:
        for name, words in (("space", Space), ("levels", Levels)):
            try:
                object.__setattr__(self, name, words(getattr(self, name)))
            except ValueError:
                raise LeadlineError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(words)}") from None
        if self.space is Space.CAPPED_DEPTH:
            if self.cap_m is None or not (isfinite(self.cap_m) and self.cap_m > 0):
                raise LeadlineError(f"cap_m {self.cap_m} for capped_depth: expected a positive depth, such as 80 for KITTI")
        elif self.cap_m is not None:
            raise LeadlineError(f"cap_m {self.cap_m} for {self.space}: only capped_depth has a cap; leave it out")

    def __str__(self) -> str:
        return f"{self.space}/{self.levels}" if self.cap_m is None else f"{self.space}_{self.cap_m:g}/{self.levels}"


class Ssim(NamedTuple):
    """Similarity window by window.

    Attributes:
        map: (h, w) float64, -1..1, of the window around each pixel; the rim sees the picture mirrored, as in scikit-image;
            NaN where the window touches a pixel that is not valid.
        counted: (h, w) bool, the windows that enter the mean: wholly inside the picture, all their pixels valid.
        tally: the mean of the map over those.
    """

    map: NDArray[np.float64]
    counted: NDArray[np.bool_]
    tally: Tally


class Scaled(NamedTuple):
    """Two maps ready for `ssim`.

    Attributes:
        pred, target: (h, w) float64 in 0..255, whole numbers where the levels are 8-bit; 0 where not valid.
        valid: (h, w) bool.
        fit: of the prediction to the target's disparity; None for "min_max".
    """

    pred: NDArray[np.float64]
    target: NDArray[np.float64]
    valid: NDArray[np.bool_]
    fit: Fit | None


class StructuralSimilarity(NamedTuple):
    """The similarity of a prediction to its target, and the maps and the fit that it rests on."""

    ssim: Ssim
    scaled: Scaled


def ssim(first: Any, second: Any, data_range: float, valid: Any | None = None, name: str = "ssim") -> Ssim:
    """Compare two arrays window by window.

    ((2 m_x m_y + C1) (2 s_xy + C2)) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2)) with the means m and the sample (co)variances
    s of the window, C1 = (K1 data_range)^2 and C2 = (K2 data_range)^2 (Wang et al. 2004, equation 13).

    Args:
        first, second: (h, w), at least 7 x 7, NumPy or torch.
        data_range: span of the possible values: 255 for 8 bits.
        valid: (h, w) bool; None for all. Windows that touch other pixels don't count, and nothing there is ever read.
        name: of the tally.

    Raises:
        LeadlineError: the shapes differ or are too small, the range is not positive, or a valid number is not finite.
    """
    a, b = as_numpy(first), as_numpy(second)
    mask = np.ones(a.shape, bool) if valid is None else as_numpy(valid).astype(bool)
    if a.ndim != 2 or not a.shape == b.shape == mask.shape:
        raise LeadlineError(f"arrays of shapes {a.shape}, {b.shape}, {mask.shape}: expected one shape (height, width)")
    if min(a.shape) < WINDOW:
        raise LeadlineError(
            f"maps of size {a.shape} for SSIM: expected at least {WINDOW} x {WINDOW}, its window; score at a larger size"
        )
    if not (isfinite(data_range) and data_range > 0):
        raise LeadlineError(f"data_range {data_range}: expected a positive span, such as 255 for 8-bit maps")
    a, b = (np.where(mask, values, 0).astype(np.float64) for values in (a, b))
    if bad := np.count_nonzero(~(np.isfinite(a) & np.isfinite(b))):
        raise LeadlineError(f"{bad} valid pixels hold no finite number: mark them invalid, or fail the image")
    similarity = _similarity(a, b, data_range)
    # Dilation by the window: what a window touches. Outside the picture it finds nothing.
    touched = cv2.dilate((~mask).view(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0
    similarity[touched] = np.nan
    counted = np.zeros(a.shape, bool)
    counted[RADIUS:-RADIUS, RADIUS:-RADIUS] = ~touched[RADIUS:-RADIUS, RADIUS:-RADIUS]
    return Ssim(similarity, counted, _tally(name, similarity[counted]))


def structural_similarity(pred: DepthMap, target: DepthMap, inputs: SsimInputs) -> StructuralSimilarity:
    """Scale a prediction and its target as `inputs` says, and compare them; the tally is named ``ssim/INPUTS``.

    Raises:
        LeadlineError: as `scaled` and `ssim`.
    """
    maps = scaled(pred, target, inputs)
    return StructuralSimilarity(ssim(maps.pred, maps.target, FULL_SCALE, maps.valid, f"ssim/{inputs}"), maps)


def scaled(pred: DepthMap, target: DepthMap, inputs: SsimInputs) -> Scaled:
    """Bring a prediction and its target to 0..255 as `inputs` says, over the pixels valid in the target.

    The fit is least squares of scale and shift, in disparity, over all these pixels, those beyond the cap too. A degenerate fit
    (a constant prediction, a negative scale) is used as it is; `Fit.reason` says so.

    Raises:
        LeadlineError: the sizes differ, a valid pixel of the target has no prediction, or the kinds can't be compared in that
            space: depth with disparity under "min_max", an ordinal map, or the inverse of a map whose shift is unknown.
    """
    if pred.hw != target.hw:
        raise LeadlineError(
            f"a prediction of size {pred.hw} for a target of size {target.hw}: resize the prediction to the target"
        )
    for role, depth_map in (("prediction", pred), ("target", target)):
        if depth_map.kind.ambiguity is Ambiguity.ORDINAL:
            raise LeadlineError(f"SSIM of a {role} of kind {depth_map.kind}: its values mean nothing; score its order (whdr)")
    if inputs.space is Space.MIN_MAX:
        if _family(pred) is not _family(target):
            raise LeadlineError(
                f"SSIM of {pred.kind} with {target.kind} as they are: expected both disparity or both depth; convert one first"
            )
        p, t, fit = pred, target, None
        return _to_levels(p.values, t.values, _seen(p, t), inputs, own_ranges=True, fit=fit)
    p, t = _disparity(pred), _disparity(target, inverse_needed=inputs.space is Space.CAPPED_DEPTH)
    valid = _seen(p, t)
    fit = fit_scale_shift(p.values, t.values, valid)
    maps = fit.apply(p.values), t.values.astype(np.float64)
    if inputs.cap_m is not None:
        farthest = 1 / inputs.cap_m
        maps = 1 / np.maximum(maps[0], farthest), 1 / np.maximum(maps[1], farthest)
    return _to_levels(*maps, valid, inputs, own_ranges=False, fit=fit)


def depth_edges(target: DepthMap, jump: float = 0.1, radius: int = RADIUS) -> NDArray[np.bool_]:
    """Return where the target is near an edge: within a square of `radius` of two neighbours whose ratio is above 1 + jump.

    A ratio is the same of depth and of disparity. Both neighbours must be valid: a hole has no edge. The default radius, half a
    window, marks exactly the windows that hold a pixel of an edge.

    Args:
        target: depth or disparity, without unknown shift.
        jump: relative; 0.1 is a choice of ours, as is the radius, for lack of a published one.
        radius: pixels; 0 marks the two neighbours alone.

    Returns:
        (h, w) bool.

    Raises:
        LeadlineError: the shift of the target is unknown, the jump not positive or the radius negative.
    """
    if target.kind.ambiguity in (Ambiguity.AFFINE_INVARIANT, Ambiguity.ORDINAL):
        raise LeadlineError(f"edges of a {target.kind} map: a ratio needs a known shift; find them in the truth")
    if not (isfinite(jump) and jump > 0 and radius >= 0):
        raise LeadlineError(f"edges by a jump of {jump} and a radius of {radius}: expected jump > 0 and radius >= 0")
    edges = np.zeros(target.hw, bool)
    z = target.values.astype(np.float64)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        step = np.maximum(z[here], z[there]) > (1 + jump) * np.minimum(z[here], z[there])
        step &= target.valid[here] & target.valid[there]
        edges[here] |= step
        edges[there] |= step
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.dilate(edges.view(np.uint8), square) > 0)


def split_at(similarity: Ssim, edges: Any) -> tuple[Tally, Tally]:
    """Split a tally into the windows whose centre lies in `edges` and the others; the two add up to the whole.

    Args:
        similarity: as `ssim` returns it.
        edges: (h, w) bool, such as `depth_edges`.

    Returns:
        The tallies NAME/edges and NAME/interiors.

    Raises:
        LeadlineError: the sizes differ.
    """
    mask = as_numpy(edges).astype(bool)
    if mask.shape != similarity.map.shape:
        raise LeadlineError(f"edges of shape {mask.shape} for a map of shape {similarity.map.shape}: expected one shape")
    name = similarity.tally.name
    return (
        _tally(f"{name}/edges", similarity.map[similarity.counted & mask]),
        _tally(f"{name}/interiors", similarity.map[similarity.counted & ~mask]),
    )


def _tally(name: str, values: NDArray[np.float64]) -> Tally:
    return Tally(name, values.size, (float(values.sum()),), mean)


def _similarity(a: NDArray[np.float64], b: NDArray[np.float64], data_range: float) -> NDArray[np.float64]:
    try:
        from scipy.ndimage import uniform_filter
    except ImportError:
        raise LeadlineError("SSIM needs SciPy, which the base install leaves out: pip install 'leadline[eval]'") from None

    def box(values: NDArray[np.float64]) -> NDArray[np.float64]:
        # The variance of a smooth, bright window is what is left of two large numbers. OpenCV's filter is no worse but rounds
        # otherwise, and maps then differ from scikit-image's by 1e-10. "reflect" repeats the outermost pixel (c b a | a b c).
        return np.asarray(uniform_filter(values, WINDOW, mode="reflect"))

    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    sample = WINDOW**2 / (WINDOW**2 - 1)
    mean_a, mean_b = box(a), box(b)
    var_a = sample * (box(a * a) - mean_a * mean_a)
    var_b = sample * (box(b * b) - mean_b * mean_b)
    covariance = sample * (box(a * b) - mean_a * mean_b)
    numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return np.asarray(numerator / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))


def _family(depth_map: DepthMap) -> Quantity:
    """Return the quantity, with the two disparities as one: they differ by a factor, which min and max take out."""
    return Quantity.DISPARITY if depth_map.kind.near_is_large else depth_map.kind.quantity


def _disparity(depth_map: DepthMap, inverse_needed: bool = False) -> DepthMap:
    """Return a map that is disparity up to the scale and shift that a fit finds; exactly so where it is to be inverted."""
    if inverse_needed:
        depth_map.to_depth()  # raises where the shift is unknown, or a pixel_disparity has no baseline
    return depth_map if depth_map.kind.near_is_large else depth_map.to_disparity()


def _seen(pred: DepthMap, target: DepthMap) -> NDArray[np.bool_]:
    if holes := np.count_nonzero(target.valid & ~pred.valid):
        raise LeadlineError(f"{holes} valid pixels of the target have no prediction: fill them, or count the image as failed")
    return target.valid


def _to_levels(
    pred: NDArray[Any], target: NDArray[Any], valid: NDArray[np.bool_], inputs: SsimInputs, *, own_ranges: bool, fit: Fit | None
) -> Scaled:
    maps = []
    for values, ruler in ((pred, pred if own_ranges else target), (target, target)):
        inside = ruler[valid].astype(np.float64)
        low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
        span = high - low
        unit = (np.where(valid, values, low).astype(np.float64) - low) / span if span > 0 else np.zeros(valid.shape)
        levels = np.where(valid, np.clip(unit, 0, 1) * FULL_SCALE, 0)
        match inputs.levels:
            case Levels.UINT8_ROUNDED:
                levels = np.rint(levels)
            case Levels.UINT8_TRUNCATED:
                levels = np.floor(levels)
            case Levels.FLOAT:
                pass
        maps.append(levels)
    return Scaled(maps[0], maps[1], valid, fit)
