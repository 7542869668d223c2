"""leadline's own network: EfficientNet-Lite encoder, attention over the coarsest level, fusion decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.blocks.scene_context import SceneContext
from leadline.models.depth_network import DepthNetwork
from leadline.models.efficientnet_lite import EfficientNetLite
from leadline.models.fusion_decoder import FusionDecoder


class LeadlineNet(DepthNetwork):
    """(N, 3, h, w) pictures, normalised by the card, to (N, h, w) disparity/affine_invariant.

    The last activation is softplus: disparity can't be negative, the sky's flat zero is easy to say, and, unlike MiDaS's
    ReLU, it never stops the gradient; where it is small it is an exponential, which spreads far distances.

    Args:
        variant: of the encoder, 0 to 2.
        widths: of the decoder at strides 4, 8, 16 and 32; the last one is the width of the attention.
        context_blocks: transformer blocks at stride 32.
    """

    def __init__(
        self, variant: int = 0, widths: Sequence[int] = (48, 96, 160, 256), context_blocks: int = 2, head_width: int = 32
    ) -> None:
        super().__init__()
        self.encoder = EfficientNetLite(variant)
        fine, *taps = self.encoder.channels
        self.enter_context = nn.Conv2d(taps[-1], widths[-1], 1)
        self.context = SceneContext(widths[-1], context_blocks)
        self.decoder = FusionDecoder(taps, widths)
        self.refine = nn.Conv2d(widths[0] + fine, head_width, 3, padding=1)
        self.predict = nn.Conv2d(head_width, 1, 3, padding=1)
        self.activation = nn.Softplus()

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        fine, *taps = self.encoder(image)
        taps[-1] = self.context(self.enter_context(taps[-1]))
        x = F.interpolate(self.decoder(taps), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        raw = self.predict(self.refine(torch.cat([x, fine], dim=1)).relu())
        full = F.interpolate(raw.float(), size=image.shape[-2:], mode="bilinear", align_corners=False)
        return full[:, 0]

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        return self.predict
