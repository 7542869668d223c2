"""Learn disparity up to scale and shift from true disparity."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leadline.data.mixing import Batch
from leadline.losses.ssi import scale_anchor, ssi_loss
from leadline.training.config import LossConfig
from leadline.training.task import LossReport

MEAN, STD = 127.0, 128.0  # what the encoder was trained with


class SupervisedTask:
    """SSI trimmed MAE and gradient matching of a network's disparity against the batch's (METHODS A.1), its scale anchored."""

    def __init__(self, network: nn.Module, config: LossConfig, device: torch.device) -> None:
        self.network, self.config, self.device = network, config, device

    def step(self, batch: Batch, number: int) -> LossReport:
        """See `Task`."""
        pred = self.network(network_input(torch.from_numpy(batch.image).to(self.device)))
        target, valid = torch.from_numpy(batch.disparity).to(self.device), torch.from_numpy(batch.valid).to(self.device)
        n = self.config.stride
        # A new corner of each n x n cell every step, so that all pixels count in time.
        y, x = number // n % n, number % n
        total, terms = ssi_loss(
            pred[:, y::n, x::n],
            target[:, y::n, x::n],
            valid[:, y::n, x::n],
            # Neighbours n pixels apart differ n times as much.
            self.config.gradient_weight / n,
            self.config.share,
            self.config.scales,
        )
        parts = {name: value.detach().mean() for name, value in terms._asdict().items()}
        return LossReport(total.mean() + self.config.anchor_weight * scale_anchor(terms.spread), parts)


def network_input(image: Tensor) -> Tensor:
    """Return (N, 3, h, w) float32 in channels_last memory from (N, h, w, 3) uint8 sRGB."""
    # Pixels interleaved in memory are exactly channels_last: no copy but the conversion.
    return (image.permute(0, 3, 1, 2).float() - MEAN) / STD
