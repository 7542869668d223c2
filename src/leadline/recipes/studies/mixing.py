"""Mixing of data sets (arXiv 1907.01341, table 3 and figure 5; METHODS A.6, results ii to iv) on five degraded sources.

Every arm sees the same number of pictures. A single source fills its batches alone.
"""

from __future__ import annotations

from leadline.recipes.studies.study import Arm, Study

SOURCES = ("rooms-b#rgbd", "tabletop-b#relative", "street-b#sfm", "terrain-b#film", "street-c#pairs")

STUDY = Study(
    name="mixing",
    sources=SOURCES,
    steps=600,
    batch_size=10,
    arms=(
        Arm("naive", "naive mix of all five"),
        Arm("pareto", "Pareto mix of all five", ("optimiser.combine=pareto",)),
        Arm("rgbd", "RGB-D rooms alone", (f"data.sources={SOURCES[0]}",)),
        Arm("relative", "web-stereo tabletop alone", (f"data.sources={SOURCES[1]}",)),
        Arm("sfm", "structure-from-motion streets alone", (f"data.sources={SOURCES[2]}",)),
        Arm("film", "film terrain alone", (f"data.sources={SOURCES[3]}",)),
        Arm("pairs", "ordinal pairs of wide streets alone", (f"data.sources={SOURCES[4]}",)),
        Arm(
            "naive-random",
            "naive mix, encoder not pretrained",
            ("model.imagenet=false", "model.frozen_stages=0", "optimiser.encoder_lr=0.0009"),
        ),
    ),
)
