"""Learn pixel_disparity from rectified pairs with truth: RAFT-Stereo's and CREStereo's objective on every refinement step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.losses.sequence import sequence_loss
from leadline.training.task import LossReport

OUTLIER_PX = 3.0


class StereoBatch(NamedTuple):
    """Crops of rectified pairs, the same window of both pictures.

    Attributes:
        left, right: (N, h, w, 3) uint8 sRGB.
        disparity: (N, h, w) float32 true pixel_disparity of the left pictures.
        valid: (N, h, w) bool.
        names: of the pairs.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class StereoSettings:
    """The objective.

    Attributes:
        iterations: refinement steps in training; more are used afterwards.
        gamma, adjusted, largest_px: see `leadline.losses.sequence.sequence_loss`.
    """

    iterations: int = 16
    gamma: float = 0.9
    adjusted: bool = True
    largest_px: float = 700.0


# What the authors train with (their released code and papers); beside it, for whoever sets up a run:
# RAFT-Stereo AdamW 2e-4, weight decay 1e-5, batch 6 of 320 x 720, 100,000 steps, gradients clipped to 1;
# CREStereo Adam 4e-4, crops of 384 x 512, 10 steps at the finest size and 5 at each coarser one.
RAFT_STEREO = StereoSettings()
RAFT_STEREO_FINE_TUNING = StereoSettings(iterations=22)
CRESTEREO = StereoSettings(iterations=10, gamma=0.8, adjusted=False, largest_px=float("inf"))


class StereoTask:
    """The sequence loss over all estimates, averaged over pairs; logs the last estimate's error.

    Args:
        network: a `leadline.models.stereo.stereo_network.StereoNetwork`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    def __init__(self, network: nn.Module, settings: StereoSettings, device: torch.device) -> None:
        self.network, self.settings, self.device = network, settings, device
        mark = getattr(network, "mark_forward_method", None)
        if mark is not None:  # Fabric's precision is for the calls that it knows of
            mark("steps")

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
