from __future__ import annotations

import torch
from tests.unit.losses.test_dense_losses import maps

from leadline.losses.depth4tom import virtual_label_loss
from leadline.losses.gradient_matching import gradient_matching_loss
from leadline.losses.regression import l2_loss


def test_the_unaligned_terms_hold_the_labels_scale_and_shift() -> None:
    _, label, valid = maps()
    # A prediction right up to scale and shift pays exactly the terms without a fit.
    moved = 1.5 * label + 2
    expected = l2_loss(moved, label, valid) / 2 + gradient_matching_loss(moved, label, valid)
    torch.testing.assert_close(virtual_label_loss(moved, label, valid), expected)
    assert (virtual_label_loss(moved, label, valid) > 1).all()


def test_without_a_mask_all_pixels_count() -> None:
    pred, label, valid = maps()
    torch.testing.assert_close(virtual_label_loss(pred, label), virtual_label_loss(pred, label, torch.ones_like(valid)))
