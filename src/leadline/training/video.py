"""What `leadline.training.train` puts together when the network learns from films."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from leadline.data.film_sources import VideoSource
from leadline.data.video_views import VideoBatch, VideoViews
from leadline.errors import LeadlineError
from leadline.models.geonet import GeoNet
from leadline.models.kuznietsov import Kuznietsov
from leadline.models.video_network import VideoNetwork
from leadline.training.config import TrainConfig
from leadline.training.task import Task
from leadline.training.tasks.ddvo import DdvoTask, ddvo_pictures
from leadline.training.tasks.geonet import GeonetTask, geonet_pictures
from leadline.training.tasks.kuznietsov import KuznietsovTask
from leadline.training.tasks.monodepth2 import Monodepth2Task, reprojection_errors
from leadline.training.tasks.sfmlearner import SfmLearnerTask
from leadline.training.validation import Validation
from leadline.training.video_settings import VideoSettings
from leadline.training.video_truth import FilmTruth, film_truth, score_depth
from leadline.training.view_synthesis import ask, clips_of, enlarged, synthesise

# (network, batch, device) to targets (N, 3, h, w) and (S, N, 3, h, w) the sources as these would see them.
Pictures = Callable[[nn.Module, VideoBatch, torch.device], tuple[Tensor, Tensor]]


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
        even=data.mixing == "equal",
    )
    for note in views.notes if says else ():
        print(f"note: {note}", file=sys.stderr, flush=True)
    network.in_metres(data.video.views != "mono")
    network.learn(motion=data.video.views != "stereo", masks=settings.objective == "sfmlearner" and settings.explainability > 0)
    if isinstance(network, GeoNet) and settings.objective == "geonet" and settings.stage == "second":
        network.learn_flow()
    if settings.objective == "kuznietsov" and settings.supervised > 0:
        _check_truth(config, views)
    if not config.model.weights:
        network.activation.set_limits(settings.near, settings.far)
    network.input_size = max(data.shapes[0])
    network.fov_deg = views.angles(data.shapes[0])

    def make_task(network: nn.Module, device: torch.device) -> Task:
        if settings.objective == "sfmlearner":
            return SfmLearnerTask(network, settings, device)
        if settings.objective == "ddvo":
            return DdvoTask(network, settings, device)
        if settings.objective == "geonet":
            return GeonetTask(network, settings, device)
        if settings.objective == "kuznietsov":
            return KuznietsovTask(network, settings, device)
        return Monodepth2Task(network, settings, device, config.seed)

    batches = views.held_out_batches(data.validation_views)
    scored = film_validation(batches, film_truth(views, data.validation_views), _pictures_of(settings)) if batches else None
    return Video(network, views, make_task, scored)


def pictures_by_depth(network: nn.Module, batch: VideoBatch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a batch's targets and (S, N, 3, h, w) its sources as these would see them, by the network's depth and motion."""
    own: Any = network
    clips = clips_of(batch, device)
    views, source_from_target = ask(network, batch, device)
    hw = (clips.target.shape[-2], clips.target.shape[-1])
    depth = 1 / enlarged(own.activation.disparity(views.logits[0].float()), hw)
    return clips.target, synthesise(clips, depth, source_from_target, "border").pictures


def film_validation(
    batches: Sequence[VideoBatch], truth: Sequence[FilmTruth], pictures: Pictures = pictures_by_depth
) -> Validation:
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
                target, seen = pictures(network, batch, device)
                errors += reprojection_errors(target, seen).amin(0).mean((1, 2)).tolist()
        photometric = sum(errors) / len(errors)
        return {
            "photometric": photometric,
            "score": 1 - photometric,
            "clips": float(len(errors)),
            **score_depth(network, truth),
        }

    return validate


def _pictures_of(settings: VideoSettings) -> Pictures:
    if settings.objective == "ddvo":
        return lambda network, batch, device: ddvo_pictures(network, batch, device, settings)
    if settings.objective == "geonet" and settings.stage == "second":
        return geonet_pictures
    return pictures_by_depth


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
    _check_objective(config, network)


def _check_objective(config: TrainConfig, network: VideoNetwork) -> None:
    """Refuse an objective whose network, views or first stage is another one's."""
    settings, how, name = config.video, config.data.video, config.model.architecture
    objective = settings.objective
    paired = objective == "kuznietsov"
    if (paired or isinstance(network, Kuznietsov)) and how.views != "stereo":
        raise LeadlineError(f"data.video.views={how.views} for {name} with {objective}: expected stereo")
    if objective in ("ddvo", "geonet") and how.views != "mono":
        raise LeadlineError(f"data.video.views={how.views} with {objective}: expected mono, its motions have no metres")
    if (objective == "geonet") != isinstance(network, GeoNet):
        raise LeadlineError(f"video.objective={objective} for {name}: expected geonet for geonet, and no other for it")
    staged = objective in ("ddvo", "geonet")
    if settings.stage == "second" and not (staged and config.model.weights):
        needs = "model.weights of the first stage with it" if staged else "first, it has no other"
        raise LeadlineError(f"video.stage=second of {objective}: expected {needs}")
    if objective == "ddvo" and not settings.mean_disparity > 0:
        raise LeadlineError(f"video.mean_disparity={settings.mean_disparity:g}: expected a positive number, such as 10")
    if not 0 < how.truth_share <= 1:
        raise LeadlineError(f"data.video.truth_share={how.truth_share:g}: expected more than 0 and at most 1")


def _check_truth(config: TrainConfig, views: VideoViews) -> None:
    """Refuse to learn from a truth that nobody reads, or that is not there."""
    if not config.data.video.truth:
        raise LeadlineError("video.supervised > 0 without a truth: expected data.video.truth=true, or video.supervised=0")
    if not any(film.read_depth is not None for films in views.films for film in films):
        raise LeadlineError("no film has a depth for video.supervised > 0: expected video.supervised=0, or films with one")
