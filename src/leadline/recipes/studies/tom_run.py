"""One arm of the study of virtual labels: label, fine-tune, score."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.registry import get_dataset
from leadline.errors import LeadlineError
from leadline.evaluation.result import Result
from leadline.evaluation.runner import evaluate_dataset
from leadline.evaluation.surface_scores import PROTOCOL
from leadline.io.atomic import atomic_write
from leadline.labels.tom_predictor import TomPredictor
from leadline.predictor import Predictor
from leadline.recipes.studies.tom import BASE, HELD_OUT, INPUT_SIZE, SAME_MAKERS, Folders, TomArm, TomStudy
from leadline.recipes.studies.tom_data import Segment, prepare, write_labels, write_proxy_masks
from leadline.runtime.segmenter import AUTO, Segmenter, load_segmenter
from leadline.runtime.segmenter_card import OPAQUE, SKY
from leadline.sample import Sample

# Title, data set, folder below the data root, and the first of how many samples.
REAL = (
    ("ClearGrasp real", "cleargrasp_real", "dev/cleargrasp", 1),
    ("ClearGrasp synthetic", "cleargrasp_synthetic", "dev/cleargrasp", 1),
    ("D435 containers", "transparent_d435", "dev/transparent_d435", 3),
)
WORLD, ROOMS = "held-out world", "other rooms, the photos' makers"


class ScoredSet(NamedTuple):
    """Pictures to score on.

    Attributes:
        title: in tables and files.
        dataset, root: what and where.
        every: the first of how many samples.
    """

    title: str
    dataset: str
    root: Path
    every: int


def run_tom(study: TomStudy, arm: TomArm, seed: int, folders: Folders, segmenter: str = AUTO) -> Path:
    """Label, train and score an arm with a seed; return the file of its scores. Nothing is done if that is there.

    Args:
        study, arm, seed: what to train.
        folders: where everything lies.
        segmenter: of the proxy masks; one that was not trained on the photos says what proxy masks are worth.

    Raises:
        LeadlineError: the base of this seed is not trained yet, or something that the arm needs is missing.
    """
    from leadline.training import train

    path = folders.out / f"{arm.name}.{seed}.json"
    if path.exists():
        return path
    segment = load_segmenter(segmenter) if {"proxy", "sure"} & {arm.asks, arm.labels} else None  # a missing one fails at once
    prepare(study, folders)
    begun = perf_counter()
    extra: dict[str, Any] = {} if segment is None else {"segmenter": f"{segment.card.name} {segment.card.sha256[:8]}".strip()}
    if arm.name == BASE:
        config = study.base_config(seed, folders)
        _keep(train(config, resume=_is_begun(Path(config.run_dir)), validation=_no_validation), folders.network(BASE, seed))
        shutil.rmtree(config.run_dir)
    elif arm.labels is not None:
        extra |= _finetune(study, arm, seed, folders, segment)
    trained = perf_counter()
    network = load_network(folders.network(arm.name if arm.labels is not None else BASE, seed))
    sets = sets_of(folders)
    if arm.pictures != HELD_OUT:
        sets = sets[:1]  # no other set has a matte twin
    scores = score(_asked(network, arm, segment, folders), sets)
    record = {
        "arm": arm.name,
        "seed": seed,
        "steps": study.steps if arm.name == BASE else study.finetune_steps if arm.labels else 0,
        "minutes": {"training": round((trained - begun) / 60, 2), "scoring": round((perf_counter() - trained) / 60, 2)},
        **extra,
        "scores": scores,
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def load_network(folder: Path) -> Predictor:
    """Return the network that an arm ended with.

    Raises:
        LeadlineError: it is not trained yet.
    """
    import torch

    from leadline.models.registry import load_trained
    from leadline.training.predictor import NetworkPredictor

    if not (folder / "weights.safetensors").exists():
        raise LeadlineError(f"no network in {folder}: expected the base of this seed, run it first")
    torch.set_num_threads(1)
    network, name = load_trained(folder)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return NetworkPredictor(network, replace(network.card(name), input_size=INPUT_SIZE, resize_side="longer"))


def sets_of(folders: Folders) -> list[ScoredSet]:
    """Return what is scored: the held-out world first, then of the others what is there."""
    others = [ScoredSet(ROOMS, "leadline", folders.worlds / SAME_MAKERS, 1)]
    others += [ScoredSet(title, name, folders.data / at, every) for title, name, at, every in REAL]
    return [ScoredSet(WORLD, "leadline", folders.worlds / HELD_OUT, 1), *(one for one in others if one.root.is_dir())]


def score(predictor: Predictor, sets: Iterable[ScoredSet]) -> dict[str, dict[str, Any]]:
    """Return every metric by class of pixels on each set, by its title."""
    found = {}
    for one in sets:
        protocol = replace(PROTOCOL, datasets=(one.dataset,))
        found[one.title] = _summary(evaluate_dataset(predictor, get_dataset(one.dataset), one.root, protocol, every=one.every))
    return found


def missing(study: TomStudy, seeds: Sequence[int], out: Path) -> list[tuple[TomArm, int]]:
    """Return what is still to be done, seed by seed, the base of a seed before what starts from it."""
    arms = [arm for arm in study.arms if not arm.extra]
    return [(arm, seed) for seed in seeds for arm in arms if not (out / f"{arm.name}.{seed}.json").exists()]


def run_in_order(todo: Iterable[tuple[TomArm, int]], do: Callable[[str, int], int], jobs: int) -> list[int]:
    """Run arms, so many at a time, those that start from a base when it is done; return what each `do` returned."""
    from concurrent.futures import Future, ThreadPoolExecutor

    todo = list(todo)
    bases: dict[int, Future[int]] = {}

    def wait_and_do(arm: TomArm, seed: int) -> int:
        base = bases.get(seed)
        if arm.name != BASE and base is not None and base.result():
            return 1  # without its base there is nothing to start from
        return do(arm.name, seed)

    with ThreadPoolExecutor(jobs) as pool:
        # Bases first: whoever waits for one holds a worker, and a base in the queue behind it would never start.
        order = sorted(todo, key=lambda item: item[0].name != BASE)
        futures = {}
        for arm, seed in order:
            futures[arm.name, seed] = pool.submit(wait_and_do, arm, seed)
            if arm.name == BASE:
                bases[seed] = futures[arm.name, seed]
        return [futures[arm.name, seed].result() for arm, seed in todo]


def _finetune(study: TomStudy, arm: TomArm, seed: int, folders: Folders, segment: Segmenter | None) -> dict[str, Any]:
    """Label the photos with the base and train on the labels; return what the record says of it."""
    from leadline.training import train

    assert arm.labels is not None
    said: dict[str, Any] = {}
    masks = folders.photos / f"masks-{arm.labels}"
    if segment is not None:
        masks = folders.photos / f"masks-{segment.card.name}-{segment.card.sha256[:8]}"
        said["masks_iou"] = round(write_proxy_masks(folders.photos, masks, partial(_likeliest, segment)), 4)
    labels, config = folders.labels(arm.name, seed), study.finetune_config(arm, seed, folders)
    base = load_network(folders.network(BASE, seed))
    said["photos"] = write_labels(arm, base, folders.photos / "photos", masks, labels)
    _keep(train(config, resume=_is_begun(Path(config.run_dir)), validation=_no_validation), folders.network(arm.name, seed))
    for folder in (Path(config.run_dir), labels, Path(config.data.cache)):
        shutil.rmtree(folder)
    return said


def _asked(network: Predictor, arm: TomArm, segment: Segmenter | None, folders: Folders) -> Predictor:
    """Return the network as the arm asks it."""
    if arm.pictures != HELD_OUT:
        return WithOtherPictures(network, folders.worlds / arm.pictures)
    if arm.asks is None:
        return network
    if arm.asks == "true":
        return TomPredictor(network, options=arm.options)
    assert segment is not None
    return WithPredictedMasks(network, segment.surfaces if arm.asks == "sure" else partial(_likeliest, segment), arm)


def _likeliest(segment: Segmenter, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the (h, w) likeliest material of each pixel, sky as opaque."""
    classes = segment(picture)
    return np.where(classes == SKY, OPAQUE, classes).astype(np.uint8)


