"""Alignment by medians: one ratio (monodepth2's evaluation), or median and mean absolute deviation (MiDaS)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.fit import Fit, conclude, gather, is_constant
from leadline.depth_map import as_numpy


def fit_median_scale(pred: Any, target: Any, valid: Any | None = None) -> Fit:
    """Return the fit with ``scale = median(target) / median(pred)`` and shift 0 (Zhou et al. 2017, arXiv 1704.07813).

    Args:
        pred, target: arrays of one shape, usually depths.
        valid: bool array of that shape; None means all. Both medians are over the same pixels.

    Returns:
        The fit; degenerate where no pixel is valid or the prediction's median is not positive.

    Raises:
        LeadlineError: the shapes differ.
    """
    pairs = gather(pred, target, valid)
    if pairs.pred.size == 0:
        return conclude(pairs, 0.0, 0.0)
    middle = float(np.median(pairs.pred))
    if middle <= 0:
        return conclude(pairs, 0.0, 0.0, "median of the prediction is not positive")
    return conclude(pairs, float(np.median(pairs.target)) / middle, 0.0)


def fit_median_mad(pred: Any, target: Any, valid: Any | None = None) -> Fit:
    """Return the fit that gives both maps the same median t and mean absolute deviation s (arXiv 1907.01341, section 5).

    ``(pred - t_pred) / s_pred`` is compared with ``(target - t_target) / s_target``: here as one scale and shift from the
    prediction to the target. The scale can't come out negative, so a prediction that is upside down stays so.

    Args:
        pred, target, valid: as in `fit_median_scale`.

    Returns:
        The fit; degenerate where no pixel is valid or either map is constant.

    Raises:
        LeadlineError: the shapes differ.
    """
    pairs = gather(pred, target, valid)
    if pairs.pred.size == 0:
        return conclude(pairs, 0.0, 0.0)
    (t_pred, s_pred), (t_target, s_target) = _median_mad(pairs.pred), _median_mad(pairs.target)
    if is_constant(pairs):
        return conclude(pairs, 0.0, t_target, "constant prediction")
    scale = s_target / s_pred
    return conclude(pairs, scale, t_target - scale * t_pred, "" if scale > 0 else "constant target")


def normalise_median_mad(values: Any, valid: Any | None = None) -> tuple[NDArray[np.float64], float, float]:
    """Return ``(values - t) / s`` with t = median(values) and s = mean |values - t| over the valid pixels.

    Args:
        values: array of any shape.
        valid: bool array of that shape; None means all. Non-finite pixels never count.

    Returns:
        The normalised array (0 where not valid), t and s. A constant map, or one without valid pixels, gives zeros and s = 0.
    """
    numbers = as_numpy(values).astype(np.float64)
    mask = np.isfinite(numbers) & (True if valid is None else as_numpy(valid).astype(bool))
    t, s = _median_mad(numbers[mask]) if mask.any() else (0.0, 0.0)
    return np.where(mask, np.where(mask, numbers, t) - t, 0.0) / (s or 1.0), t, s


def _median_mad(values: NDArray[np.float64]) -> tuple[float, float]:
    t = float(np.median(values))
    return t, float(np.abs(values - t).mean())
