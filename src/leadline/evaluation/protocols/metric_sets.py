"""Protocols of single data sets: ETH3D, DIODE, Sintel, Make3D, DDAD, SUN RGB-D."""

from __future__ import annotations

from leadline.evaluation.protocol import Protocol

_ZOEDEPTH = "ZoeDepth, arXiv 2302.12288, zoedepth/utils/config.py and zoedepth/utils/misc.py"


def _metric(name: str, title: str, dataset: str, cap_m: float, source: str, notes: str = "") -> Protocol:
    return Protocol(
        name=name,
        title=f"{title}, metres as they are",
        datasets=(dataset,),
        source=source,
        notes=notes,
        space="none",
        solver="none",
        cap_m=cap_m,
        bounds="exclusive",
        clamp="range",
        resize="bilinear_corners",
    )


def _scaled(name: str, title: str, dataset: str, cap_m: float, source: str, notes: str = "") -> Protocol:
    return Protocol(
        name=name,
        title=f"{title}, median scaling",
        datasets=(dataset,),
        source=source,
        notes=notes,
        space="depth",
        solver="median_scale",
        cap_m=cap_m,
        bounds="exclusive",
        clamp="range",
    )


PROTOCOLS = (
    _metric(
        "eth3d-metric", "ETH3D", "eth3d", 72.0, "cap of MiDaS, arXiv 1907.01341, section 6", "no paper's own: metric networks"
    ),
    _metric("diode-indoor", "DIODE indoors", "diode", 10.0, _ZOEDEPTH, "recalled; give the indoors folder as the root"),
    _metric("diode-outdoor", "DIODE outdoors", "diode", 80.0, _ZOEDEPTH, "recalled; give the outdoor folder as the root"),
    _metric("sun-rgbd", "SUN RGB-D", "sun_rgbd_scenes", 8.0, _ZOEDEPTH, "recalled: a cap of 8 m, no crop"),
    _metric("ddad-metric", "DDAD", "ddad", 200.0, "TRI-ML/packnet-sfm, README: 0 to 200 m, no crop"),
    _scaled(
        "ddad-median",
        "DDAD",
        "ddad",
        200.0,
        "TRI-ML/packnet-sfm, packnet_sfm/utils/depth.py: compute_depth_metrics, ground-truth scale",
        "their depth is resized with align_corners; the network here gives the picture's own size",
    ),
    _scaled("sintel-median", "Sintel", "sintel", 72.0, "cap of MiDaS, arXiv 1907.01341, section 6", "no paper's own"),
    Protocol(
        name="make3d-c1",
        title="Make3D, depths below 70 m, middle of the picture, median scaling",
        datasets=("make3d",),
        source="Godard et al. 2019, arXiv 1806.01260, table 8; code in mrharicot/monodepth #189",
        notes="there the network sees the middle alone and the prediction is resized after the cut; here it sees the whole "
        "picture. What is called log10 there is the root of the mean square: not computed",
        space="depth",
        solver="median_scale",
        crop=("make3d_centre",),
        cap_m=70.0,
        bounds="exclusive",
        clamp="range",
        resize="nearest",
        resize_as="disparity",
        metrics=("abs_rel", "sq_rel", "rmse", "log10"),
    ),
)
