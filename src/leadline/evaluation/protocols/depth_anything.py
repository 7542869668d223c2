"""Depth Anything's zero-shot relative comparison: as MiDaS's, but scored in disparity."""

from __future__ import annotations

from dataclasses import replace

from leadline.evaluation.protocol import Protocol

_BASE = Protocol(
    name="depth-anything",
    cap_m=10.0,
    compared="disparity",
    source="arXiv 2401.10891, table 2, and an author in LiheYoung/Depth-Anything #174: compared in disparity, not inverted",
    notes="no evaluation code was released: the fit and the caps are taken from MiDaS, whose table theirs extends; DIODE's "
    "and DDAD's caps are the scanners' ranges. Others could not reproduce the published figures on DIODE and ETH3D "
    "(Depth-Anything-V2 #280, #281)",
    metrics=("abs_rel", "delta1"),
)


def _depth_anything(name: str, title: str, cap_m: float, *datasets: str) -> Protocol:
    return replace(_BASE, name=f"depth-anything-{name}", title=f"Depth Anything on {title}", cap_m=cap_m, datasets=datasets)


PROTOCOLS = (
    _depth_anything("kitti", "KITTI", 80.0, "kitti_depth", "kitti_depth_selection", "kitti_eigen", "kitti_semidense"),
    _depth_anything("nyu", "NYUv2", 10.0, "nyu_labelled", "nyu_test", "nyu_png", "nyu_npy"),
    _depth_anything("sintel", "Sintel", 72.0, "sintel"),
    _depth_anything("ddad", "DDAD", 200.0, "ddad"),
    _depth_anything("eth3d", "ETH3D", 72.0, "eth3d"),
    _depth_anything("diode", "DIODE", 300.0, "diode"),
)
