"""Linear attention between the pixels of two coarse feature maps (LoFTR, Sun et al., CVPR 2021, arXiv 2104.00680)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6


class AttentionLayer(nn.Module):
    """Pixels (N, L, C) look at others (N, S, C) and add what they found: linear attention, then a two-layer network.

    With ``phi(x) = elu(x) + 1`` an answer is ``phi(Q) (phi(K)^T V) / (phi(Q) sum(phi(K)))`` (Katharopoulos et al. 2020,
    equation 5), whose cost grows with L + S instead of L S.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.merge = (nn.Linear(channels, channels, bias=False) for _ in range(4))
        self.mlp = nn.Sequential(
            nn.Linear(2 * channels, 2 * channels, bias=False), nn.ReLU(), nn.Linear(2 * channels, channels, bias=False)
        )
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        for matrix in self.parameters():
            if matrix.ndim > 1:
                nn.init.xavier_uniform_(matrix)

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        """Return (N, L, C)."""
        n, length, c = x.shape
        query, key = (F.elu(project(t)).reshape(n, -1, self.heads, c // self.heads) + 1 for project, t in
                      ((self.q_proj, x), (self.k_proj, source)))  # fmt: skip
        value = self.v_proj(source).reshape(n, -1, self.heads, c // self.heads)
        summary = torch.einsum("nshd,nshv->nhdv", key, value)
        weight = torch.einsum("nlhd,nhd->nlh", query, key.sum(1)) + EPSILON
        answer = torch.einsum("nlhd,nhdv->nlhv", query, summary) / weight[..., None]
        message = self.norm1(self.merge(answer.reshape(n, length, c)))
        out: Tensor = x + self.norm2(self.mlp(torch.cat([x, message], -1)))
        return out


def position_code(like: Tensor, as_published: bool) -> Tensor:
    """Return (1, C, h, w) sines and cosines of column and row, counted from 1, for channels 4 k to 4 k + 3.

    Args:
        like: (N, C, h, w) features, C a multiple of 4.
        as_published: frequencies exp(-2 k), which the released code computes by a slip of precedence and its weights were
            trained with, instead of 10000^(-4 k / C).
    """
    c, h, w = like.shape[-3:]
    slope = -1.0 if as_published else -math.log(10000.0) / (c // 2)
    frequency = torch.exp(slope * torch.arange(0, c // 2, 2, device=like.device, dtype=like.dtype))
    x = torch.arange(w, device=like.device, dtype=like.dtype) + 1
    y = torch.arange(h, device=like.device, dtype=like.dtype) + 1
    column = (frequency[:, None, None] * x).expand(c // 4, h, w)
    row = (frequency[:, None, None] * y[:, None]).expand(c // 4, h, w)
    code = torch.stack([column.sin(), column.cos(), row.sin(), row.cos()], dim=1)
    return code.reshape(1, c, h, w)
