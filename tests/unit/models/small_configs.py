"""Configurations of transformers' networks with few weights."""

from __future__ import annotations

from typing import Any

import torch
import transformers


def enliven(network: Any) -> Any:
    """Give a network's neck and head weights under which maps of random networks are not flat."""
    for part in (network.neck, network.head):
        for parameter in part.parameters():
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter)
    return network


def depth_anything(**changes: Any) -> Any:
    backbone = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, patch_size=14, image_size=70, out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    return transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=24, patch_size=14, neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, head_hidden_size=8, **changes,
    )  # fmt: skip


def dpt(**changes: Any) -> Any:
    return transformers.DPTConfig(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, is_hybrid=False, **changes,
    )  # fmt: skip


def dpt_of_dinov2() -> Any:
    return dpt(backbone_config=depth_anything().backbone_config, add_projection=False)
