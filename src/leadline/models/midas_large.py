"""MiDaS v2 and v2.1 large: a ResNeXt encoder and the decoder of Xian et al. 2018 (arXiv 1907.01341, released code)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.depth_network import DepthNetwork
from leadline.models.resnet import ResNet

NEVER_USED = "scratch.refinenet4.resConfUnit1."  # in the released files; the deepest level has no skip


class ResidualUnit(nn.Module):
    """``relu(x) + conv3(relu(conv3(relu(x))))``, (N, C, h, w) to (N, C, h, w).

    The shortcut carries relu(x), not x as in RefineNet's figure: the released code applies its first ReLU in place, so the
    published weights were trained that way. `blocks.residual_conv` is the unit of the figure.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = x.relu()
        residual: Tensor = self.conv2(self.conv1(x).relu())
        return x + residual


class MidasLarge(DepthNetwork):
    """(N, 3, h, w) pictures, normalised with ImageNet's mean and std, to (N, h, w) disparity/affine_invariant.

    Each feature map is brought to `width` channels by a 3 x 3 convolution without bias; from the deepest to the finest, a
    residual unit of the map is added to what comes from deeper, a second unit follows, and the size doubles (bilinear,
    align_corners=True, as the weights were trained). The head: conv3 to width / 2, x 2 (align_corners=False), conv3 to 32,
    ReLU, conv1 to one channel, ReLU. Other sizes than multiples of 32 are resized to the next finer map instead of doubled.

    Args:
        blocks, groups, group_width, base: of the encoder, see `ResNet`; by default ResNeXt-101-32x8d, 105 million
            parameters in all.
        width: of the decoder.
        non_negative: end in a ReLU, as the published networks do; else the map may be negative. A ReLU stops the gradient
            where it gives zero: train from random weights without it.
    """

    mean = (123.675, 116.28, 103.53)
    std = (58.395, 57.12, 57.375)
    encoder: ResNet

    def __init__(
        self,
        blocks: Sequence[int] = (3, 4, 23, 3),
        groups: int = 32,
        group_width: int = 8,
        base: int = 64,
        width: int = 256,
        non_negative: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = ResNet(blocks, groups, group_width, base)
        self.enter = nn.ModuleList(nn.Conv2d(c, width, 3, padding=1, bias=False) for c in self.encoder.channels)
        self.skip_units = nn.ModuleList(ResidualUnit(width) for _ in self.encoder.channels[:-1])  # the deepest has no skip
        self.fused_units = nn.ModuleList(ResidualUnit(width) for _ in self.encoder.channels)
        self.head1 = nn.Conv2d(width, width // 2, 3, padding=1)
        self.head2 = nn.Conv2d(width // 2, 32, 3, padding=1)
        self.predict = nn.Conv2d(32, 1, 1)
        self.activation = nn.ReLU() if non_negative else nn.Identity()

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        levels = [enter(feature) for enter, feature in zip(self.enter, self.encoder(image), strict=True)]
        x: Tensor = self.fused_units[-1](levels[-1])
        for level in range(len(levels) - 2, -1, -1):
            skip = levels[level]
            x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=True)
            x = self.fused_units[level](x + self.skip_units[level](skip))
        x = self.head1(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        x = F.interpolate(x, size=image.shape[-2:], mode="bilinear", align_corners=False)
        raw: Tensor = self.predict(self.head2(x).relu())
        return raw[:, 0]

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        return self.predict

    def published_state(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return published weights under our names; what fits nowhere keeps its own.

        Args:
            state: a released checkpoint, midas_v21-f6b98070.pt or that of v2, or the state dict of a torchvision ResNet or
                ResNeXt, which gives the encoder; the other weights are then this network's.
        """
        if any(name.startswith("scratch.") for name in state):
            names = self._published_names()
            ours = {names.get(name, name): tensor for name, tensor in state.items() if not name.startswith(NEVER_USED)}
        else:
            kept = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("encoder.")}
            ours = kept | {f"encoder.{name}": tensor for name, tensor in state.items() if not name.startswith("fc.")}
        # Files of old versions of torch don't count batches; nothing here reads the count.
        counts = {name: tensor for name, tensor in self.state_dict().items() if name.endswith("num_batches_tracked")}
        return counts | ours

    def _published_names(self) -> dict[str, str]:
        """Map the names of a released checkpoint to ours."""
        stem = {"conv1": "layer1.0", "bn1": "layer1.1", "layer1": "layer1.4"}
        convolutions = {"head1": 0, "head2": 2, "predict": 4}
        names: dict[str, str] = {}
        for ours in self.state_dict():
            part, first, tail = [*ours.split(".", 2), ""][:3]
            if part == "encoder":
                theirs = f"pretrained.{stem.get(first, first)}.{tail}"
            elif part == "enter":
                theirs = f"scratch.layer{int(first) + 1}_rn.{tail}"
            elif part in ("skip_units", "fused_units"):
                theirs = f"scratch.refinenet{int(first) + 1}.resConfUnit{1 if part == 'skip_units' else 2}.{tail}"
            else:
                theirs = f"scratch.output_conv.{convolutions[part]}.{first}"
            names[theirs] = ours
        return names
