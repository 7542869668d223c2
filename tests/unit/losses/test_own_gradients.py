"""The losses whose gradient is written by hand, where the tests of their values don't look."""

from __future__ import annotations

import pytest
import torch
from tests.unit.losses.test_dense_losses import maps

from leadline.losses.affine_invariant import normalise, trimmed_mean_loss
from leadline.losses.gradient_matching import gradient_matching_loss, residual_gradient_loss
from leadline.losses.ssi import ssi_loss


def test_the_deviation_of_a_map_has_its_gradient_too() -> None:
    pred, _, valid = maps(2, 4, 5, seed=1)
    for chosen in ([0], [2], [0, 2]):
        assert torch.autograd.gradcheck(
            lambda p, chosen=chosen: tuple(normalise(p, valid)[i] for i in chosen), (pred.requires_grad_(),)
        )


@pytest.mark.parametrize("reduction", ["image", "batch"])
def test_both_reductions_have_the_gradient_of_their_value(reduction: str) -> None:
    pred, target, valid = maps(2, 4, 5, seed=1)
    check = torch.autograd.gradcheck
    assert check(lambda p: gradient_matching_loss(p, target, valid, 3, reduction), (pred.requires_grad_(),))  # type: ignore[arg-type]


def test_maps_weigh_in_the_gradient_as_they_weigh_in_the_sum() -> None:
    pred, _, valid = maps()
    weights = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    shown = torch.where(valid, pred, 0.0).requires_grad_()
    for loss in (residual_gradient_loss, lambda r, v: trimmed_mean_loss(r.flatten(1), v.flatten(1))):
        (plain,) = torch.autograd.grad(loss(shown, valid).sum(), shown)
        (weighted,) = torch.autograd.grad((weights * loss(shown, valid)).sum(), shown)
        torch.testing.assert_close(weighted, weights[:, None, None] * plain)


def test_equal_residuals_share_the_gradient_of_those_that_are_kept() -> None:
    residuals = torch.tensor([[0.5, -2.0, 2.0, 2.0, 2.0]], dtype=torch.float64, requires_grad=True)
    valid = torch.ones(1, 5, dtype=torch.bool)
    loss = trimmed_mean_loss(residuals, valid, 0.6)  # three are kept, two of the four that are equal
    loss.sum().backward()
    assert loss.item() == pytest.approx((0.5 + 2 + 2) / 10)
    assert residuals.grad is not None
    torch.testing.assert_close(residuals.grad * 10, torch.tensor([[1, -0.5, 0.5, 0.5, 0.5]], dtype=torch.float64))


def test_a_value_without_a_gradient_is_the_same() -> None:
    pred, target, valid = maps()
    with torch.no_grad():
        quiet = [gradient_matching_loss(pred, target, valid), trimmed_mean_loss(pred.flatten(1), valid.flatten(1))]
    pred.requires_grad_()
    loud = [gradient_matching_loss(pred, target, valid), trimmed_mean_loss(pred.flatten(1), valid.flatten(1))]
    torch.testing.assert_close(quiet, [value.detach() for value in loud], rtol=0, atol=0)


def test_every_second_pixel_of_a_map_costs_what_its_copy_costs() -> None:
    pred, target, valid = maps(h=9, w=12)
    pred.requires_grad_()
    strided = [values[:, 1::2, ::2] for values in (pred, target, valid)]
    views, copies = (ssi_loss(*given)[0] for given in (strided, [values.contiguous() for values in strided]))
    torch.testing.assert_close(views, copies, rtol=0, atol=0)
    (of_views,), (of_copies,) = (torch.autograd.grad(value.sum(), pred) for value in (views, copies))
    assert of_views.any()
    torch.testing.assert_close(of_views, of_copies, rtol=0, atol=0)
