"""A quick look at real samples while a network trains: a light subset of `real_sets`, kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import fsum
from pathlib import Path

import numpy as np

from leadline.depth_map import replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.real_sets import REAL_SETS, RealSet
from leadline.evaluation.runner import evaluate
from leadline.predictor import Predictor
from leadline.sample import Sample

REPORTED = ("abs_rel", "delta1")
LARGEST_SIDE = 640  # larger pictures are thinned out: a network in training looks at fewer pixels still


def make_zero_shot_validation(root: Path | str) -> Callable[[Predictor], dict[str, float]]:
    """Return a function that scores a predictor on about 40 real samples under `real_sets`' protocols.

    It gives ``"abs_rel/TITLE"`` and ``"delta1/TITLE"`` for each set, ``"abs_rel/mean"`` and ``"delta1/mean"`` over the sets
    that count, ``"failures"`` and ``"upside_down"`` (fits of negative scale). Sets whose folders are missing are left out; the
    keys say which were there. Samples are read at the first call and kept (about 80 MB).
    Pictures above 640 pixels are shrunk, so that the numbers differ in the third digit from those of the full table.

    Args:
        root: the folder with ``dev/`` below it.

    Raises:
        LeadlineError: none of the sets that count is below `root`.
    """
    root = Path(root)
    present = [real for real in REAL_SETS if real.is_at(root)]
    if not any(real.in_mean for real in present):
        raise LeadlineError(f"no real samples in {root}: expected folders such as {REAL_SETS[0].parts[0][1]} below it")
    kept: dict[str, list[Sample]] = {}

    def validate(predictor: Predictor) -> dict[str, float]:
        if not kept:
            kept.update({real.title: [thinned(s) for s in real.iter_samples(root, light=True)] for real in present})
        return _scores(predictor, present, kept)

    return validate


def thinned(sample: Sample) -> Sample:
    """Return the sample at a half, third, ... of its size, so that no side is above LARGEST_SIDE.

    The picture is averaged over blocks; the truth is that of each block's middle pixel, because the mean of two depths across
    an edge is no depth.
    """
    height, width = sample.image.shape[:2]
    step = -(-max(height, width) // LARGEST_SIDE)
    depth = sample.depth
    if step == 1 or depth is None:
        return sample
    import cv2

    hw = height // step, width // step
    whole = np.s_[: hw[0] * step, : hw[1] * step]
    middle = np.s_[step // 2 : hw[0] * step : step, step // 2 : hw[1] * step : step]
    camera = sample.camera and sample.camera.crop(0, 0, hw[1] * step, hw[0] * step).resize(hw)
    # OpenCV's area filter is the exact mean over blocks when the factor is whole.
    image = cv2.resize(sample.image[whole], hw[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
    small = replace_map(depth, values=depth.values[middle], valid=depth.valid[middle], camera=camera)
    return replace(sample, image=image, depth=small, camera=camera, masks={})


def _scores(predictor: Predictor, present: list[RealSet], samples: dict[str, list[Sample]]) -> dict[str, float]:
    results = {real.title: evaluate(predictor, samples[real.title], real.protocol, real.title) for real in present}
    counting = [results[real.title] for real in present if real.in_mean]
    scores = {f"{metric}/{title}": result.mean(metric) for metric in REPORTED for title, result in results.items()}
    for metric in REPORTED:
        scores[f"{metric}/mean"] = fsum(result.mean(metric) for result in counting) / len(counting)
    scores["failures"] = float(sum(len(result.failures) for result in results.values()))
    scores["upside_down"] = float(sum(result.upside_down for result in results.values()))
    return scores
