"""Inverse depth of one picture, for training on LiDAR and stereo together (METHODS D.8)."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.models.blocks.disparity_decoder import WIDTHS, DisparityDecoder
from leadline.models.efficientnet_lite import EfficientNetLite
from leadline.models.video_network import VideoNetwork, Views, matrices_in_film_order


class Kuznietsov(VideoNetwork):
    """Kuznietsov et al. 2017 (arXiv 1702.02706) say inverse depth with a ResNet-50, up-projections and long skips.

    Here the encoder is EfficientNet-Lite, whose ImageNet weights can be had, and the decoder monodepth2's, with one answer at
    the picture's size (theirs is at half of it).

    Args:
        variant: of the encoder, 0 to 2.
        widths: of the decoder, finest first.
    """

    def __init__(self, variant: int = 0, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.encoder = EfficientNetLite(variant)
        self.decoder = DisparityDecoder(self.encoder.channels, widths)
        self.decoder.predict = self.decoder.predict[:1]

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        found: list[Tensor] = self.decoder(self.encoder(image), (image.shape[-2], image.shape[-1]), 1)
        return found[0]

    def views(self, target: Tensor, sources: Sequence[Tensor], offsets: Sequence[int]) -> Views:
        """See `VideoNetwork`; there is one scale.

        Raises:
            LeadlineError: sources of unknown motion.
        """
        if sources:
            raise LeadlineError(f"kuznietsov with {len(sources)} sources of unknown motion: expected data.video.views=stereo")
        return Views((self.logits(target).float(),), target.new_zeros((len(target), 0, 6)).float())

    def motion_matrices(self, motion: Float[Tensor, "n s 6"], offsets: Sequence[int]) -> Float[Tensor, "s n 4 4"]:
        """See `VideoNetwork`; there are none."""
        return matrices_in_film_order(motion, offsets)

    def learn(self, *, motion: bool, masks: bool) -> None:
        """See `VideoNetwork`: all of it learns, there is neither motion nor mask."""

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        last = self.decoder.predict[0]
        assert isinstance(last, nn.Conv2d)
        return last
