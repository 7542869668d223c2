"""Learn depth from films and stereo films by monodepth2's objective, every part of it a switch (METHODS D.10)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from leadline.data.video_views import VideoBatch
from leadline.losses.photometric import photometric_error
from leadline.losses.reprojection import Reprojected, reprojection_loss
from leadline.losses.smoothness import edge_aware_smoothness_loss
from leadline.training.task import LossReport
from leadline.training.tasks.video import VideoTask
from leadline.training.video_settings import VideoSettings
from leadline.training.view_synthesis import Clips, ask, clips_of, enlarged, synthesise


class Monodepth2Task(VideoTask):
    """Photometric reprojection error and edge-aware smoothness, averaged over scales (Godard et al. 2019, arXiv 1806.01260).

    At each scale the disparity is enlarged to the picture's size and the sources are warped there (or, without
    `full_resolution`, the pictures are shrunk to the disparity's size); a pixel costs its smallest error over the sources, or
    nothing where a source as it is has a smaller one.

    Args:
        network: a `leadline.models.video_network.VideoNetwork`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
        seed: of the noise that decides ties.
    """

    def __init__(self, network: nn.Module, settings: VideoSettings, device: torch.device, seed: int = 0) -> None:
        super().__init__(network, settings, device)
        self.seed = seed

    def step(self, batch: VideoBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        settings = self.settings
        clips = clips_of(batch, self.device)
        views, source_from_target = ask(self.network, batch, self.device)
        hw = (clips.target.shape[-2], clips.target.shape[-1])
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        masked = settings.auto_mask and number >= settings.auto_mask_after
        full = settings.full_resolution and number >= settings.full_resolution_after
        identity: Tensor | None = None
        total = torch.zeros(len(clips.target), device=self.device)
        photometric, smoothness, moving = [], [], []
        for scale, logits in enumerate(views.logits):
            disparity = self._disparity(logits)
            shrunk = clips.resized((disparity.shape[-2], disparity.shape[-1]))
            compared, depth = (clips, 1 / enlarged(disparity, hw)) if full else (shrunk, 1 / disparity)
            if masked and (identity is None or not full):
                identity = identity_errors(compared)
            found = self._reprojected(compared, depth, source_from_target, identity, generator)
            everywhere = torch.ones_like(disparity, dtype=torch.bool)
            smooth = edge_aware_smoothness_loss(disparity, shrunk.target, everywhere)
            total = total + found.loss + settings.smoothness / 2**scale * smooth
            photometric.append(found.loss.detach().mean())
            smoothness.append(smooth.detach().mean())
            moving.append(found.counted.float().mean())
        parts = {
            "photometric": torch.stack(photometric).mean(),
            "smoothness": torch.stack(smoothness).mean(),
            "counted": torch.stack(moving).mean(),
            "disparity": self._disparity(views.logits[0].detach()).mean(),
            "translation": source_from_target.detach()[..., :3, 3].norm(dim=-1).mean(),
        }
        return LossReport(total.mean() / len(views.logits), parts, shared=views.logits)

    def _reprojected(
        self, clips: Clips, depth: Tensor, source_from_target: Tensor, identity: Tensor | None, generator: torch.Generator
    ) -> Reprojected:
        settings = self.settings
        masked = settings.outside == "masked"
        seen = synthesise(clips, depth, source_from_target, "zeros" if masked else "border")
        errors = reprojection_errors(clips.target, seen.pictures, seen.valid if masked else None)
        return reprojection_loss(
            errors, seen.valid if masked else None, identity, settings.combination, generator, settings.tie_noise
        )

    def _disparity(self, logits: Tensor) -> Tensor:
        network: Any = self.network
        found: Tensor = network.activation.disparity(logits)
        return found


def reprojection_errors(target: Tensor, views: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return (S, N, h, w) photometric errors of (S, N, 3, h, w) views of a (N, 3, h, w) target."""
    s, n = views.shape[:2]
    repeated = target.expand(s, *target.shape).flatten(0, 1)
    error = photometric_error(repeated, views.flatten(0, 1), None if valid is None else valid.flatten(0, 1))
    return error.reshape(s, n, *error.shape[1:])


def identity_errors(clips: Clips) -> Tensor:
    """Return (S, N, h, w) photometric errors of the sources as they are."""
    with torch.no_grad():
        return reprojection_errors(clips.target, clips.sources)
