"""RAFT-Stereo (Lipson, Teed and Deng, 3DV 2021, arXiv 2109.07547): recurrent updates from correlations along rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.stereo.encoder import FeatureEncoder, Norm, ResidualBlock, Trunk, pair, start_like_he
from leadline.models.stereo.row_correlation import correlation_pyramid, expected_column, look_up
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.models.stereo.update import ConvGru, Heads, MotionEncoder, MotionWidths, convex_upsample

PUBLISHED_MOTION = MotionWidths((64, 64), (64, 64), 128)


class ContextEncoder(Trunk):
    """A trunk and coarser levels, each half as fine, with two heads a level: the first hidden state, and the context.

    Args:
        widths, norm, strides: see `Trunk`.
        hidden: channels of each head.
        levels: 1 to 3; the coarsest has heads without a residual block.
    """

    def __init__(self, widths: Sequence[int], norm: Norm, strides: Sequence[int], hidden: int, levels: int) -> None:
        super().__init__(widths, norm, strides)
        width = widths[-1]
        self.coarser = nn.ModuleList(pair(width, width, norm, stride=2) for _ in range(levels - 1))
        self.heads = nn.ModuleList(
            nn.ModuleList(_head(width, hidden, norm, plain=level == 2) for _ in range(2)) for level in range(levels)
        )
        start_like_he(self)

    def read(self, features: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return (hidden state, context) of each level, finest first, from the trunk's (N, C, h, w) features."""
        found = []
        for level, heads in enumerate(self.heads):
            if level:
                features = self.coarser[level - 1](features)
            assert isinstance(heads, nn.ModuleList)
            state, context = (head(features) for head in heads)
            found.append((torch.tanh(state), torch.relu(context)))
        return found


