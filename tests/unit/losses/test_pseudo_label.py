from __future__ import annotations

import pytest
import torch
from tests.unit.losses.test_dense_losses import maps

from leadline.losses.affine_invariant import ssi_mae_loss
from leadline.losses.gradient_matching import ssi_gradient_loss
from leadline.losses.pseudo_label import keep_smallest, pseudo_label_loss


def test_with_nothing_ignored_it_is_twice_ssi_mae_plus_twice_gradient_matching() -> None:
    pred, label, valid = maps()
    expected = 2 * ssi_mae_loss(pred, label, valid) + 2 * ssi_gradient_loss(pred, label, valid)
    torch.testing.assert_close(pseudo_label_loss(pred, label, valid, ignored_share=0.0), expected)


def test_a_tenth_of_wrong_labels_is_what_is_left_out() -> None:
    pred = torch.linspace(0, 1, 100, dtype=torch.float64).view(1, 10, 10)
    label = pred.clone()
    label[0, 1] += 0.3  # stays below the median, which does not move
    valid = torch.ones(1, 10, 10, dtype=torch.bool)
    left_out = ~keep_smallest((pred - label).abs(), valid, 0.9)
    assert left_out[0, 1].all()
    assert left_out.sum() == 10
    cut, whole = (pseudo_label_loss(pred, label, valid, gradient_weight=0, ignored_share=share).item() for share in (0.1, 0))
    assert cut < whole / 1.5


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_as_many_are_kept_as_the_share_says(share: float) -> None:
    pred, _, valid = maps()
    kept = keep_smallest(pred, valid, share)
    assert kept.sum((1, 2)).tolist() == [int(share * m) for m in valid.sum((1, 2)).tolist()]
    assert not (kept & ~valid).any()
    for values, inside, mask in zip(pred, kept, valid, strict=True):
        if inside.any() and (mask & ~inside).any():
            assert values[inside].max() < values[mask & ~inside].min()


def test_equal_errors_are_kept_together() -> None:
    errors = torch.zeros(1, 4, 5)
    assert keep_smallest(errors, torch.ones_like(errors, dtype=torch.bool), 0.9).all()  # a strict "<" would keep none


def test_ignored_pixels_leave_the_gradient_term_only_if_asked() -> None:
    pred, label, valid = maps()
    assert not torch.allclose(pseudo_label_loss(pred, label, valid), pseudo_label_loss(pred, label, valid, gradient_over="all"))


def test_deviation_that_hides_in_the_ignored_pixels_does_not_pay() -> None:
    """A flat map with a tenth of wild pixels, normalised over all pixels, would have no gradient: students fell into it."""
    generator = torch.Generator().manual_seed(0)
    label = torch.rand(1, 20, 20, generator=generator, dtype=torch.float64)
    flat = 1e-3 * torch.rand(1, 20, 20, generator=generator, dtype=torch.float64)
    wild = flat.clone()
    wild[:, :2] = 100.0
    valid = torch.ones_like(label, dtype=torch.bool)
    hidden = pseudo_label_loss(wild, label, valid).item()
    assert hidden > 0.9 * pseudo_label_loss(flat, label, valid, ignored_share=0.0).item()
    wild.requires_grad_(True)
    (gradient,) = torch.autograd.grad(pseudo_label_loss(wild, label, valid).sum(), wild)
    assert gradient[:, 2:].abs().sum() > 1  # of a map that is flat to a thousandth
