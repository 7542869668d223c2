"""A quick look at real samples while a network trains: a light subset of `real_sets`, kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.evaluation.real_sets import REAL_SETS, RealSet
from leadline.evaluation.runner import evaluate
from leadline.predictor import Predictor
from leadline.sample import Sample

REPORTED = ("abs_rel", "delta1")


def make_zero_shot_validation(root: Path | str) -> Callable[[Predictor], dict[str, float]]:
    """Return a function that scores a predictor on about 40 real samples under `real_sets`' protocols.

    It gives ``"abs_rel/TITLE"`` and ``"delta1/TITLE"`` for each set, ``"abs_rel/mean"`` and ``"delta1/mean"`` over the sets
    that count, ``"failures"`` and ``"upside_down"`` (fits of negative scale). Sets whose folders are missing are left out; the
    keys say which were there. Samples are read at the first call and kept (about 150 MB).

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
            kept.update({real.title: list(real.iter_samples(root, light=True)) for real in present})
        return _scores(predictor, present, kept)

    return validate


def _scores(predictor: Predictor, present: list[RealSet], samples: dict[str, list[Sample]]) -> dict[str, float]:
    results = {real.title: evaluate(predictor, samples[real.title], real.protocol, real.title) for real in present}
    counting = [results[real.title] for real in present if real.in_mean]
    scores = {f"{metric}/{title}": result.mean(metric) for metric in REPORTED for title, result in results.items()}
    for metric in REPORTED:
        scores[f"{metric}/mean"] = fsum(result.mean(metric) for result in counting) / len(counting)
    scores["failures"] = float(sum(len(result.failures) for result in results.values()))
    scores["upside_down"] = float(sum(result.upside_down for result in results.values()))
    return scores
