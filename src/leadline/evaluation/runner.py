"""Score a predictor on samples under a protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from math import fsum, nan

import numpy as np
from numpy.typing import NDArray

from leadline.alignment.least_squares import fit_scale_shift
from leadline.depth_map import DepthMap
from leadline.evaluation.protocol import Protocol, fingerprint_of
from leadline.evaluation.truth import Truth, disparity_of, truth_of
from leadline.metrics.depth import depth_metrics
from leadline.predictor import Predictor
from leadline.sample import Sample


@dataclass(frozen=True)
class Row:
    """The score of one image.

    Attributes:
        name: the sample's.
        metrics: by name; of the failure policy where `failure` is set, empty where `skipped` is.
        pixels: how many were compared.
        scale, shift: of the fit, in disparity.
        note: what the fit remarks ("negative scale", "constant prediction"), or "".
        failure: why there is no usable prediction, or "".
        skipped: why the truth can't be scored, or "".
    """

    name: str
    metrics: dict[str, float] = field(default_factory=dict)
    pixels: int = 0
    scale: float = 0.0
    shift: float = 0.0
    note: str = ""
    failure: str = ""
    skipped: str = ""


@dataclass(frozen=True)
class Result:
    """The score of a model on a data set, with all that it depends on.

    Attributes:
        model, model_sha256: from the predictor's card.
        dataset: what was scored on.
        protocol: how.
        rows: one an image, in order.
    """

    model: str
    model_sha256: str
    dataset: str
    protocol: Protocol
    rows: tuple[Row, ...]

    @property
    def scored(self) -> tuple[Row, ...]:
        """The rows that enter the means: all but the skipped ones, failures included."""
        return tuple(row for row in self.rows if not row.skipped)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows without a usable prediction; they enter the means by the protocol's failure policy."""
        return tuple(row for row in self.rows if row.failure)

    @property
    def skipped(self) -> int:
        """How many images have too little truth to be scored."""
        return len(self.rows) - len(self.scored)

    @property
    def upside_down(self) -> int:
        """How many fits have a negative scale."""
        return sum(row.scale < 0 for row in self.rows)

    def mean(self, metric: str) -> float:
        """Return the mean over the scored images of one metric; NaN without images."""
        values = [row.metrics[metric] for row in self.scored]
        return fsum(values) / len(values) if values else nan

    @property
    def means(self) -> dict[str, float]:
        """Every metric's mean over the scored images."""
        return {metric: self.mean(metric) for metric in (self.scored[0].metrics if self.scored else ())}

    def to_json(self) -> str:
        """Return the result as indented JSON."""
        content = {
            "model": self.model,
            "model_sha256": self.model_sha256,
            "dataset": self.dataset,
            "protocol": {**self.protocol.to_dict(), "fingerprint": self.protocol.fingerprint},
            "images": {"scored": len(self.scored), "failed": len(self.failures), "skipped": self.skipped},
            "upside_down": self.upside_down,
            "means": self.means,
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(content, indent=2, ensure_ascii=False)

    @property
    def fingerprint(self) -> str:
        """Eight hex digits of everything: model, data set, images, protocol and every number."""
        return fingerprint_of(self.to_json())


def evaluate(predictor: Predictor, samples: Iterable[Sample], protocol: Protocol, dataset: str = "") -> Result:
    """Score `predictor` on `samples`.

    A predictor that raises, or that leaves a scored pixel without a number, makes a failed row; a truth with too few pixels
    makes a skipped one. None is dropped silently.

    Args:
        predictor: whose maps are scored; it gets the sample's picture and camera.
        samples: with truth; read one at a time.
        protocol: how.
        dataset: a name for the record.

    Raises:
        LeadlineError: the kind of the predictor's maps, or of the truth, is none that the protocol can compare; or a sample
            can't be read.
    """
    rows = tuple(_score(predictor, sample, protocol) for sample in samples)
    return Result(predictor.card.name, predictor.card.sha256, dataset, protocol, rows)


def _score(predictor: Predictor, sample: Sample, protocol: Protocol) -> Row:
    truth = truth_of(sample, protocol)
    pixels = truth.index.size
    if pixels < protocol.min_valid_pixels:
        return Row(sample.name, pixels=pixels, skipped=f"{pixels} valid pixels, fewer than {protocol.min_valid_pixels}")
    try:
        predicted = predictor(sample.image, sample.camera).depth
    except Exception as error:  # a predictor may be anything, and one image must not end the run
        return _failed(sample.name, truth, protocol, f"{type(error).__name__}: {error}")
    return score_map(predicted, truth, protocol, sample.name)


def score_map(prediction: DepthMap, truth: Truth, protocol: Protocol, name: str = "") -> Row:
    """Compare one map with the truth: steps 2 to 5 of `Protocol`.

    Raises:
        LeadlineError: the map's kind can't be aligned in disparity.
    """
    disparity = _at_size_of(truth, disparity_of(prediction))
    if holes := int(np.count_nonzero(~disparity.valid.ravel()[truth.index])):
        return _failed(name, truth, protocol, f"{holes} of {truth.index.size} scored pixels have no prediction")
    pred = disparity.values.ravel()[truth.index]
    fit = fit_scale_shift(pred, truth.disparity)
    metrics = _metrics(np.maximum(fit.apply(pred), truth.smallest_disparity), truth)
    return Row(name, metrics, truth.index.size, fit.scale, fit.shift, fit.reason)


def aligned_disparity(prediction: DepthMap, truth: Truth) -> NDArray[np.float64]:
    """Return the (h, w) disparity whose inverse the protocol compares, for pictures and error maps.

    Raises:
        LeadlineError: the map's kind can't be aligned in disparity.
    """
    disparity = _at_size_of(truth, disparity_of(prediction))
    fit = fit_scale_shift(disparity.values.ravel()[truth.index], truth.disparity)
    return np.maximum(fit.apply(disparity.values), truth.smallest_disparity)


def _failed(name: str, truth: Truth, protocol: Protocol, why: str) -> Row:
    nearest = np.full(truth.disparity.shape, 1 / protocol.nearest_m)
    return Row(name, _metrics(nearest, truth), truth.index.size, failure=why)


def _metrics(disparity: NDArray[np.float64], truth: Truth) -> dict[str, float]:
    return {name: tally.value for name, tally in depth_metrics(1 / disparity, 1 / truth.disparity).items()}


def _at_size_of(truth: Truth, disparity: DepthMap) -> DepthMap:
    """Return the disparity at the truth's size; a pixel is valid where all that is mixed into it is."""
    if disparity.hw == truth.hw:
        return disparity
    import cv2

    width_height = truth.hw[::-1]
    values = cv2.resize(disparity.values, width_height, interpolation=cv2.INTER_LINEAR)
    missing = cv2.resize((~disparity.valid).astype(np.float32), width_height, interpolation=cv2.INTER_LINEAR)
    return DepthMap(values, missing == 0, disparity.kind)
