"""Encoders that are not trained and say what a picture's features should stay close to, and the same features of a student."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.models.efficientnet_lite import EfficientNetLite
from leadline.models.hf import check_installed, hf_config, hf_processor, not_loaded

HF = "hf:"
LITE = {"lite0": 0, "lite1": 1, "lite2": 2}
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FrozenEncoder(nn.Module):
    """(N, h, w, 3) uint8 pictures to (N, channels, h', w') features; no gradient, no training mode.

    Args:
        network: from normalised pictures to feature maps: a list of (N, c, h', w'), or transformers' BackboneOutput.
        mean, std: of the input, in 0..255 units.
        stride: of the features that are taken, if there are several.
        patch: side of a transformer's patches, to multiples of which pictures are resized; 1 for none.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        stride: int = 16,
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.stride, self.patch = stride, patch
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1))

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        planes = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.std
        hw = tuple(max(1, round(side / self.patch)) * self.patch for side in planes.shape[-2:])
        if hw != tuple(planes.shape[-2:]):
            planes = F.interpolate(planes, size=hw, mode="bilinear", align_corners=False, antialias=True)
        return feature_map(self.network(planes), (hw[0], hw[1]), self.stride, self.patch)

    def train(self, mode: bool = True) -> FrozenEncoder:
        """Stay as it is."""
        return self


def load_frozen_encoder(name: Any, stride: int = 16) -> FrozenEncoder:
    """Load an encoder with its pretrained weights.

    Args:
        name: "lite0", "lite1", "lite2" (EfficientNet-Lite, ImageNet), ``hf:NAME`` for a backbone of transformers such as
            ``hf:facebook/dinov2-small``, or a configuration of one, which has random weights.
        stride: of EfficientNet-Lite's features, 16 or 32; transformers' backbones give their last layer's.

    Raises:
        LeadlineError: there is no such encoder, or it can't be loaded.
    """
    if isinstance(name, str) and name in LITE:
        lite = EfficientNetLite(LITE[name])
        lite.load_imagenet()
        return FrozenEncoder(lite, (127.0,) * 3, (128.0,) * 3, stride)
    if isinstance(name, str) and not name.startswith(HF):
        raise LeadlineError(f"frozen encoder {name!r}: expected one of {', '.join(LITE)}, or {HF}NAME")
    check_installed()
    if isinstance(name, str):
        path = name.removeprefix(HF)
        config, processor = hf_config(path), hf_processor(path)
        backbone = _backbone_class(config)
        try:
            network = backbone.from_pretrained(path, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise not_loaded(path, error) from None
    else:
        config, processor = name, {}
        network = _backbone_class(config)(config)
    mean, std = (
        tuple(255.0 * float(number) for number in processor.get(key) or default)
        for key, default in (("image_mean", _IMAGENET_MEAN), ("image_std", _IMAGENET_STD))
    )
    return FrozenEncoder(network.float(), mean, std, stride, int(getattr(config, "patch_size", None) or 1))


def _backbone_class(config: Any) -> Any:
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    try:
        return MODEL_FOR_BACKBONE_MAPPING[type(config)]
    except KeyError:
        raise LeadlineError(
            f"a {config.model_type} is no backbone of transformers: expected one such as hf:facebook/dinov2-small"
        ) from None


def feature_map(output: Any, hw: tuple[int, int], stride: int, patch: int = 1) -> Tensor:
    """Return the (N, c, h', w') features of an encoder's output.

    Args:
        output: (N, c, h', w') maps in a list, of which the one of that stride is taken, the coarsest that is not coarser; or
            transformers' BackboneOutput, whose last map is, also as (N, tokens, c).
        hw: of the picture.
        stride: see above.
        patch: side of a transformer's patches, to tell tokens of the picture from others before them.

    Raises:
        LeadlineError: the output is something else.
    """
    found = getattr(output, "feature_maps", None) or (output if isinstance(output, list | tuple) else [output])
    maps = [one for one in found if isinstance(one, Tensor) and one.ndim in (3, 4)]
    if not maps or len(maps) < len(found):
        raise LeadlineError(
            f"an encoder that gives {type(output).__name__}: expected feature maps; set distillation.encoder=none"
        )
    last = maps[-1]
    if last.ndim == 4:
        fitting = [one for one in maps if one.ndim == 4 and round(hw[0] / one.shape[-2]) <= stride]
        return fitting[-1] if fitting else last
    h, w = hw[0] // patch, hw[1] // patch
    return last[:, last.shape[1] - h * w :].transpose(1, 2).reshape(len(last), -1, h, w)
