"""Attention over the whole picture at the coarsest level."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SceneContext(nn.Module):
    """Let every coarse cell see the whole scene: transformer blocks over an (N, C, h, w) map of a few hundred cells.

    Convolutions at stride 32 see far but weigh little beyond their neighbours, while the depth of a wall depends on the floor
    it stands on. Position enters as the cell's centre (x, y), picture-centred and divided by half the longer side, so it means
    the same at every size and aspect ratio.
    """

    def __init__(self, channels: int, blocks: int = 2, heads: int = 8) -> None:
        super().__init__()
        self.position = nn.Sequential(nn.Linear(2, 64), nn.GELU(), nn.Linear(64, channels))
        self.blocks = nn.ModuleList(_AttentionBlock(channels, heads) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, h, w)."""
        n, channels, h, w = x.shape
        tokens: Tensor = x.flatten(2).transpose(1, 2) + self.position(cell_positions(h, w, x))
        for block in self.blocks:
            tokens = block(tokens)
        return tokens.transpose(1, 2).reshape(n, channels, h, w)


def cell_positions(h: int, w: int, like: Tensor) -> Tensor:
    """Return (h * w, 2) cell centres (x, y), 0 in the middle of the picture, in units of half the longer side."""
    longest = max(h, w)
    y = (2 * torch.arange(h, device=like.device, dtype=like.dtype) + 1 - h) / longest
    x = (2 * torch.arange(w, device=like.device, dtype=like.dtype) + 1 - w) / longest
    return torch.stack([x.expand(h, w), y[:, None].expand(h, w)], dim=-1).flatten(0, 1)


class _AttentionBlock(nn.Module):
    """A pre-norm transformer block over (N, cells, C)."""

    def __init__(self, channels: int, heads: int, expansion: int = 3) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, expansion * channels), nn.GELU(), nn.Linear(expansion * channels, channels)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        n, cells, channels = tokens.shape
        qkv = self.qkv(self.norm1(tokens)).reshape(n, cells, 3, self.heads, channels // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, cells, channels)
        tokens = tokens + self.out(attended)
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result
