"""Learn what each pixel is: class-weighted cross entropy and soft Dice."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from leadline.data.class_views import ClassBatch
from leadline.losses.segmentation import soft_dice_loss, weighted_cross_entropy_loss
from leadline.runtime.segmenter_card import MIRROR, SKY, TRANSPARENT
from leadline.training.task import LossReport


@dataclass(frozen=True)
class SegmentationSettings:
    """The objective.

    Attributes:
        weights: of opaque, transparent, mirror and sky in the cross entropy. Mirrors are rare, and glass looks like nothing.
        dice_classes: that the soft Dice is averaged over.
        dice_weight: of that term.
    """

    weights: tuple[float, float, float, float] = (1.0, 1.5, 2.0, 1.0)
    dice_classes: tuple[int, ...] = (TRANSPARENT, MIRROR, SKY)
    dice_weight: float = 0.5


class SegmentationTask:
    """Cross entropy of each picture, averaged, and the batch's Dice.

    Args:
        network: a `leadline.models.tom_segmenter.TomSegmenter`, also as Fabric wraps it.
        settings: of the objective.
        device: of the network.
    """

    def __init__(self, network: nn.Module, settings: SegmentationSettings, device: torch.device) -> None:
        self.network, self.settings, self.device = network, settings, device

    def step(self, batch: ClassBatch, number: int) -> LossReport:
        """See `leadline.training.task.Task`."""
        pixels = torch.from_numpy(batch.image).to(self.device)
        logits = self.network(self.network.normalise(pixels)).float()  # type: ignore[operator]
        target, valid = (torch.from_numpy(part).to(self.device) for part in (batch.classes, batch.valid))
        settings = self.settings
        entropy = weighted_cross_entropy_loss(logits, target, valid, settings.weights).mean()
        dice = soft_dice_loss(logits, target, valid, settings.dice_classes).mean()
        parts = {"entropy": entropy.detach(), "dice": dice.detach()}
        return LossReport(entropy + settings.dice_weight * dice, parts, shared=(logits,))
