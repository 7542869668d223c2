"""Parts of the recurrent updates: motion encoder, gated recurrent units, heads, convex upsampling."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Keeps the gradients of the upsampling weights as small as those of the update; RAFT's factor.
MASK_SHARE = 0.25


class MotionWidths(NamedTuple):
    """Channels of a `MotionEncoder`: two convolutions of the correlations, two of the flow, and what comes out."""

    correlation: tuple[int, int]
    flow: tuple[int, int]
    outputs: int


class MotionEncoder(nn.Module):
    """Correlations (N, C, h, w) and flow (N, 2, h, w) to (N, outputs, h, w) features, whose last two channels are the flow."""

    def __init__(self, correlations: int, widths: MotionWidths) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(correlations, widths.correlation[0], 1)
        self.convc2 = nn.Conv2d(widths.correlation[0], widths.correlation[1], 3, padding=1)
        self.convf1 = nn.Conv2d(2, widths.flow[0], 7, padding=3)
        self.convf2 = nn.Conv2d(widths.flow[0], widths.flow[1], 3, padding=1)
        self.conv = nn.Conv2d(widths.correlation[1] + widths.flow[1], widths.outputs - 2, 3, padding=1)

    def forward(self, flow: Tensor, correlation: Tensor) -> Tensor:
        """See the class."""
        seen = self.convc2(self.convc1(correlation).relu()).relu()
        moved = self.convf2(self.convf1(flow).relu()).relu()
        return torch.cat([self.conv(torch.cat([seen, moved], 1)).relu(), flow], 1)


class ConvGru(nn.Module):
    """A gated recurrent unit of 3 x 3 convolutions whose gates get the context's share as a bias (RAFT-Stereo, section 3.3)."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        self.convz, self.convr, self.convq = (nn.Conv2d(hidden + inputs, hidden, 3, padding=1) for _ in range(3))

    def forward(self, hidden: Tensor, context: tuple[Tensor, ...], *inputs: Tensor) -> Tensor:
        """Return the next (N, hidden, h, w) state; `context` holds the biases of update gate, reset gate and candidate."""
        x = torch.cat(inputs, 1)
        both = torch.cat([hidden, x], 1)
        update = torch.sigmoid(self.convz(both) + context[0])
        reset = torch.sigmoid(self.convr(both) + context[1])
        candidate = torch.tanh(self.convq(torch.cat([reset * hidden, x], 1)) + context[2])
        return (1 - update) * hidden + update * candidate


class SeparableGru(nn.Module):
    """Two gated recurrent units, of 1 x 5 and then of 5 x 1 convolutions (RAFT, section 3.3)."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        for number, size in ((1, (1, 5)), (2, (5, 1))):
            padding = (size[0] // 2, size[1] // 2)
            for gate in "zrq":
                setattr(self, f"conv{gate}{number}", nn.Conv2d(hidden + inputs, hidden, size, padding=padding))

    def forward(self, hidden: Tensor, x: Tensor) -> Tensor:
        """Return the next (N, hidden, h, w) state."""
        for number in (1, 2):
            z, r, q = (getattr(self, f"conv{gate}{number}") for gate in "zrq")
            both = torch.cat([hidden, x], 1)
            update, reset = torch.sigmoid(z(both)), torch.sigmoid(r(both))
            candidate = torch.tanh(q(torch.cat([reset * hidden, x], 1)))
            hidden = (1 - update) * hidden + update * candidate
        return hidden


class Heads(nn.Module):
    """The (N, 2, h, w) change of the flow and the (N, 9 factor^2, h, w) weights of the upsampling, from a hidden state."""

    def __init__(self, hidden: int, width: int, factor: int) -> None:
        super().__init__()
        self.change = nn.Sequential(nn.Conv2d(hidden, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 2, 3, padding=1))
        self.weights = nn.Sequential(nn.Conv2d(hidden, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 9 * factor**2, 1))

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        return self.change(hidden), MASK_SHARE * self.weights(hidden)


def convex_upsample(flow: Tensor, weights: Tensor, factor: int) -> Tensor:
    """Return (N, C, h factor, w factor): each pixel a convex combination of its 3 x 3 coarse neighbours (RAFT, section 3.3).

    Args:
        flow: (N, C, h, w) in pixels of the coarse grid; the result is in pixels of the fine one.
        weights: (N, 9 factor^2, h, w) logits, over the neighbours row by row, then over the fine pixels row by row.
        factor: of the size.
    """
    n, c, h, w = flow.shape
    share = torch.softmax(weights.reshape(n, 1, 9, factor, factor, h, w), dim=2)
    around = F.pad(factor * flow, (1, 1, 1, 1))
    near = torch.stack([around[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)], dim=2)
    fine = (share * near.reshape(n, c, 9, 1, 1, h, w)).sum(2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(n, c, factor * h, factor * w)
