"""monodepth2: encoder, decoder with disparities at four scales, and a pose network on pairs of pictures (METHODS D.10)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.models.blocks.disparity_decoder import SCALES, WIDTHS, DisparityDecoder
from leadline.models.blocks.full_precision import in_full_precision
from leadline.models.efficientnet_lite import STEM_CHANNELS, ConvNorm, EfficientNetLite
from leadline.models.video_network import MOTION_SCALE, VideoNetwork, Views, matrices_in_film_order


class PairEncoder(EfficientNetLite):
    """The encoder on two pictures, one behind the other: (N, 6, h, w).

    Of ImageNet weights each picture's half of the first kernel gets half (monodepth2's code), so that twice the same picture
    gives what the picture alone gave.
    """

    def __init__(self, variant: int = 0) -> None:
        super().__init__(variant)
        self.stem = ConvNorm(6, STEM_CHANNELS, 3, 2)

    def load_package_weights(self, state: dict[str, Tensor]) -> None:
        """See `EfficientNetLite`."""
        kernel = state["_conv_stem.weight"]
        super().load_package_weights({**state, "_conv_stem.weight": torch.cat([kernel, kernel], dim=1) / 2})


class PoseNetwork(nn.Module):
    """(N, 6, h, w) pairs of pictures, the earlier first, to (N, 6): axis times angle, translation of later_from_earlier.

    Features at stride 32, a 1 x 1 convolution, two 3 x 3 convolutions, a 1 x 1 convolution, the mean over the picture, times
    0.01 (arXiv 1806.01260, appendix).
    """

    def __init__(self, variant: int = 0, width: int = 256) -> None:
        super().__init__()
        self.encoder = PairEncoder(variant)
        self.squeeze = nn.Conv2d(self.encoder.channels[-1], width, 1)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.predict = nn.Conv2d(width, 6, 1)

    def forward(self, pair: Tensor) -> Tensor:
        """See the class."""
        x = self.squeeze(self.encoder(pair)[-1]).relu()
        for conv in self.convs:
            x = conv(x).relu()
        found: Tensor = MOTION_SCALE * in_full_precision(self.predict, x).float().mean((2, 3))
        return found


class Monodepth2(VideoNetwork):
    """Godard et al. 2019 (arXiv 1806.01260) on EfficientNet-Lite encoders, whose ImageNet weights can be had, for ResNet-18.

    Args:
        variant: of both encoders, 0 to 2.
        widths: of the decoder, finest first.
        pose_width: of the pose network's head.
    """

    def __init__(self, variant: int = 0, widths: Sequence[int] = WIDTHS, pose_width: int = 256) -> None:
        super().__init__()
        self.encoder = EfficientNetLite(variant)
        self.decoder = DisparityDecoder(self.encoder.channels, widths)
        self.pose = PoseNetwork(variant, pose_width)

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        return self._disparities(image, 1)[0]

    def views(self, target: Tensor, sources: Sequence[Tensor], offsets: Sequence[int]) -> Views:
        """See `VideoNetwork`."""
        logits = tuple(each.float() for each in self._disparities(target, SCALES))
        if not sources:
            return Views(logits, target.new_zeros((len(target), 0, 6), dtype=torch.float32))
        pairs = [(s, target) if offset < 0 else (target, s) for s, offset in zip(sources, offsets, strict=True)]
        # The pairs as one batch: a large one costs less than several small ones.
        motion = self.pose(torch.cat([torch.cat(pair, dim=1) for pair in pairs]))
        return Views(logits, motion.reshape(len(pairs), len(target), 6).transpose(0, 1))

    def motion_matrices(self, motion: Float[Tensor, "n s 6"], offsets: Sequence[int]) -> Float[Tensor, "s n 4 4"]:
        """See `VideoNetwork`."""
        return matrices_in_film_order(motion, offsets)

    def learn(self, *, motion: bool, masks: bool) -> None:
        """See `VideoNetwork`."""
        self.pose.requires_grad_(motion)

    def load_imagenet(self) -> None:
        """See `DepthNetwork`; the pose network's encoder starts from them, too."""
        super().load_imagenet()
        self.pose.encoder.load_imagenet()

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        last = self.decoder.predict[0]
        assert isinstance(last, nn.Conv2d)
        return last

    def _disparities(self, image: Tensor, scales: int) -> list[Tensor]:
        return self.decoder(self.encoder(image), (image.shape[-2], image.shape[-1]), scales)  # type: ignore[no-any-return]
