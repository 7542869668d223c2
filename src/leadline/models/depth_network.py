"""What training, export and prediction ask of every network that leadline trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from leadline.depth_map import RELATIVE_DISPARITY, Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard


class DepthNetwork(nn.Module):
    """(N, 3, h, w) normalised pictures to (N, h, w) maps of `kind`.

    A network gives `logits`, the numbers of its last layer at the picture's size, and has a child `activation` without
    parameters that turns them into the map; `leadline.models.metric_head.make_metric` swaps it for a metric one. What
    was pretrained is a child `encoder`, so that its parameters' names start with "encoder.": they learn at their own rate.

    Attributes:
        stride: heights and widths must be multiples of it.
        mean, std: of the input, in 0..255 units: (rgb - mean) / std.
        kind: what the map's numbers are.
        input_size, resize_side: the size the network works best at; see `ModelCard`.
    """

    stride: int = 32
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    kind: Kind = RELATIVE_DISPARITY
    input_size: int = 384
    resize_side: str = "longer"
    encoder: nn.Module
    activation: nn.Module

    def forward(self, image: Tensor) -> Tensor:
        """Return the (N, h, w) float32 map."""
        out: Tensor = self.activation(self.logits(image).float())
        return out

    def logits(self, image: Tensor) -> Tensor:
        """Return the (N, h, w) numbers of the last layer, before the activation."""
        raise NotImplementedError

    @property
    def last_layer(self) -> nn.Conv2d:
        """The convolution that `logits` come from."""
        raise NotImplementedError

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return the (N, 3, h, w) float32 input, in channels_last memory, of (N, h, w, 3) uint8 sRGB pixels."""
        planes = pixels.permute(0, 3, 1, 2).float()  # pixels interleaved in memory are exactly channels_last
        if len({*self.mean}) == len({*self.std}) == 1:
            return (planes - self.mean[0]) / self.std[0]
        mean, std = (torch.tensor(numbers, device=pixels.device).reshape(3, 1, 1) for numbers in (self.mean, self.std))
        return (planes - mean) / std

    def freeze(self, stages: int) -> None:
        """Stop training the encoder's stem and first `stages` stages (0: nothing)."""
        encoder: Any = self.encoder
        encoder.freeze(stages)

    def load_imagenet(self) -> None:
        """Load the encoder's ImageNet weights.

        Raises:
            LeadlineError: they can't be had.
        """
        encoder: Any = self.encoder
        encoder.load_imagenet()

    def checkpoint_gradients(self) -> None:
        """Compute the encoder's activations a second time in the backward pass instead of keeping them.

        Raises:
            LeadlineError: the network has no such option.
        """
        raise LeadlineError(
            f"{type(self).__name__} can't checkpoint gradients: set model.gradient_checkpointing=false, "
            "or lower data.batch_size"
        )

    def description(self) -> dict[str, str]:
        """Return what a safetensors file says of this network beside its weights; `describe` takes it."""
        return {"input_size": str(self.input_size), "resize_side": self.resize_side}

    def describe(self, description: Mapping[str, str]) -> None:
        """Take over the size at which the network that weights come from works best."""
        self.input_size = int(description.get("input_size", self.input_size))
        self.resize_side = description.get("resize_side", self.resize_side)

    def card(self, name: str) -> ModelCard:
        """Return the card of this network under a name."""
        return ModelCard(
            name,
            self.kind,
            mean=self.mean,
            std=self.std,
            size_multiple=self.stride,
            input_size=self.input_size,
            resize_side=self.resize_side,
        )
