"""DPT and Depth Anything of Hugging Face transformers as networks to train.

transformers itself raises an error when these classes are given labels. Here their own layers are run one after the other, so
that any loss of leadline can follow, and the encoder has its own name, learning rate and freezing.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.models.depth_network import DepthNetwork
from leadline.models.hf import hf_config, hf_pieces, hf_processor, make_card
from leadline.models.metric_head import SigmoidDepth
from leadline.predictor import ModelCard

TRAINABLE = ("depth_anything", "dpt")
DPT_PATCH = 16  # DPT's decoder makes each patch this many pixels wide, whatever the patch was (DINOv2's are 14)


class HfDepthNetwork(DepthNetwork):
    """The layers of transformers' DPTForDepthEstimation or DepthAnythingForDepthEstimation: encoder, neck and head.

    DPT takes any sizes that are multiples of the stride here; transformers' own class takes its tokens for a square.

    Args:
        network: an instance of one of the two classes; its parts are used, not copied.
        card: from `leadline.models.hf.make_card`; says input, stride and kind.
        processor: settings of the image processor, kept in the description.

    Raises:
        LeadlineError: another class, or DPT-Hybrid, whose position embedding is of one size.
    """

    def __init__(self, network: Any, card: ModelCard, processor: dict[str, Any] | None = None) -> None:
        super().__init__()
        config = network.config
        self.config, self._card, self._processor = config, card, processor or {}
        _check(card.name, config)
        self.plain = config.model_type == "dpt" and config.backbone_config is None
        self.patch = int((config if self.plain else config.backbone_config).patch_size)
        self.encoder = network.dpt if self.plain else network.backbone
        self.neck, self.head = network.neck, network.head
        self.mean, self.std, self.kind = card.mean, card.std, card.kind
        # DPT's coarsest map has half as many cells as there are patches, which must come out even.
        self.stride = card.size_multiple if config.model_type == "depth_anything" else 2 * self.patch
        self.input_size = max(self.stride, card.input_size // self.stride * self.stride)
        self.resize_side = card.resize_side
        metric = card.kind == METRIC_DEPTH and config.model_type == "depth_anything"
        self.activation = SigmoidDepth(float(config.max_depth)) if metric else nn.ReLU()
        self._stop_unused()

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        h, w = image.shape[-2] // self.patch, image.shape[-1] // self.patch
        fused = self.neck(self._tokens(image), h, w)[self.config.head_in_index]
        if self.config.model_type == "depth_anything":
            return self._depth_anything_head(fused, h, w)
        x = self._dpt_head(fused)
        if self.patch != DPT_PATCH:
            x = F.interpolate(x, size=image.shape[-2:], mode="bilinear", align_corners=False)
        return x[:, 0]

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        head: Any = self.head
        layer: nn.Conv2d = head.head[-2] if self.config.model_type == "dpt" else head.conv3
        return layer

    def freeze(self, stages: int) -> None:
        """Stop training the patch embedding and the first `stages` transformer blocks (0: nothing)."""
        encoder: Any = self.encoder
        for part in [encoder.embeddings, *encoder.encoder.layer[:stages]] if stages else []:
            part.requires_grad_(False)

    def load_imagenet(self) -> None:
        """Do nothing: the encoder comes with its pretrained weights."""

    def checkpoint_gradients(self) -> None:
        """See `DepthNetwork`."""
        encoder: Any = self.encoder
        # The second name is that of transformers before 5.
        enable = getattr(encoder, "activation_checkpointing_enable", None) or encoder.gradient_checkpointing_enable
        enable({"use_reentrant": False})

    def spell_out_attention(self) -> None:
        """Compute attention as products and a softmax, for export; see `leadline.models.hf.HfNetwork`."""
        encoder: Any = self.encoder
        encoder.set_attn_implementation("eager")

    def description(self) -> dict[str, str]:
        """See `DepthNetwork`: the configuration and the processor's settings."""
        text = json.dumps({"name": self._card.name, "config": self.config.to_dict(), "processor": self._processor})
        return {**super().description(), "transformers": text}

    def card(self, name: str) -> ModelCard:
        """See `DepthNetwork`."""
        return replace(
            self._card,
            name=name,
            kind=self.kind,
            size_multiple=self.stride,
            input_size=self.input_size,
            notes=f"Fine-tuned from {self._card.name}: the licence of its weights holds for these too.",
        )

    def _tokens(self, image: Tensor) -> list[Tensor]:
        encoder: Any = self.encoder
        if not self.plain:
            return list(encoder(image).feature_maps)
        x = encoder.embeddings(image).last_hidden_states
        taken = []
        for index, layer in enumerate(encoder.encoder.layer):
            x = layer(x)
            if index in self.config.backbone_out_indices:
                taken.append(x)
        return taken

    def _dpt_head(self, x: Tensor) -> Tensor:
        head: Any = self.head
        if head.projection is not None:
            x = F.relu(head.projection(x))
        for layer in head.head[:-1]:  # without the final ReLU
            x = layer(x)
        return x

    def _depth_anything_head(self, x: Tensor, h: int, w: int) -> Tensor:
        head: Any = self.head
        x = F.interpolate(head.conv1(x), size=(h * self.patch, w * self.patch), mode="bilinear", align_corners=True)
        x = head.conv3(head.activation1(head.conv2(x)))
        return x[:, 0]

    def _stop_unused(self) -> None:
        """Take what the map does not depend on out of training: it would get no gradient, which DDP does not allow."""
        encoder: Any = self.encoder
        neck: Any = self.neck
        unused = [neck.fusion_stage.layers[0].residual_layer1]  # the deepest level has no skip
        if self.plain or not getattr(encoder.config, "apply_layernorm", True):
            unused.append(encoder.layernorm)
        for module in unused:
            module.requires_grad_(False)
        mask_token = getattr(encoder.embeddings, "mask_token", None)
        if mask_token is not None:
            mask_token.requires_grad_(False)


def load_hf_trainable(name_or_config: Any) -> HfDepthNetwork:
    """Load a network to fine-tune: a name on the hub, a folder by `save_pretrained`, or a configuration (random weights).

    Raises:
        LeadlineError: it can't be loaded, or is none of the classes in `TRAINABLE`.
    """
    config, network, processor, name = hf_pieces(name_or_config)
    return HfDepthNetwork(network.float(), make_card(name, config, processor), processor)


def rebuild_hf_trainable(name: str, description: dict[str, str] | None = None) -> HfDepthNetwork:
    """Return the network with random weights, to load a checkpoint into: by its description or else by its name.

    Raises:
        LeadlineError: no description, and the name's configuration can't be loaded.
    """
    if description and "transformers" in description:
        found = json.loads(description["transformers"])
        config, processor, name = hf_config(found["config"]), found["processor"], found["name"]
    else:
        config, processor = hf_config(name), hf_processor(name)
        name = name.rstrip("/").rpartition("/")[2]
    _, network, _, _ = hf_pieces(config)
    return HfDepthNetwork(network.float(), make_card(name, config, processor), processor)


def _check(name: str, config: Any) -> None:
    if config.model_type not in TRAINABLE:
        raise LeadlineError(f"{name} is of type {config.model_type!r}: expected one of {', '.join(TRAINABLE)} to fine-tune")
    if getattr(config, "is_hybrid", False):
        raise LeadlineError(f"{name} is a DPT-Hybrid, which takes one size only: fine-tune dpt-large or Depth Anything")
