r"""Metric depth from a stereo rig with a LiDAR: a few true points and the alignment of both pictures together.

    leadline train kuznietsov --set data.sources=video:KITTI_RAW
    leadline train kuznietsov --set data.sources=worlds/drive data.video.truth_share=0.02     # 2 % of a dense truth
    leadline train kuznietsov --set data.sources=worlds/drive video.alignment=0               # the truth alone
    leadline train kuznietsov --set data.sources=video:rig video.supervised=0                 # the alignment alone

Kuznietsov et al. 2017 (arXiv 1702.02706): berHu in metres, direct image alignment in both directions, edge-aware smoothness of
inverse depth; 621 x 187, here the next multiples of 32. Weights, rate and which term is faded in were not read.
Hardware: a GPU for the published size. Expected: AbsRel 0.18 in metres on a rendered drive at 96 x 64, three minutes on one
core, with `video.near=3`; truth alone and alignment alone are as good there (docs/results/self_supervised.md). Published on
KITTI's Eigen split: AbsRel 0.113, semi-supervised better than LiDAR alone better than alignment alone.
"""

from __future__ import annotations

from dataclasses import replace

from leadline.data.clips import VideoData
from leadline.recipes import monodepth2
from leadline.training.config import ModelConfig, TrainConfig
from leadline.training.video_settings import VideoSettings


def recipe() -> TrainConfig:
    """Return the recipe; `data.sources` is to be set."""
    base = monodepth2.recipe()
    return replace(
        base,
        name="kuznietsov.v1",
        run_dir="runs/kuznietsov",
        model=ModelConfig(architecture="kuznietsov", frozen_stages=0),
        data=replace(base.data, shapes=((192, 640),), batch_size=5, video=VideoData(views="stereo", truth=True)),
        # A hundredth of weights for pictures in 0..255: 100 for the truth, 1 for the alignment and for the regulariser.
        video=VideoSettings(objective="kuznietsov", supervised=1.0, alignment=2.55, smoothness=0.01, near=1.0, far=80.0),
    )
