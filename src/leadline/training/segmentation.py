"""What `leadline.training.train` puts together when the network is a segmenter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leadline.data.class_views import ClassSource, ClassViews
from leadline.errors import LeadlineError
from leadline.metrics.segmentation import class_scores, confusion
from leadline.models.registry import load_weights
from leadline.models.tom_segmenter import TomSegmenter, make_segmenter
from leadline.runtime.segmenter_card import CLASSES, MIRROR, TRANSPARENT
from leadline.runtime.sizing import network_hw, resize_picture
from leadline.training.config import TrainConfig
from leadline.training.task import Task
from leadline.training.tasks.segmentation import SegmentationSettings, SegmentationTask
from leadline.training.validation import Validation


class Segmentation(NamedTuple):
    """The parts of a run: see `leadline.training.loop.run_loop`."""

    network: TomSegmenter
    views: ClassViews
    make_task: Callable[[nn.Module, torch.device], Task]
    validation: Validation | None


def prepare_segmentation(config: TrainConfig) -> Segmentation:
    """Return the parts of a run whose `model.architecture` is a segmenter; its views are decoded.

    Raises:
        LeadlineError: the configuration asks for something that is not there.
    """
    network = _start(config)
    data = config.data
    if data.root:
        raise LeadlineError(f"data.root={data.root} for a segmenter: expected data.sources with masks of materials")
    sources = [ClassSource.parse(text) for text in data.sources]
    views = ClassViews(
        sources,
        list(data.weights) or [1.0] * len(sources),
        Path(data.cache),
        data.shapes,
        data.batch_size,
        data.augmentation,
        config.seed,
        longest=data.longest,
        workers=data.workers,
        mixing=data.mixing,
        temperature=data.temperature,
        most_broken=data.most_broken,
    )
    views.ingest()
    held_out = views.validation_views(data.validation_views)

    def make_task(network: nn.Module, device: torch.device) -> Task:
        return SegmentationTask(network, SegmentationSettings(), device)

    return Segmentation(network, views, make_task, segmentation_validation(held_out) if held_out else None)


def segmentation_validation(views: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Validation:
    """Return a validation on held-out pictures with their (h, w) classes.

    Scores: "iou_CLASS" over all pixels of all pictures, of the classes that occur; "score" is the mean of those of glass and
    mirrors.
    """

    def validate(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, TomSegmenter)
        device, card = next(network.parameters()).device, network.card("validation")
        matrix = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
        for image, classes in views:
            pixels = torch.from_numpy(resize_picture(image, network_hw(classes.shape, card)))
            with torch.no_grad():
                logits = network(network.normalise(pixels[None].to(device)))[0].float().cpu().numpy()
            planes = cv2.resize(logits.transpose(1, 2, 0), classes.shape[::-1], interpolation=cv2.INTER_LINEAR)
            matrix += confusion(planes.argmax(axis=-1), classes, np.ones(classes.shape, bool), len(CLASSES))
        found = [class_scores(matrix, index) for index in range(len(CLASSES))]
        scores = {f"iou_{name}": one.iou for name, one in zip(CLASSES, found, strict=True) if one.pixels}
        counting = [found[index].iou for index in (TRANSPARENT, MIRROR) if found[index].pixels]
        return {**scores, "score": float(np.mean(counting)) if counting else 0.0, "images": float(len(views))}

    return validate


def _start(config: TrainConfig) -> TomSegmenter:
    model = config.model
    if model.head != "own" or model.gradient_checkpointing:
        raise LeadlineError(f"model.head={model.head} for a segmenter: expected own, and no model.gradient_checkpointing")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = make_segmenter(model.architecture)
        encoder: Any = network.encoder
        if model.weights:
            load_weights(network, model.weights)
        elif model.imagenet:
            encoder.load_imagenet()
    if model.imagenet:
        encoder.freeze(model.frozen_stages)
    for hw in config.data.shapes:
        if any(side % network.stride for side in hw):
            raise LeadlineError(f"data.shapes has {hw[0]}x{hw[1]}: expected multiples of {network.stride}")
    return network
