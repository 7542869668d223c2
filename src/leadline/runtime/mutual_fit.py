"""Scale and shift between two maps that are both in error."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.alignment import Fit, fit_robust_scale, fit_robust_scale_shift
from leadline.depth_map import Ambiguity, as_numpy


def fit_mutually(pred: Any, target: Any, valid: Any, ambiguity: Ambiguity = Ambiguity.AFFINE_INVARIANT) -> Fit:
    """Fit ``target ~ scale * pred + shift`` by robust L1 fits in both directions.

    A regression takes the prediction for exact, and its errors for a reason to flatten the slope. Frames that are fitted
    to their predecessor one after the other would so fade to a constant, and a tile would lose contrast. The geometric mean of
    the slope from pred to target and the inverse of that from target to pred has no such bias where both maps err alike (the
    reduced major axis of statistics).

    Args:
        pred, target: arrays of one shape; a few thousand pixels are enough.
        valid: bool array of that shape.
        ambiguity: with SCALE_INVARIANT the shift is 0; with METRIC nothing is fitted.

    Returns:
        The fit; degenerate where either direction is.
    """
    if ambiguity is Ambiguity.METRIC:
        return Fit(1.0, 0.0, int(np.sum(valid)), 0.0)
    fit = fit_robust_scale if ambiguity is Ambiguity.SCALE_INVARIANT else fit_robust_scale_shift
    forth, back = fit(pred, target, valid), fit(target, pred, valid)
    if forth.degenerate or back.degenerate:
        return forth if forth.degenerate else Fit(forth.scale, forth.shift, forth.used, forth.residual, back.reason)
    scale = float(np.sqrt(forth.scale / back.scale))
    p, q = as_numpy(pred)[valid].astype(np.float64), as_numpy(target)[valid].astype(np.float64)
    shift = 0.0 if ambiguity is Ambiguity.SCALE_INVARIANT else float(np.median(q - scale * p))
    return Fit(scale, shift, forth.used, float(np.abs(scale * p + shift - q).mean()))
