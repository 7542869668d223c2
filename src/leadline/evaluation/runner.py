"""Score a predictor on samples under a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import Protocol as TypingProtocol
from typing import runtime_checkable

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.ordinal_sample import OrdinalSample
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.evaluation.classes import ALL
from leadline.evaluation.fitting import fitted, lies_on_its_side, nearest_everywhere, reason_to_refuse
from leadline.evaluation.measures import Tallies, measure, measure_order, measure_stereo
from leadline.evaluation.overlap import overlapped
from leadline.evaluation.partial import PartialRows
from leadline.evaluation.protocol import Protocol, fingerprint_of
from leadline.evaluation.resampling import resampled
from leadline.evaluation.result import DatasetRecord, ModelRecord, Result, Row
from leadline.evaluation.truth import Truth, truth_of
from leadline.predictor import Prediction, Predictor
from leadline.runtime.engine import usable_cores
from leadline.sample import Sample


@runtime_checkable
class SamplePredictor(Predictor, TypingProtocol):
    """A predictor that needs more of a sample than its picture: its name, to find a file, or its right view."""

    def predict_sample(self, sample: Sample) -> Prediction:
        """Predict the map of a sample."""
        ...


def predict(predictor: Predictor, sample: Sample) -> DepthMap:
    """Return what a predictor says of a sample: from the whole sample if it takes one, else from the picture and its camera."""
    if isinstance(predictor, SamplePredictor):
        return predictor.predict_sample(sample).depth
    return predictor(sample.image, sample.camera).depth


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    protocol: Protocol,
    dataset: str = "",
    *,
    root: Path | str = "",
    workers: int | None = None,
) -> Result:
    """Score `predictor` on `samples`.

    A predictor that raises, or that leaves a scored pixel without a number, makes a failed row; a truth with too few pixels
    makes a skipped one. None is dropped silently.

    Args:
        predictor: whose maps are scored; it gets the sample's picture and camera, or all of it (`SamplePredictor`).
        samples: with truth; read one at a time.
        protocol: how.
        dataset, root: for the record.
        workers: threads that score while the next picture is predicted; by default one a core. The predictor itself is called
            as often at once as its attribute `streams` says, else by one thread at a time.

    Raises:
        LeadlineError: the kind of the predictor's maps, or of the truth, is none that the protocol can compare; or a sample
            can't be read.
    """
    refuse_kind(predictor.card.kind, protocol, dataset)
    score = _scorer(predictor, protocol)
    rows = tuple(overlapped(samples, score, workers or usable_cores()))
    record = DatasetRecord(dataset, str(root), version_of([row.name for row in rows]), len(rows))
    return Result(_model_record(predictor), record, protocol.record(), rows)


def evaluate_dataset(
    predictor: Predictor,
    dataset: Dataset,
    root: Path | str,
    protocol: Protocol,
    *,
    every: int = 1,
    limit: int | None = None,
    partial_file: Path | None = None,
    resume: bool = True,
    on_row: Callable[[Row, int], None] | None = None,
) -> Result:
    """Score `predictor` on a data set, reading, predicting and scoring at once.

    As `evaluate`; besides, a sample that can't be read makes a skipped row, which says why.

    Args:
        predictor, protocol: as in `evaluate`.
        dataset: a reader.
        root: its folder.
        every: score the first of each `every` samples.
        limit: at most so many.
        partial_file: where rows are kept while the run goes on, so that a second call goes on where the first one was stopped.
            It is removed by the caller, once the result is written.
        resume: False discards what is in `partial_file`.
        on_row: called with each row that is scored now, and how many there will be.

    Raises:
        LeadlineError: as `evaluate`; no sample in `root`; or `partial_file` holds the rows of another run.
    """
    refuse_kind(predictor.card.kind, protocol, dataset.info.name)
    names = dataset.names(root)[::every][:limit]
    record = DatasetRecord(dataset.info.name, str(root), version_of(names), len(names))
    model = _model_record(predictor)
    key = {
        "model": f"{model.name} {model.kind} {model.sha256}".strip(),
        "data set": f"{record.name} {record.version}",
        "protocol": f"{protocol.name} {protocol.fingerprint}",
    }
    kept = PartialRows(partial_file, key, resume=resume)
    score = _scorer(predictor, protocol)

    def work(name: str) -> Row:
        try:
            sample = dataset.read(root, name)
        except LeadlineError as error:
            return Row(name, skipped=f"can't be read: {error}")
        return replace(score(sample), name=name)

    with kept:
        missing = [name for name in names if name not in kept.rows]
        for row in overlapped(missing, work, usable_cores()):
            kept.add(row)
            if on_row is not None:
                on_row(row, len(missing))
    return Result(model, record, protocol.record(), tuple(kept.rows[name] for name in names))


def refuse_kind(kind: Kind, protocol: Protocol, dataset: str = "") -> None:
    """Check that maps of a kind can be scored under a protocol; `dataset` decides which others the message names first.

    Raises:
        LeadlineError: they can't; the message says why, and which protocols they can be scored under.
    """
    reason = reason_to_refuse(kind, protocol)
    if reason:
        from leadline.evaluation.protocols.registry import protocols_for

        remedy = ", ".join(protocols_for(kind, (dataset,) if dataset else protocol.datasets)[:4])
        raise LeadlineError(f"a {kind} prediction under protocol {protocol.name}: {reason}; take one of {remedy}")


def version_of(names: Iterable[str]) -> str:
    """Return eight hex digits of the ordered names of the samples."""
    return fingerprint_of(list(names))


def score_map(prediction: DepthMap, sample: Sample, protocol: Protocol, truth: Truth | None = None) -> Row:
    """Compare one map with the truth of a sample.

    Args:
        prediction: of a kind that the protocol takes.
        sample: with truth.
        protocol: how.
        truth: `truth_of` the sample, if it is at hand.

    Raises:
        LeadlineError: the kinds can't be compared.
    """
    refuse_kind(prediction.kind, protocol)
    truth = truth or truth_of(sample, protocol, prediction.hw if protocol.resized == "truth" else None)
    if skipped := _too_little(sample, truth, protocol):
        return skipped
    masks = _masks(sample, truth, protocol)
    pixels = {of: int(np.count_nonzero(mask)) for of, mask in masks.items()}
    row = partial(Row, sample.name, pixels=pixels)
    if protocol.space == "pixel_disparity":
        if prediction.hw != truth.hw and protocol.resize == "refuse":
            return _failed(sample, truth, protocol, f"a prediction of size {prediction.hw} for a truth of {truth.hw}")
        if lies_on_its_side(prediction.hw, truth.hw):
            return _failed(sample, truth, protocol, f"a prediction of size {prediction.hw} for {truth.hw} lies on its side")
        at_size = resampled(prediction, truth.hw, protocol.resize)
        return _filled(row, measure_stereo(protocol.metrics, at_size, truth, masks), protocol)
    found = fitted(prediction, truth, protocol, _baseline_m(sample))
    if isinstance(found, str):
        return _failed(sample, truth, protocol, found)
    fit = found.fit
    filled = _filled(row, measure(protocol.metrics, sample, found, masks), protocol)
    return replace(filled, scale=fit.scale, shift=fit.shift, note=fit.reason) if protocol.fits else filled


def _scorer(predictor: Predictor, protocol: Protocol) -> Callable[[Sample], Row]:
    in_predictor = BoundedSemaphore(int(getattr(predictor, "streams", 1)))

    def score(sample: Sample) -> Row:
        if protocol.space == "order":
            pairs = _ordinal(sample, protocol)
            truth = None
        else:
            truth = truth_of(sample, protocol)
            if protocol.resized == "prediction" and (skipped := _too_little(sample, truth, protocol)):
                return skipped
        try:
            with in_predictor:
                predicted = predict(predictor, sample)
        except Exception as error:  # a predictor may be anything, and one image must not end the run
            why = str(error) if isinstance(error, LeadlineError) else f"{type(error).__name__}: {error}"
            return _failed_order(pairs, protocol, why) if truth is None else _failed(sample, truth, protocol, why)
        if truth is None:
            row = partial(Row, sample.name, pixels={"all": len(pairs.relation)})
            return _filled(row, measure_order(protocol.metrics, predicted, pairs), protocol)
        return score_map(predicted, sample, protocol, truth if protocol.resized == "prediction" else None)

    return score


def _ordinal(sample: Sample, protocol: Protocol) -> OrdinalSample:
    if not isinstance(sample, OrdinalSample):
        raise LeadlineError(
            f"sample {sample.name!r} has no pairs of points: protocol {protocol.name} compares the order of "
            f"{', '.join(protocol.datasets) or 'pairs'}; take another protocol or data set"
        )
    return sample


def _too_little(sample: Sample, truth: Truth, protocol: Protocol) -> Row | None:
    pixels = truth.index.size
    if pixels >= protocol.min_valid_pixels:
        return None
    why = f"{pixels} valid pixels, fewer than {protocol.min_valid_pixels}"
    if truth.outside > pixels:
        low, high = truth.valid_range
        cap = "no cap" if protocol.cap_m is None else f"{protocol.cap_m:g} m"
        why += (
            f"; {truth.outside} more lie outside {protocol.nearest_m:g} to {cap}, truth being from {low:.4g} to {high:.4g}: "
            "is it in another unit? leadline data check tells"
        )
    return Row(sample.name, pixels={"all": pixels}, skipped=why)


def _failed(sample: Sample, truth: Truth, protocol: Protocol, why: str) -> Row:
    """Return a failed row, scored by the protocol's policy."""
    masks = _masks(sample, truth, protocol)
    if protocol.space == "pixel_disparity":
        tallies = measure_stereo(protocol.metrics, None, truth, masks)
    else:
        tallies = measure(protocol.metrics, sample, nearest_everywhere(truth, protocol), masks)
    row = partial(Row, sample.name, pixels={of: int(mask.sum()) for of, mask in masks.items()}, failure=why)
    return _filled(row, tallies, protocol)


