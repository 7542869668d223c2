"""The ablation of objectives of MiDaS (arXiv 1907.01341, figure 3; METHODS A.6, result i), on four degraded sources at once.

No source has truth that is exact: an RGB-D camera's, a web stereo pair's, structure from motion's and a film's, each on another
kind of world. All start from the same encoder and the same random decoder of their seed and see the same batches.
"""

from __future__ import annotations

from leadline.recipes.studies.study import Arm, Study

SOURCES = ("rooms-b#rgbd", "tabletop-b#relative", "street-b#sfm", "terrain-b#film")

STUDY = Study(
    name="losses",
    sources=SOURCES,
    arms=(
        Arm("ssi-trim-gradient", "SSI trimmed MAE + gradient matching", ("loss.objective=ssi_trim+gradient",)),
        Arm("ssi-trim", "SSI trimmed MAE", ("loss.objective=ssi_trim",)),
        Arm("ssi-mae", "SSI-MAE", ("loss.objective=ssi_mae",)),
        Arm("ssi-mse", "SSI-MSE", ("loss.objective=ssi_mse",)),
        Arm("nmg", "normalised multi-scale gradient", ("loss.objective=nmg",)),
        Arm("silog", "scale-invariant log", ("loss.objective=silog",)),
        Arm("ranking", "ordinal (ranking of drawn pairs)", ("loss.objective=ranking",)),
    ),
)
