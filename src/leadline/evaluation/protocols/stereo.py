"""Stereo benchmarks: KITTI 2012 and 2015, Middlebury, ETH3D's two-view set."""

from __future__ import annotations

from leadline.evaluation.classes import Classes, MaskClass
from leadline.evaluation.protocol import Protocol

_NOC = MaskClass("noc", "noc", (1,))
_HOLES = "a pixel without a prediction is wrong; the devkit fills holes along rows first: give a filled map to compare with it"

PROTOCOLS = (
    Protocol(
        name="kitti-stereo-2012",
        title="KITTI stereo 2012: bad pixels, all and not occluded",
        datasets=("kitti_stereo2012",),
        source="Geiger et al. 2012 and the benchmark's devkit, evaluate_stereo.cpp: errors above 2 to 5 px, mean over images",
        notes=f"{_HOLES}. The averaging is recalled, not read",
        space="pixel_disparity",
        solver="none",
        cap_m=None,
        holes="wrong",
        classes=Classes((_NOC,)),
        metrics=("bad_2", "bad_3", "bad_4", "bad_5", "epe", "missing"),
    ),
    Protocol(
        name="kitti-stereo-2015",
        title="KITTI stereo 2015: D1 of background, foreground and all pixels",
        datasets=("kitti_stereo2015",),
        source="Menze and Geiger 2015 and the benchmark's devkit, evaluate_scene_flow.cpp: above 3 px and 5 %, pooled",
        notes=f"{_HOLES}. The pooling is recalled, not read",
        space="pixel_disparity",
        solver="none",
        cap_m=None,
        averaging="pooled",
        holes="wrong",
        classes=Classes(
            (_NOC, MaskClass("background", "instance", (0,)), MaskClass("foreground", "instance", tuple(range(1, 256))))
        ),
        metrics=("d1", "bad_3", "epe", "missing"),
    ),
    Protocol(
        name="middlebury-stereo",
        title="Middlebury stereo, version 3: bad pixels, all and not occluded",
        datasets=("middlebury_v3", "middlebury2014", "middlebury2021"),
        source="vision.middlebury.edu/stereo/eval3: bad 0.5, 1, 2, 4, average and RMS error in pixels of the full size",
        notes="the board weighs its images (hard ones half) and is for the full size; here all weigh the same",
        space="pixel_disparity",
        solver="none",
        cap_m=None,
        holes="wrong",
        classes=Classes((_NOC,)),
        metrics=("bad_0.5", "bad_1", "bad_2", "bad_4", "epe", "rms", "missing"),
    ),
    Protocol(
        name="stereo",
        title="any stereo pairs: bad pixels, end-point error and D1",
        datasets=("middlebury2003", "middlebury2005", "middlebury2006", "eth3d_stereo", "sceneflow"),
        source="the metrics of the boards above, without classes",
        space="pixel_disparity",
        solver="none",
        cap_m=None,
        holes="wrong",
        metrics=("epe", "rms", "d1", "bad_0.5", "bad_1", "bad_2", "bad_3", "bad_4", "missing"),
    ),
)
