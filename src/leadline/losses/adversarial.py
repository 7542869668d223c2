"""Domain adaptation after AdaDepth: discriminators to deceive, and content that must stay (arXiv 1803.01599; METHODS D.15).

What is known of the paper here: a discriminator on deep features and one on depth maps, and content congruency against a frozen
source model, in more than one form. Its exact equations and weights could not be read. So the adversarial form is a choice
(`least_squares` of Mao et al. 2017, arXiv 1611.04076, or the `cross_entropy` of Goodfellow et al. 2014, arXiv 1406.2661), and
weights are the caller's.
"""

from __future__ import annotations

from enum import StrEnum

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from leadline.errors import LeadlineError
from leadline.losses.masked import mean_over


class Game(StrEnum):
    """What scores are compared by."""

    LEAST_SQUARES = "least_squares"
    CROSS_ENTROPY = "cross_entropy"  # scores are logits


def discriminator_loss(
    source_scores: Float[Tensor, "n ..."], target_scores: Float[Tensor, "n ..."], game: Game | str = Game.LEAST_SQUARES
) -> Float[Tensor, " n"]:
    """Return (N,) what the discriminator minimises: high scores for the source domain, low ones for the target domain.

    Least squares: mean (D(s) - 1)^2 / 2 + mean D(t)^2 / 2. Cross entropy: mean -log S(D(s)) - mean log(1 - S(D(t))), S the
    logistic function.

    Args:
        source_scores, target_scores: (N, ...) one score a sample or a patch. Detach what the generator made, or train both.
        game: least_squares or cross_entropy.

    Raises:
        LeadlineError: another game.
    """
    if _checked(game) is Game.LEAST_SQUARES:
        return _mean((source_scores - 1).square()) / 2 + _mean(target_scores.square()) / 2
    return _mean(softplus(-source_scores)) + _mean(softplus(target_scores))


def deception_loss(target_scores: Float[Tensor, "n ..."], game: Game | str = Game.LEAST_SQUARES) -> Float[Tensor, " n"]:
    """Return (N,) what the adapted network minimises: the discriminator takes its target features or maps for source ones.

    Least squares: mean (D(t) - 1)^2 / 2. Cross entropy: mean -log S(D(t)), which doesn't saturate.

    Raises:
        LeadlineError: another game.
    """
    if _checked(game) is Game.LEAST_SQUARES:
        return _mean((target_scores - 1).square()) / 2
    return _mean(softplus(-target_scores))


def content_congruency_loss(
    adapted: Float[Tensor, "n c h w"], source: Float[Tensor, "n c h w"], valid: Bool[Tensor, "n h w"]
) -> Float[Tensor, " n"]:
    """Return (N,) mean |M_t(x) - M_s(x)| of the adapted and the frozen source model on the same pictures of the source domain.

    An adversary alone is content with any plausible map; this asks for the one that belongs to the picture. The norm, L1 here,
    is not verified.

    Args:
        adapted: (N, C, h, w) features, or depth with C = 1, of the model in training.
        source: (N, C, h, w) of the frozen source model; no gradient goes there.
        valid: (N, h, w) bool.
    """
    shown = valid[:, None]
    difference = torch.where(shown, adapted, 0.0) - torch.where(shown, source.detach(), 0.0)
    return mean_over(difference.abs().mean(1), valid)


def residual_transfer_loss(residual: Float[Tensor, "n c h w"], valid: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Return (N,) the mean square of what the adapted model adds to the source model's features: adapt as little as needed.

    For a model built as M_t(x) = M_s(x) + residual(x), on pictures of either domain. The norm is not verified.
    """
    square = torch.where(valid[:, None], residual, 0.0).square()
    return mean_over(square.mean(1), valid)


def _mean(scores: Tensor) -> Tensor:
    return scores.flatten(1).mean(1) if scores.ndim > 1 else scores


def _checked(game: Game | str) -> Game:
    try:
        return Game(game)
    except ValueError:
        raise LeadlineError(f"game {game!r}: expected one of {', '.join(Game)}") from None
