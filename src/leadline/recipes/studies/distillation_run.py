"""The teacher of the study of distillation, its labels, and one student from start to score."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from leadline.data.datasets.registry import get_dataset
from leadline.errors import LeadlineError
from leadline.evaluation.classes import Classes, EdgeClass, MaskClass
from leadline.evaluation.runner import evaluate
from leadline.evaluation.surface_scores import PROTOCOL
from leadline.io.atomic import atomic_write
from leadline.io.image import list_images, read_image
from leadline.predictor import ModelCard, Predictor
from leadline.recipes.studies.distillation import (
    PHOTO_SIDE,
    SURFACES,
    TEACHER,
    TEACHER_INPUT,
    DistillationStudy,
    labels_folder,
    photos_folder,
    teacher_folder,
)
from leadline.recipes.studies.study import INPUT_SIZE, Arm, score
from leadline.runtime.segmenter import Segmenter
from leadline.runtime.sizing import resize_picture
from leadline.sample import Sample
from leadline.training.config import TrainConfig
from leadline.training.summary import read_summary

SHARD_IMAGES = 64
CLASS = "class "
assert PROTOCOL.classes is not None
BY_CLASS = replace(
    PROTOCOL,
    name="held-out-surfaces",
    classes=Classes((*PROTOCOL.classes.members, MaskClass("thin", "thin", (1,)), EdgeClass("edges"))),
)


@dataclass(frozen=True)
class Folders:
    """Where everything of the study lies.

    Attributes:
        worlds: rendered worlds.
        data: real samples, ``dev/`` below it.
        photos: pictures without any label.
        runs: of trainings, decoded views, labels and networks.
        out: of the scores.
    """

    worlds: Path
    data: Path
    photos: Path
    runs: Path
    out: Path


def run_teacher(study: DistillationStudy, folders: Folders, segmenter: Segmenter | None = None) -> Path:
    """Train the teacher, score it and label the photos; return the file of its scores. What is there is kept.

    Args:
        study: which.
        folders: where everything lies.
        segmenter: finds the sky, which gets disparity 0 in the labels (METHODS C.1); None leaves the teacher's numbers.

    Raises:
        LeadlineError: a world or the photos are missing.
    """
    path = folders.out / f"{TEACHER}.0.json"
    network = teacher_folder(folders.runs)
    config = study.teacher_config(folders.worlds, folders.runs)
    if not (network / "weights.safetensors").exists():
        checkpoint = _train(config)
        network.mkdir(parents=True, exist_ok=True)
        summary = Path(config.run_dir) / "summary.json"
        for kept in (checkpoint / "config.json", summary, checkpoint / "weights.safetensors"):  # the weights last
            with atomic_write(network / kept.name) as temporary:
                shutil.copyfile(kept, temporary)
        shutil.rmtree(config.run_dir)
    photos = shrink_photos(folders.photos, photos_folder(folders.runs))
    counts = label_photos(network, photos_folder(folders.runs), labels_folder(folders.runs), segmenter)
    if not path.exists():
        scores = _scores(network, config, folders)
        minutes = round(read_summary(network).minutes, 2)
        sky = "" if segmenter is None else segmenter.card.name
        more = {"minutes": minutes, "photos": photos, "labels": counts, "sky": sky}
        _write(path, TEACHER, 0, study.teacher_steps, scores, more)
    return path


def run_student(study: DistillationStudy, arm: Arm, seed: int, folders: Folders) -> Path:
    """Train and score a student; return the file of its scores. Nothing is done if that is there.

    Raises:
        LeadlineError: the labels are not made yet, or a world is missing.
    """
    path = folders.out / f"{arm.name}.{seed}.json"
    if path.exists():
        return path
    if not (folders.out / f"{TEACHER}.0.json").exists():
        raise LeadlineError(f"no labels in {labels_folder(folders.runs)}: run one {study.name} --arm {TEACHER} first")
    config = study.config(arm, seed, folders.worlds, folders.runs)
    checkpoint = _train(config)
    minutes = round(read_summary(Path(config.run_dir)).minutes, 2)
    scores = _scores(checkpoint, config, folders)
    _write(path, arm.name, seed, study.steps, scores, {"minutes": minutes, "changes": list(arm.changes)})
    shutil.rmtree(config.run_dir)
    return path


def shrink_photos(photos: Path, out: Path) -> dict[str, int]:
    """Write the photos with a longer side of at most PHOTO_SIDE pixels; return how many, and how many can't be read.

    Raises:
        LeadlineError: there is none.
    """
    counts = Counter({"shrunk": 0, "unreadable": 0})
    for path in list_images(photos):
        small = out / f"{'-'.join(path.relative_to(photos).with_suffix('').parts)}.jpg"
        if not small.exists():
            try:
                pixels = read_image(path, at_least=PHOTO_SIDE).pixels
            except LeadlineError:
                counts["unreadable"] += 1
                continue
            scale = min(1.0, PHOTO_SIDE / max(pixels.shape[:2]))
            hw = round(pixels.shape[0] * scale), round(pixels.shape[1] * scale)
            small.parent.mkdir(parents=True, exist_ok=True)
            temporary = small.with_name(f".{os.getpid()}{small.name}")
            resized = pixels if scale == 1 else resize_picture(pixels, hw)
            cv2.imwrite(str(temporary), np.ascontiguousarray(resized[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 95])
            temporary.replace(small)
        counts["shrunk"] += 1
    if not counts["shrunk"]:
        raise LeadlineError(f"no photo that can be read in {photos}: give a folder of photos with --photos")
    return dict(counts)


def label_photos(network: Path, photos: Path, out: Path, segmenter: Segmenter | None) -> dict[str, int]:
    """Label the photos by the label job; return how many of them came to what."""
    import torch

    from leadline.labels.job import LabelJob
    from leadline.labels.options import LabelOptions

    torch.set_num_threads(1)
    options = LabelOptions(images="bytes")
    sky, name = (None, "") if segmenter is None else (segmenter.sky, segmenter.card.name)
    teacher = load_network(network, TEACHER_INPUT)
    job = LabelJob([str(photos)], teacher, out, options, shard_images=SHARD_IMAGES, sky=sky, sky_name=name)
    counts: Counter[str] = Counter()
    for done in job.run():
        counts.update(done.counts)
    return dict(counts)


def load_network(folder: Path, input_size: int) -> Predictor:
    """Return the network of a checkpoint at an input size; its card has the hash of its weights."""
    import torch

    from leadline.models.registry import load_trained
    from leadline.training.predictor import NetworkPredictor

    network, name = load_trained(folder)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    card: ModelCard = replace(network.card(name), input_size=input_size, resize_side="longer", sha256=digest)
    return NetworkPredictor(network, card)


def missing(study: DistillationStudy, seeds: Sequence[int], out: Path) -> list[tuple[Arm, int]]:
    """Return the students that are still to be trained, seed by seed."""
    return [(arm, seed) for seed in seeds for arm in study.arms if not (out / f"{arm.name}.{seed}.json").exists()]


def score_classes(predictor: Predictor, world: Path) -> dict[str, dict[str, float]]:
    """Return abs_rel and delta1 on glass and mirrors, on the rest, on thin things and beside edges of a held-out world."""
    result = evaluate(predictor, _with_thin(world), BY_CLASS, world.name, workers=1)
    found = {}
    for of, values in result.metrics.items():
        kept = {metric: values[metric] for metric in ("abs_rel", "delta1") if np.isfinite(values.get(metric, np.nan))}
        if len(kept) == 2:
            found[f"{CLASS}{of}"] = kept
    return found


def _with_thin(world: Path) -> Iterator[Sample]:
    from leadline.recipes.studies.thin_structures import thin_mask

    for sample in get_dataset("leadline").iter_samples(world):
        assert sample.depth is not None
        yield replace(sample, masks={**sample.masks, "thin": thin_mask(sample.depth)})


def _train(config: TrainConfig) -> Path:
    from leadline.training import train

    begun = any((Path(config.run_dir) / "checkpoints").glob("step-*"))
    return train(config, resume=begun, validation=_no_validation)


def _scores(checkpoint: Path, config: TrainConfig, folders: Folders) -> dict[str, dict[str, float]]:
    import torch

    torch.set_num_threads(1)
    scores = score(checkpoint, config, folders.worlds, folders.data)
    return scores | score_classes(load_network(checkpoint, INPUT_SIZE), folders.worlds / SURFACES)


def _write(path: Path, arm: str, seed: int, steps: int, scores: dict[str, dict[str, float]], more: dict[str, Any]) -> None:
    record = {"arm": arm, "seed": seed, "steps": steps, **more, "scores": scores}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _no_validation(network: object) -> dict[str, float]:
    """Score nothing: the last weights are taken, none are chosen."""
    return {"score": 0.0}
