"""The ResNet and ResNeXt encoders with bottleneck blocks, under torchvision's parameter names."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from leadline.errors import LeadlineError

EXPANSION = 4  # of a block's output over its width


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (grouped, with the stride), 1 x 1 convolutions and a shortcut (ResNet, arXiv 1512.03385, figure 5).

    The stride lies on the 3 x 3 convolution, as in torchvision and in the published weights, not on the first as in the paper.
    Groups make it a ResNeXt block (arXiv 1611.05431, figure 3 c).
    """

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, groups=groups, bias=False)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(width)
        self.bn2: nn.Module = nn.BatchNorm2d(width)
        self.bn3: nn.Module = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """(N, 3, h, w) pictures, normalised with ImageNet's mean and std, to features at strides 4, 8, 16 and 32.

    Args:
        blocks: of each stage: (3, 4, 6, 3) is ResNet-50, (3, 4, 23, 3) ResNet-101.
        groups, group_width: (1, 64) is ResNet, (32, 8) is ResNeXt 32x8d.
        base: channels of the stem; the stages give 4, 8, 16 and 32 times as many. 64, or less in tests.

    Attributes:
        channels: of the four feature maps.
        fixed_statistics: batch normalisation keeps its running mean and variance in training. True once pretrained weights are
            loaded: batches of a few pictures have poor statistics, and renderings those of renderings.
    """

    def __init__(self, blocks: Sequence[int] = (3, 4, 6, 3), groups: int = 1, group_width: int = 64, base: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, base, 7, 2, padding=3, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(base)
        self.channels = tuple(base * EXPANSION * 2**stage for stage in range(4))
        self.fixed_statistics = False
        inputs = base
        for stage, outputs in enumerate(self.channels):
            # torchvision's rule: group_width is meant for 64 channels and grows with them.
            width = base * 2**stage * group_width // 64 * groups
            parts = []
            for block in range(blocks[stage]):
                stride = 2 if stage and not block else 1
                parts.append(Bottleneck(inputs, width, outputs, stride, groups))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*parts))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first: strides 4, 8, 16, 32."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image))), 3, 2, padding=1)
        features = []
        for stage in self.stages():
            x = stage(x)
            features.append(x)
        return features

    def stages(self) -> list[nn.Module]:
        """Return the four stages."""
        return [self.get_submodule(f"layer{number}") for number in (1, 2, 3, 4)]

    def train(self, mode: bool = True) -> ResNet:
        """Set the mode; with `fixed_statistics` batch normalisations stay in evaluation mode."""
        super().train(mode)
        if self.fixed_statistics:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def keep_statistics(self) -> None:
        """Set `fixed_statistics`."""
        self.fixed_statistics = True
        self.train(self.training)

    def freeze(self, stages: int) -> None:
        """Stop training the stem and the first `stages` stages (0: nothing); their backward pass is then never computed."""
        for part in [self.conv1, self.bn1, *self.stages()[:stages]] if stages else []:
            part.requires_grad_(False)

    def load_imagenet(self) -> None:
        """Raise LeadlineError: no package ships these weights."""
        raise LeadlineError(
            "no package ships ImageNet weights of a ResNet: give torchvision's file with model.weights=resnet50.pth, "
            "or set model.imagenet=false"
        )

    def fold(self) -> None:
        """Put the normalisations into the convolutions for good (for export, in evaluation mode; state-dict names change)."""
        self.conv1, self.bn1 = _fused(self.conv1, self.bn1)
        for module in [m for m in self.modules() if isinstance(m, Bottleneck)]:
            module.conv1, module.bn1 = _fused(module.conv1, module.bn1)
            module.conv2, module.bn2 = _fused(module.conv2, module.bn2)
            module.conv3, module.bn3 = _fused(module.conv3, module.bn3)
            if isinstance(module.downsample, nn.Sequential):
                conv, norm = module.downsample
                assert isinstance(conv, nn.Conv2d)
                module.downsample = _fused(conv, norm)[0]


def _fused(conv: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv, norm), nn.Identity()
