"""A network in training as a Predictor, for everything that scores or uses one."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from leadline.camera import Camera
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.models.depth_network import DepthNetwork
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.sizing import network_hw, network_input, resize_map


class NetworkPredictor:
    """(N, 3, h, w) to (N, h, w) torch networks, one picture at a time, in the mode and precision they are in.

    Args:
        network: the network; it is used, not copied.
        card: what it wants and gives; by default the network's own, or that of leadline's networks.
    """

    def __init__(self, network: nn.Module, card: ModelCard | None = None) -> None:
        self.network = network
        name = "leadline.untrained"
        own = network.card(name) if isinstance(network, DepthNetwork) else ModelCard(name, RELATIVE_DISPARITY)
        self._card = card or own

    @property
    def card(self) -> ModelCard:
        """See `Predictor`."""
        return self._card

    def __call__(self, image: NDArray[Any], camera: Camera | None = None) -> Prediction:
        """See `Predictor`."""
        pixels = torch.from_numpy(network_input(image, network_hw(image.shape[:2], self._card), self._card))
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            # One picture in planes; channels_last is what the kernels are fast in.
            batch = pixels[None].to(device).contiguous(memory_format=torch.channels_last)
            values = self.network(batch)[0].float().cpu().numpy()
        depth = DepthMap(resize_map(values, image.shape[:2]), None, self._card.kind, camera, self._card.name)
        return Prediction(depth)
