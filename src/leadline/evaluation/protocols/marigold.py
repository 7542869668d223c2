"""Marigold's comparison: scale and shift by least squares, in depth, or in disparity for networks that give it."""

from __future__ import annotations

from leadline.evaluation.protocol import Crop, Protocol

# name, title, data sets, crops, nearest, cap: src/dataset/*_dataset.py of prs-eth/Marigold
_SETS: tuple[tuple[str, str, tuple[str, ...], tuple[Crop, ...], float, float | None], ...] = (
    ("nyu", "NYUv2", ("nyu_labelled", "nyu_test", "nyu_png"), ("eigen_nyu",), 1e-3, 10.0),
    ("kitti", "KITTI", ("kitti_depth", "kitti_eigen", "kitti_semidense"), ("kitti_benchmark", "eigen_kitti"), 1e-5, 80.0),
    ("eth3d", "ETH3D", ("eth3d",), (), 1e-5, None),
    ("scannet", "ScanNet", ("scannet",), (), 1e-3, 10.0),
    ("diode", "DIODE", ("diode",), (), 0.6, 350.0),
)
_NO_CAP_M = 1000.0  # script/depth/eval.py clips aligned disparity at 1e-3 from below


def _marigold(in_disparity: bool) -> tuple[Protocol, ...]:
    return tuple(
        Protocol(
            name=f"marigold-disparity-{name}" if in_disparity else f"marigold-{name}",
            title=f"Marigold on {title}, scale and shift fitted in {'disparity' if in_disparity else 'depth'}",
            datasets=datasets,
            source="arXiv 2312.02145, section 4.2, and prs-eth/Marigold, script/depth/eval.py"
            + (": alignment least_square_disparity" if in_disparity else ": alignment least_square"),
            notes="the authors fit on ETH3D shrunk to 1024 pixels; here all valid pixels are fitted" if name == "eth3d" else "",
            space="disparity" if in_disparity else "depth",
            crop=crop,
            nearest_m=nearest_m,
            cap_m=_NO_CAP_M if in_disparity and cap_m is None else cap_m,
            bounds="exclusive",
            clamp="range",
            metrics=("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "delta1", "delta2", "delta3", "silog"),
        )
        for name, title, datasets, crop, nearest_m, cap_m in _SETS
    )


PROTOCOLS = (*_marigold(False), *_marigold(True))
