"""Differences between pixels some way apart, made comparable between maps of unknown scale.

Both take (N, h, w) `pred`, `target` and bool `valid`, and return (N,). A difference counts only where both ends are valid, and
a map's sums are divided by its number of valid pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from leadline.losses.affine_invariant import FLAT_SHARE
from leadline.losses.masked import count, hide, root

SPACINGS = (1, 2, 4, 8, 16)  # DeMoN's; Wang et al. are remembered to take 2, 8, 32, 64


def normalised_gradient_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    spacings: Sequence[int] = SPACINGS,
) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum over spacings k and pixels of |s D_k pred - D_k target|, D_k the differences along x and along y.

    s = sum |D_k target| / sum |D_k pred|, over all spacings, part of the graph. Any scale and shift of the prediction are
    forgiven, a wrong sign is not. The normalised multi-scale gradient (NMG) of Wang et al. 2019 (arXiv 1904.11112), which
    MiDaS's ablation trains with. A map counts 0 if its target or its prediction is constant.
    """
    scale, possible = gradient_scale(pred, target, valid, spacings)
    residual = scale[:, None, None] * hide(pred, valid) - hide(target, valid)
    return torch.where(possible, spaced_gradient_loss(residual, valid, spacings), 0.0)


def gradient_scale(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    spacings: Sequence[int] = SPACINGS,
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """Return (N,) the s of `normalised_gradient_loss`, and (N,) whether both maps have differences; s is 0 where not."""
    ours, theirs = (spaced_gradient_loss(values, valid, spacings) for values in (pred, target))
    # A prediction whose differences are rounding has none.
    possible = (ours.detach() > FLAT_SHARE * hide(pred, valid).detach().abs().amax((1, 2))) & (theirs > 0)
    return torch.where(possible, theirs / torch.where(possible, ours, 1.0), 0.0), possible


def spaced_gradient_loss(
    values: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], spacings: Sequence[int] = SPACINGS
) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum over spacings and pixels of |D_k values|."""
    shown = hide(values, valid)
    total = shown.new_zeros(len(shown))
    for spacing in spacings:
        for here, there, both in _ends(shown, valid, spacing):
            total = total + torch.where(both, there - here, 0.0).abs().sum((1, 2))
    return total / count(valid)


def demon_gradient_loss(
    pred: Float[Tensor, "n h w"],
    target: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    spacings: Sequence[int] = SPACINGS,
) -> Float[Tensor, " n"]:
    """Return (N,) 1/M sum over spacings k and pixels of ||g_k pred - g_k target||, the scale-invariant gradient loss of DeMoN.

    g_k f = ((f(x + k, y) - f) / (|f(x + k, y)| + |f|), likewise along y) (Ummenhofer et al. 2017, arXiv 1612.02401). For
    positive disparity: any scale of it is forgiven, no shift. A component without a valid other end counts 0.
    """
    p, t = hide(pred, valid), hide(target, valid)
    total = p.new_zeros(len(p))
    for spacing in spacings:
        ends = zip(_ends(p, valid, spacing), _ends(t, valid, spacing), strict=True)
        across, down = (
            torch.where(both, _relative(*p_ends) - _relative(*t_ends), 0.0) for (*p_ends, both), (*t_ends, _) in ends
        )
        # Both differences belong to the pixel they start at.
        squares = pad(across.square(), (0, p.shape[2] - across.shape[2]))
        squares = squares + pad(down.square(), (0, 0, 0, p.shape[1] - down.shape[1]))
        total = total + root(squares).sum((1, 2))
    return total / count(valid)


def _relative(here: Tensor, there: Tensor) -> Tensor:
    size = here.abs() + there.abs()
    return (there - here) / torch.where(size > 0, size, 1.0)


def _ends(values: Tensor, valid: Tensor, spacing: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield start, end and whether both are valid: along x, then along y."""
    yield values[:, :, :-spacing], values[:, :, spacing:], valid[:, :, :-spacing] & valid[:, :, spacing:]
    yield values[:, :-spacing], values[:, spacing:], valid[:, :-spacing] & valid[:, spacing:]
