"""Learn depth from a few true points and from stereo together (METHODS D.8)."""

from __future__ import annotations

from math import exp
from typing import Any

import torch
from torch import Tensor

from leadline.data.clips import PARTNER
from leadline.data.video_views import VideoBatch
from leadline.losses.berhu import berhu_loss
from leadline.losses.smoothness import edge_aware_smoothness_loss
from leadline.losses.stereo_alignment import stereo_alignment_loss
from leadline.training.task import LossReport
from leadline.training.tasks.video import VideoTask
from leadline.training.view_synthesis import Clips, clips_of


class KuznietsovTask(VideoTask):
    """Kuznietsov et al. 2017 (arXiv 1702.02706): berHu in metres at true points, alignment of both pictures, a regulariser.

    All three of the left and of the right picture, each by its own inverse depth. Weights and the fading of one data term are
    recalled, not read: pictures were in 0..255 there, the weight of the truth 100.

    Args:
        network: a `leadline.models.video_network.VideoNetwork`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    def step(self, batch: VideoBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        settings = self.settings
        own: Any = self.network
        index = batch.offsets.index(PARTNER)
        clips = clips_of(batch, self.device)
        both = torch.cat([torch.from_numpy(batch.seen_target), torch.from_numpy(batch.seen_sources[index])]).to(self.device)
        logits = own.views(own.normalise(both), [], ()).logits[0]
        disparity: Tensor = own.activation.disparity(logits)
        pictures = torch.cat([clips.target, clips.sources[index]])
        everywhere = torch.ones_like(disparity, dtype=torch.bool)
        truth = (
            torch.zeros_like(disparity) if batch.truth is None else torch.from_numpy(batch.truth).to(self.device).flatten(0, 1)
        )
        n = len(clips.target)
        supervised = _of_pairs(berhu_loss(1 / disparity, truth, truth > 0), n)
        alignment = aligned(clips, index, disparity[:n], disparity[n:])
        # The regulariser's 1/255 is for pictures in 0..255: edge_strength 1 for these.
        smooth = _of_pairs(edge_aware_smoothness_loss(disparity, pictures, everywhere, normalise=False), n)
        fading = fade(number, settings.fade_steps)
        of_truth = settings.supervised * (fading if settings.fade_in == "supervised" else 1.0)
        of_alignment = settings.alignment * (fading if settings.fade_in == "alignment" else 1.0)
        total = of_truth * supervised + of_alignment * alignment + settings.smoothness * smooth
        parts = {
            "supervised": supervised.detach().mean(),
            "alignment": alignment.detach().mean(),
            "smoothness": smooth.detach().mean(),
            "known": (truth > 0).float().mean(),
            "disparity": disparity.detach().mean(),
        }
        return LossReport(total.mean(), parts, shared=(logits,))


def fade(number: int, steps: float) -> float:
    """Return exp(-steps / number), the share of its weight that a term has at step `number`; 1 if it isn't faded in."""
    return 1.0 if steps == 0 else exp(-steps / number) if number else 0.0


def aligned(clips: Clips, index: int, target: Tensor, partner: Tensor) -> Tensor:
    """Return (N,) the alignment of pairs, whichever eye the target is.

    Args:
        clips: rectified pairs.
        index: of the other eye among the sources.
        target, partner: (N, h, w) inverse depth of either picture, 1/m.
    """
    k, k_partner = clips.intrinsics, clips.source_intrinsics[index]
    step_m = clips.partner_from_target[:, 0, 3, None, None]  # negative where the partner is the right eye
    is_left = step_m < 0
    focal = k[:, 0, 0, None, None]
    apart = torch.where(is_left, 1.0, -1.0) * (k[:, 0, 2] - k_partner[:, 0, 2])[:, None, None]
    with torch.autocast(target.device.type, enabled=False):
        in_target, in_partner = (focal * step_m.abs() * each.float() + apart for each in (target, partner))
        everywhere = torch.ones_like(in_target, dtype=torch.bool)
        first, second = clips.target, clips.sources[index]
        return stereo_alignment_loss(
            torch.where(is_left[:, None], first, second),
            torch.where(is_left[:, None], second, first),
            torch.where(is_left, in_target, in_partner),
            torch.where(is_left, in_partner, in_target),
            everywhere,
            everywhere,
        )


def _of_pairs(values: Tensor, n: int) -> Tensor:
    """Return (N,) sums of both eyes' losses, (2 N,)."""
    return values[:n] + values[n:]
