"""Pareto mixing: step along the shortest weighted mean of the data sets' gradients (METHODS A.3; arXiv 1810.04650).

A task names its objectives in `LossReport.objectives`, one for each data set; what else is in its loss does not count. Where
a task is free to choose, one forward pass for each data set is the cheapest: the graphs are then apart, and the backward passes
together cost as much as the sum's. Through one graph of the whole batch each of k backward passes costs as much as the sum's.

Between `add` and `finish` lie any number of batches. An objective counts as the mean over those that report it, in all
processes, so a data set that fills two batches of an accumulated step weighs no more than one that fills a single batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.training.config import Combine, GradientNormalisation
from leadline.training.min_norm import min_norm_weights
from leadline.training.task import LossReport

if TYPE_CHECKING:
    from lightning_fabric import Fabric

ALIGNMENT = 16  # floats: each parameter's gradient starts at a cache line
COLUMNS = 1 << 15  # of a stretch that is multiplied in float64 while it lies in the cache


class Pareto(Protocol):
    """Backward passes of several objectives."""

    def add(self, report: LossReport) -> None:
        """Take in what the objectives of a batch say; in a block of `Fabric.no_backward_sync`, the forward pass too."""
        ...

    def finish(self) -> dict[str, Tensor]:
        """Set the parameters' gradients; return the weight of each objective (0 where it said nothing), for the log.

        A gradient that is not finite makes all of them so; the loop then skips the step.
        """
        ...


def make_pareto(fabric: Fabric, network: nn.Module, combine: Combine, normalisation: GradientNormalisation) -> Pareto | None:
    """Return what `OptimiserConfig.combine` names, None for "sum"."""
    if combine == "sum":
        return None
    kind = SharedPareto if combine == "pareto_shared" else GradientPareto
    return kind(fabric, [p for p in network.parameters() if p.requires_grad], normalisation)


def pareto_weights(
    gram: NDArray[np.float64], losses: NDArray[np.float64], normalisation: GradientNormalisation
) -> NDArray[np.float64]:
    """Return the (k,) weights of objectives from the Gram matrix of their gradients and their values.

    Each gradient is divided by its length ("l2"), its objective's value ("loss") or both ("loss+"), the shortest mean of those
    is found, and its weights are expressed in terms of the gradients as they were, with sum 1. The direction then lowers every
    objective. (Sener & Koltun's code puts the weights found for divided gradients on undivided losses, which need not.)

    An objective without any gradient has weight 0: it has no valid pixel, and MGDA would stop for it. All are NaN if a number
    is not finite.

    Raises:
        LeadlineError: a normalisation by the value of an objective that is not positive.
    """
    weights = np.zeros(len(losses))
    if not (np.isfinite(gram).all() and np.isfinite(losses).all()):
        return weights * np.nan
    squares = np.diagonal(gram)
    says = squares > 0
    if not says.any():
        return weights
    lengths, values = np.sqrt(squares[says]), losses[says]
    if "loss" in normalisation and values.min() <= 0:
        raise LeadlineError(
            f"optimiser.gradient_normalisation={normalisation}: an objective is {values.min():g}, "
            "expected above 0; take none or l2"
        )
    factor = {"none": np.ones_like(lengths), "l2": 1 / lengths, "loss": 1 / values, "loss+": 1 / (values * lengths)}[
        normalisation
    ]
    weights[says] = factor * min_norm_weights(gram[np.ix_(says, says)] * np.outer(factor, factor))
    return np.asarray(weights / weights.sum())


class GradientPareto:
    """MGDA: the gradients of all objectives in all parameters side by side, one row each.

    Takes as much memory as the parameters, times the number of objectives.
    """

    def __init__(
        self, fabric: Fabric, parameters: Sequence[nn.Parameter], normalisation: GradientNormalisation = "none"
    ) -> None:
        self._fabric, self._normalisation = fabric, normalisation
        self._rows, self._tally = _Rows(parameters), _Tally(fabric)

    def add(self, report: LossReport) -> None:
        """See `Pareto`."""
        told = _objectives(report)
        for i, (name, objective) in enumerate(told):
            self._rows.collect(self._tally.count(name, objective))
            if objective.requires_grad:
                # The graphs may be one or several; the last pass frees what it has walked.
                self._fabric.backward(objective, retain_graph=i + 1 < len(told))

    def finish(self) -> dict[str, Tensor]:
        """See `Pareto`."""
        rows = self._rows.take(self._tally.agree())
        if self._fabric.world_size > 1:
            self._fabric.all_reduce(rows, reduce_op="sum")
        # Each process multiplies its share of the columns: less work, and the sum is the same number in all of them.
        self._tally.gram = _gram(rows.tensor_split(self._fabric.world_size, dim=1)[self._fabric.global_rank])
        weights, coefficients = self._tally.weights(self._normalisation)
        self._rows.mix(coefficients)
        return weights


class SharedPareto:
    """MGDA-UB: weights from the gradients in a shared representation, `LossReport.shared`, then one backward pass.

    Where each picture belongs to one data set, the gradients of different data sets touch different pictures of the
    representation and are orthogonal: the weights are then the inverse squares of the gradients' lengths, and no
    conflict between data sets is seen. Under accumulation the graphs of all batches are kept until `finish`.
    """

    def __init__(
        self, fabric: Fabric, parameters: Sequence[nn.Parameter], normalisation: GradientNormalisation = "none"
    ) -> None:
        self._fabric, self._normalisation = fabric, normalisation
        self._rows, self._tally = _Rows(parameters), _Tally(fabric)
        self._kept: list[tuple[str, Tensor]] = []

    def add(self, report: LossReport) -> None:
        """See `Pareto`."""
        if not report.shared:
            raise LeadlineError("optimiser.combine=pareto_shared: this task names no shared representation; take pareto")
        places, gradients = [], []
        for name, objective in _objectives(report):
            place = self._tally.count(name, objective)
            if objective.requires_grad:
                # Tensors that this objective does not look at get none.
                self._fabric.backward(objective, inputs=list(report.shared), retain_graph=True)
                found = [torch.zeros_like(t) if t.grad is None else t.grad for t in report.shared]
                places.append(place)
                gradients.append(torch.cat([t.flatten() for t in found]))
                self._kept.append((name, objective))
                for tensor in report.shared:
                    tensor.grad = None
        if places:
            self._tally.add_gram(places, _gram(torch.stack(gradients)))

    def finish(self) -> dict[str, Tensor]:
        """See `Pareto`."""
        self._tally.agree()
        weights, coefficients = self._tally.weights(self._normalisation)
        share = dict(zip(self._tally.names, coefficients, strict=True))
        self._rows.collect(0)
        if self._kept:
            self._fabric.backward(torch.stack([share[name] * objective for name, objective in self._kept]).sum())
            self._kept.clear()
        row = self._rows.take([0])
        if self._fabric.world_size > 1:
            self._fabric.all_reduce(row, reduce_op="sum")
        self._rows.mix([1.0])
        return weights


class _Rows:
    """Gradients of all parameters, a row for each objective; backward passes add into the rows themselves."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        ends = np.cumsum([-(-p.numel() // ALIGNMENT) * ALIGNMENT for p in parameters])
        self._starts = [0, *ends.tolist()]
        self._rows = parameters[0].new_zeros(0, self._starts[-1], requires_grad=False)
        self._used = False  # holds gradients of a step that is over

    def collect(self, row: int) -> None:
        """Let the next backward passes add to a row."""
        if self._used:
            self._rows.zero_()
            self._used = False
        if row >= len(self._rows):
            self.take([i if i < len(self._rows) else None for i in range(row + 1)])
        self._point(row)

    def take(self, order: Sequence[int | None]) -> Tensor:
        """Return the rows in another order, zeros for None, and keep to that order."""
        if list(order) != list(range(len(self._rows))):
            rows = self._rows.new_zeros(len(order), self._starts[-1])
            for place, row in enumerate(order):
                if row is not None:
                    rows[place] = self._rows[row]
            self._rows = rows
        return self._rows

    @torch.no_grad()
    def mix(self, coefficients: Sequence[float]) -> None:
        """Make the rows' weighted sum the parameters' gradients."""
        first, *others = coefficients
        self._rows[0].mul_(first)
        for row, coefficient in enumerate(others, 1):
            if coefficient != 0:
                self._rows[0].add_(self._rows[row], alpha=coefficient)
        self._point(0)
        self._used = True

    def _point(self, row: int) -> None:
        # Laid out in memory as the parameter is, so that neither autograd nor the optimiser copies.
        for start, p in zip(self._starts, self._parameters, strict=False):
            p.grad = self._rows[row].as_strided(p.shape, p.stride(), row * self._starts[-1] + start)


class _Tally:
    """What is known of the objectives in this step: how often they were reported, their values, their Gram matrix."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.names: list[str] = []
        self._clear()

    def _clear(self) -> None:
        self._counts: dict[str, int] = {}
        self._losses: dict[str, Tensor] = {}
        self.gram = torch.zeros(0, 0, dtype=torch.float64)

    def count(self, name: str, objective: Tensor) -> int:
        """Return the row of an objective."""
        if name not in self.names:
            self.names.append(name)
        self._counts[name] = self._counts.get(name, 0) + 1
        self._losses[name] = self._losses.get(name, torch.zeros((), device=objective.device)) + objective.detach()
        return self.names.index(name)

    def add_gram(self, places: Sequence[int], gram: Tensor) -> None:
        """Add the inner products of the objectives in some places."""
        self.gram = _grown(self.gram.to(gram.device), list(range(len(self.gram))), len(self.names))
        self.gram += _grown(gram, places, len(self.names))

    def agree(self) -> list[int | None]:
        """Give objectives the same places in all processes; return the place that each had here."""
        before = list(self.names)
        if self._fabric.world_size > 1:
            everywhere: list[list[str]] = [[] for _ in range(self._fabric.world_size)]
            torch.distributed.all_gather_object(everywhere, before)
            self.names = sorted({name for names in everywhere for name in names})
            if len(self.gram):
                self.gram = _grown(self.gram, [self.names.index(name) for name in before[: len(self.gram)]], len(self.names))
        return [before.index(name) if name in before else None for name in self.names]

    def weights(self, normalisation: GradientNormalisation) -> tuple[dict[str, Tensor], list[float]]:
        """Return the weights of all objectives for the log, and what to multiply their summed gradients with."""
        k, device = len(self.names), self._fabric.device
        nothing = torch.zeros((), device=device)
        losses = torch.stack([self._losses.get(name, nothing) for name in self.names]).double()
        counts = torch.tensor([float(self._counts.get(name, 0)) for name in self.names], dtype=torch.float64, device=device)
        gram = _grown(self.gram.to(device), list(range(len(self.gram))), k)
        known = torch.cat([counts, losses, gram.flatten()])
        if self._fabric.world_size > 1:
            self._fabric.all_reduce(known, reduce_op="sum")
        told: NDArray[np.float64] = known.cpu().numpy()
        each = np.maximum(told[:k], 1)
        weights = pareto_weights(told[2 * k :].reshape(k, k) / np.outer(each, each), told[k : 2 * k] / each, normalisation)
        self._clear()
        return {f"weight_{n}": torch.tensor(w) for n, w in zip(self.names, weights, strict=True)}, (weights / each).tolist()


def _objectives(report: LossReport) -> list[tuple[str, Tensor]]:
    if not report.objectives:
        raise LeadlineError("optimiser.combine asks for Pareto mixing, and this task reports one objective; take sum")
    return list(report.objectives.items())


def _gram(rows: Tensor) -> Tensor:
    """Return the (k, k) inner products of rows, summed in float64, a stretch of columns at a time."""
    # float32 products would do, but torch may compute them in bfloat16 ("medium"), which is too coarse for directions.
    gram = rows.new_zeros(len(rows), len(rows), dtype=torch.float64)
    for stretch in torch.split(rows, COLUMNS if rows.is_cpu else 64 * COLUMNS, dim=1):
        exact = stretch.double()
        gram += exact @ exact.T
    return gram


def _grown(gram: Tensor, places: Sequence[int], size: int) -> Tensor:
    """Return a Gram matrix of `size` objectives, those given in their places, else 0."""
    grown = gram.new_zeros(size, size)
    index = torch.tensor(places, dtype=torch.long, device=gram.device)
    grown[index[:, None], index] = gram
    return grown
