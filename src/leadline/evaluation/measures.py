"""From the name of a metric (`leadline.evaluation.metric_names`) to its number for each class of pixels of an image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import nan

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.ordinal_sample import OrdinalSample
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.classes import ALL
from leadline.evaluation.fitting import Fitted
from leadline.evaluation.metric_names import NUMBER, Family, family_of
from leadline.evaluation.truth import Truth
from leadline.metrics import boundary, depth, normals, ordinal, points, stereo, structural
from leadline.metrics.tally import Tally
from leadline.sample import Sample

Masks = Mapping[str, NDArray[np.bool_]]
# class -> metric -> tally
Tallies = dict[str, dict[str, Tally]]


def measure(metrics: Sequence[str], sample: Sample, fitted: Fitted, masks: Masks) -> Tallies:
    """Score an image whose prediction is fitted.

    Args:
        metrics: names, of the protocol.
        sample: with the camera and the masks.
        fitted: prediction and truth.
        masks: (n,) bool for each class, "all" first.

    Raises:
        LeadlineError: a metric lacks something: a camera, say.
    """
    wanted: dict[Family, list[str]] = {}
    for metric in metrics:
        wanted.setdefault(family_of(metric), []).append(metric)
    found: Tallies = {of: {} for of in masks}
    if names := wanted.get("depth"):
        compared = fitted.depth, fitted.truth.depth
        if fitted.protocol.compared == "disparity":
            compared = 1 / fitted.depth, fitted.truth.disparity
        for of, tallies in depth.depth_metrics_by_class(*compared, masks, _thresholds(names)).items():
            found[of].update(tallies)
    if wanted.get("boundary"):
        found[ALL].update(_boundary(fitted))
    if names := wanted.get("ssim"):
        found[ALL].update(_ssim(fitted, names))
    if names := wanted.get("normals"):
        found[ALL].update(_normals(sample, fitted, names))
    if names := wanted.get("clouds"):
        found[ALL].update(_clouds(sample, fitted, names))
    return {of: {metric: tallies[metric] for metric in metrics if metric in tallies} for of, tallies in found.items()}


def measure_stereo(metrics: Sequence[str], prediction: DepthMap | None, truth: Truth, masks: Masks) -> Tallies:
    """Score a stereo disparity, in pixels, of the truth's size; None for a failed prediction, wrong at every pixel."""
    taus = tuple(float(metric.removeprefix("bad_")) for metric in metrics if metric.startswith("bad_"))
    pred = np.zeros(truth.index.shape) if prediction is None else prediction.values.ravel()[truth.index]
    seen = np.zeros(truth.index.shape, dtype=bool) if prediction is None else prediction.valid.ravel()[truth.index]
    found: Tallies = {}
    for of, mask in masks.items():
        tallies = stereo.stereo_metrics(pred, truth.disparity, mask, seen, taus_px=taus)
        found[of] = {metric: tallies[metric] for metric in metrics}
    return found


def measure_order(metrics: Sequence[str], prediction: DepthMap | None, sample: OrdinalSample) -> Tallies:
    """Score who is closer; None for a failed prediction, wrong about every pair. The sample's scene type is a class."""
    h, w = sample.image.shape[:2]
    shown = DepthMap(np.full((h, w), np.nan)) if prediction is None else prediction
    # Points are in pixels of the picture; the pixel of the map that covers them is read.
    to_map = np.array([shown.hw[1] / w, shown.hw[0] / h])
    pairs = ordinal.read_pairs(
        shown.values,
        sample.xy_a * to_map,
        sample.xy_b * to_map,
        sample.relation.astype(np.int64),
        near_is_large=shown.kind.near_is_large,
        valid=shown.valid,
        weight=sample.weight,
    )
    tallies = {metric: {"whdr": ordinal.whdr, "pair_accuracy": ordinal.pair_accuracy}[metric](pairs) for metric in metrics}
    return {ALL: tallies, **({sample.scene_type: tallies} if sample.scene_type else {})}


def finish_pooled(metric: str, sums: Sequence[Sequence[float]]) -> float:
    """Return a metric over the pixels of all images from each image's ``(count, sum, ...)``; NaN without pixels.

    An image that lacks the class gives ``()``.

    Raises:
        LeadlineError: an unknown metric, or one that can't be pooled.
    """
    blank = _example(metric)
    total: Tally | None = None
    for found in sums:
        if found and found[0]:
            tally = replace(blank, count=int(found[0]), sums=tuple(found[1:]))
            total = tally if total is None else total + tally
    return nan if total is None else total.value


