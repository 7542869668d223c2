from __future__ import annotations

import pytest
import torch
from tests.unit.losses.test_dense_losses import left_half, maps

from leadline.losses.affine_invariant import ssi_mae_loss
from leadline.losses.cutmix import cutmix_loss
from leadline.losses.pseudo_label import pseudo_label_loss


def test_each_region_has_a_scale_and_a_shift_of_its_own() -> None:
    _, label, valid = maps()
    inside = left_half(label)
    pred = torch.where(inside, 3 * label + 1, 0.2 * label - 5)
    torch.testing.assert_close(cutmix_loss(pred, label, valid, inside), torch.zeros(3, dtype=pred.dtype))
    assert (pseudo_label_loss(pred, label, valid, gradient_weight=0, ignored_share=0) > 0.1).all()


def test_a_picture_that_is_not_mixed_has_twice_the_ssi_mae_whatever_it_is_called() -> None:
    pred, label, valid = maps()
    everywhere = torch.ones_like(valid)
    expected = 2 * ssi_mae_loss(pred, label, valid)
    torch.testing.assert_close(cutmix_loss(pred, label, valid, everywhere), expected)
    torch.testing.assert_close(cutmix_loss(pred, label, valid, ~everywhere), expected)


def test_regions_weigh_as_many_pixels_as_they_have() -> None:
    pred, label, valid = maps()
    inside = left_half(label)
    halves = [pseudo_label_loss(pred, label, valid & part, 0, 0) for part in (inside, ~inside)]
    numbers = [(valid & part).sum((1, 2)) for part in (inside, ~inside)]
    expected = sum(n * half for n, half in zip(numbers, halves, strict=True)) / valid.sum((1, 2))
    torch.testing.assert_close(cutmix_loss(pred, label, valid, inside), expected)


def test_gradients_and_ignored_pixels_are_taken_in_each_region_too() -> None:
    pred, label, valid = maps()
    inside = left_half(label)
    whole = cutmix_loss(pred, label, valid, inside)
    assert (cutmix_loss(pred, label, valid, inside, gradient_weight=2.0) > whole).all()
    assert (cutmix_loss(pred, label, valid, inside, ignored_share=0.1) < whole).all()


def test_a_map_without_a_valid_pixel_says_zero_and_pulls_nowhere() -> None:
    pred, label, valid = maps()
    value = cutmix_loss(pred.requires_grad_(), label, torch.zeros_like(valid), left_half(label))
    value.sum().backward()
    assert pred.grad is not None
    assert not value.any()
    assert not pred.grad.any()
    assert value.shape == pytest.approx((3,))
