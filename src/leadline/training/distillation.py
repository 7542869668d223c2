"""What `leadline.training.train` puts together when a network is a student."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from leadline.data.folder import Source
from leadline.data.label_shards import ShardSource, parse_source
from leadline.errors import LeadlineError
from leadline.models.depth_network import DepthNetwork
from leadline.models.frozen_encoder import FrozenEncoder, feature_map, load_frozen_encoder
from leadline.training.config import TrainConfig
from leadline.training.distillation_settings import NO_ENCODER
from leadline.training.task import Task
from leadline.training.tasks.distillation import DistillationTask


def prepare_distillation(
    config: TrainConfig, network: DepthNetwork, sources: Sequence[str]
) -> Callable[[nn.Module, torch.device], Task]:
    """Return what makes the task of a student; `network` gets a projection if its features have another width than the frozen.

    Raises:
        LeadlineError: the configuration asks for something that a student can't have, or the encoder can't be loaded.
    """
    settings = config.distillation
    if config.model.head != "own" or config.optimiser.combine != "sum":
        raise LeadlineError(
            f"distillation.on with model.head={config.model.head}, optimiser.combine={config.optimiser.combine}: "
            "expected own and sum; fine-tune a student with leadline train metric_finetune"
        )
    taught = taught_sources(sources)
    frozen: FrozenEncoder | None = None
    if settings.encoder != NO_ENCODER and taught:
        frozen = load_frozen_encoder(settings.encoder, settings.stride)
        _add_projection(network, frozen, config.data.shapes[0], settings.stride, config.seed)

    def make_task(wrapped: nn.Module, device: torch.device) -> Task:
        return DistillationTask(wrapped, settings, config.loss, device, taught, frozen)

    return make_task


def taught_sources(sources: Sequence[str]) -> frozenset[int]:
    """Return which sources, by number, have a teacher's labels: ``shards:FOLDER`` and ``PHOTOS::LABELS``."""
    parsed = [parse_source(text) for text in sources]
    return frozenset(
        number
        for number, source in enumerate(parsed)
        if isinstance(source, ShardSource) or (isinstance(source, Source) and source.labels is not None)
    )


def _add_projection(network: DepthNetwork, frozen: FrozenEncoder, hw: tuple[int, int], stride: int, seed: int) -> None:
    """Give a network a 1 x 1 convolution from its features to the frozen ones, if their widths differ; it is trained along."""
    pixels = torch.zeros(1, *hw, 3, dtype=torch.uint8)
    kept: list[Tensor] = []
    patch = int(getattr(network, "patch", 1))
    handle = network.encoder.register_forward_hook(lambda *given: kept.append(feature_map(given[2], hw, stride, patch)))
    training = network.training
    with torch.no_grad():
        network.eval()(network.normalise(pixels))
    network.train(training)
    handle.remove()
    ours, theirs = kept[0].shape[1], frozen(pixels).shape[1]
    if ours != theirs:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network.projection = nn.Conv2d(ours, theirs, 1, bias=False)
