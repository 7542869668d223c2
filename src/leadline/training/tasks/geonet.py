"""Learn depth, motion and flow from films by GeoNet's objective: a still scene first, then what moves in it (METHODS D.11)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from leadline.data.video_views import VideoBatch
from leadline.geometry.flow import flow_difference, warp_by_flow
from leadline.geometry.inverse_warp import rigid_flow
from leadline.geometry.pyramid import resize_image, resize_intrinsics
from leadline.geometry.se3 import inverse
from leadline.losses.flow_consistency import LEAST_PX, consistent_pixels, flow_consistency_loss
from leadline.losses.masked import mean_over
from leadline.losses.photometric import photometric_error
from leadline.losses.smoothness import edge_aware_smoothness_loss
from leadline.training.task import LossReport
from leadline.training.tasks.video import VideoTask
from leadline.training.view_synthesis import Clips, ask, clips_of


class Directions(NamedTuple):
    """Every target with each of its sources, first there, then back: B = 2 S N pairs.

    Attributes:
        seen: (B, 3, h, w) pictures whose pixels the flow is of.
        other: (B, 3, h, w) where it leads.
        rigid: (B, 2, h_s, w_s) flow of a still scene at each scale, pixels of that scale, finest first.
        ahead: (B, h_s, w_s) bool, where it is known: the point lies in front of the other camera.
        disparities: (B, h_s, w_s) of the seen pictures.
    """

    seen: Tensor
    other: Tensor
    rigid: list[Tensor]
    ahead: list[Tensor]
    disparities: list[Tensor]


class GeonetTask(VideoTask):
    """Yin and Shi 2018 (arXiv 1803.02276, equations 1 to 7), summed over scales, averaged over sources and both directions.

    The first stage: rigid flow explains the pictures, disparity is smooth off their edges. The second: the residual flow
    network adds what is left; where flow there and back disagrees, neither the pictures nor the flows are compared.

    Args:
        network: a `leadline.models.geonet.GeoNet`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    calls = ("views", "residual_flow")

    def step(self, batch: VideoBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        return self._flow(batch) if self.settings.stage == "second" else self._rigid(batch)

    def _rigid(self, batch: VideoBatch) -> LossReport:
        pairs = directions(self.network, batch, self.device)
        total = torch.zeros(len(pairs.seen), device=self.device)
        pixel, smooth = [], []
        for scale, (flow, ahead, disparity) in enumerate(zip(pairs.rigid, pairs.ahead, pairs.disparities, strict=True)):
            seen, error, valid = compared(pairs, flow, ahead)
            everywhere = torch.ones_like(disparity, dtype=torch.bool)
            smooth.append(edge_aware_smoothness_loss(disparity, seen, everywhere) / 2**scale)
            pixel.append(mean_over(error, valid))
        total = total + torch.stack(pixel).sum(0) + self.settings.smoothness * torch.stack(smooth).sum(0)
        parts = {
            "photometric": torch.stack(pixel).detach().mean(),
            "smoothness": torch.stack(smooth).detach().mean(),
            "disparity": pairs.disparities[0].detach().mean(),
            "flow": pairs.rigid[0].detach().norm(dim=1).mean(),
        }
        return LossReport(total.mean(), parts, shared=tuple(pairs.disparities))

    def _flow(self, batch: VideoBatch) -> LossReport:
        settings = self.settings
        with torch.no_grad():
            pairs = directions(self.network, batch, self.device)
        residuals = residual_flow(self.network, pairs)
        half = len(pairs.seen) // 2
        total = torch.zeros(len(pairs.seen), device=self.device)
        pixel, smooth, consistent, kept = [], [], [], []
        for scale, (rigid, residual) in enumerate(zip(pairs.rigid, residuals, strict=True)):
            flow = rigid + residual
            difference, inside = flow_difference(flow, torch.cat([flow[half:], flow[:half]]))
            known = inside & pairs.ahead[scale]
            # Thresholds are for the picture's own pixels; the share of the flow's length has none.
            counted = consistent_pixels(difference, flow, known, LEAST_PX / 2**scale) if settings.adaptive else known
            seen, error, _ = compared(pairs, flow, counted)
            everywhere = torch.ones_like(counted)
            steep = sum(
                (edge_aware_smoothness_loss(part, seen, everywhere, normalise=False) for part in flow.unbind(1)),
                torch.zeros_like(total),
            )
            pixel.append(mean_over(error, counted))
            smooth.append(steep / 2**scale)
            consistent.append(flow_consistency_loss(difference, counted))
            kept.append(counted.float().mean())
        total = total + torch.stack(pixel).sum(0) + settings.flow_smoothness * torch.stack(smooth).sum(0)
        total = total + settings.flow_consistency * torch.stack(consistent).sum(0)
        parts = {
            "photometric": torch.stack(pixel).detach().mean(),
            "flow_smoothness": torch.stack(smooth).detach().mean(),
            "consistency": torch.stack(consistent).detach().mean(),
            "kept": torch.stack(kept).mean(),
            "residual": residuals[0].detach().norm(dim=1).mean(),
        }
        return LossReport(total.mean(), parts, shared=tuple(residuals))


def directions(network: nn.Module, batch: VideoBatch, device: torch.device) -> Directions:
    """Return what a network says of a batch of moving sources, there and back."""
    own: Any = network
    clips = clips_of(batch, device)
    views, source_from_target = ask(network, batch, device)
    motion = torch.cat([source_from_target.flatten(0, 1), inverse(source_from_target).flatten(0, 1)]).float()
    seen, other = _both_ways(_repeated(clips.target, clips), clips.sources)
    k, k_other = _both_ways(_repeated(clips.intrinsics, clips), clips.source_intrinsics)
    hw = (seen.shape[-2], seen.shape[-1])
    rigid, ahead, disparities = [], [], []
    with torch.autocast(device.type, enabled=False):
        for target, sources in zip(views.logits, views.source_logits, strict=True):
            disparity = own.activation.disparity(torch.cat([_repeated(target, clips).flatten(0, 1), sources.flatten(0, 1)]))
            size = (disparity.shape[-2], disparity.shape[-1])
            intrinsics = (resize_intrinsics(each, hw, size) for each in (k, k_other))
            here, there = intrinsics
            flow, in_front = rigid_flow(1 / disparity, here, motion, there)
            rigid.append(flow)
            ahead.append(in_front)
            disparities.append(disparity)
    return Directions(seen, other, rigid, ahead, disparities)


def compared(pairs: Directions, flow: Tensor, counted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the seen pictures at a flow's size, (B, h_s, w_s) errors, and where these count and the flow leads inside."""
    size = (flow.shape[-2], flow.shape[-1])
    seen, other = resize_image(pairs.seen, size), resize_image(pairs.other, size)
    warped, inside = warp_by_flow(other, flow)
    valid = counted & inside
    return seen, photometric_error(seen, warped, valid), valid


def residual_flow(network: nn.Module, pairs: Directions) -> list[Tensor]:
    """Return (B, 2, h_s, w_s) what the second network adds to the rigid flow, pixels of each scale, finest first.

    It sees both pictures, the rigid flow, the other picture warped by it, and what is left of an error (section 3.3).
    """
    own: Any = network
    flow = pairs.rigid[0].detach()
    warped, _ = warp_by_flow(pairs.other, flow)
    error = (pairs.seen - warped).abs().mean(1, keepdim=True)
    # Pixels of hundreds beside pictures of 0..1 would be all that a first layer sees.
    found: list[Tensor] = own.residual_flow(torch.cat([pairs.seen, pairs.other, warped, error, flow / 20], dim=1))
    return found


def geonet_pictures(network: nn.Module, batch: VideoBatch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a batch's targets and (S, N, 3, h, w) its sources as these would see them, by full flow."""
    pairs = directions(network, batch, device)
    s, n = batch.sources.shape[:2]
    there = (pairs.rigid[0] + residual_flow(network, pairs)[0])[: s * n]
    warped, _ = warp_by_flow(pairs.other[: s * n], there)
    return pairs.seen[:n], warped.reshape(s, n, *warped.shape[1:])


def _repeated(values: Tensor, clips: Clips) -> Tensor:
    """Return (S, N, ...) the targets' values for each source."""
    return values.expand(len(clips.sources), *values.shape)


def _both_ways(target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Return (2 S N, ...) the first of each pair, and the second."""
    a, b = target.flatten(0, 1), source.flatten(0, 1)
    return torch.cat([a, b]), torch.cat([b, a])
