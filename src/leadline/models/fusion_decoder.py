"""The RefineNet-style fusion decoder of MiDaS small."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from leadline.models.blocks.fusion import FusionBlock


class FusionDecoder(nn.Module):
    """Turn encoder features into (N, widths[0], h, w) features at the finest level's size.

    Each level is brought to its width by a 3 x 3 convolution (1 x 1 for the deepest), then fused from the deepest to the finest
    (METHODS A.4 "small"; there the widths are 64, 128, 256, 512).

    Args:
        channels: of the encoder's features, finest first.
        widths: of the decoder, finest first; one a level.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.enter = nn.ModuleList(
            nn.Conv2d(c, w, 3, padding=1, bias=False) for c, w in zip(channels[:-1], widths[:-1], strict=True)
        )
        self.deepest = nn.Conv2d(widths[-1], widths[-2], 1)
        self.fuse = nn.ModuleList(FusionBlock(w, widths[max(i - 1, 0)]) for i, w in enumerate(widths[:-1]))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Fuse features, finest first; the last one must have `widths[-1]` channels."""
        x: Tensor = self.deepest(features[-1])
        for level in range(len(self.enter) - 1, -1, -1):
            x = self.fuse[level](x, self.enter[level](features[level]))
        return x
