"""The fusion block: add a skip connection to what comes from deeper, refine, hand on to the next finer level."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.blocks.residual_conv import ResidualConvUnit


class FusionBlock(nn.Module):
    """Fuse (N, C, h, w) skip features with (N, C, h', w') deeper ones into (N, C_out, h, w).

    ``project(rcu(resize(deeper) + rcu(skip)))``. MiDaS (arXiv 1907.01341, released code) refines first and then doubles the
    size; here the deeper map is resized to ``skip.shape[-2:]`` instead, so that odd sizes and ONNX export with dynamic sizes
    need no special case, and the 1 x 1 projection comes before the next level's resize, where it is cheapest (as in MiDaS
    small). Bilinear with align_corners=False: picture edges stay edges, the convention of `leadline.camera`.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.skip_unit = ResidualConvUnit(channels)
        self.fused_unit = ResidualConvUnit(channels)
        self.project = nn.Conv2d(channels, out_channels, 1)

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        """See the class."""
        fused = self.skip_unit(skip) + F.interpolate(deeper, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        out: Tensor = self.project(self.fused_unit(fused))
        return out
