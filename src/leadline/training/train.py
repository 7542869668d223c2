"""Run a recipe: build the network, the data and the task that a configuration names, and hand them to the loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from leadline.data.folder import Source
from leadline.data.mixing import MixedViews
from leadline.errors import LeadlineError
from leadline.models.registry import load_weights, make_model
from leadline.training.config import TrainConfig
from leadline.training.loop import run_loop
from leadline.training.predictor import NetworkPredictor
from leadline.training.task import Task
from leadline.training.tasks.supervised import SupervisedTask
from leadline.training.validation import Validation, held_out_validation


def train(config: TrainConfig, resume: bool = False, validation: Validation | None = None) -> Path:
    """Train by `config` and return the folder of the best checkpoint.

    Args:
        config: of the run, usually from `leadline.recipes.load_recipe`.
        resume: go on from the newest checkpoint in the run's folder.
        validation: scores checkpoints; by default held-out scenes of the training sources.

    Raises:
        LeadlineError: the configuration asks for something that is not there.
    """
    if not config.data.sources:
        raise LeadlineError("data.sources is empty: expected folders of views, --set data.sources=FOLDER,FOLDER")
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    torch.set_float32_matmul_precision("medium")
    views = make_views(config)
    views.ingest()
    if validation is None:
        validation = make_validation(config, views)

    def make_task(network: nn.Module, device: torch.device) -> Task:
        return SupervisedTask(network, config.loss, device)

    with _growing(views, config.data.ingest_every_s):
        return run_loop(config, make_network(config), make_task, views.iter_batches, validation, resume)


def make_network(config: TrainConfig) -> nn.Module:
    """Return the network at the start of a run, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = make_model(config.model.architecture)
    if config.model.imagenet:
        network.encoder.load_imagenet()  # type: ignore[operator, union-attr]
        network.encoder.freeze(config.model.frozen_stages)  # type: ignore[operator, union-attr]
    if config.model.weights:
        load_weights(network, config.model.weights)
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
    for hw in data.shapes:
        if any(side % 32 for side in hw):
            raise LeadlineError(f"data.shapes has {hw[0]}x{hw[1]}: expected multiples of 32")
    return MixedViews(
        [Source.parse(text) for text in data.sources],
        data.weights or [1.0] * len(data.sources),
        Path(data.cache),
        data.shapes,
        data.batch_size,
        data.augmentation,
        config.seed,
        data.longest,
        data.workers,
    )


@contextmanager
def _growing(views: MixedViews, every_s: float) -> Iterator[None]:
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
