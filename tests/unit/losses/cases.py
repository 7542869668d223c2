"""What each loss must survive: finite differences, and NaN behind a mask."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def assert_gradients_equal_finite_differences(loss: Callable[..., Tensor], *inputs: Tensor) -> None:
    given = tuple(tensor.detach().clone().requires_grad_() for tensor in inputs)
    assert torch.autograd.gradcheck(loss, given, eps=1e-7, atol=1e-5)


def assert_blind_behind_the_mask(loss: Callable[..., Tensor], *inputs: tuple[Tensor, Tensor]) -> None:
    """Each input comes with the mask of what the loss may read of it; value and gradient must ignore the rest."""
    results = []
    for hidden in (0.5, torch.nan, torch.inf):
        given = [torch.where(mask, values, hidden).requires_grad_() for values, mask in inputs]
        value = loss(*given)
        value.sum().backward()
        results.append((value.detach(), [tensor.grad for tensor in given]))
    for value, gradients in results:
        assert value.any()
        assert torch.equal(value, results[0][0])
        for gradient, expected, (_, mask) in zip(gradients, results[0][1], inputs, strict=True):
            assert gradient is not None
            assert torch.equal(gradient, expected)
            assert gradient.any()
            assert not gradient[~mask.expand_as(gradient)].any()
