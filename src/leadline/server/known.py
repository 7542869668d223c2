"""A map made metric from places whose distance the user knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.depth_map import Ambiguity, DepthMap, Quantity
from leadline.errors import LeadlineError
from leadline.scale.hints import fit_points
from leadline.scale.points import MetricPoints
from leadline.server.errors import Refusal
from leadline.server.options import KnownPoint

ZERO_SHIFT_NOTE = (
    "one distance fixes the scale alone: the map's unknown shift is taken for zero, so distances far from the point may be "
    "off; give a second point, much nearer or farther"
)


def fit_known(
    depth: DepthMap, points: list[KnownPoint], picture_hw: tuple[int, int]
) -> tuple[DepthMap, dict[str, Any], tuple[str, ...]]:
    """Return a map as metric depth, its fit, and notes.

    One point fixes the scale, and an unknown shift is taken for zero; two and more fix scale and shift. The map is fitted in
    its own quantity: ``1/metres = scale * value + shift`` of a disparity, ``metres = scale * value + shift`` of a depth;
    by least squares, or a scale alone by the median of the ratios.

    Args:
        depth: (h, w) map of any size.
        points: at least one, in pixels of the whole picture.
        picture_hw: its size.

    Returns:
        The map; {"space", "scale", "shift", "residual", "used"} with the residual in metres, the mean of |z - z*| over the
        points; and notes.

    Raises:
        Refusal: 422: a point outside the picture or on no value, or points that fix nothing.
    """
    xy = np.array([(point.x, point.y) for point in points])
    outside = (xy >= picture_hw[::-1]).any(axis=1)
    if outside.any():
        x, y = xy[int(np.argmax(outside))]
        height, width = picture_hw
        raise Refusal(422, "bad_point", f"known point ({x:g}, {y:g}): expected 0 <= x < {width} and 0 <= y < {height}")
    map_xy = xy * np.array(depth.hw[::-1]) / np.array(picture_hw[::-1])
    given = MetricPoints(map_xy, np.array([point.metres for point in points]), by_hand=True)
    zero_shift = len(points) == 1 and depth.kind.ambiguity is Ambiguity.AFFINE_INVARIANT
    # Points given by hand are few and meant; the page fits them in the same way.
    shifts = len(points) > 1 and depth.kind.ambiguity is Ambiguity.AFFINE_INVARIANT
    try:
        factor = fit_points(depth, given, zero_shift=zero_shift, estimator="least_squares" if shifts else None)
        metric = factor.apply(depth)
    except LeadlineError as error:
        message = str(error).replace("(or take the shift for zero: --assume-zero-shift)", "or give one point alone")
        raise Refusal(422, "no_fit", message) from None
    column, row = np.floor(map_xy).astype(int).T
    residual = np.abs(np.where(metric.valid, metric.values, 0)[row, column] - given.distance_m).mean()
    scale, space = factor.scale, factor.space
    own = Quantity.DISPARITY if depth.kind.near_is_large else depth.kind.quantity
    if own is Quantity.DISPARITY and space is Quantity.DEPTH:
        scale, space = 1 / scale, own  # metres = scale / disparity
    fit = {"space": str(space), "scale": scale, "shift": factor.shift, "residual": float(residual), "used": len(points)}
    notes = (ZERO_SHIFT_NOTE,) if zero_shift else factor.doubts
    return metric, fit, (*factor.notes, *notes)
