"""CREStereo (Li et al., CVPR 2022, arXiv 2203.11483): adaptive correlations, and updates from coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.models.stereo.attention import AttentionLayer, position_code
from leadline.models.stereo.encoder import FeatureEncoder
from leadline.models.stereo.group_correlation import GROUPS, WINDOW, group_correlation
from leadline.models.stereo.row_correlation import correlation_pyramid, expected_column
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.models.stereo.update import Heads, MotionEncoder, MotionWidths, SeparableGru, convex_upsample

PUBLISHED_MOTION = MotionWidths((256, 192), (128, 64), 128)
FACTOR = 4  # from the finest features to the picture


class CreStereo(StereoNetwork):
    """Two (N, 3, h, w) pictures in -1..1 to (N, h, w) pixel_disparity.

    One encoder gives features at a quarter of the size, and averages of them at 1/8 and 1/16. At 1/16 both views attend to
    themselves and to each other. A recurrent unit, the same at all sizes, refines the estimate at 1/16 and at 1/8 for half the
    iterations each, with learned offsets of the places it searches, and at 1/4 for all of them; the search takes turns between
    a row and a square. Calling the network on a large picture first runs all of it at half size and refines that at full size
    with the finest level alone (cascade, section 3.3).

    Inside, as released, the numbers are flow, minus disparity, with a vertical part that rectified pairs should leave at 0.

    Args:
        hidden: channels of the state, and of the context; the features have twice as many.
        widths: of the encoder.
        attention_heads: of the attention layers.
        head_width: hidden channels of the heads.
        motion: of the motion encoder.
        iterations: of a call at each of the cascade's sizes, even.
        cascade: see above; without it a call has one size, as training has.
        as_published: start the next finer level from the negated flow, and code positions with the frequencies of the
            released code. Both are slips (issue 54 of the authors' repository names the first), but published weights were
            trained with them.
        start_at_match: begin at the disparity that the correlations of whole rows at 1/8 expect instead of at 0, and return it
            as one more estimate, the first; see `leadline.models.stereo.raft_stereo.RaftStereo`. A departure from the paper.
    """

    def __init__(
        self,
        hidden: int = 128,
        widths: Sequence[int] = (64, 96, 128),
        attention_heads: int = 8,
        head_width: int = 256,
        motion: MotionWidths = PUBLISHED_MOTION,
        iterations: int = 20,
        cascade: bool = True,
        as_published: bool = False,
        start_at_match: bool = False,
    ) -> None:
        super().__init__()
        self.iterations, self.cascade, self.as_published = iterations, cascade, as_published
        channels = 2 * hidden
        self.features = FeatureEncoder(widths, channels, "instance", (2, 1, 2, 1), project=True)
        self.self_attention = AttentionLayer(channels, attention_heads)
        self.cross_attention = AttentionLayer(channels, attention_heads)
        self.offsets = nn.ModuleDict({size: nn.Conv2d(channels, 2 * WINDOW, 3, padding=1) for size in ("8", "16")})
        self.motion = MotionEncoder(GROUPS * WINDOW, motion)
        self.unit = SeparableGru(hidden, hidden + motion.outputs)
        self.heads = Heads(hidden, head_width, FACTOR)
        self.sharpness = nn.Parameter(torch.tensor(1.0)) if start_at_match else None

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """See `StereoNetwork`; in two sizes if `cascade`."""
        self.check(left, right)
        if not self.cascade:
            return self.steps(left, right, self.iterations)[-1][:, 0]
        h, w = left.shape[-2:]
        # As released: corners on corners. The two pictures are shrunk alike, so that no disparity moves.
        halves = [F.interpolate(p, (h // 2, w // 2), mode="bilinear", align_corners=True) for p in (left, right)]
        start = self._steps(halves[0], halves[1], self.iterations)[-1]
        return self._steps(left, right, self.iterations, start)[-1][:, 0]

    def steps(self, left: Tensor, right: Tensor, iterations: int) -> list[Tensor]:
        """See `StereoNetwork`; all sizes inside, without the cascade: twice `iterations` estimates."""
        self.check(left, right)
        return self._steps(left, right, iterations)

    def _steps(self, left: Tensor, right: Tensor, iterations: int, start: Tensor | None = None) -> list[Tensor]:
        n = left.shape[0]
        both = self.features(torch.cat([left, right])).float()
        views = both[:n], both[n:]
        state, context = views[0].chunk(2, dim=1)
        state, context = torch.tanh(state), torch.relu(context)
        estimates: list[Tensor] = []
        if start is None:
            flow = self._coarse(views, state, context, iterations // 2, estimates)
        else:
            flow = -_resized(start, views[0].shape[-2:])
        for number in range(iterations):
            flow = flow.detach()
            correlation = group_correlation(*views, flow, square=number % 2 == 1)
            state, flow, weights = self._update(state, context, correlation, flow)
            estimates.append(-convex_upsample(flow, weights, FACTOR))
        return estimates

    def _coarse(
        self, views: tuple[Tensor, Tensor], state: Tensor, context: Tensor, iterations: int, estimates: list[Tensor]
    ) -> Tensor:
        """Append the estimates at 1/16 and 1/8, and return the (N, 2, h, w) flow from which 1/4 starts."""
        fine_hw = views[0].shape[-2:]
        flow = torch.zeros_like(F.avg_pool2d(views[0][:, :2], 4))
        if self.sharpness is not None:
            match = self._match([F.avg_pool2d(view, 2) for view in views], self.sharpness)
            estimates.append(-_resized(match, (8 * match.shape[-2], 8 * match.shape[-1])))
            flow = F.avg_pool2d(match, 2) / 2
        for size, shrink in (("16", 4), ("8", 2)):
            small = [F.avg_pool2d(view, shrink) for view in views]
            offsets = 2 * torch.sigmoid(self.offsets[size](small[0])) - 1
            left, right = self._attend(*small) if size == "16" else small
            here, about = F.avg_pool2d(state, shrink), F.avg_pool2d(context, shrink)
            for number in range(iterations):
                flow = flow.detach()
                correlation = group_correlation(left, right, flow, number % 2 == 1, offsets)
                here, flow, weights = self._update(here, about, correlation, flow)
                finer = convex_upsample(flow, weights, FACTOR)
                hw = finer.shape[-2:]
                estimates.append(-_resized(finer, (hw[0] * shrink, hw[1] * shrink)))
            next_hw = (fine_hw[0] // 2, fine_hw[1] // 2) if size == "16" else fine_hw
            flow = _resized(finer, next_hw)
            if self.as_published:
                flow = -flow
        return flow

    def _match(self, views: list[Tensor], sharpness: Tensor) -> Tensor:
        """Return the (N, 2, h, w) flow that the correlations of whole rows expect."""
        volume = correlation_pyramid(views[0], views[1], 1)[0]
        here = torch.arange(volume.shape[-1], device=volume.device, dtype=volume.dtype)
        along = expected_column(volume, sharpness) - here
        return torch.stack([along, torch.zeros_like(along)], 1)

    def _attend(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (N, C, h, w) features after each view has looked at itself and then at the other."""
        n, c, h, w = left.shape
        code = position_code(left, self.as_published)
        one, other = ((view + code).flatten(2).transpose(1, 2) for view in (left, right))
        one, other = self.self_attention(one, one), self.self_attention(other, other)
        one = self.cross_attention(one, other)
        other = self.cross_attention(other, one)
        back = [view.transpose(1, 2).reshape(n, c, h, w) for view in (one, other)]
        return back[0], back[1]

    def _update(self, state: Tensor, context: Tensor, correlation: Tensor, flow: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the next state, the next flow and the weights of its upsampling."""
        state = self.unit(state, torch.cat([context, self.motion(flow, correlation)], 1))
        change, weights = self.heads(state)
        return state, flow + change, weights


def _resized(flow: Tensor, hw: Sequence[int]) -> Tensor:
    """Return (N, 2, *hw) flow in pixels of the new size."""
    scale = hw[0] / flow.shape[-2]
    return scale * F.interpolate(flow, (hw[0], hw[1]), mode="bilinear", align_corners=True)
