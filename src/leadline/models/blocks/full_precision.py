"""Layers whose answer must not be rounded to bfloat16."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def in_full_precision(layer: nn.Module, x: Tensor) -> Tensor:
    """Return a layer's float32 answer, whatever autocast says.

    For last layers that say motion or disparity: of a bfloat16 number three digits are left, which are pixels in another view.
    """
    if not torch.is_autocast_enabled(x.device.type):
        found: Tensor = layer(x)
        return found
    with torch.autocast(x.device.type, enabled=False):
        exact: Tensor = layer(x.float())
    return exact
