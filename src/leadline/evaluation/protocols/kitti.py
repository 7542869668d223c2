"""KITTI's Eigen split: metric depth under its crops, and median scaling."""

from __future__ import annotations

from leadline.evaluation.protocol import Crop, Protocol

_CROPS: dict[str, tuple[Crop, ...]] = {
    "garg": ("garg",),
    "eigen": ("eigen_kitti",),
    "benchmark": ("kitti_benchmark",),
    "full": (),
}
_TRUTHS = {
    "raw": ("laser scans", ("kitti_raw", "kitti_eigen", "kitti_object")),
    # The raw recordings have accumulated scans where their list names depth maps: see leadline.data.datasets.kitti_raw.
    "improved": (
        "accumulated scans",
        ("kitti_depth", "kitti_depth_selection", "kitti_semidense", "kitti_raw", "kitti_eigen"),
    ),
}
_METRIC_SOURCE = (
    "Eigen et al. 2014 (arXiv 1406.2283) for the split; BTS, bts_eval.py, and AdaBins, evaluate.py, for crops, range and clamp"
)


def _metric(truth: str, crop: str) -> Protocol:
    what, datasets = _TRUTHS[truth]
    return Protocol(
        name=f"kitti-eigen-{truth}-{crop}",
        title=f"KITTI Eigen split, {what}, {'no' if crop == 'full' else crop} crop, metres as they are",
        datasets=datasets,
        source=_METRIC_SOURCE,
        notes="a prediction without a number fails its image, where BTS scores such pixels as 1 mm",
        space="none",
        solver="none",
        crop=_CROPS[crop],
        cap_m=80.0,
        bounds="exclusive",
        clamp="range",
        resize="bilinear_corners",
    )


def _median_scaled(truth: str) -> Protocol:
    what, datasets = _TRUTHS[truth]
    # monodepth2 leaves the improved truth as it is: no crop and no range, but for the clamp.
    raw = truth == "raw"
    return Protocol(
        name=f"monodepth2-{truth}",
        title=f"KITTI Eigen split, {what}, median scaling as in monodepth2",
        datasets=datasets,
        source="nianticlabs/monodepth2, evaluate_depth.py: eval_split eigen" + ("" if raw else "_benchmark"),
        notes="" if raw else "true depths beyond 80 m count in the source, they are a few hundred points",
        space="depth",
        solver="median_scale",
        crop=("garg",) if raw else (),
        cap_m=80.0,
        bounds="exclusive" if raw else "inclusive",
        clamp="range",
        resize_as="disparity",
        metrics=("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"),
    )


PROTOCOLS = (
    *(_metric(truth, crop) for truth in _TRUTHS for crop in _CROPS),
    *map(_median_scaled, _TRUTHS),
)
