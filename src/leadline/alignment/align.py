"""Aligning one map to another in the space where the fit makes sense, and only then converting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from leadline.alignment.fit import Fit
from leadline.alignment.least_squares import fit_scale, fit_scale_shift
from leadline.alignment.median import fit_median_mad, fit_median_scale
from leadline.alignment.ransac import fit_ransac
from leadline.alignment.robust import fit_robust_scale, fit_robust_scale_shift
from leadline.alignment.theil_sen import fit_theil_sen
from leadline.depth_map import METRIC_DISPARITY, Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError


class Method(NamedTuple):
    """A way to fit, and what it can take."""

    fit: Callable[..., Fit]
    finds_shift: bool
    takes_weight: bool = False
    options: dict[str, Any] = {}  # noqa: RUF012 (a NamedTuple's default, never written to)


METHODS: dict[str, Method] = {
    "scale": Method(fit_scale, finds_shift=False, takes_weight=True),
    "scale_shift": Method(fit_scale_shift, finds_shift=True, takes_weight=True),
    "median_scale": Method(fit_median_scale, finds_shift=False),
    "median_mad": Method(fit_median_mad, finds_shift=True),
    "robust_scale": Method(fit_robust_scale, finds_shift=False, takes_weight=True),
    "robust_scale_shift": Method(fit_robust_scale_shift, finds_shift=True, takes_weight=True),
    "theil_sen_scale": Method(fit_theil_sen, finds_shift=False, options={"intercept": False}),
    "theil_sen": Method(fit_theil_sen, finds_shift=True),
    "ransac_scale": Method(fit_ransac, finds_shift=False, options={"intercept": False}),
    "ransac": Method(fit_ransac, finds_shift=True),
}


class Aligned(NamedTuple):
    """An aligned map, in the space of its fit, and the fit."""

    depth_map: DepthMap
    fit: Fit


def align(
    pred: DepthMap,
    target: DepthMap,
    method: str = "scale_shift",
    *,
    space: Quantity | str | None = None,
    weight: Any | None = None,
    baseline_m: float | None = None,
) -> Aligned:
    """Fit `pred` to `target` over the pixels valid in both.

    Args:
        pred: the map to align; of the target's size.
        target: the truth, or a teacher.
        method: one of `METHODS`.
        space: the quantity in which to fit. None means the prediction's own, the only one possible where its shift is
            unknown: an affine-invariant disparity is fitted to the target's *disparity*.
        weight: (h, w) non-negative, for "scale", "scale_shift" and the robust methods.
        baseline_m: of the stereo pair, needed to compare a metric pixel_disparity with metres.

    Returns:
        The aligned map, in `space`, as ambiguous as the target was (metric for a metric target), and the fit. Nothing is
        clamped: use `depth_from_disparity` to go on to depth. A degenerate fit is returned, not raised; without any pixel to
        fit, the map has no valid pixel.

    Raises:
        LeadlineError: the sizes differ, the kinds can't be compared, or the method does not fit them.
    """
    if method not in METHODS:
        raise LeadlineError(f"unknown alignment method {method!r}: expected one of {', '.join(METHODS)}")
    chosen = METHODS[method]
    if pred.hw != target.hw:
        raise LeadlineError(
            f"a prediction of size {pred.hw} for a target of size {target.hw}: resize the prediction to the target"
        )
    if Ambiguity.ORDINAL in (pred.kind.ambiguity, target.kind.ambiguity):
        raise LeadlineError(
            f"can't fit {pred.kind} to {target.kind}: an ordinal map has no values to fit; score its order instead (whdr)"
        )
    if pred.kind.ambiguity is Ambiguity.AFFINE_INVARIANT and not chosen.finds_shift:
        raise LeadlineError(
            f"{method!r} fits no shift, and that of a {pred.kind} map is unknown: use one that does, such as 'scale_shift'"
        )
    if weight is not None and not chosen.takes_weight:
        weighted = ", ".join(name for name, m in METHODS.items() if m.takes_weight)
        raise LeadlineError(f"method {method!r} takes no weight: use one of {weighted}")
    quantity = _space(pred, target, space)
    pred = _in_space(pred, quantity, baseline_m, "prediction")
    target = _in_space(target, quantity, baseline_m, "target")
    valid = pred.valid & target.valid
    options = {**chosen.options, **({} if weight is None else {"weight": weight})}
    fit = chosen.fit(pred.values, target.values, valid, **options)
    aligned = replace_map(
        pred,
        values=fit.apply(pred.values),
        valid=pred.valid & (fit.used > 0),
        kind=Kind(quantity, target.kind.ambiguity),
        camera=pred.camera or target.camera,
    )
    return Aligned(aligned, fit)


def depth_from_disparity(aligned: DepthMap, cap_m: float) -> DepthMap:
    """Turn an aligned metric disparity into metric depth, no further than `cap_m` (MiDaS's evaluation, arXiv 1907.01341).

    A fitted disparity may be zero or negative far away, where its inverse is infinite or behind the camera: it is clamped
    from below at ``1 / cap_m`` first, so that no pixel drops out of a score for being wrong.

    Args:
        aligned: disparity/metric, 1/m.
        cap_m: the largest depth, metres: 80 for KITTI, 10 for NYU and TUM, 72 for ETH3D and Sintel.

    Returns:
        The depth/metric map, valid where `aligned` is.

    Raises:
        LeadlineError: the map is not disparity/metric, or the cap not positive.
    """
    if aligned.kind != METRIC_DISPARITY:
        raise LeadlineError(f"can't cap a {aligned.kind} map: expected {METRIC_DISPARITY}; align it in disparity first")
    if not cap_m > 0:
        raise LeadlineError(f"cap {cap_m} m: expected a positive depth")
    return replace_map(aligned, values=np.maximum(aligned.values, 1 / cap_m)).to_depth()


def _space(pred: DepthMap, target: DepthMap, asked: Quantity | str | None) -> Quantity:
    own = pred.kind.quantity
    if asked is None:
        # A stereo network's pixels say the same as disparity up to a factor; metres can be had from the target alone.
        return Quantity.DISPARITY if own is Quantity.PIXEL_DISPARITY and target.kind.quantity is not own else own
    try:
        return Quantity(asked)
    except ValueError:
        raise LeadlineError(f"unknown space {asked!r}: expected one of {', '.join(Quantity)}") from None


def _in_space(depth_map: DepthMap, quantity: Quantity, baseline_m: float | None, role: str) -> DepthMap:
    if depth_map.kind.quantity is quantity:
        return depth_map
    try:
        if quantity is Quantity.DEPTH:
            return depth_map.to_depth(baseline_m)
        if quantity is Quantity.DISPARITY:
            return depth_map.to_disparity(baseline_m)
    except LeadlineError as error:
        if depth_map.kind.ambiguity is Ambiguity.AFFINE_INVARIANT:
            raise LeadlineError(
                f"can't fit the {role}, {depth_map.kind}, in {quantity}: its shift is unknown, so 1/value is of no known kind; "
                f"fit in {depth_map.kind.quantity}, then convert (leadline.alignment.depth_from_disparity)"
            ) from None
        raise LeadlineError(f"can't fit the {role} in {quantity}: {error}") from None
    raise LeadlineError(f"can't turn the {role}, {depth_map.kind}, into {quantity}: fit in 'depth' or 'disparity'")
