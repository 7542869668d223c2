"""MiDaS's mix of five kinds of truth (arXiv 1907.01341; METHODS A.2, A.3), equal parts in every batch, by Pareto mixing.

    leadline train midas_mix
    leadline train midas_mix --set data.sources=diml@DIML,redweb@ReDWeb,megadepth@MegaDepth,diw@DIW

The sources are worlds that `leadline synth` renders, with the truth made as wrong as that of the real sets (the word behind #,
`leadline.data.degrade`): an RGB-D camera's, a web stereo pair's, structure from motion's, a film's, and people's answers about
pairs of points. The second line takes the real sets instead, as downloaded (docs/how-to/datasets.md).
Hardware: 2 CPU cores. Expected score: of a run of 600 steps of 10, delta1 0.70 and AbsRel 0.22 over 4 worlds and 11 real sets
(docs/results/mixing.md); not measured at this length.
"""

from __future__ import annotations

from leadline.training.config import DataConfig, OptimiserConfig, TrainConfig

SOURCES = (
    "worlds/rooms#rgbd",
    "worlds/tabletop#relative",
    "worlds/street#sfm",
    "worlds/terrain#film",
    "worlds/street-wide#pairs",
)


def recipe() -> TrainConfig:
    """Return the recipe."""
    return TrainConfig(
        name="leadline-s.midas-mix",
        run_dir="runs/midas_mix",
        data=DataConfig(sources=SOURCES, mixing="equal", batch_size=20),
        optimiser=OptimiserConfig(steps=8000, lr=9e-4, encoder_lr=2e-4, combine="pareto"),
    )
