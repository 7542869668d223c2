"""Learn depth from films by SfMLearner's objective: L1 weighted by explainability, second-order smoothness (METHODS D.9)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from leadline.data.video_views import VideoBatch
from leadline.losses.explainability import explainability_prior_loss, explained_l1_loss
from leadline.losses.smoothness import second_order_smoothness_loss
from leadline.training.task import LossReport
from leadline.training.tasks.video import VideoTask
from leadline.training.view_synthesis import ask, clips_of, synthesise

RANGE = 2.0  # its pictures are in -1..1, ours in 0..1: the weights of the other terms were chosen for its errors


class SfmLearnerTask(VideoTask):
    """Zhou et al. 2017 (arXiv 1704.07813, equations 1 to 4), summed over scales and sources, as in the released code.

    At each scale the pictures are shrunk to the disparity's size. Pixels that land outside a source are left out.

    Args:
        network: a `leadline.models.video_network.VideoNetwork` with masks, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    def step(self, batch: VideoBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        settings = self.settings
        network: Any = self.network
        clips = clips_of(batch, self.device)
        views, source_from_target = ask(self.network, batch, self.device)
        total = torch.zeros(len(clips.target), device=self.device)
        pixel, smooth, prior, explained = [], [], [], []
        for scale, logits in enumerate(views.logits):
            disparity: Tensor = network.activation.disparity(logits)
            shrunk = clips.resized((disparity.shape[-2], disparity.shape[-1]))
            seen = synthesise(shrunk, 1 / disparity, source_from_target, "zeros")
            for index in range(len(seen.pictures)):
                mask = views.masks[scale][:, index] if settings.explainability > 0 and views.masks else None
                error = RANGE * explained_l1_loss(shrunk.target, seen.pictures[index], seen.valid[index], mask)
                pixel.append(error)
                if mask is not None:
                    prior.append(explainability_prior_loss(mask))
                    explained.append(torch.sigmoid(mask.detach()).mean())
            everywhere = torch.ones_like(disparity, dtype=torch.bool)
            smooth.append(second_order_smoothness_loss(disparity, everywhere) / 2**scale)
        total = total + torch.stack(pixel).sum(0) + settings.smoothness * torch.stack(smooth).sum(0)
        parts = {
            "pixel": torch.stack(pixel).detach().mean() / RANGE,
            "smoothness": torch.stack(smooth).detach().mean(),
            "disparity": network.activation.disparity(views.logits[0].detach()).mean(),
            "translation": source_from_target.detach()[..., :3, 3].norm(dim=-1).mean(),
        }
        if prior:
            total = total + settings.explainability * torch.stack(prior).sum(0)
            parts["explained"] = torch.stack(explained).mean()
        return LossReport(total.mean(), parts, shared=views.logits)
