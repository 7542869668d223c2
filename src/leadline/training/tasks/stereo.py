"""Learn pixel_disparity from rectified pairs with truth: RAFT-Stereo's and CREStereo's objective on every refinement step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.data.stereo_views import StereoBatch
from leadline.losses.sequence import sequence_loss
from leadline.training.fabric_methods import mark_methods
from leadline.training.stereo_settings import CRESTEREO, RAFT_STEREO, RAFT_STEREO_FINE_TUNING, StereoSettings
from leadline.training.task import LossReport

__all__ = ["CRESTEREO", "RAFT_STEREO", "RAFT_STEREO_FINE_TUNING", "StereoBatch", "StereoSettings", "StereoTask"]

OUTLIER_PX = 3.0


class StereoTask:
    """The sequence loss over all estimates, averaged over pairs; logs the last estimate's error.

    Args:
        network: a `leadline.models.stereo.stereo_network.StereoNetwork`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    def __init__(self, network: nn.Module, settings: StereoSettings, device: torch.device) -> None:
        self.network, self.settings, self.device = network, settings, device
        mark_methods(network, ("steps",))

    def step(self, batch: StereoBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        left, right = (self._picture(pixels) for pixels in (batch.left, batch.right))
        target = torch.from_numpy(batch.disparity).to(self.device)
        valid = torch.from_numpy(batch.valid).to(self.device)
        settings = self.settings
        estimates = self.network.steps(left, right, settings.iterations)  # type: ignore[operator]
        losses = sequence_loss(estimates, target, valid, settings.gamma, settings.largest_px, settings.adjusted)
        error = (estimates[-1].detach()[:, 0] - torch.where(valid, target, 0)).abs()[valid]
        parts = {}
        if error.numel():
            parts = {"epe": error.mean(), "bad_3": (error > OUTLIER_PX).float().mean()}
        return LossReport(losses.mean(), parts, shared=(estimates[-1],))

    def _picture(self, pixels: NDArray[np.uint8]) -> Tensor:
        normalised: Tensor = self.network.normalise(torch.from_numpy(pixels).to(self.device))  # type: ignore[operator]
        return normalised
