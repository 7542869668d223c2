"""What a label job would take: pictures, shards and bytes from listing, hours and gigabytes from a sample that is labelled."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from leadline.io.header import software
from leadline.io.image import Photo
from leadline.labels.job import files_of, keeping_reason, row_of
from leadline.labels.job_record import absolute_inputs, teacher_of
from leadline.labels.options import LabelOptions
from leadline.labels.source_bytes import Item, iter_items
from leadline.labels.sources import Entry, iter_entries
from leadline.labels.stages import SkyMask, Work, finish_stage, predict_stage, read_stage
from leadline.predictor import Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor, run_pipeline

SAMPLE = 24
_WARM_UP = 4


@dataclass(frozen=True)
class Estimate:
    """What a job would take on this machine.

    Attributes:
        images, shards: of the plan.
        bytes_known: of the encoded pictures, where listing tells.
        sizes_unknown: pictures where it does not.
        problems: pictures known to be unreadable.
        sampled: pictures that were labelled to measure.
        sample_failed, sample_left_out: of these, those that failed or that a filter left out.
        images_per_s: of the sample, by one worker like this process.
        hours: for all images at that rate.
        label_bytes: what the labels would take, from the sample.
        first_failure: one line of the sample's first failure, or "".
    """

    images: int
    shards: int
    bytes_known: int
    sizes_unknown: int
    problems: int
    sampled: int
    sample_failed: int
    sample_left_out: int
    images_per_s: float
    hours: float
    label_bytes: int
    first_failure: str = ""


def estimate(
    inputs: Sequence[str],
    predictor: Predictor,
    options: LabelOptions | None = None,
    shard_images: int = 1000,
    sky: SkyMask | None = None,
    sample: int = SAMPLE,
) -> Estimate:
    """List all inputs and label a random sample, without writing anything.

    Args:
        inputs, predictor, options, shard_images, sky: as those of `leadline.labels.job.LabelJob`.
        sample: pictures to label; four more, where there are so many, warm the network up.

    Raises:
        LeadlineError: an input can't be listed.
    """
    options = options or LabelOptions()
    images = known = unknown = problems = 0
    drawn: list[Entry] = []
    rng = random.Random(0)
    for images, entry in zip(count(1), iter_entries(absolute_inputs(inputs)), strict=False):
        known, unknown, problems = known + max(0, entry.size), unknown + (entry.size < 0), problems + bool(entry.problem)
        # Vitter 1985, algorithm R: each picture has the same chance, without knowing how many there are.
        if len(drawn) < sample + _WARM_UP:
            drawn.append(entry)
        elif (place := rng.randrange(images)) < len(drawn):
            drawn[place] = entry
    warm_up = drawn[sample:] or drawn[:_WARM_UP]
    _label(warm_up, predictor, options, sky)
    started = time.perf_counter()
    rows = _label(drawn[:sample], predictor, options, sky)
    rate = len(rows) / (time.perf_counter() - started)
    states = [row["state"] for row in rows]
    stored = sum(row["stored"] for row in rows) / len(rows)
    failures = [f"{row['source']}: {row['reason']}" for row in rows if row["state"] == "failed"]
    return Estimate(
        images, -(-images // shard_images), known, unknown, problems, len(rows), states.count("failed"),
        states.count("left_out"), rate, images / rate / 3600, round(stored * images), failures[0] if failures else "",
    )  # fmt: skip


def _label(entries: Iterable[Entry], predictor: Predictor, options: LabelOptions, sky: SkyMask | None) -> list[dict[str, Any]]:
    at_least = predictor.longer_side_needed() if isinstance(predictor, AnySizePredictor) else None

    def read(work: Work) -> Photo:
        return keeping_reason(work, lambda: read_stage(work, options, at_least))

    def predict(work: Work, photo: Photo) -> Prediction:
        return predict_stage(work, photo, predictor, options, sky)

    def write(work: Work, photo: Photo, prediction: Prediction) -> None:
        keeping_reason(work, lambda: finish_stage(work, prediction, options))

    items: list[Item] = [item for entry in entries for item in iter_items([entry])]
    works = [Work(0, row, row, item) for row, item in enumerate(items)]
    rows = []
    for result in run_pipeline(works, predictor, write, read=read, predict=predict):
        row = row_of(result)
        files = files_of(result.item, row, teacher_of(predictor.card), software(), options)
        rows.append({**row, "stored": sum(512 + -(-len(data) // 512) * 512 for data in files.values())})  # as a tar pads
    return rows
