"""GeoNet's second network: what moves by itself, as flow on top of the flow of a still scene (METHODS D.11)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.blocks.full_precision import in_full_precision

INPUTS = 12  # two pictures, the rigid flow, the source warped by it, and what is left of an error
WIDTHS = (32, 64, 128, 256, 512)  # at strides 2, 4, 8, 16 and 32
SCALES = 4
LEAK = 0.1  # of the activations
FLOW_SCALE = 0.1  # of what is said: the first residuals are parts of a pixel


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)


class ResidualFlowNetwork(nn.Module):
    """(N, 12, h, w) to (N, 2, h_s, w_s) flows at strides 1, 2, 4 and 8, in pixels of their own size, finest first.

    Pairs of convolutions, each halving the size; on the way back nearest upsampling, the features of that size, and the
    coarser flow, as depth networks of that time (arXiv 1803.02276, section 4.1; there on ResNet-50).
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        inputs = [INPUTS, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(_conv(i, w, 3, 2), nn.LeakyReLU(LEAK), _conv(w, w), nn.LeakyReLU(LEAK))
            for i, w in zip(inputs, widths, strict=True)
        )
        up = [max(2, widths[0] // 2), *widths[:-1]]
        joined = [INPUTS, *widths[:-1]]
        self.join = nn.ModuleList(
            _conv(deeper + features + 2 * (level < SCALES - 1), u)
            for level, (deeper, features, u) in enumerate(zip([*up[1:], widths[-1]], joined, up, strict=True))
        )
        self.predict = nn.ModuleList(_conv(up[scale], 2) for scale in range(SCALES))
        # Without normalisations, torch's own start leaves next to nothing of the signal behind ten layers.
        for layer in (*self.down.modules(), *self.join.modules()):
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, LEAK)

    def forward(self, x: Tensor) -> list[Tensor]:
        """See the class."""
        features = [x]
        for step in self.down:
            x = step(x)
            features.append(x)
        found: list[Tensor] = []
        for level in reversed(range(len(self.join))):
            beside = features[level]
            size = (beside.shape[-2], beside.shape[-1])
            parts = [F.interpolate(x, size=size, mode="nearest"), beside]
            if level < SCALES - 1:  # the same way is twice as many pixels here
                parts.append(2 * F.interpolate(found[0], size=size, mode="bilinear", align_corners=False).to(x.dtype))
            x = F.leaky_relu(self.join[level](torch.cat(parts, dim=1)), LEAK)
            if level < SCALES:
                found.insert(0, FLOW_SCALE * in_full_precision(self.predict[level], x).float())
        return found
