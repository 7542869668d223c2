"""Metres from what a user has: points, an object's length, the camera's height, a stereo baseline, or many maps with truth.

Every function returns a `Factor` that says how far it can be trusted, or refuses with the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from leadline.alignment import Fit
from leadline.depth_map import METRIC_DEPTH, Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.scale.estimators import DEFAULT, FEWEST_GROUPS, HeldOut, bootstrap, estimate, group_ratios, held_out
from leadline.scale.factor import Factor, focal_share
from leadline.scale.ground import fit_ground
from leadline.scale.observations import Observations, in_space, joined
from leadline.scale.points import MetricPoints, observe

# Where only a scale is unknown, ratios use every point's whole distance; Theil-Sen's slopes use differences alone, which
# few points don't give well.
FEW_POINTS = "median_of_ratios"
# Points whose numbers span less than this share of the map's middle 90 % can't tell a shift.
_NARROW = 0.2
_LARGE_ERROR = 0.25
_BEYOND = 0.05
_UNSTEADY = 0.25
_PIXELS = 2000  # of an image, where many are fitted


def fit_points(
    depth: DepthMap,
    points: MetricPoints,
    *,
    estimator: str | None = None,
    zero_shift: bool = False,
    name: str = "",
    seed: int = 0,
) -> Factor:
    """Fit one map to places whose distance is known.

    Of a map known up to scale (or metric: its scale is corrected) the factor of its depth is found, for which one point is
    enough. Of an affine-invariant map scale and shift are found in its own space, for disparity against 1/metres, which takes
    two points at different distances, and a third to check them.

    Args:
        depth: the map.
        points: see `leadline.scale.points`.
        estimator: one of `leadline.scale.estimators.ESTIMATORS`; by default the median of ratios for a scale, Theil-Sen for
            scale and shift.
        zero_shift: take an unknown shift for zero, so that one point is enough: a guess, and a doubt in the result.
        name: of the map, for the record.
        seed: of random draws.

    Raises:
        LeadlineError: the map is ordinal; a point lies outside or on no value; there are too few points or all at one
            distance; or the fit turns the map upside down.
    """
    seen, shift, lost = observe(depth, points, zero_shift=zero_shift)
    if shift:
        _refuse_one_distance(seen, depth.kind)
    chosen = estimator or (DEFAULT if shift else FEW_POINTS)
    notes = [f"{lost} points fall on pixels without a value and are left out"] if lost else []
    factor = _fitted(seen, shift, chosen, depth, f"{points.origin}, {chosen}", (name,) if name else (), notes, zero_shift, seed)
    doubts = list(factor.doubts)
    if shift:
        doubts += _narrow(seen, depth)
    return replace(factor, doubts=(*doubts, *_beyond(factor, depth)))


def fit_lengths(
    depth: DepthMap, lengths: Sequence[tuple[tuple[float, float], tuple[float, float], float]], *, zero_shift: bool = False,
    name: str = "",
) -> Factor:  # fmt: skip
    """Fit the scale of a map to objects of known length: metres over the distance of the two ends in space.

    Args:
        depth: a map known up to scale, with a camera.
        lengths: (end, other end, metres) with ends in pixels; several objects give the median.
        zero_shift, name: as in `fit_points`.

    Raises:
        LeadlineError: the shift is unknown, the camera is, or an end lies outside, on no value or on the other.
    """
    prepared = _scale_only(depth, zero_shift, "an object's length")
    if prepared.camera is None:
        raise LeadlineError("no camera to measure an object with: give the focal length (--focal-px or --fov-deg)")
    if not lengths:
        raise LeadlineError("no object: expected two pixels and a length, such as 100,200:100,420=1.96m")
    rays = prepared.camera.rays()
    found = []
    for *ends, metres in lengths:
        # The map at both ends is read, and refused, as at points.
        places = MetricPoints(np.array(ends, dtype=np.float64), np.full(2, metres), origin="object", by_hand=True)
        seen, _, _ = observe(prepared, places)
        column, row = np.floor(places.xy).astype(np.int64).T
        a, b = seen.pred[:, None] * rays[row, column]
        apart = float(np.linalg.norm(a - b))
        if apart <= 0:
            raise LeadlineError(f"both ends of an object at pixel {tuple(ends[0])}: expected two different pixels")
        found.append((apart, metres))
    table = np.array(found)
    seen = Observations(table[:, 0], table[:, 1], np.arange(len(found)), Quantity.DEPTH)
    factor = _fitted(seen, False, FEW_POINTS, depth, "object length", (name,) if name else (), [], zero_shift, 0, check=False)
    if len(found) > 1 and (spread := _spread(seen)) > _LARGE_ERROR:
        doubt = f"the objects disagree: their factors spread over {spread:.0%} of the middle one; check ends and lengths"
        factor = replace(factor, doubts=(*factor.doubts, doubt))
    return factor


def fit_camera_height(depth: DepthMap, height_m: float, *, zero_shift: bool = False, name: str = "", seed: int = 0) -> Factor:
    """Fit the scale of a map to the camera's height over the ground that it sees.

    Args:
        depth: a map known up to scale, with a camera; roughly upright, ground in its lower half (`fit_ground`).
        height_m: metres from ground to lens.
        zero_shift, name, seed: as in `fit_points`.

    Raises:
        LeadlineError: the shift is unknown (a plane's disparity is linear in the pixel whatever the shift is, so the ground
            can't tell it), the camera is unknown, there is no ground, or the height is not positive.
    """
    if not (np.isfinite(height_m) and height_m > 0):
        raise LeadlineError(f"camera height {height_m:g} m: expected a positive number of metres")
    prepared = _scale_only(depth, zero_shift, "the camera's height")
    ground = fit_ground(prepared, seed)
    assert prepared.camera is not None  # else there is no ground
    rows, columns = np.nonzero(ground.inliers)
    heights = prepared.values[rows, columns] * (prepared.camera.rays()[rows, columns] @ ground.normal)
    tiles = rows * 8 // depth.hw[0] * 8 + columns * 8 // depth.hw[1]
    seen = Observations(heights, np.full(heights.size, height_m), tiles, Quantity.DEPTH)
    notes = [f"the ground holds {ground.share:.0%} of the lower half of the map"]
    return _fitted(
        seen, False, "pooled_median", depth, "camera height", (name,) if name else (), notes, zero_shift, seed, check=False
    )


def fit_baseline(depth: DepthMap, baseline_m: float, *, name: str = "") -> Factor:
    """Return the factor of a stereo map in pixels: 1/metres = pixels / (focal length * baseline), exactly.

    Args:
        depth: pixel_disparity/metric, with a camera.
        baseline_m: distance of the two cameras, metres.
        name: of the map.

    Raises:
        LeadlineError: another kind of map, no camera, or the baseline is not positive.
    """
    if not (np.isfinite(baseline_m) and baseline_m > 0):
        raise LeadlineError(f"baseline {baseline_m:g} m: expected a positive number of metres")
    if depth.kind != Kind(Quantity.PIXEL_DISPARITY, Ambiguity.METRIC):
        raise LeadlineError(
            f"a baseline for a {depth.kind} map: expected pixel_disparity/metric; match the pair (leadline stereo) and "
            "fit this map to its depth with --sparse"
        )
    if depth.camera is None:
        raise LeadlineError(
            "no camera to turn a pixel_disparity into distance: give the focal length (--focal-px or --fov-deg)"
        )
    # Applied as to any disparity of unknown scale: metres = scale / pixels.
    scale = depth.camera.fx * baseline_m
    return Factor(
        scale, 0.0, Quantity.DEPTH, depth.kind, "stereo baseline", 1, 1, (name,) if name else (), depth.source,
        focal_share(depth), notes=("exact for this camera, baseline and map size",),
    )  # fmt: skip


def fit_images(
    images: Iterable[tuple[str, DepthMap, MetricPoints]], *, estimator: str = DEFAULT, zero_shift: bool = False, seed: int = 0
) -> Factor:
    """Fit one factor to many maps with truth: a source data set, whose factor is then applied to another ("One scalar").

    Images are the groups of the bootstrap and of what is held out. How well one factor fits them all is what
    `leadline.scale.linearity` looks at.

    Args:
        images: (name, map, truth) of one model and kind.
        estimator: one of `leadline.scale.estimators.ESTIMATORS`.
        zero_shift, seed: as in `fit_points`.

    Raises:
        LeadlineError: there is no image, their kinds differ, or one can't be fitted.
    """
    parts, names, shares, sources, kinds = [], [], set(), set(), set()
    first: DepthMap | None = None
    shift, rng = False, np.random.default_rng(seed)
    for name, depth, points in images:
        first = first or depth
        seen, shift, _ = observe(depth, points, zero_shift=zero_shift)
        if seen.pred.size > _PIXELS:  # dense images weigh no more than others
            seen = seen.where(rng.choice(seen.pred.size, _PIXELS, replace=False))
        parts.append(seen)
        names.append(name)
        share = focal_share(depth)
        shares.add(None if share is None else round(share, 3))
        sources.add(depth.source)
        kinds.add(depth.kind)
    if first is None or len(kinds) > 1:
        found = ", ".join(sorted(map(str, kinds))) or "no map at all"
        raise LeadlineError(f"one factor for {found}: expected maps of one kind; fit each sort alone")
    notes = []
    if shift:
        notes.append(f"{first.kind} maps have a scale and a shift each; one pair for all holds only if the network keeps them")
    if len(shares) > 1:
        notes.append("the maps have different fields of view: networks scale with it; crop to one (arXiv 2303.07662)")
    both = joined(parts)
    factor = _fitted(both, shift, estimator, first, f"{len(parts)} images, {estimator}", tuple(names), notes, zero_shift, seed)
    return replace(
        factor,
        source=sources.pop() if len(sources) == 1 else "",
        focal_share=shares.pop() if len(shares) == 1 else None,
    )


def _fitted(
    seen: Observations,
    shift: bool,
    estimator: str,
    depth: DepthMap,
    method: str,
    names: tuple[str, ...],
    notes: list[str],
    zero_shift: bool,
    seed: int,
    check: bool = True,
) -> Factor:
    fit = estimate(seen, estimator, shift=shift, seed=seed)
    _refuse_degenerate(fit, shift)
    interval = bootstrap(seen, estimator, shift=shift, seed=seed)
    out = held_out(seen, estimator, shift=shift, seed=seed) if check else None
    notes, doubts = list(notes), []
    if depth.kind == METRIC_DEPTH or (depth.kind.ambiguity is Ambiguity.METRIC and depth.kind.quantity is Quantity.DISPARITY):
        notes.append("the map claims to be metric; the factor corrects its scale")
    if interval is None and seen.groups < FEWEST_GROUPS:
        notes.append(f"no interval from fewer than {FEWEST_GROUPS} independent observations")
    if zero_shift and depth.kind.ambiguity is Ambiguity.AFFINE_INVARIANT:
        doubts.append("the shift is taken for zero, which is a guess: distances away from the points may be far off")
    if check and out is None:
        more = "a third point" if shift else "a second one"
        doubts.append(f"nothing is left to check the fit with: add {more}")
    if out:
        doubts += _held_out_doubts(out)
    if interval and not shift and interval.scale[1] - interval.scale[0] > 2 * _UNSTEADY * fit.scale:
        doubts.append(f"the factor is uncertain: its interval is {interval.scale[0]:.3g} to {interval.scale[1]:.3g}")
    return Factor(
        fit.scale, fit.shift, seen.space, depth.kind, method, int(seen.pred.size), seen.groups, names, depth.source,
        focal_share(depth), interval, out, zero_shift, tuple(notes), tuple(doubts),
    )  # fmt: skip


def _held_out_doubts(out: HeldOut) -> list[str]:
    doubts = []
    if out.abs_rel >= out.constant_abs_rel:
        doubts.append(
            f"it does not help: held-out AbsRel {out.abs_rel:.2f}, and {out.constant_abs_rel:.2f} by the points' median "
            "distance without the map; measure more points, spread in distance"
        )
    elif out.abs_rel > _LARGE_ERROR:
        doubts.append(f"residuals are large: held-out AbsRel {out.abs_rel:.2f}; check the points, or take another model")
    if out.lost:
        doubts.append(f"{out.lost} held-out observations land at infinity or behind the camera")
    return doubts


def _refuse_one_distance(seen: Observations, kind: Kind) -> None:
    needed = (
        f"a {kind} map has an unknown scale and an unknown shift: expected at least two points at different distances; "
        "measure another one much nearer or farther (or take the shift for zero: --assume-zero-shift)"
    )
    if seen.pred.size < 2:
        raise LeadlineError(f"one point can't fix it: {needed}")
    low, high = float(seen.pred.min()), float(seen.pred.max())
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        raise LeadlineError(f"the map has the same value {low:g} at all {seen.pred.size} points: {needed}")
    if np.ptp(seen.target) <= 1e-9 * np.abs(seen.target).max():
        raise LeadlineError(f"all {seen.target.size} points are at one distance: {needed}")


def _refuse_degenerate(fit: Fit, shift: bool) -> None:
    if not fit.degenerate and np.isfinite(fit.scale):
        return
    if fit.scale < 0:
        raise LeadlineError(
            "the map says nearer where the points say farther (the fitted scale is negative): check that x is counted from the "
            "left, y from the top, and that the points belong to this picture"
        )
    remedy = "measure points at other distances" if shift else "measure a point where the map has a positive value"
    raise LeadlineError(f"the points fix no scale ({fit.reason}): {remedy}")


def _narrow(seen: Observations, depth: DepthMap) -> list[str]:
    low, high = np.percentile(depth.values[depth.valid], (5, 95))
    share = float(np.ptp(seen.pred)) / max(float(high - low), 1e-12)
    if share >= _NARROW:
        return []
    return [
        f"the points span {share:.0%} of the map's range of values: they are nearly at one depth; add a nearer or farther one"
    ]


def _beyond(factor: Factor, depth: DepthMap) -> list[str]:
    """Say how much of a map the fit puts at infinity."""
    if factor.space is not Quantity.DISPARITY:
        return []
    share = float(np.mean(factor.scale * depth.values[depth.valid] + factor.shift <= 0))
    return [f"{share:.0%} of the map lands at infinity or beyond: the shift is too low for it"] if share > _BEYOND else []


def _scale_only(depth: DepthMap, zero_shift: bool, what: str) -> DepthMap:
    prepared, shift = in_space(depth, zero_shift)
    if shift:
        raise LeadlineError(
            f"{what} fixes a scale, and a {depth.kind} map has an unknown shift too: give at least two points at different "
            "distances instead (or take the shift for zero: --assume-zero-shift)"
        )
    return replace_map(prepared, camera=depth.camera)


def _spread(seen: Observations) -> float:
    ratios = group_ratios(seen)
    return float(np.ptp(ratios) / np.median(ratios))
