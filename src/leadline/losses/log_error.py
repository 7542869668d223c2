"""Errors of the logarithm that forgive a wrong scale, wholly or in part.

With d = ln pred - ln target over a map's n pixels that are valid and have a positive target, the published forms are
``factor * root?(mean(d^2) - mean_weight * mean(d)^2)``. The names are those of the metrics (`leadline.metrics.log_error`, which
says whose they are): many projects print theirs as "SILog".

All take (N, h, w) positive `pred` and `target` (both depth, or both disparity: d only changes its sign) and bool `valid`, and
return (N,), 0 for a map without a pixel that counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from jaxtyping import Bool, Float
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.losses.masked import count, mean_over, root
from leadline.losses.regression import log_residual


@dataclass(frozen=True, slots=True)
class LogErrorLoss:
    """One form of the error; call it with (pred, target, valid).

    Attributes:
        mean_weight: Eigen's lambda, 0 to 1: how much of a wrong scale is forgiven.
        rooted: whether the root is taken. Its gradient is 0 at an error of exactly 0.
        factor: in front.
    """

    mean_weight: float
    rooted: bool = False
    factor: float = 1.0

    def __call__(
        self, pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
    ) -> Float[Tensor, " n"]:
        """Return (N,) errors."""
        d, counted = log_residual(pred, target, valid)
        mean = mean_over(d, counted)
        variance = mean_over((d - mean[:, None, None]).square(), counted)
        # The same as mean(d^2) - w mean(d)^2, without a difference of large numbers.
        inner = variance + (1 - self.mean_weight) * mean.square()
        return self.factor * (root(inner) if self.rooted else inner)


LOG_ERROR_LOSSES = {
    "silog": LogErrorLoss(1.0, rooted=True, factor=100.0),
    "si_rmse": LogErrorLoss(1.0, rooted=True),
    "silog_eigen": LogErrorLoss(0.5),
    "silog_variance": LogErrorLoss(1.0),
    "silog_depth_anything": LogErrorLoss(0.5, rooted=True),
    "silog_bts": LogErrorLoss(0.85, rooted=True, factor=10.0),
}


def log_error_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], name: str = "silog_eigen"
) -> Float[Tensor, " n"]:
    """Return (N,) the error of that name in `LOG_ERROR_LOSSES`; Eigen et al. 2014 (arXiv 1406.2283) by default.

    Raises:
        LeadlineError: no such name.
    """
    if name not in LOG_ERROR_LOSSES:
        near = get_close_matches(name, LOG_ERROR_LOSSES, n=1, cutoff=0.0)[0]
        raise LeadlineError(
            f"unknown log error {name!r}: expected one of {', '.join(LOG_ERROR_LOSSES)}; did you mean {near!r}?"
        )
    return LOG_ERROR_LOSSES[name](pred, target, valid)


def scale_fitted_log_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) 1/(2M) min over s of sum (s + ln pred - ln target)^2, MiDaS's L_silog (arXiv 1907.01341, section 5).

    The best s is minus the mean of d, so this is half of ``silog_variance``. It forgives a scale and no shift.
    """
    return LOG_ERROR_LOSSES["silog_variance"](pred, target, valid) / 2


def log_gradient_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum (d_x^2 + d_y^2): squared differences of d between neighbours that both count.

    Eigen & Fergus 2015 (arXiv 1411.4734; METHODS D.2): local structure must agree, not only values.
    """
    d, counted = log_residual(pred, target, valid)
    across = (d[:, :, 1:] - d[:, :, :-1]).square() * (counted[:, :, 1:] & counted[:, :, :-1])
    down = (d[:, 1:] - d[:, :-1]).square() * (counted[:, 1:] & counted[:, :-1])
    return (across.sum((1, 2)) + down.sum((1, 2))) / count(counted)


def eigen_fergus_loss(
    pred: Float[Tensor, "n h w"], target: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) mean d^2 - mean^2 d / 2 + `log_gradient_loss`, the whole depth loss of Eigen & Fergus 2015."""
    return LOG_ERROR_LOSSES["silog_eigen"](pred, target, valid) + log_gradient_loss(pred, target, valid)
