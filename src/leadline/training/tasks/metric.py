"""Learn depth in metres from metric truth."""

from __future__ import annotations

import torch
from torch import nn

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.losses.gradient_matching import gradient_matching_loss
from leadline.losses.log_error import LOG_ERROR_LOSSES
from leadline.losses.regression import log_residual
from leadline.training.config import LossConfig
from leadline.training.task import LossReport

SUFFIX = "+gradient"


class MetricTask:
    """An error of the logarithm of depth, and perhaps its gradients on four scales, of a network with a metric head.

    Args:
        network: (N, 3, h, w) to (N, h, w) depth, m.
        config: `objective` is a name of `leadline.losses.log_error.LOG_ERROR_LOSSES`, perhaps with "+gradient" behind it.
        device: of the network.
        max_depth: farther truth is not looked at, m.

    Raises:
        LeadlineError: the objective knows no metres.
    """

    def __init__(self, network: nn.Module, config: LossConfig, device: torch.device, max_depth: float) -> None:
        self.network, self.config, self.device, self.max_depth = network, config, device, max_depth
        name = config.objective.removesuffix(SUFFIX)
        if name not in LOG_ERROR_LOSSES:
            raise LeadlineError(
                f"loss.objective={config.objective} for a metric head: expected one of {', '.join(LOG_ERROR_LOSSES)}, "
                f"perhaps with {SUFFIX} behind it"
            )
        self._error = LOG_ERROR_LOSSES[name]
        self._gradient_weight = config.gradient_weight / config.stride if config.objective.endswith(SUFFIX) else 0.0

    def step(self, batch: Batch, number: int) -> LossReport:
        """See `Task`."""
        pixels = torch.from_numpy(batch.image).to(self.device)
        pred = self.network(self.network.normalise(pixels))  # type: ignore[operator]
        disparity = torch.from_numpy(batch.disparity).to(self.device)
        valid = torch.from_numpy(batch.valid).to(self.device) & (disparity > 1 / self.max_depth)
        n = self.config.stride
        y, x = number // n % n, number % n
        pred, valid = pred[:, y::n, x::n], valid[:, y::n, x::n]
        target = 1 / torch.where(valid, disparity[:, y::n, x::n], 1.0)
        data = self._error(pred, target, valid)
        residual, counted = log_residual(pred, target, valid)
        gradient = gradient_matching_loss(residual, torch.zeros_like(residual), counted, self.config.scales)
        parts = {"data": data.detach().mean(), "gradient": gradient.detach().mean()}
        return LossReport((data + self._gradient_weight * gradient).mean(), parts)
