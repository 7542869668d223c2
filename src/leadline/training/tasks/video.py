"""What the tasks that learn from films share."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from leadline.training.fabric_methods import mark_methods
from leadline.training.video_settings import VideoSettings


class VideoTask:
    """A task on a `leadline.models.video_network.VideoNetwork`.

    Args:
        network: what learns, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.

    Attributes:
        calls: the network's methods, besides `forward`, that the task calls.
    """

    calls: ClassVar[tuple[str, ...]] = ("views",)

    def __init__(self, network: nn.Module, settings: VideoSettings, device: torch.device) -> None:
        self.network, self.settings, self.device = network, settings, device
        mark_methods(network, self.calls)
