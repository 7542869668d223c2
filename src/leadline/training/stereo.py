"""What `leadline.training.train` puts together when the network matches stereo pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from leadline.data.stereo_layers import Pair
from leadline.data.stereo_sources import StereoSource
from leadline.data.stereo_views import StereoViews
from leadline.errors import LeadlineError
from leadline.metrics.stereo import stereo_metrics
from leadline.models.stereo.registry import load_stereo_network, make_stereo_model
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.training.config import TrainConfig
from leadline.training.stereo_predictor import NetworkStereoPredictor
from leadline.training.task import Task
from leadline.training.tasks.stereo import StereoTask
from leadline.training.validation import Validation

TAUS_PX = (1.0, 2.0)


class Stereo(NamedTuple):
    """The parts of a run: see `leadline.training.loop.run_loop`."""

    network: StereoNetwork
    views: StereoViews
    make_task: Callable[[nn.Module, torch.device], Task]
    validation: Validation | None


def prepare_stereo(config: TrainConfig) -> Stereo:
    """Return the parts of a run whose `model.architecture` is a stereo network.

    Raises:
        LeadlineError: the configuration asks for something that is not there.
    """
    data = config.data
    if data.root:
        raise LeadlineError(f"data.root={data.root} for a stereo network: expected data.sources=PAIRS::LABELS")
    if data.mixing not in ("weighted", "equal"):
        raise LeadlineError(f"data.mixing={data.mixing} for a stereo network: expected weighted or equal")
    network = start_stereo(config)
    weights = data.weights if data.weights and data.mixing == "weighted" else (1.0,) * len(data.sources)
    views = StereoViews(
        [StereoSource.parse(text) for text in data.sources],
        weights,
        data.shapes,
        data.batch_size,
        data.stereo,
        config.seed,
        data.workers,
        data.most_broken,
    )
    held_out = views.validation_pairs(data.validation_views)

    def make_task(network: nn.Module, device: torch.device) -> Task:
        return StereoTask(network, config.stereo, device)

    return Stereo(network, views, make_task, stereo_validation(held_out) if held_out else None)


def start_stereo(config: TrainConfig) -> StereoNetwork:
    """Return the network at the start of a run, the same for the same seed.

    Raises:
        LeadlineError: no such architecture or weights, or shapes that the network can't take.
    """
    model = config.model
    if model.head != "own" or model.gradient_checkpointing:
        raise LeadlineError(f"model.head={model.head} for a stereo network: expected own, and no model.gradient_checkpointing")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = make_stereo_model(model.architecture)
    if model.weights:
        path = Path(model.weights)
        path = path / "weights.safetensors" if path.is_dir() else path
        loaded = load_stereo_network(path, model.architecture.partition(".")[0])
        if loaded.state_dict().keys() != network.state_dict().keys():
            raise LeadlineError(f"{path} is of another network than model.architecture={model.architecture}: give its own name")
        network = loaded
    for hw in config.data.shapes:
        if any(side % network.stride or side < network.least for side in hw):
            raise LeadlineError(
                f"data.shapes has {hw[0]}x{hw[1]}: expected multiples of {network.stride}, at least {network.least}"
            )
    return network.train()


def stereo_validation(pairs: Sequence[Pair]) -> Validation:
    """Return a validation on held-out pairs as they are.

    Scores: "epe" in pixels, "bad_1" and "bad_2", averaged over pairs; "score" is 1 - bad_2.
    """

    def validate(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, StereoNetwork)
        predictor = NetworkStereoPredictor(network, network.card("validation"))
        found = []
        for pair in pairs:
            if not pair.valid.any():
                continue
            values = predictor.match(pair.left, pair.right)
            tallies = stereo_metrics(values, pair.disparity, pair.valid, taus_px=TAUS_PX)
            found.append([tallies[name].value for name in ("epe", "bad_1", "bad_2")])
        if not found:
            return {"score": 0.0}
        epe, bad_1, bad_2 = (float(value) for value in np.mean(found, axis=0))
        return {"epe": epe, "bad_1": bad_1, "bad_2": bad_2, "score": 1 - bad_2, "pairs": float(len(found))}

    return validate
