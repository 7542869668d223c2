"""The residual conv unit of RefineNet-style decoders."""

from __future__ import annotations

from torch import Tensor, nn


class ResidualConvUnit(nn.Module):
    """Return ``x + conv3(relu(conv3(relu(x))))``, (N, C, h, w) to (N, C, h, w).

    Source: RefineNet (arXiv 1611.06612, figure 2) as simplified in MiDaS's decoder (arXiv 1907.01341, released code): no
    batch normalisation, biases kept.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        residual: Tensor = self.conv2(self.conv1(x.relu()).relu())
        return x + residual
