"""MiDaS's zero-shot comparison; its sixth data set, DIW, is in `leadline.evaluation.protocols.ordinal`."""

from __future__ import annotations

from dataclasses import replace

from leadline.evaluation.protocol import Protocol

_BASE = Protocol(
    name="midas",
    cap_m=10.0,
    source="arXiv 1907.01341v3, section 6: fitted in inverse depth by least squares, at least 1/cap, then inverted",
    notes="the authors print the share of pixels above 1.25 in percent: 100 (1 - delta1). The size of the input is the model's",
    metrics=("abs_rel", "delta1", "delta2", "delta3", "rmse"),
)


def _midas(name: str, title: str, cap_m: float, *datasets: str) -> Protocol:
    return replace(_BASE, name=f"midas-{name}", title=f"MiDaS on {title}", cap_m=cap_m, datasets=datasets)


PROTOCOLS = (
    _midas("eth3d", "ETH3D", 72.0, "eth3d"),
    _midas("sintel", "Sintel", 72.0, "sintel"),
    _midas("kitti", "KITTI", 80.0, "kitti_depth", "kitti_depth_selection", "kitti_eigen", "kitti_semidense", "kitti_object"),
    _midas("nyu", "NYUv2", 10.0, "nyu_labelled", "nyu_test", "nyu_png", "nyu_npy"),
    _midas("tum", "TUM RGB-D", 10.0, "tum_rgbd", "tum"),
)
