"""MegaDepth's objective: log depth up to scale where there is depth, an order of two points where there is none (METHODS D.6).

Li & Snavely 2018 (arXiv 1804.00607).
"""

from __future__ import annotations

from math import exp, log1p, sqrt
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from leadline.losses.gradient_matching import residual_gradient_loss
from leadline.losses.log_error import log_error_loss
from leadline.losses.masked import hide, mean_over
from leadline.losses.point_pairs import CLOSER, EQUAL, FARTHER, PointPairs, read_pairs
from leadline.losses.regression import log_residual

# All three are recalled, not read in the paper.
GRADIENT_WEIGHT = 0.5  # alpha
ORDINAL_WEIGHT = 0.1  # beta
TAU = 0.25  # from this disagreement on, the loss grows with its square root only


class MegaDepthTerms(NamedTuple):
    """The three terms, not yet weighted; (N,) each."""

    data: Tensor
    gradient: Tensor
    ordinal: Tensor


def robust_ordinal_loss(
    pred: Float[Tensor, "n h w"], pairs: PointPairs, tau: float = TAU, *, near_is_large: bool = False
) -> Float[Tensor, " n"]:
    """Return (N,) the mean over pairs of log(1 + e^P) for P <= tau, else log(1 + e^sqrt(P)) + c.

    P = -r (ln z_first - ln z_second), r being +1 where the first point is FARTHER, -1 where it is CLOSER; c makes both halves
    meet. The order comes from a segmentation (things before their background), which can be wrong: a gross disagreement
    pulls less than in `ranking_loss`. Pairs of EQUAL points say nothing here and are left out.

    Args:
        pred: (N, h, w) positive depth of any scale. A number of 0 or less counts as the smallest normal one.
        pairs: at most P for each map.
        tau: where the root begins, above 0.
        near_is_large: True where `pred` is disparity.

    Raises:
        LeadlineError: shapes don't fit, or a valid pair lies outside the map.
    """
    counted = pairs.valid & (pairs.relation != EQUAL)
    floor = torch.finfo(pred.dtype).tiny
    first, second = (hide(read, counted, by=1.0).clamp_min(floor).log() for read in read_pairs(pred, pairs))
    disagreement = pairs.relation * (FARTHER if near_is_large else CLOSER) * (first - second)
    gross = disagreement > tau
    # The root's derivative is infinite at 0: pairs that don't take it must not pass through it.
    grown = log1p(exp(tau)) - log1p(exp(sqrt(tau))) + softplus(torch.where(gross, disagreement, tau).sqrt())
    return mean_over(torch.where(gross, grown, softplus(torch.where(gross, tau, disagreement))), counted)


def megadepth_ordinal_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    pairs: PointPairs,
    gradient_weight: float = GRADIENT_WEIGHT,
    ordinal_weight: float = ORDINAL_WEIGHT,
    tau: float = TAU,
    scales: int = 4,
    *,
    near_is_large: bool = False,
) -> tuple[Float[Tensor, " n"], MegaDepthTerms]:
    """Return (N,) data + gradient_weight * gradient + ordinal_weight * ordinal, and the terms: all of MegaDepth's objective.

    An image with depth has valid pixels and no pairs, an ordinal one pairs and no valid pixels; what an image lacks counts 0.
    With R = ln pred - ln target, data is the variance of R, gradient the absolute differences of R between neighbours on
    several scales, each scale over its own number of pixels.

    Args:
        pred, target: (N, h, w) positive depth of any scale, or both disparity.
        valid: (N, h, w) bool, where the target has depth.
        pairs: see `robust_ordinal_loss`.
        gradient_weight, ordinal_weight, tau: alpha, beta and tau.
        scales: levels of the gradient term.
        near_is_large: True where the maps are disparity.

    Raises:
        LeadlineError: as `robust_ordinal_loss`.
    """
    residual, counted = log_residual(pred, target, valid)
    terms = MegaDepthTerms(
        log_error_loss(pred, target, valid, "silog_variance"),
        residual_gradient_loss(residual, counted, scales),
        robust_ordinal_loss(pred, pairs, tau, near_is_large=near_is_large),
    )
    return terms.data + gradient_weight * terms.gradient + ordinal_weight * terms.ordinal, terms
