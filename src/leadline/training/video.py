"""What `leadline.training.train` puts together when the network learns from films."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from leadline.data.film_sources import VideoSource
from leadline.data.video_views import VideoBatch, VideoViews
from leadline.errors import LeadlineError
from leadline.models.video_network import VideoNetwork
from leadline.training.config import TrainConfig
from leadline.training.task import Task
from leadline.training.tasks.monodepth2 import Monodepth2Task, reprojection_errors
from leadline.training.tasks.sfmlearner import SfmLearnerTask
from leadline.training.validation import Validation
from leadline.training.video_truth import FilmTruth, film_truth, score_depth
from leadline.training.view_synthesis import ask, clips_of, enlarged, synthesise


class Video(NamedTuple):
    """The parts of a run: see `leadline.training.loop.run_loop`."""

    network: VideoNetwork
    views: VideoViews
    make_task: Callable[[nn.Module, torch.device], Task]
    validation: Validation | None


def prepare_video(config: TrainConfig, network: VideoNetwork, says: bool = True) -> Video:
    """Return the parts of a run whose network learns from films; these are decoded.

    Args:
        config: of the run.
        network: at its start.
        says: print what the user should know of the films; one of several processes does.

    Raises:
        LeadlineError: the configuration asks for something that is not there, or does not go together.
    """
    data, settings = config.data, config.video
    _check(config, network)
    weights = data.weights if data.weights and data.mixing == "weighted" else (1.0,) * len(data.sources)
    views = VideoViews(
        [VideoSource.parse(text) for text in data.sources],
        weights,
        Path(data.cache),
        data.shapes,
        data.batch_size,
        data.video,
        config.seed,
        data.longest,
        data.workers,
    )
    for note in views.notes if says else ():
        print(f"note: {note}", file=sys.stderr, flush=True)
    network.in_metres(data.video.views != "mono")
    network.learn(motion=data.video.views != "stereo", masks=settings.objective == "sfmlearner" and settings.explainability > 0)
    if not config.model.weights:
        network.activation.set_limits(settings.near, settings.far)
    network.input_size = max(data.shapes[0])

    def make_task(network: nn.Module, device: torch.device) -> Task:
        if settings.objective == "sfmlearner":
            return SfmLearnerTask(network, settings, device)
        return Monodepth2Task(network, settings, device, config.seed)

    batches = views.held_out_batches(data.validation_views)
    scored = film_validation(batches, film_truth(views, data.validation_views)) if batches else None
    return Video(network, views, make_task, scored)


def film_validation(batches: Sequence[VideoBatch], truth: Sequence[FilmTruth]) -> Validation:
    """Return a validation on held-out clips.

    "score" is 1 - "photometric", the error of the best source at the picture's size: no truth chooses the checkpoint. Where
    frames have a truth, "abs_rel" and "delta1" say what the depth is worth, and "scale" and "scale_spread" the median of the
    factors that bring it to metres and their relative standard deviation.
    """

    def validate(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, VideoNetwork)
        device = next(network.parameters()).device
        errors: list[float] = []
        for batch in batches:
            with torch.no_grad():
                clips = clips_of(batch, device)
                views, source_from_target = ask(network, batch, device)
                hw = (clips.target.shape[-2], clips.target.shape[-1])
                depth = 1 / enlarged(network.activation.disparity(views.logits[0].float()), hw)
                seen = synthesise(clips, depth, source_from_target, "border")
                errors += reprojection_errors(clips.target, seen.pictures).amin(0).mean((1, 2)).tolist()
        photometric = sum(errors) / len(errors)
        return {
            "photometric": photometric,
            "score": 1 - photometric,
            "clips": float(len(errors)),
            **score_depth(network, truth),
        }

    return validate


def _check(config: TrainConfig, network: VideoNetwork) -> None:
    data, settings, name = config.data, config.video, config.model.architecture
    if data.root:
        raise LeadlineError(f"data.root={data.root} for {name}: expected data.sources=video:{data.root}")
    if data.mixing not in ("weighted", "equal"):
        raise LeadlineError(f"data.mixing={data.mixing} for {name}: expected weighted or equal")
    if config.model.head != "own":
        raise LeadlineError(
            f"model.head={config.model.head} for {name}: expected own; its depth is between video.near and video.far"
        )
    if not 0 < settings.near < settings.far:
        raise LeadlineError(f"video.near={settings.near:g}, video.far={settings.far:g}: expected 0 < near < far")
    moving = data.video.offsets if data.video.views != "stereo" else ()
    if network.sources is not None and (len(moving) != network.sources or data.video.views != "mono"):
        raise LeadlineError(
            f"{name} with data.video.views={data.video.views} and {len(moving)} offsets: expected mono and {network.sources}"
        )
    if settings.objective == "sfmlearner" and settings.explainability > 0 and network.sources is None:
        raise LeadlineError(
            f"video.explainability={settings.explainability:g} for {name}, which has no mask: expected sfmlearner"
        )
