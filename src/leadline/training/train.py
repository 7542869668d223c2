"""Run a recipe: build the network, the data and the task that a configuration names, and hand them to the loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException

from leadline.data.class_views import ClassViews
from leadline.data.folder import LABELS_OF
from leadline.data.label_shards import parse_source
from leadline.data.mixing import MixedViews
from leadline.errors import LeadlineError
from leadline.models.depth_network import DepthNetwork
from leadline.models.registry import start_model
from leadline.models.stereo.registry import is_stereo
from leadline.models.tom_segmenter import is_segmenter
from leadline.models.video_network import VideoNetwork
from leadline.runtime.malloc import keep_freed_memory
from leadline.training.config import DataConfig, TrainConfig, from_json, to_json
from leadline.training.distillation import prepare_distillation, taught_sources
from leadline.training.loop import check_run_dir, make_fabric, run_loop
from leadline.training.predictor import NetworkPredictor
from leadline.training.segmentation import prepare_segmentation
from leadline.training.stereo import prepare_stereo
from leadline.training.task import Task
from leadline.training.tasks.metric import MetricTask
from leadline.training.tasks.supervised import SupervisedTask
from leadline.training.validation import Validation, held_out_validation
from leadline.training.video import prepare_video

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def train(config: TrainConfig, resume: bool = False, validation: Validation | None = None) -> Path:
    """Train by `config` and return the folder of the best checkpoint.

    Args:
        config: of the run, usually from `leadline.recipes.load_recipe`.
        resume: go on from the newest checkpoint in the run's folder.
        validation: scores checkpoints; by default held-out scenes of the training sources. With several devices it must pickle.

    Raises:
        LeadlineError: the configuration asks for something that is not there.
    """
    _check(config)
    check_run_dir(Path(config.run_dir), resume)
    fabric = make_fabric(config.trainer, config.trainer.devices)
    if config.trainer.devices == 1:
        return _train(fabric, config, resume, validation)
    with TemporaryDirectory() as folder:
        said = Path(folder) / "error"
        try:
            best: Path = fabric.launch(_train_spawned, to_json(config), resume, validation, said)  # type: ignore[arg-type]
        except ProcessRaisedException:
            if not said.exists():
                raise
            raise LeadlineError(said.read_text()) from None
    return best


def _train_spawned(fabric: Fabric, config: str, resume: bool, validation: Validation | None, said: Path) -> Path:
    """Train in one of several processes; an error is written to `said`, since torch reports that of any process."""
    keep_freed_memory()  # this process is ours alone
    try:
        return _train(fabric, from_json(config), resume, validation)  # Lightning can't pass frozen dataclasses
    except LeadlineError as error:
        said.write_text(str(error))
        raise


def _train(fabric: Fabric, config: TrainConfig, resume: bool, validation: Validation | None) -> Path:
    """Train in one of the processes, whose settings are as before when it ends."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    try:
        torch.set_num_threads(config.trainer.threads or threads)
        torch.set_flush_denormal(True)  # a CPU computes with numbers below 1e-38 many times slower
        torch.set_float32_matmul_precision("medium")
        return _train_set_up(fabric, config, resume, validation)
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision(precision)


