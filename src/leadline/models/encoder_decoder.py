"""EfficientNet-Lite encoder, attention over the coarsest level, fusion decoder: the trunk of leadline's own networks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.blocks.scene_context import SceneContext
from leadline.models.efficientnet_lite import EfficientNetLite
from leadline.models.fusion_decoder import FusionDecoder


class EncoderDecoder(nn.Module):
    """(N, 3, h, w) normalised pictures to (N, outputs, h, w) numbers.

    Args:
        variant: of the encoder, 0 to 2.
        widths: of the decoder at strides 4, 8, 16 and 32; the last one is the width of the attention.
        context_blocks: transformer blocks at stride 32.
        head_width: of the last but one convolution, at stride 2.
        outputs: planes of numbers.
        kernel: side of the last convolution.
    """

    def __init__(
        self, variant: int, widths: Sequence[int], context_blocks: int, head_width: int, outputs: int, kernel: int
    ) -> None:
        super().__init__()
        encoder = EfficientNetLite(variant)
        self.encoder: nn.Module = encoder
        fine, *taps = encoder.channels
        self.enter_context = nn.Conv2d(taps[-1], widths[-1], 1)
        self.context = SceneContext(widths[-1], context_blocks)
        self.decoder = FusionDecoder(taps, widths)
        self.refine = nn.Conv2d(widths[0] + fine, head_width, 3, padding=1)
        self.predict = nn.Conv2d(head_width, outputs, kernel, padding=kernel // 2)

    def planes(self, image: Tensor) -> Tensor:
        """Return the (N, outputs, h, w) float32 numbers before any activation, enlarged from stride 2."""
        fine, *taps = self.encoder(image)
        taps[-1] = self.context(self.enter_context(taps[-1]))
        x = F.interpolate(self.decoder(taps), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        raw = self.predict(self.refine(torch.cat([x, fine], dim=1)).relu())
        return F.interpolate(raw.float(), size=image.shape[-2:], mode="bilinear", align_corners=False)