class RaftStereo(StereoNetwork):
    """Two (N, 3, h, w) pictures in -1..1 to (N, h, w) pixel_disparity.

    Both pictures become features at 1 / 2^downsample of the size, whose correlations along rows form a pyramid. From
    disparity 0, gated recurrent units at up to three resolutions look up correlations around the present estimate and change
    it; the finest state also says how the estimate is upsampled (convex combinations).

    Inside, as released, the numbers are flow, minus disparity, with a vertical part that stays 0.

    Args:
        downsample: 2 for the published networks, 3 for the real-time one.
        levels: recurrent units at so many resolutions, 1 to 3 ("multi-level GRUs").
        slow_fast: update coarse units more often than fine ones (section 3.4).
        shared_backbone: features and context come from one trunk (the real-time network).
        context_norm: of the context encoder; that of the features is always "instance". Batch normalisation keeps its
            statistics in training, as the authors train.
        hidden: channels of every state.
        widths: of the encoders.
        features: channels of the features.
        head_width: hidden channels of the heads.
        motion: of the motion encoder.
        correlation_levels, radius: of the pyramid and its look-up.
        iterations: of a call.
        half_stem: the encoders' first convolution halves the picture instead of a later one, which saves most of their time;
            only with `downsample` 2.
        start_at_match: begin at the disparity that the correlations of a whole row expect (`expected_column` in
            `leadline.models.stereo.row_correlation`) instead of 0, and return that as one more estimate, the first. So the loss
            reaches the features without passing through the recurrent units. A departure from the paper.
    """

    def __init__(
        self,
        downsample: int = 2,
        levels: int = 3,
        slow_fast: bool = False,
        shared_backbone: bool = False,
        context_norm: Norm = "batch",
        hidden: int = 128,
        widths: Sequence[int] = (64, 96, 128),
        features: int = 256,
        head_width: int = 256,
        motion: MotionWidths = PUBLISHED_MOTION,
        correlation_levels: int = 4,
        radius: int = 4,
        iterations: int = 32,
        half_stem: bool = False,
        start_at_match: bool = False,
    ) -> None:
        super().__init__()
        self.downsample, self.levels, self.slow_fast, self.radius = downsample, levels, slow_fast, radius
        self.correlation_levels, self.iterations = correlation_levels, iterations
        self.least = max(32, 2 ** (downsample + correlation_levels - 1))  # one column is left on the coarsest correlations
        strides = (2 if downsample > 2 else 1, 1, 2 if downsample > 1 else 1, 2 if downsample > 0 else 1)
        if half_stem:
            strides = (2, 1, 2, 1)
        self.context = ContextEncoder(widths, context_norm, strides, hidden, levels)
        self.features: nn.Module
        if shared_backbone:
            width = widths[-1]
            self.features = nn.Sequential(ResidualBlock(width, width, "instance"), nn.Conv2d(width, features, 3, padding=1))
        else:
            self.features = FeatureEncoder(widths, features, "instance", strides)
        self.shared_backbone = shared_backbone
        self.biases = nn.ModuleList(nn.Conv2d(hidden, 3 * hidden, 3, padding=1) for _ in range(levels))
        self.motion = MotionEncoder(correlation_levels * (2 * radius + 1), motion)
        neighbours = [hidden if levels > 1 else 0, hidden * (levels - 1), hidden]
        self.units = nn.ModuleList(
            ConvGru(hidden, (motion.outputs if level == 0 else 0) + neighbours[level]) for level in range(levels)
        )
        self.heads = Heads(hidden, head_width, 2**downsample)
        self.sharpness = nn.Parameter(torch.tensor(1.0)) if start_at_match else None

    def train(self, mode: bool = True) -> Self:
        """Set the mode; batch normalisations keep their statistics in either."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def steps(self, left: Tensor, right: Tensor, iterations: int) -> list[Tensor]:
        """See `StereoNetwork`."""
        self.check(left, right)
        n = left.shape[0]
        if self.shared_backbone:
            trunk = self.context(torch.cat([left, right]))
            levels = self.context.read(trunk[:n])
            both = self.features(trunk)
        else:
            levels = self.context.read(self.context(left))
            both = self.features(torch.cat([left, right]))
        states = [state for state, _ in levels]
        biases = [conv(context).chunk(3, 1) for conv, (_, context) in zip(self.biases, levels, strict=True)]
        pyramid = correlation_pyramid(both[:n].float(), both[n:].float(), self.correlation_levels)

        h, w = states[0].shape[-2:]
        here = torch.arange(w, device=left.device, dtype=pyramid[0].dtype).expand(n, h, w)
        flow = torch.zeros_like(here)
        estimates = []
        if self.sharpness is not None:
            flow = expected_column(pyramid[0], self.sharpness.float()) - here
            enlarged = F.interpolate(-flow[:, None], left.shape[-2:], mode="bilinear", align_corners=False)
            fine = 2**self.downsample * enlarged
            estimates.append(torch.cat([fine, torch.zeros_like(fine)], 1))
        for _ in range(iterations):
            flow = flow.detach()
            correlation = look_up(pyramid, here + flow, self.radius).to(states[0].dtype)
            planes = torch.stack([flow, torch.zeros_like(flow)], 1)
            if self.slow_fast:
                if self.levels == 3:
                    self._update(states, biases, 2)
                for level in range(self.levels - 1, 0, -1):
                    self._update(states, biases, level)
            for level in range(self.levels - 1, 0, -1):
                self._update(states, biases, level)
            self._update(states, biases, 0, self.motion(planes.to(states[0].dtype), correlation))
            change, weights = self.heads(states[0])
            flow = flow + change[:, 0].float()
            fine = convex_upsample(-flow[:, None], weights.float(), 2**self.downsample)
            estimates.append(torch.cat([fine, torch.zeros_like(fine)], 1))
        return estimates

    def _update(self, states: list[Tensor], biases: list[tuple[Tensor, ...]], level: int, *motion: Tensor) -> None:
        """Replace the state of one level; it sees the finer one averaged and the coarser one enlarged."""
        inputs = list(motion)
        if level > 0:
            inputs.append(F.avg_pool2d(states[level - 1], 3, stride=2, padding=1))
        if level + 1 < self.levels:
            size = states[level].shape[-2:]
            inputs.append(F.interpolate(states[level + 1], size, mode="bilinear", align_corners=True))
        states[level] = self.units[level](states[level], biases[level], *inputs)


def _head(width: int, hidden: int, norm: Norm, plain: bool) -> nn.Module:
    last = nn.Conv2d(width, hidden, 3, padding=1)
    return last if plain else nn.Sequential(ResidualBlock(width, width, norm), last)
