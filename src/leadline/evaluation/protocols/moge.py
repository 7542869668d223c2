"""MoGe's comparison of one prediction after each fit that its kind allows."""

from __future__ import annotations

from dataclasses import replace

from leadline.evaluation.protocol import Protocol

_SOURCE = "arXiv 2410.19115, section 4.1, and microsoft/MoGe, moge/test/metrics.py"
_DATASETS = ("nyu_labelled", "nyu_test", "kitti_depth", "kitti_eigen", "eth3d", "sintel", "ddad", "diode", "kitti_semidense")
_SCALE = Protocol(
    name="moge-scale",
    title="MoGe: a scale fitted in depth by weighted L1",
    datasets=_DATASETS,
    source=_SOURCE,
    notes="the authors' data are resized and cut by them first. A depth that the fit makes 0 or less is clamped to 1 mm here; "
    "in their code its ratio is negative and counts as right in delta1",
    space="depth",
    solver="robust_scale",
    fit_on="grid_64",
    fit_weight="inverse_depth",
    cap_m=None,
    clamp="positive",
    metrics=("abs_rel", "delta1"),
)

PROTOCOLS = (
    _SCALE,
    replace(
        _SCALE,
        name="moge-affine-depth",
        title="MoGe: scale and shift fitted in depth by weighted L1",
        solver="robust_scale_shift",
    ),
    Protocol(
        name="moge-affine-disparity",
        title="MoGe: scale and shift fitted in disparity",
        datasets=_DATASETS,
        source=_SOURCE,
        notes="least squares over all valid pixels, not on the grid; disparity at least that of the farthest true pixel",
        cap_m=None,
        clamp="disparity_floor_farthest_truth",
        metrics=("abs_rel", "delta1"),
    ),
    Protocol(
        name="moge-metric",
        title="MoGe: metres as they are",
        datasets=_DATASETS,
        source=_SOURCE,
        space="none",
        solver="none",
        cap_m=None,
        clamp="positive",
        metrics=("abs_rel", "delta1"),
    ),
)
