from __future__ import annotations

import pytest
import torch
from tests.reference import dense_losses as slow
from tests.unit.losses.test_dense_losses import maps

from leadline.losses.berhu import berhu_loss
from leadline.losses.regression import l1_loss


def test_the_published_threshold_is_a_fifth_of_the_largest_residual_of_the_batch() -> None:
    pred, target, valid = maps()
    residuals = torch.where(valid, pred - target, 0.0).abs()
    for threshold, largest in (("batch", residuals.amax().expand(3)), ("map", residuals.amax((1, 2)))):
        got = berhu_loss(pred, target, valid, threshold)  # type: ignore[arg-type]
        for value, p, t, v, c in zip(got, pred, target, valid, 0.2 * largest, strict=True):
            assert value.item() == pytest.approx(slow.berhu(p.numpy(), t.numpy(), v.numpy(), c.item()), rel=1e-12)


def test_both_branches_meet_in_value_and_slope() -> None:
    c = 0.5
    x = torch.tensor([c - 1e-9, c + 1e-9], dtype=torch.float64)[:, None, None].requires_grad_()
    value = berhu_loss(x, torch.zeros_like(x), torch.ones_like(x, dtype=torch.bool), c)
    value.sum().backward()
    torch.testing.assert_close(value[0], value[1])
    assert x.grad is not None
    torch.testing.assert_close(x.grad[0], x.grad[1])


def test_the_largest_residual_is_pulled_down() -> None:
    # With a gradient through c = 0.2, each of the others would add 0.2 * (1 - 0.9^2 / c^2) / 2 = -1.9 to this pixel's 5.
    pred = torch.full((1, 1, 100), 0.9, dtype=torch.float64)
    pred[0, 0, 0] = 1.0
    pred.requires_grad_()
    valid = torch.ones_like(pred, dtype=torch.bool)
    berhu_loss(pred, torch.zeros_like(pred), valid).sum().backward()
    assert pred.grad is not None
    torch.testing.assert_close(pred.grad[0, 0], pred.detach()[0, 0] / 0.2 / 100)


def test_a_threshold_above_all_residuals_leaves_l1() -> None:
    pred, target, valid = maps()
    torch.testing.assert_close(berhu_loss(pred, target, valid, 100.0), l1_loss(pred, target, valid))