@lru_cache(maxsize=256)
def _example(metric: str) -> Tally:
    """Return a tally of one metric, for the way that it adds up and is finished."""
    one = np.ones(1)
    match family_of(metric):
        case "depth":
            return depth.depth_metrics(one, one, thresholds=_thresholds([metric]))[metric]
        case "stereo":
            taus = (float(metric.removeprefix("bad_")),) if metric.startswith("bad_") else ()
            return stereo.stereo_metrics(one, one, taus_px=taus)[metric]
        case "order":
            pairs = ordinal.Pairs(one, one * 2, np.array([ordinal.CLOSER]), one)
            return ordinal.whdr(pairs) if metric == "whdr" else ordinal.pair_accuracy(pairs)
        case family:
            raise LeadlineError(f"metric {metric!r} pooled over images: expected one of pixels or pairs, this is of {family}")


def _thresholds(names: Sequence[str]) -> tuple[float, ...]:
    """Return the thresholds of the deltas that are named."""
    others = {float(name.removeprefix("delta_")) for name in names if name.startswith("delta_")}
    return (*depth.DELTA_THRESHOLDS, *sorted(others))


def _valid(truth: Truth) -> NDArray[np.bool_]:
    valid = np.zeros(truth.hw, dtype=bool)
    valid.flat[truth.index] = True
    return valid


def _whole_truth(truth: Truth) -> NDArray[np.float64]:
    whole = np.ones(truth.hw)
    whole.flat[truth.index] = truth.depth
    return whole


def _boundary(fitted: Fitted) -> dict[str, Tally]:
    truth = fitted.truth
    return {"boundary_f1": boundary.boundary_f1(fitted.whole_depth, _whole_truth(truth), _valid(truth))}


def _ssim(fitted: Fitted, names: Sequence[str]) -> dict[str, Tally]:
    target = fitted.truth.as_map()
    found: dict[str, Tally] = {}
    for inputs in dict.fromkeys("/".join(name.split("/")[1:3]) for name in names):
        similarity = structural.structural_similarity(*_ssim_maps(fitted, target, inputs), ssim_inputs(inputs)).ssim
        parts = structural.split_at(similarity, structural.depth_edges(target))
        for tally in (similarity.tally, *parts):
            # A flat map is like a flat wall: it must not be what a failed image is scored as.
            found[tally.name] = replace(tally, sums=(0.0,)) if fitted.failed else tally
    return found


def _ssim_maps(fitted: Fitted, target: DepthMap, inputs: str) -> tuple[DepthMap, DepthMap]:
    """Return both maps, in the prediction's quantity where they are compared as they are."""
    pred = fitted.prepared
    if not pred.valid.all():
        pred = DepthMap(np.where(pred.valid, pred.values, 0.0), None, pred.kind, pred.camera)
    as_depth = inputs.startswith("min_max") and not pred.kind.near_is_large
    return pred, target.to_depth() if as_depth else target


def ssim_inputs(text: str) -> structural.SsimInputs:
    """Read ``SPACE/LEVELS``, as `SsimInputs` writes it: ``"min_max/uint8_rounded"``, ``"capped_depth_80/float"``.

    Raises:
        LeadlineError: unknown words.
    """
    space, _, levels = text.partition("/")
    capped = re.fullmatch(rf"(capped_depth)_({NUMBER})", space)
    name, cap = (capped[1], float(capped[2])) if capped else (space, None)
    return structural.SsimInputs(name, levels, cap)  # type: ignore[arg-type]


def _normals(sample: Sample, fitted: Fitted, names: Sequence[str]) -> dict[str, Tally]:
    thresholds = [float(name.removeprefix("normal_")) for name in names if re.fullmatch(rf"normal_{NUMBER}", name)]
    if sample.camera is None:
        raise LeadlineError(f"sample {sample.name!r} has no camera: normals need one; take a protocol without {names[0]}")
    truth = fitted.truth
    camera = sample.camera.resize(truth.hw)
    return normals.normal_metrics_of_depth(fitted.whole_depth, _whole_truth(truth), camera, _valid(truth), thresholds)


def _clouds(sample: Sample, fitted: Fitted, names: Sequence[str]) -> dict[str, Tally]:
    areas = sorted({float(name.removeprefix("f_auc_")) for name in names if name.startswith("f_auc_")})
    others = [name for name in names if not name.startswith("f_auc_")]
    thresholds = sorted({float(name.rpartition("_")[2]) for name in others if re.search(NUMBER, name)})
    if sample.camera is None:
        raise LeadlineError(f"sample {sample.name!r} has no camera: clouds need one; take a protocol without {names[0]}")
    truth = fitted.truth
    camera, valid = sample.camera.resize(truth.hw), _valid(truth)
    pred, target = (points.cloud_of_depth(whole, camera, valid) for whole in (fitted.whole_depth, _whole_truth(truth)))
    return points.cloud_metrics(pred, target, thresholds_m=thresholds, auc_to_m=areas)
