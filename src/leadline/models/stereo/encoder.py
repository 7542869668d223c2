"""The residual encoder of RAFT (Teed and Deng 2020, arXiv 2003.12039, figure 4), which RAFT-Stereo and CREStereo use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

Norm = Literal["batch", "instance", "none"]


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Return the normalisation of (N, C, h, w) features; instance normalisation has no parameters."""
    kinds = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}
    return kinds[norm](channels) if norm in kinds else nn.Identity()


class ResidualBlock(nn.Module):
    """``relu(shortcut(x) + relu(norm(conv3(relu(norm(conv3(x)))))))``; the second ReLU comes before the sum, as released.

    Args:
        inputs, outputs: channels.
        norm: of each convolution.
        stride: of the first convolution.
        project: the shortcut is a 1 x 1 convolution with a norm even where it could be x itself, as in CREStereo.
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1, project: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.norm1 = make_norm(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = make_norm(norm, outputs)
        self.shortcut: nn.Module = nn.Identity()
        if project or stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), make_norm(norm, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y: Tensor = self.norm1(self.conv1(x)).relu()
        y = self.norm2(self.conv2(y)).relu()
        out: Tensor = self.shortcut(x) + y
        return out.relu()


class Trunk(nn.Module):
    """Stem of 7 x 7 and three pairs of residual blocks: (N, 3, h, w) to (N, widths[-1], h / s, w / s), s the strides' product.

    Args:
        widths: channels of stem and first pair, of the second and of the third pair.
        norm: everywhere.
        strides: of the stem and of the three pairs.
        project: see `ResidualBlock`.
    """

    def __init__(self, widths: Sequence[int], norm: Norm, strides: Sequence[int], project: bool = False) -> None:
        super().__init__()
        first, second, third = widths
        self.conv1 = nn.Conv2d(3, first, 7, strides[0], padding=3)
        self.norm1 = make_norm(norm, first)
        self.layer1 = pair(first, first, norm, strides[1], project)
        self.layer2 = pair(first, second, norm, strides[2], project)
        self.layer3 = pair(second, third, norm, strides[3], project)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x: Tensor = self.norm1(self.conv1(image)).relu()
        features: Tensor = self.layer3(self.layer2(self.layer1(x)))
        return features


class FeatureEncoder(Trunk):
    """A trunk with a 1 x 1 convolution to `outputs` channels behind it; the other arguments are those of `Trunk`."""

    def __init__(self, widths: Sequence[int], outputs: int, norm: Norm, strides: Sequence[int], project: bool = False) -> None:
        super().__init__(widths, norm, strides, project)
        self.conv2 = nn.Conv2d(widths[-1], outputs, 1)
        start_like_he(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return (N, outputs, h / s, w / s) features."""
        features: Tensor = self.conv2(super().forward(image))
        return features


def pair(inputs: int, outputs: int, norm: Norm, stride: int = 1, project: bool = False) -> nn.Sequential:
    """Return two residual blocks, the first with the stride."""
    return nn.Sequential(
        ResidualBlock(inputs, outputs, norm, stride, project), ResidualBlock(outputs, outputs, norm, project=project)
    )


def start_like_he(module: nn.Module) -> None:
    """Draw the kernels of all convolutions by He's rule for their outputs (He et al. 2015), as the released code does."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
