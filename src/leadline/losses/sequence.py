"""The loss of networks that refine an estimate step by step (RAFT, RAFT-Stereo section 3.6, CREStereo section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.losses.masked import hide, mean_over

REFERENCE_STEPS = 16


def sequence_loss(
    estimates: Sequence[Tensor],
    target: Tensor,
    valid: Tensor,
    gamma: float = 0.9,
    largest_px: float = 700.0,
    adjusted: bool = True,
) -> Tensor:
    """Return (N,) ``sum over i of gamma^(n - 1 - i) mean(|d_i - d| + |v_i|)``: later estimates weigh more.

    Args:
        estimates: n of (N, 2, h, w), first to last: disparity d_i and vertical offset v_i, which should be 0.
        target: (N, h, w) true disparity d, pixels; anything, NaN too, where not valid.
        valid: (N, h, w) bool. A map without a valid pixel has loss 0, without gradient.
        gamma: 0.9 for RAFT-Stereo, 0.8 for CREStereo.
        largest_px: truth beyond it does not count (released code of RAFT-Stereo: 700).
        adjusted: use ``gamma^(15 / (n - 1))``, so that the weights span the same whatever n is, as RAFT-Stereo's released code
            does; CREStereo's does not.

    A departure: CREStereo's released code divides by all pixels and both parts, here by the valid pixels alone.

    Raises:
        LeadlineError: no estimate, shapes that don't fit, or a gamma outside (0, 1].
    """
    if not estimates or any(e.shape != (target.shape[0], 2, *target.shape[1:]) for e in estimates):
        shapes = ", ".join(str(tuple(e.shape)) for e in estimates) or "none"
        raise LeadlineError(f"estimates of shapes {shapes} for a target of {tuple(target.shape)}: expected each (N, 2, h, w)")
    if not 0 < gamma <= 1:
        raise LeadlineError(f"gamma {gamma:g}: expected more than 0 and at most 1, for instance 0.9")
    n = len(estimates)
    factor = gamma ** ((REFERENCE_STEPS - 1) / (n - 1)) if adjusted and n > 1 else gamma
    truth = hide(target, valid)
    counted = valid & (truth.abs() < largest_px)
    losses = [
        factor ** (n - 1 - i) * mean_over((estimate[:, 0] - truth).abs() + estimate[:, 1].abs(), counted)
        for i, estimate in enumerate(estimates)
    ]
    return torch.stack(losses).sum(0)
