"""The objectives that learn depth from films, as numbers and switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Objective = Literal["monodepth2", "sfmlearner", "ddvo", "geonet", "kuznietsov"]
Stage = Literal["first", "second"]


@dataclass(frozen=True)
class VideoSettings:
    """The objective of networks that learn from films; others ignore it.

    Attributes:
        objective: the module of `leadline.training.tasks` that has this name.
        stage: of an objective that has two: with ddvo, the "first" learns the motion by a network, the "second" refines it by
            direct visual odometry; with geonet, the "first" learns depth and motion, the "second" the flow of what moves by
            itself. The second starts from the first one's `model.weights`.
        combination: of the errors of several sources: the "minimum" of each pixel, or the "mean", as methods before.
        auto_mask: leave out pixels that a source explains better as it is: the camera stands still, or they move with it.
        auto_mask_after: steps before which nothing is left out. With 0, as published, a network that begins with the motion
            backwards leaves out all that would tell it so, and stays there: 1 of 3 trainings on a rendered drive did.
        tie_noise: decides where both explain a pixel equally well.
        full_resolution: compare at the picture's size at every scale; else at each scale's own.
        full_resolution_after: steps before which it is each scale's own in any case. With 0, as published, a network whose
            motion begins wrong by many pixels finds no way back and sends depth to infinity within 40 steps: shrunk pictures
            show it one.
        outside: "border" compares what a source doesn't show with its rim, as published; "masked" leaves it out, and then a
            motion that sends everything outside costs nothing.
        smoothness: weight of the smoothness term, divided by 2^s at scale s.
        explainability: weight that keeps SfMLearner's mask open; 0 for no mask, as in its released defaults.
        mean_disparity: ddvo brings the mean of each map of disparity to this number before it uses it.
        flow_smoothness, flow_consistency: weights of geonet's second stage, the former divided by 2^s at scale s.
        adaptive: compare flow there and back only where they nearly agree, as published; else everywhere in the picture.
        supervised, alignment: weights of kuznietsov's data terms, berHu in metres and stereo alignment of pictures in 0..1.
        fade_in: which of the two starts at 0: its weight is multiplied by exp(-fade_steps / step).
        fade_steps: after so many steps it has 37 % of its weight; 0 for no fading.
        near, far: limits of the depth, in metres where the other eye's baseline is known, else in the unit of the motion.
    """

    objective: Objective = "monodepth2"
    stage: Stage = "first"
    combination: Literal["minimum", "mean"] = "minimum"
    auto_mask: bool = True
    auto_mask_after: int = 100
    tie_noise: float = 1e-5
    full_resolution: bool = True
    full_resolution_after: int = 100
    outside: Literal["border", "masked"] = "border"
    smoothness: float = 1e-3
    explainability: float = 0.0
    mean_disparity: float = 10.0
    flow_smoothness: float = 0.2
    flow_consistency: float = 0.2
    adaptive: bool = True
    supervised: float = 1.0
    alignment: float = 2.55
    fade_in: Literal["supervised", "alignment"] = "supervised"
    fade_steps: float = 10.0
    near: float = 0.1
    far: float = 100.0


# The ablation of Godard et al. 2019, table 2: what each part of monodepth2 adds to the baseline. As `--set` takes them.
ABLATION: dict[str, tuple[str, ...]] = {
    "baseline": ("video.combination=mean", "video.auto_mask=false", "video.full_resolution=false"),
    "min": ("video.combination=minimum", "video.auto_mask=false", "video.full_resolution=false"),
    "auto-mask": ("video.combination=mean", "video.auto_mask=true", "video.full_resolution=false"),
    "full-res": ("video.combination=mean", "video.auto_mask=false", "video.full_resolution=true"),
    "all": ("video.combination=minimum", "video.auto_mask=true", "video.full_resolution=true"),
}
