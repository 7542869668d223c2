"""Which way each metric gets better: one table for the report, the comparison and the sorting of images."""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["lower", "higher"]

# A metric with a threshold in its name (delta1, delta_1.05, bad_2, normal_11.25, f_score_0.05) stands here without it.
_LOWER = {
    "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "mae", "si_rmse",
    "silog", "silog_eigen", "silog_variance", "silog_depth_anything", "silog_bts",
    "epe", "rms", "bad", "d1", "missing",
    "whdr", "wkdr", "wkdr_equal", "wkdr_unequal", "sdr", "sdr_equal", "sdr_unequal",
    "normal_mean", "normal_median", "normal_rmse",
    "accuracy", "completeness", "chamfer",
    "temporal_abs_rel", "flicker", "flicker_local",
}  # fmt: skip
_HIGHER = {
    "delta", "normal", "temporal_delta", "temporal_landed", "boundary_f1", "mask_boundary_recall", "ssim",
    "pair_accuracy", "precision", "recall", "f_score", "f_auc",
}  # fmt: skip
_THRESHOLD = re.compile(r"_?\d+(\.\d+)?$")
# By these, in this order, a report ranks pictures and draws histograms.
MAIN_METRICS = (
    "abs_rel", "delta1", "rmse", "silog", "epe", "d1", "bad_2", "ssim", "boundary_f1", "pair_accuracy", "whdr", "mae",
)  # fmt: skip


def direction_of(metric: str) -> Direction | None:
    """Return whether a lower or a higher value of a metric is better, None for one that the table does not know."""
    family = metric.partition("/")[0]  # ssim/min_max/float, wkdr/unequal: what comes after the stroke changes no direction
    for name in (family, _THRESHOLD.sub("", family)):
        if name in _LOWER or name in _HIGHER:
            return "lower" if name in _LOWER else "higher"
    return None


def arrow(metric: str) -> str:
    """Return "↓" where lower is better, "↑" where higher is, "" where nobody knows."""
    direction = direction_of(metric)
    return {"lower": "↓", "higher": "↑", None: ""}[direction]
