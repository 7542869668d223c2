from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.losses.sequence import sequence_loss


def slow(estimates: list[Tensor], target: Tensor, valid: Tensor, gamma: float, largest: float, adjusted: bool) -> list[float]:
    """The released code's loss of each map, in plain Python."""
    n = len(estimates)
    if adjusted and n > 1:
        gamma = gamma ** (15 / (n - 1))
    losses = []
    for k in range(len(target)):
        total = 0.0
        for i, estimate in enumerate(estimates):
            errors = []
            for y in range(target.shape[1]):
                for x in range(target.shape[2]):
                    d = float(target[k, y, x])
                    if valid[k, y, x] and abs(d) < largest:
                        errors.append(abs(float(estimate[k, 0, y, x]) - d) + abs(float(estimate[k, 1, y, x])))
            total += gamma ** (n - 1 - i) * (math.fsum(errors) / len(errors) if errors else 0.0)
        losses.append(total)
    return losses


def case(n: int) -> tuple[list[Tensor], Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    estimates = [torch.randn(2, 2, 3, 4, generator=generator, dtype=torch.float64) for _ in range(n)]
    target = 10 * torch.rand(2, 3, 4, generator=generator, dtype=torch.float64)
    return estimates, target, torch.rand(2, 3, 4, generator=generator) < 0.7


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("adjusted", [True, False])
def test_it_is_the_released_codes_loss(n: int, adjusted: bool) -> None:
    estimates, target, valid = case(n)
    target[0, 0, 0], valid[0, 0, 0] = 900.0, True  # too far to count
    got = sequence_loss(estimates, target, valid, 0.8, 700, adjusted)
    assert got.tolist() == pytest.approx(slow(estimates, target, valid, 0.8, 700, adjusted))


def test_gradients_are_right_and_nan_behind_the_mask_stays_there() -> None:
    estimates, target, valid = case(2)
    target[~valid] = float("nan")
    given = tuple(e.requires_grad_() for e in estimates)
    assert torch.autograd.gradcheck(lambda *e: sequence_loss(e, target, valid), given, eps=1e-7, atol=1e-5)
    sequence_loss(given, target, torch.zeros_like(valid)).sum().backward()
    assert not given[0].grad.any()  # type: ignore[union-attr]


def test_the_last_estimate_weighs_most_and_a_vertical_offset_costs() -> None:
    target, valid = torch.zeros(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool)
    off = torch.zeros(1, 2, 2, 2)
    off[:, 1] = 1
    right = torch.zeros(1, 2, 2, 2)
    late, early = sequence_loss([right, off], target, valid), sequence_loss([off, right], target, valid)
    assert late.item() == pytest.approx(1)
    assert early.item() == pytest.approx(0.9**15)


def test_what_does_not_fit_is_refused() -> None:
    estimates, target, valid = case(2)
    with pytest.raises(LeadlineError, match="shapes none"):
        sequence_loss([], target, valid)
    with pytest.raises(LeadlineError, match="expected each"):
        sequence_loss([estimates[0][:, :1]], target, valid)
    with pytest.raises(LeadlineError, match=r"gamma 1\.5"):
        sequence_loss(estimates, target, valid, 1.5)
