"""NYUv2's 654 test pictures under Eigen's crop."""

from __future__ import annotations

from leadline.evaluation.protocol import Protocol

PROTOCOLS = (
    Protocol(
        name="nyu-eigen",
        title="NYUv2 test pictures, Eigen crop, metres as they are",
        datasets=("nyu_labelled", "nyu_test", "nyu_png"),
        source="Eigen et al. 2014 (arXiv 1406.2283) for the crop; BTS, bts_eval.py, and AdaBins, evaluate.py, for the rest",
        space="none",
        solver="none",
        crop=("eigen_nyu",),
        cap_m=10.0,
        bounds="exclusive",
        clamp="range",
        resize="bilinear_corners",
    ),
    Protocol(
        name="nyu-eigen-disparity",
        title="NYUv2 test pictures, Eigen crop, scale and shift fitted in disparity",
        datasets=("nyu_labelled", "nyu_test", "nyu_png"),
        source="MiDaS's fit (arXiv 1907.01341, section 6) over the pixels of Eigen's crop: a combination, no paper's own",
        crop=("eigen_nyu",),
        cap_m=10.0,
        bounds="exclusive",
    ),
)
