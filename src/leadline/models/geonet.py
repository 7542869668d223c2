"""GeoNet: depth, the camera's motion, and the flow of what moves by itself (METHODS D.11)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from leadline.models.blocks.disparity_decoder import SCALES
from leadline.models.blocks.disparity_decoder import WIDTHS as DEPTH_WIDTHS
from leadline.models.monodepth2 import Monodepth2
from leadline.models.residual_flow import WIDTHS, ResidualFlowNetwork
from leadline.models.video_network import Views


class GeoNet(Monodepth2):
    """Yin and Shi 2018 (arXiv 1803.02276): depth of the target and of each source, motion, and a residual flow network.

    Their depth network stands on ResNet-50, their pose network is that of SfMLearner; here both are monodepth2's, whose
    encoders start from ImageNet weights that can be had.

    Args:
        variant, widths, pose_width: see `Monodepth2`.
        flow_widths: of the residual flow network.
    """

    def __init__(
        self,
        variant: int = 0,
        widths: Sequence[int] = DEPTH_WIDTHS,
        pose_width: int = 256,
        flow_widths: Sequence[int] = WIDTHS,
    ) -> None:
        super().__init__(variant, widths, pose_width)
        self.flow = ResidualFlowNetwork(flow_widths)

    def views(self, target: Tensor, sources: Sequence[Tensor], offsets: Sequence[int]) -> Views:
        """See `VideoNetwork`; with the sources' disparities."""
        found = super().views(target, sources, offsets)
        if not sources:
            return found
        logits = self._disparities(torch.cat(list(sources)), SCALES)
        of_each = tuple(each.float().reshape(len(sources), len(target), *each.shape[1:]) for each in logits)
        return found._replace(source_logits=of_each)

    def residual_flow(self, inputs: Tensor) -> list[Tensor]:
        """Return (N, 2, h_s, w_s) flows of (N, 12, h, w), see `ResidualFlowNetwork`; a call of its own, as `views` is."""
        found: list[Tensor] = self.flow(inputs)
        return found

    def learn(self, *, motion: bool, masks: bool) -> None:
        """See `VideoNetwork`: the first stage, without residual flow."""
        super().learn(motion=motion, masks=masks)
        self.flow.requires_grad_(False)

    def learn_flow(self) -> None:
        """Train the residual flow network alone, as in the second stage."""
        self.requires_grad_(False)
        self.flow.requires_grad_(True)
