"""The dense objectives a disparity network can be trained with, by the names that recipes use.

Every one brings prediction and target into one space and then penalises what differs; with ``+gradient`` behind its name it
also matches the gradients of the difference on four scales, in the same space (METHODS A.1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from leadline.errors import LeadlineError
from leadline.losses.affine_invariant import normalised_residuals, trimmed_mean_loss
from leadline.losses.gradient_matching import residual_gradient_loss
from leadline.losses.least_squares import align
from leadline.losses.masked import hide, mean_over
from leadline.losses.normalised_gradient import gradient_scale, spaced_gradient_loss
from leadline.losses.regression import log_residual

Space = Literal["disparity", "log depth", "depth"]
Activation = Literal["none", "softplus"]
# (pred, target, valid) to residuals in the space of the loss, 0 where they don't count, and where they do; (N, h, w) each.
Residuals = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
Penalty = Callable[[Tensor, Tensor], Tensor]  # (residuals, where they count) to (N,)

GRADIENT = "+gradient"
GRADIENT_WEIGHT = 0.5  # alpha of METHODS A.1.5


@dataclass(frozen=True, slots=True)
class DenseLoss:
    """An objective and what a task must know to use it; call it with (pred, target, valid), (N, h, w) each, for (N,).

    Attributes:
        name: in the registry.
        space: "disparity" takes any real numbers and forgives scale and shift; "log depth" takes positive disparity (or depth)
            and forgives a scale; "depth" takes metres and forgives nothing.
        activation: what the task, and later the predictor, puts behind the network's last layer: see `activate`.
        formula: in one line.
        ignores: what a prediction may get wrong at no cost.
        residuals, penalty: its two halves.
        matches_gradients: whether it has the gradient term.
    """

    name: str
    space: Space
    activation: Activation
    formula: str
    ignores: str
    residuals: Residuals
    penalty: Penalty
    matches_gradients: bool = False

    def __call__(
        self,
        pred: Float[Tensor, "n h w"],
        target: Float[Tensor, "n h w"],
        valid: Bool[Tensor, "n h w"],
        gradient_weight: float = GRADIENT_WEIGHT,
        scales: int = 4,
    ) -> Float[Tensor, " n"]:
        """Return (N,) values; the last two arguments are those of the gradient term, if there is one."""
        data, gradient = self.terms(pred, target, valid, scales)
        return data + gradient_weight * gradient if self.matches_gradients else data

    def terms(
        self, pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], scales: int = 4
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Return (N,) the data and the gradient term (zeros without one), before any weight."""
        residual, counted = self.residuals(pred, target, valid)
        data = self.penalty(residual, counted)
        if not self.matches_gradients:
            return data, torch.zeros_like(data)
        return data, residual_gradient_loss(residual, counted, scales)


def activate(values: Tensor, activation: Activation) -> Tensor:
    """Return a network's raw numbers as its loss wants them: unchanged, or ln(1 + e^x), which is positive."""
    return softplus(values) if activation == "softplus" else values


def dense_loss_names() -> list[str]:
    """Return all names, sorted."""
    return sorted(_LOSSES)


def get_dense_loss(name: str) -> DenseLoss:
    """Return the objective of that name.

    Raises:
        LeadlineError: no such objective.
    """
    if name not in _LOSSES:
        near = get_close_matches(name, _LOSSES, n=1, cutoff=0.0)[0]
        raise LeadlineError(f"unknown loss {name!r}: expected one of {', '.join(dense_loss_names())}; did you mean {near!r}?")
    return _LOSSES[name]


def to_unit_range(target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, "n h w"]:
    """Return (target - min) / (max - min) over each map's valid pixels, 0 elsewhere and where all are equal.

    MiDaS trains on such disparities (METHODS A.1, A.2); in the target's own unit, data sets would weigh as their units do.
    """
    low = torch.where(valid, target, torch.inf).amin((1, 2))
    high = torch.where(valid, target, -torch.inf).amax((1, 2))
    spread = high - low
    spread = torch.where(spread > 0, spread, torch.inf)[:, None, None]  # a map without a valid pixel has minus infinity
    low = torch.where(valid.any(2).any(1), low, 0.0)[:, None, None]
    return torch.where(valid, (torch.where(valid, target, low) - low) / spread, 0.0)


def _normalised(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    residuals, counted, _ = normalised_residuals(pred, target, valid)
    return residuals, counted


def _fitted(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    unit = to_unit_range(target, valid)
    aligned, unique = align(pred, unit, valid)
    counted = valid & unique[:, None, None]
    return torch.where(counted, aligned - unit, 0.0), counted


def _log_fitted(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    d, counted = log_residual(pred, target, valid)
    return torch.where(counted, d - mean_over(d, counted)[:, None, None], 0.0), counted


def _gradient_scaled(pred: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    unit = to_unit_range(target, valid)
    scale, possible = gradient_scale(pred, unit, valid)
    counted = valid & possible[:, None, None]
    return torch.where(counted, scale[:, None, None] * hide(pred, valid) - unit, 0.0), counted


def _half_mean_square(residual: Tensor, counted: Tensor) -> Tensor:
    return mean_over(residual.square(), counted) / 2


def _half_mean(residual: Tensor, counted: Tensor) -> Tensor:
    return mean_over(residual.abs(), counted) / 2


def _trimmed(residual: Tensor, counted: Tensor) -> Tensor:
    return trimmed_mean_loss(residual.flatten(1), counted.flatten(1))


_AFFINE = "any scale and shift"
_PLAIN = (
    DenseLoss(
        "ssi_mse",
        "disparity",
        "none",
        "1/(2M) min_{s,t} sum (s d + t - d*)^2, d* in [0, 1]",
        _AFFINE,
        _fitted,
        _half_mean_square,
    ),
    DenseLoss(
        "ssi_mae",
        "disparity",
        "none",
        "1/(2M) sum |n(d) - n(d*)|, n(x) = (x - median) / mean |x - median|",
        _AFFINE,
        _normalised,
        _half_mean,
    ),
    DenseLoss(
        "ssi_trim",
        "disparity",
        "none",
        "1/(2M) sum of the smallest 80 % of |n(d) - n(d*)|, n(x) = (x - median) / mean |x - median|",
        f"{_AFFINE}, and the worst fifth of the pixels",
        _normalised,
        _trimmed,
    ),
    DenseLoss(
        "silog",
        "log depth",
        "softplus",
        "1/(2M) min_s sum (s + ln d - ln d*)^2 where d* > 0",
        "any scale, and pixels of disparity 0",
        _log_fitted,
        _half_mean_square,
    ),
    DenseLoss(
        "nmg",
        "disparity",
        "none",
        "1/M sum_k |s D_k d - D_k d*|, k = 1, 2, 4, 8, 16, s = sum |D_k d*| / sum |D_k d|, d* in [0, 1]",
        "any positive scale and any shift",
        _gradient_scaled,
        spaced_gradient_loss,
    ),
)


def _with_gradient(loss: DenseLoss) -> DenseLoss:
    return DenseLoss(
        loss.name + GRADIENT,
        loss.space,
        loss.activation,
        f"{loss.formula}; + 0.5/M sum over 4 levels of |R_x| + |R_y|, R the difference in that space",
        loss.ignores,
        loss.residuals,
        loss.penalty,
        matches_gradients=True,
    )


_LOSSES = {loss.name: loss for plain in _PLAIN for loss in (plain, _with_gradient(plain))}
