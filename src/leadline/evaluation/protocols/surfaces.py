"""Glass and mirrors: Booster, ClearGrasp and Mirror3D."""

from __future__ import annotations

from dataclasses import replace

from leadline.evaluation.classes import CLASSES, Classes, MaskClass
from leadline.evaluation.protocol import Protocol

_BOOSTER = Protocol(
    name="booster-mono",
    title="Booster, one picture: scale and shift fitted in disparity, by class of surface",
    datasets=("booster", "booster_quarter"),
    source="Depth4ToM, CVLAB-Unibo/Depth4ToM-code, evaluate_mono.py; a quarter of the size, depths of 1 mm to 10 m",
    notes="right where the published code slips: bicubic as it was meant, and a fitted disparity below 0 is far, not near. "
    "Errors in metres; the authors print mm. Truth is read at the pixel nearest to each centre, theirs at the upper left of "
    "4 x 4",
    normalise="min_max",
    cap_m=10.0,
    clamp="range",
    resize="cubic",
    score_hw=(752, 1028),
    classes=CLASSES["booster"],
    metrics=("delta1", "delta_1.2", "delta_1.15", "delta_1.1", "delta_1.05", "mae", "abs_rel", "rmse"),
)
_CLEARGRASP_METRICS = ("rmse", "abs_rel", "mae", "delta_1.05", "delta_1.1", "delta1")
_CLEARGRASP = Protocol(
    name="cleargrasp",
    title="ClearGrasp: depth of transparent things, metres as they are",
    datasets=("cleargrasp_real", "cleargrasp_synthetic"),
    source="arXiv 1910.02550, section V, and Shreeyak/cleargrasp, eval_depth_completion.py: 144 x 256",
    notes="the published numbers are those of class transparent; theirs come from a sensor's depth that is completed",
    space="none",
    solver="none",
    cap_m=None,
    clamp="positive",
    score_hw=(144, 256),
    classes=Classes((MaskClass("transparent", "material", (1,)), MaskClass("opaque", "material", (0,)))),
    metrics=_CLEARGRASP_METRICS,
)

PROTOCOLS = (
    _BOOSTER,
    replace(
        _BOOSTER,
        name="booster-mono-published",
        title="Booster, one picture, as the published numbers were made",
        notes="cv2.resize was given its flag in the place of another argument, so that it is bilinear; a fitted disparity "
        "below 0 becomes 1 mm by the clip. Errors in metres; the authors print mm",
        clamp="range_published",
        resize="bilinear_written_as_cubic",
    ),
    Protocol(
        name="booster-stereo",
        title="Booster, two pictures, by class of surface",
        datasets=("booster", "booster_quarter"),
        source="Zama Ramirez et al. 2022, arXiv 2206.04671, section 5: bad-2, 4, 6, 8, MAE and RMSE in pixels",
        notes="epe is their MAE, rms their RMSE; shares of 1, not percent. Pixels are those of the data set that is given: "
        "booster has the full size, booster_quarter a quarter",
        space="pixel_disparity",
        solver="none",
        cap_m=None,
        holes="wrong",
        classes=CLASSES["booster"],
        metrics=("bad_2", "bad_4", "bad_6", "bad_8", "epe", "rms", "missing"),
    ),
    _CLEARGRASP,
    replace(
        _CLEARGRASP,
        name="cleargrasp-fitted",
        title="ClearGrasp: depth of transparent things after a fit of scale and shift in disparity",
        notes="for networks without metres; the fit is over all pixels, not over the transparent ones. No paper's own",
        space="disparity",
        solver="scale_shift",
        cap_m=10.0,
        clamp="disparity_floor",
    ),
    Protocol(
        name="mirror3d-borders",
        title="Mirror3D: depth of mirrors against the planes of their borders, scale and shift fitted in disparity",
        datasets=("mirror3d_borders",),
        source="rooms and masks of Tan et al., CVPR 2021; no paper's own protocol",
        notes="for samples without refined depth: inside a mirror the truth is the plane of its border, an estimate; the fit "
        "is over all pixels, not over the mirrors",
        cap_m=10.0,
        classes=Classes((MaskClass("mirror", "material", (2,)), MaskClass("other", "material", (0,)))),
        metrics=("rmse", "abs_rel", "mae", "delta_1.05", "delta_1.1", "delta1"),
    ),
)
