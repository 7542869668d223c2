"""monodepth2's decoder: upsample, join the encoder's features, say disparity at four scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.blocks.full_precision import in_full_precision

WIDTHS = (16, 32, 64, 128, 256)  # at strides 1, 2, 4, 8 and 16
SCALES = 4


class _ConvElu(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(self.conv(x))


class DisparityDecoder(nn.Module):
    """Features at strides 2, 4, 8, 16 and 32 to (N, h_s, w_s) logits at strides 1, 2, 4 and 8 (arXiv 1806.01260, appendix).

    At each level: 3 x 3 convolution and ELU, nearest upsampling, the encoder's features of that stride, 3 x 3 convolution and
    ELU; from the last four a 3 x 3 convolution to one number. The authors mirror at the rim; here the rim is repeated, so that
    a map of one pixel has a border too.

    Args:
        channels: of the features, finest first.
        widths: of the decoder, finest first.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        enter, leave = [], []
        inputs = channels[-1]
        for level in reversed(range(len(widths))):
            enter.append(_ConvElu(inputs, widths[level]))
            leave.append(_ConvElu(widths[level] + (channels[level - 1] if level else 0), widths[level]))
            inputs = widths[level]
        self.enter, self.leave = nn.ModuleList(enter), nn.ModuleList(leave)
        self.predict = nn.ModuleList(
            nn.Conv2d(widths[scale], 1, 3, padding=1, padding_mode="replicate") for scale in range(SCALES)
        )

    def forward(self, features: Sequence[Tensor], hw: tuple[int, int], scales: int = SCALES) -> list[Tensor]:
        """Return the logits of the finest `scales` scales, finest first; `hw` is the picture's size."""
        x = features[-1]
        found: list[Tensor] = []
        deepest = len(self.enter) - 1
        for step in range(len(self.enter)):
            level = deepest - step
            x = self.enter[step](x)
            size = features[level - 1].shape[-2:] if level else hw
            x = F.interpolate(x, size=size, mode="nearest")
            if level:
                x = torch.cat([x, features[level - 1]], dim=1)
            x = self.leave[step](x)
            if level < scales:
                found.insert(0, in_full_precision(self.predict[level], x)[:, 0])
        return found
