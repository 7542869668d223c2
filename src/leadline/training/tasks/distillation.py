"""Learn from a teacher's labels, beside truth (Depth Anything V1) or instead of it (V2); METHODS C.1 and C.2."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.losses.affine_invariant import normalise
from leadline.losses.cutmix import cutmix_loss
from leadline.losses.feature_alignment import feature_alignment_loss
from leadline.losses.pseudo_label import pseudo_label_loss
from leadline.losses.ssi import scale_anchor
from leadline.models.frozen_encoder import FrozenEncoder, feature_map
from leadline.training.config import LossConfig
from leadline.training.distillation_settings import DistillationSettings
from leadline.training.perturbation import cutmix, perturb
from leadline.training.task import LossReport


class DistillationTask:
    """The average of L_l on pictures with truth, L_u on those with a teacher's labels, and L_feat on the latter's features.

    L_l and L_u are mean |n(d) - n(d*)| plus `gradient_weight` times gradient matching. Pictures with labels are perturbed, and
    L_u leaves out the worst pixels and normalises the pieces of a mixed picture apart. A batch without one of the two sorts has
    the average of what is left. A small term holds the scale of the numbers, as in `SupervisedTask`.

    The frozen encoder sees the perturbed picture, as the student does; the paper does not say.

    Args:
        network: (N, 3, h, w) to (N, h, w), with a child `encoder`, and with a child `projection` if its features have another
            width than the frozen encoder's.
        settings: of the objective.
        loss: its stride, scales and anchor_weight are used.
        device: of the network.
        taught: the sources, by number, whose views have a teacher's labels.
        frozen: encoder to stay close to; None for no L_feat.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: DistillationSettings,
        loss: LossConfig,
        device: torch.device,
        taught: frozenset[int],
        frozen: FrozenEncoder | None,
    ) -> None:
        self.network, self.settings, self.loss, self.device = network, settings, loss, device
        self._taught = np.array(sorted(taught), np.int64)
        self._frozen = frozen.to(device) if frozen is not None else None
        self._features: Any = None
        if self._frozen is not None:
            encoder: Any = self.network.encoder
            encoder.register_forward_hook(self._keep)

    def step(self, batch: Batch, number: int) -> LossReport:
        """See `Task`."""
        if batch.pairs.shape[1]:
            raise LeadlineError(
                "a source of pairs of points among those of a student: expected maps, leave it out of data.sources"
            )
        taught = np.isin(batch.source, self._taught)
        order = np.argsort(taught, kind="stable")  # those with truth first
        pixels, target, valid = (
            torch.from_numpy(part[order]).to(self.device) for part in (batch.image, batch.disparity, batch.valid)
        )
        first, settings = int((~taught).sum()), self.settings
        changed, label, shown = pixels[first:], target[first:], valid[first:]
        inside = torch.ones_like(shown)
        if len(changed):
            if settings.perturb:
                changed = perturb(changed)
            changed, label, shown, inside = cutmix(changed, label, shown, settings.cutmix)
        pred = self.network(self.network.normalise(torch.cat([pixels[:first], changed])))  # type: ignore[operator]

        n, scales = self.loss.stride, self.loss.scales
        y, x = number // n % n, number % n  # a new corner of each n x n cell every step, so that all pixels count in time
        thin = (slice(None), slice(y, None, n), slice(x, None, n))
        weight = settings.gradient_weight / n  # neighbours n pixels apart differ n times as much
        terms: dict[str, Tensor] = {}
        if first:
            true = target[:first][thin], valid[:first][thin].contiguous()
            terms["labelled"] = pseudo_label_loss(pred[:first][thin], *true, weight, 0.0, scales).mean()
        if len(changed):
            taught_by = label[thin], shown[thin], inside[thin]
            terms["unlabelled"] = cutmix_loss(pred[first:][thin], *taught_by, weight, settings.ignored_share, scales).mean()
            if self._frozen is not None:
                terms["features"] = self._alignment(changed, first)
        total = torch.stack(list(terms.values())).mean()
        _, _, spread = normalise(pred[thin], torch.cat([valid[:first], shown])[thin].contiguous())
        parts = {name: value.detach() for name, value in terms.items()} | {"spread": spread.detach().mean()}
        self._features = None
        return LossReport(total + self.loss.anchor_weight * scale_anchor(spread) + self._unused(terms), parts)

    def _alignment(self, pixels: Tensor, first: int) -> Tensor:
        """Return L_feat of the pictures with labels."""
        assert self._frozen is not None
        ours = feature_map(self._features, (pixels.shape[1], pixels.shape[2]), self.settings.stride, self._patch())[first:]
        mixed = torch.autocast(self.device.type, dtype=ours.dtype, enabled=ours.dtype != torch.float32)
        with mixed:
            frozen = self._frozen(pixels)
        ours, frozen = ours.float(), frozen.float()
        projection: Any = getattr(self.network, "projection", None)
        if projection is not None:
            ours = projection(ours)
        if frozen.shape[-2:] != ours.shape[-2:]:
            frozen = F.interpolate(frozen, size=ours.shape[-2:], mode="bilinear", align_corners=False)
        everywhere = torch.ones_like(ours[:, 0], dtype=torch.bool)
        return feature_alignment_loss(ours, frozen, everywhere, self.settings.margin).mean()

    def _unused(self, terms: dict[str, Tensor]) -> Tensor | float:
        """Return 0 that depends on the projection where a batch does not: several processes want a gradient of everything."""
        projection: Any = getattr(self.network, "projection", None)
        if projection is None or "features" in terms:
            return 0.0
        found: Tensor = 0.0 * sum(parameter.sum() for parameter in projection.parameters())
        return found

    def _patch(self) -> int:
        return int(getattr(self.network, "patch", 1))

    def _keep(self, module: nn.Module, given: Any, output: Any) -> None:
        self._features = output
