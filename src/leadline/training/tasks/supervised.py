"""Learn disparity from truth of any kind that a source has: dense or sparse, up to scale and shift, or the order of points."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.losses.affine_invariant import normalise
from leadline.losses.depth4tom import virtual_label_loss
from leadline.losses.point_pairs import CLOSER, PointPairs
from leadline.losses.ranking import ranking_loss, redweb_ranking_loss
from leadline.losses.registry import get_dense_loss
from leadline.losses.ssi import scale_anchor, ssi_loss
from leadline.training.config import LossConfig
from leadline.training.task import LossReport

RANKING, MIDAS, VIRTUAL_LABEL = "ranking", "ssi_trim+gradient", "virtual_label"


class SupervisedTask:
    """An objective on each source's part of the batch, by what the part holds; by default MiDaS's (METHODS A.1).

    Views with a map give the configured objective, views with pairs of points a ranking loss on the prediction divided by its
    spread, so that growing numbers don't lower it. The loss is the mean over views; the scale of the numbers is anchored.

    Args:
        network: (N, 3, h, w) to (N, h, w).
        config: of the objective.
        device: of the network.
        seed: of the pairs that "ranking" draws.
        apart: also report the mean loss of each source, each with a forward pass of its own, as Pareto mixing wants them.

    Raises:
        LeadlineError: the configuration names an unknown objective, or one that it contradicts.
    """

    def __init__(
        self, network: nn.Module, config: LossConfig, device: torch.device, seed: int = 0, apart: bool = False
    ) -> None:
        self.network, self.config, self.device, self.seed, self.apart = network, config, device, seed, apart
        self._dense = None if config.objective in (RANKING, VIRTUAL_LABEL) else get_dense_loss(config.objective)
        if config.objective == VIRTUAL_LABEL and config.stride != 1:
            raise LeadlineError(
                f"loss.stride={config.stride} with virtual labels: expected 1; its gradient terms have no weights"
            )

    def step(self, batch: Batch, number: int) -> LossReport:
        """See `Task`."""
        if not self.apart:
            return self._report(batch, number)
        reports = {str(s): self._report(_part(batch, batch.source == s), number) for s in np.unique(batch.source)}
        objectives = {s: report.loss for s, report in reports.items()}
        parts = {f"source{s}": loss.detach() for s, loss in objectives.items()}
        total = torch.stack([float(np.mean(batch.source == int(s))) * loss for s, loss in objectives.items()]).sum()
        return LossReport(total, parts, objectives, tuple(t for report in reports.values() for t in report.shared))

    def _report(self, batch: Batch, number: int) -> LossReport:
        pixels = torch.from_numpy(batch.image).to(self.device)
        pred = self.network(self.network.normalise(pixels))  # type: ignore[operator]
        target, valid = torch.from_numpy(batch.disparity).to(self.device), torch.from_numpy(batch.valid).to(self.device)
        n = self.config.stride
        # A new corner of each n x n cell every step, so that all pixels count in time.
        y, x = number // n % n, number % n
        losses, parts, spread = self._dense_losses(pred[:, y::n, x::n], target[:, y::n, x::n], valid[:, y::n, x::n], number)
        if batch.pairs.shape[1]:
            ranked = _pair_losses(pred, torch.from_numpy(batch.pairs).to(self.device))
            losses = losses + ranked
            parts["pairs"] = ranked.detach().mean()
        return LossReport(losses.mean() + self.config.anchor_weight * scale_anchor(spread), parts, shared=(pred,))

    def _dense_losses(
        self, pred: Tensor, target: Tensor, valid: Tensor, number: int
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Return each view's loss, the terms' means by name, and each view's spread (0 where nothing is valid)."""
        config = self.config
        weight = config.gradient_weight / config.stride  # neighbours n pixels apart differ n times as much
        if config.objective == MIDAS:
            losses, terms = ssi_loss(pred, target, valid, weight, config.share, config.scales)
            return losses, {name: value.detach().mean() for name, value in terms._asdict().items()}, terms.spread
        if config.objective == VIRTUAL_LABEL:
            losses = virtual_label_loss(pred, target, valid, config.scales)
            # No anchor: the labels hold the scale.
            return losses, {"data": losses.detach().mean()}, torch.zeros_like(losses)
        normalised, _, spread = normalise(pred, valid)
        if self._dense is None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
            data = redweb_ranking_loss(normalised, target, valid, generator)
            return data, {"data": data.detach().mean(), "spread": spread.detach().mean()}, spread
        data, gradient = self._dense.terms(pred, target, valid, config.scales)
        found = {"data": data, "gradient": gradient, "spread": spread}
        return data + weight * gradient, {name: value.detach().mean() for name, value in found.items()}, spread


def _part(batch: Batch, rows: NDArray[np.bool_]) -> Batch:
    """Return the views of a batch where `rows` is True."""
    names = tuple(name for name, here in zip(batch.names, rows, strict=False) if here)
    return Batch(batch.image[rows], batch.disparity[rows], batch.valid[rows], batch.pairs[rows], batch.source[rows], names)


def _pair_losses(pred: Tensor, pairs: Tensor) -> Tensor:
    """Return (N,) ranking losses of `leadline.data.views.View.pairs`, 0 for a view without."""
    everywhere = torch.ones_like(pred, dtype=torch.bool)
    relation = pairs[..., 4]
    points = PointPairs(pairs[..., :4].reshape(*pairs.shape[:2], 2, 2), (relation * CLOSER).long(), relation != 0)
    return ranking_loss(normalise(pred, everywhere)[0], points)
