"""leadline's own depth network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from leadline.models.depth_network import DepthNetwork
from leadline.models.encoder_decoder import EncoderDecoder


class LeadlineNet(EncoderDecoder, DepthNetwork):
    """(N, 3, h, w) pictures, normalised by the card, to (N, h, w) disparity/affine_invariant.

    The last activation is softplus: disparity can't be negative, the sky's flat zero is easy to say, and, unlike MiDaS's
    ReLU, it never stops the gradient; where it is small it is an exponential, which spreads far distances.

    Args:
        variant, widths, context_blocks, head_width: see `EncoderDecoder`.
    """

    def __init__(
        self, variant: int = 0, widths: Sequence[int] = (48, 96, 160, 256), context_blocks: int = 2, head_width: int = 32
    ) -> None:
        super().__init__(variant, widths, context_blocks, head_width, outputs=1, kernel=3)
        self.activation = nn.Softplus()

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        return self.planes(image)[:, 0]

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        return self.predict
