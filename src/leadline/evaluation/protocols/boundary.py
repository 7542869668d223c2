"""Depth Pro's boundary accuracy."""

from __future__ import annotations

from leadline.evaluation.protocol import Protocol

_SOURCE = "arXiv 2410.02073, section 3.3, and apple/ml-depth-pro, src/depth_pro/eval/boundary_metrics.py"
_DATASETS = ("sintel", "sintel_stereo", "leadline")

PROTOCOLS = (
    Protocol(
        name="depth-pro-boundary",
        title="Depth Pro's boundary F1, depth up to scale",
        datasets=_DATASETS,
        source=_SOURCE,
        notes="pairs of neighbours without truth don't count; the authors score Sintel, Spring and iBims-1",
        space="depth",
        solver="none",
        cap_m=None,
        clamp="positive",
        metrics=("boundary_f1",),
    ),
    Protocol(
        name="depth-pro-boundary-fitted",
        title="Depth Pro's boundary F1 after a fit of scale and shift in disparity",
        datasets=_DATASETS,
        source=_SOURCE,
        notes="for disparity of unknown shift, whose ratios mean nothing before a fit: a departure from the source",
        cap_m=None,
        clamp="disparity_floor_farthest_truth",
        metrics=("boundary_f1",),
    ),
)