class WithOtherPictures:
    """A network that gets the pictures of another world, which shows the same views; the truth stays that of the sample."""

    def __init__(self, network: Predictor, world: Path) -> None:
        self._network, self._world = network, world
        self.card = network.card

    def __call__(self, image: NDArray[np.uint8], camera: Any = None) -> Any:
        """See `Predictor`."""
        return self._network(image, camera)

    def predict_sample(self, sample: Sample) -> Any:
        """See `leadline.evaluation.runner.SamplePredictor`.

        Raises:
            LeadlineError: the other world's view is missing or another one.
        """
        twin = get_dataset("leadline").read(self._world, sample.name)
        theirs, ours = twin.world_from_camera, sample.world_from_camera
        if theirs is None or ours is None or not np.allclose(theirs, ours):
            raise LeadlineError(
                f"{self._world}/{sample.name} is another view than the sample: render both with the same options"
            )
        return self._network(twin.image, twin.camera)


class WithPredictedMasks:
    """Virtual depth where a segmenter sees glass or mirrors; the true masks that samples carry are not looked at."""

    def __init__(self, network: Predictor, segment: Segment, arm: TomArm) -> None:
        self._tom = TomPredictor(network, options=arm.options)
        self._segment = segment
        self.card = self._tom.card

    def __call__(self, image: NDArray[np.uint8], camera: Any = None) -> Any:
        """See `Predictor`."""
        found = self._segment(image)
        if found.all():  # nothing is left to fit to: what the network says is all there is
            found = np.zeros_like(found)
        return self._tom(image, camera, mask=found)


def _keep(checkpoint: Path, out: Path) -> None:
    """Copy what a network can be loaded from, the weights last."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "weights.safetensors"):
        with atomic_write(out / name) as temporary:
            shutil.copyfile(checkpoint / name, temporary)


def _summary(result: Result) -> dict[str, Any]:
    classes = {
        of: {name: round(value, 6) for name, value in values.items() if np.isfinite(value)}
        for of, values in result.metrics.items()
    }
    return {**classes, "counts": result.counts}


def _is_begun(run_dir: Path) -> bool:
    return any((run_dir / "checkpoints").glob("step-*"))


def _no_validation(network: object) -> dict[str, float]:
    """Score nothing: the last weights are taken, none are chosen."""
    return {"score": 0.0}