def _train_set_up(fabric: Fabric, config: TrainConfig, resume: bool, validation: Validation | None) -> Path:
    if is_segmenter(config.model.architecture):
        with fabric.rank_zero_first():
            parts = prepare_segmentation(config)
        with _growing(parts.views, config.data.ingest_every_s):
            scored = validation or parts.validation
            return run_loop(config, parts.network, parts.make_task, parts.views.iter_batches, scored, resume, fabric=fabric)
    if is_stereo(config.model.architecture):
        pairs = prepare_stereo(config)
        scored = validation or pairs.validation
        return run_loop(config, pairs.network, pairs.make_task, pairs.views.iter_batches, scored, resume, fabric=fabric)
    network = make_network(config)
    if isinstance(network, VideoNetwork):
        if config.distillation.on:
            raise _no_student(config)
        with fabric.rank_zero_first():  # who comes first decodes the films
            film = prepare_video(config, network, says=fabric.is_global_zero)
        scored = validation or film.validation
        return run_loop(config, network, film.make_task, film.views.iter_batches, scored, resume, fabric=fabric)
    make_student_task = prepare_distillation(config, network, source_names(config.data)) if config.distillation.on else None
    with fabric.rank_zero_first():  # who opens the cache first writes it
        views = make_views(config)
        views.ingest()
    if validation is None and fabric.is_global_zero:
        validation = make_validation(config, views)

    def make_task(network: nn.Module, device: torch.device) -> Task:
        if make_student_task is not None:
            return make_student_task(network, device)
        if config.model.head != "own":
            return MetricTask(network, config.loss, device, config.model.max_depth)
        return SupervisedTask(network, config.loss, device, config.seed, apart=config.optimiser.combine != "sum")

    with _growing(views, config.data.ingest_every_s):
        return run_loop(config, network, make_task, views.iter_batches, validation, resume, fabric=fabric)


def _check(config: TrainConfig) -> None:
    if config.data.labels and not config.data.root:
        raise LeadlineError(f"data.labels={config.data.labels} without photos: expected data.root=FOLDER, what was labelled")
    if not source_names(config.data):
        raise LeadlineError(
            "data.sources is empty: expected --set data.root=FOLDER for your own pictures, or data.sources=WORLD,WORLD"
        )
    if config.distillation.on and (is_segmenter(config.model.architecture) or is_stereo(config.model.architecture)):
        raise _no_student(config)
    if config.trainer.devices < 1:
        raise LeadlineError(f"trainer.devices={config.trainer.devices}: expected at least 1")


def _no_student(config: TrainConfig) -> LeadlineError:
    return LeadlineError(f"distillation.on with {config.model.architecture}: expected a network of depth from one picture")


def make_network(config: TrainConfig) -> DepthNetwork:
    """Return the network at the start of a run, the same for the same seed.

    Raises:
        LeadlineError: the configuration asks for something that is not there, or for shapes that the network can't take.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = start_model(vars(config.model))
    for hw in config.data.shapes:
        if any(side % network.stride for side in hw):
            raise LeadlineError(f"data.shapes has {hw[0]}x{hw[1]}: expected multiples of {network.stride}")
    return network


def make_validation(config: TrainConfig, views: MixedViews) -> Validation | None:
    """Return the scores of held-out scenes, real samples beside them if asked for; None if no scene is held out yet."""
    held_out = views.validation_views(config.data.validation_views)
    if not held_out:
        return None
    chosen_by = held_out_validation(held_out)
    if not config.data.zero_shot:
        return chosen_by
    from leadline.evaluation.zero_shot import make_zero_shot_validation

    report = make_zero_shot_validation(config.data.zero_shot)

    def validate(network: nn.Module) -> dict[str, float]:
        return {**report(NetworkPredictor(network)), **chosen_by(network)}

    return validate


def make_views(config: TrainConfig) -> MixedViews:
    """Return the training views of a configuration."""
    data = config.data
    sources = source_names(data)
    return MixedViews(
        [parse_source(text) for text in sources],
        data.weights or [1.0] * len(sources),
        Path(data.cache),
        data.shapes,
        data.batch_size,
        data.augmentation,
        config.seed,
        data.longest,
        data.workers,
        data.mixing,
        data.temperature,
        data.most_broken,
        taught_sources(sources) if config.distillation.on else frozenset(),
    )


def source_names(data: DataConfig) -> tuple[str, ...]:
    """Return the sources of a configuration, one's own folder among them."""
    if not data.root:
        return data.sources
    return *data.sources, f"{data.root}{LABELS_OF}{data.labels}" if data.labels else f"images_and_depths@{data.root}"


@contextmanager
def _growing(views: MixedViews | ClassViews, every_s: float) -> Iterator[None]:
    """Look for new views every so many seconds, in a thread."""
    if every_s <= 0:
        yield
        return
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(every_s):
            try:
                views.ingest()
            except (LeadlineError, OSError) as error:
                print(f"no new views: {error}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=look, name="ingest", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
