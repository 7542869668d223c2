"""Metric heads: the last layer of a network read as depth in metres."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.models.depth_network import DepthNetwork

HeadKind = Literal["sigmoid", "log"]
FRESH_STD = 1e-3  # of the last layer's new weights: the first map is nearly flat, and yet every layer gets a gradient


class SigmoidDepth(nn.Module):
    """``sigmoid(logits) * max_depth``, metres (Depth Anything V2, arXiv 2406.09414, released code of its metric models)."""

    def __init__(self, max_depth: float) -> None:
        super().__init__()
        self.max_depth = max_depth

    def forward(self, logits: Tensor) -> Tensor:
        """Return depth between 0 and max_depth, of the shape of `logits`."""
        return torch.sigmoid(logits) * self.max_depth

    def logit(self, depth: float) -> float:
        """Return the number that becomes `depth`."""
        return math.log(depth / (self.max_depth - depth))


class LogDepth(nn.Module):
    """``exp(logits)``, metres: the network says log depth (Eigen et al. 2014, arXiv 1406.2283).

    Depth is limited to max_depth in evaluation mode only. In training a limit would stop the gradient of all that lies beyond.
    """

    def __init__(self, max_depth: float) -> None:
        super().__init__()
        self.max_depth = max_depth

    def forward(self, logits: Tensor) -> Tensor:
        """Return positive depth of the shape of `logits`."""
        return torch.exp(logits if self.training else logits.clamp(max=math.log(self.max_depth)))

    def logit(self, depth: float) -> float:
        """Return the number that becomes `depth`."""
        return math.log(depth)


_HEADS: dict[str, type[SigmoidDepth | LogDepth]] = {"sigmoid": SigmoidDepth, "log": LogDepth}


def make_metric(network: DepthNetwork, head: HeadKind | str, max_depth: float, fresh: bool = True) -> DepthNetwork:
    """Turn a network into one of depth/metric; it is changed and returned. No name in its state dict changes.

    Args:
        network: of disparity, or of depth with another head.
        head: "sigmoid" or "log".
        max_depth: metres; beyond 1.
        fresh: give the last layer new weights, since near is large in disparity and small in depth, and the old numbers would
            saturate a sigmoid. The first map is then nearly flat at the geometric mean of 1 m and max_depth. False if weights
            of a network with this head are loaded afterwards.

    Raises:
        LeadlineError: an unknown head, or a max_depth that is none.
    """
    if head not in _HEADS:
        raise LeadlineError(f"unknown metric head {head!r}: expected one of {', '.join(_HEADS)}")
    if not 1 < max_depth < math.inf:
        raise LeadlineError(f"max_depth={max_depth}: expected metres, more than 1 (20 indoors, 80 outdoors)")
    activation = _HEADS[head](float(max_depth)).train(network.training)
    network.activation, network.kind = activation, METRIC_DEPTH
    if fresh:
        last = network.last_layer
        nn.init.normal_(last.weight, std=FRESH_STD)
        assert last.bias is not None
        nn.init.constant_(last.bias, activation.logit(math.sqrt(max_depth)))
    return network