def _masks(sample: Sample, truth: Truth, protocol: Protocol) -> dict[str, NDArray[np.bool_]]:
    """Return the classes of the pixels that count, "all" first."""
    if protocol.classes is None:
        return {ALL: np.ones(truth.index.shape, dtype=bool)}
    return protocol.classes.masks(sample, truth.hw, truth.index, truth.depth, in_metres=truth.in_metres)


def _failed_order(sample: OrdinalSample, protocol: Protocol, why: str) -> Row:
    row = partial(Row, sample.name, pixels={"all": len(sample.relation)}, failure=why)
    return _filled(row, measure_order(protocol.metrics, None, sample), protocol)


def _filled(row: Callable[..., Row], tallies: Tallies, protocol: Protocol) -> Row:
    metrics = {of: {name: tally.value for name, tally in found.items()} for of, found in tallies.items()}
    if protocol.averaging == "per_image":
        return row(metrics=metrics)
    sums = {of: {name: (float(t.count), *t.sums) for name, t in found.items()} for of, found in tallies.items()}
    return row(metrics=metrics, sums=sums)


def _model_record(predictor: Predictor) -> ModelRecord:
    card = predictor.card
    return ModelRecord(card.name, str(card.kind), card.sha256, card.licence)


def _baseline_m(sample: Sample) -> float | None:
    return sample.baseline_m if isinstance(sample, StereoPair) else None
