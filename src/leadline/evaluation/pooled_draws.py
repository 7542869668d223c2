"""Metrics over the pixels of drawn images, from each image's sums: what the bootstrap needs of a pooled protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leadline.evaluation.bootstrap import RESAMPLES, iter_draw_counts
from leadline.evaluation.measures import finish_pooled
from leadline.metrics.depth import depth_metrics
from leadline.metrics.tally import SpreadTally


def pooled_draws(
    metric: str, sums: Sequence[Sequence[float]], resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Return (resamples,) a metric over the pixels of the images of each draw; NaN where a draw has no pixel.

    Args:
        metric: its name.
        sums: (count, sum, ...) of each image, as in `Row.sums`; empty where the image has no pixel of the class.
        resamples, seed: of the draws, the same as `resampled_differences` makes.

    Raises:
        LeadlineError: an unknown metric, or one that can't be pooled.
    """
    length = max((len(image) for image in sums), default=0)
    rows = np.array([image or (0.0,) * length for image in sums], dtype=np.float64)
    # Squares about each image's own mean don't add up over images; about one number for all images they do.
    centre = _centre(rows) if isinstance(depth_metrics(1.0, 1.0).get(metric), SpreadTally) else None
    if centre is not None:
        rows = _about(rows, centre, +1)
    found: list[float] = []
    for counts in iter_draw_counts(len(rows), resamples, seed):
        totals = counts @ rows
        if centre is not None:
            totals = _about(totals, centre, -1)
        found += [finish_pooled(metric, [tuple(total)]) for total in totals.tolist()]
    return np.array(found)


def _centre(rows: NDArray[np.float64]) -> float:
    count, total = rows[:, :2].sum(axis=0)
    return float(total / count) if count else 0.0


def _about(rows: NDArray[np.float64], centre: float, sign: int) -> NDArray[np.float64]:
    """Return (n, 3) rows of count, total, squares about their mean with squares about `centre` (+1), or the way back (-1)."""
    count, total, squares = rows.T
    moved = (total - count * centre) ** 2 / np.maximum(count, 1)
    changed = squares + moved if sign > 0 else np.maximum(squares - moved, 0)  # rounding must not make a variance negative
    return np.stack([count, total, changed], axis=1)
