"""Learn depth from films by DDVO's objective: normalised depth, and a motion that direct odometry refines (METHODS D.12)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from leadline.data.video_views import VideoBatch
from leadline.geometry.visual_odometry import Refined, refine_motion
from leadline.losses.laplacian_smoothness import laplacian_smoothness_loss
from leadline.losses.masked import mean_over
from leadline.losses.photometric import photometric_error
from leadline.losses.smoothness import mean_normalised
from leadline.training.task import LossReport
from leadline.training.tasks.video import VideoTask
from leadline.training.video_settings import VideoSettings
from leadline.training.view_synthesis import Clips, ask, clips_of, enlarged, synthesise


class DdvoTask(VideoTask):
    """Wang et al. 2018 (arXiv 1712.00175): SSIM and L1 of the views, and a prior on second differences, summed over scales.

    Every map of disparity is brought to one mean first: smoothness is then no cheaper for a map that shrinks, and the pose
    network learns motions in one unit. In the second stage the finest depth refines that network's motion for all scales, and
    the loss teaches depth through the odometry, too.

    Args:
        network: a `leadline.models.video_network.VideoNetwork`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    def step(self, batch: VideoBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        settings = self.settings
        network: Any = self.network
        clips = clips_of(batch, self.device)
        views, source_from_target = ask(self.network, batch, self.device)
        disparities = [normalised(network.activation.disparity(logits), settings.mean_disparity) for logits in views.logits]
        parts: dict[str, Tensor] = {}
        if settings.stage == "second":
            refined = refine_all(clips, 1 / disparities[0], source_from_target)
            source_from_target = refined.source_from_target
            parts["before_odometry"], parts["after_odometry"] = refined.before.mean(), refined.after.mean()
        total = torch.zeros(len(clips.target), device=self.device)
        pixel, smooth = [], []
        for scale, disparity in enumerate(disparities):
            shrunk = clips.resized((disparity.shape[-2], disparity.shape[-1]))
            seen = synthesise(shrunk, 1 / disparity, source_from_target, "zeros")
            for picture, valid in zip(seen.pictures, seen.valid, strict=True):
                pixel.append(mean_over(photometric_error(shrunk.target, picture, valid), valid))
            everywhere = torch.ones_like(disparity, dtype=torch.bool)
            smooth.append(laplacian_smoothness_loss(disparity, shrunk.target, everywhere) / 2**scale)
        total = total + torch.stack(pixel).sum(0) + settings.smoothness * torch.stack(smooth).sum(0)
        parts |= {
            "photometric": torch.stack(pixel).detach().mean(),
            "smoothness": torch.stack(smooth).detach().mean(),
            "disparity": network.activation.disparity(views.logits[0].detach()).mean(),
            "translation": source_from_target.detach()[..., :3, 3].norm(dim=-1).mean(),
        }
        return LossReport(total.mean(), parts, shared=views.logits)


def normalised(disparity: Tensor, mean: float) -> Tensor:
    """Return (N, h, w) maps whose means are `mean`: 1 in the paper's equation, 10 in the released code."""
    return mean * mean_normalised(disparity, torch.ones_like(disparity, dtype=torch.bool))


def refine_all(clips: Clips, depth: Tensor, source_from_target: Tensor, huber: float = 0.0) -> Refined:
    """Return the refined motion of all sources, (S, N, 4, 4), and its (S, N) costs, from the target's depth."""
    s, n = source_from_target.shape[:2]
    with torch.autocast(depth.device.type, enabled=False):
        found = refine_motion(
            clips.target.expand(s, *clips.target.shape).flatten(0, 1),
            clips.sources.flatten(0, 1),
            depth.float().expand(s, *depth.shape).flatten(0, 1),
            clips.intrinsics.expand(s, *clips.intrinsics.shape).flatten(0, 1),
            source_from_target.float().flatten(0, 1),
            clips.source_intrinsics.flatten(0, 1),
            huber=huber,
        )
    return Refined(*(each.reshape(s, n, *each.shape[1:]) for each in found))


def ddvo_pictures(
    network: nn.Module, batch: VideoBatch, device: torch.device, settings: VideoSettings
) -> tuple[Tensor, Tensor]:
    """Return a batch's targets and (S, N, 3, h, w) its sources as these would see them, by normalised depth."""
    own: Any = network
    clips = clips_of(batch, device)
    views, source_from_target = ask(network, batch, device)
    found = enlarged(own.activation.disparity(views.logits[0].float()), (clips.target.shape[-2], clips.target.shape[-1]))
    depth = 1 / normalised(found, settings.mean_disparity)
    if settings.stage == "second":
        source_from_target = refine_all(clips, depth, source_from_target).source_from_target
    return clips.target, synthesise(clips, depth, source_from_target, "border").pictures
