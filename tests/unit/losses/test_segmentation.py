import math

import numpy as np
import pytest
import torch
from tests.reference import segmentation as slow

from leadline.errors import LeadlineError
from leadline.losses.segmentation import soft_dice_loss, weighted_cross_entropy_loss

WEIGHTS = (1.0, 2.0, 3.0, 0.5)


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 2, (2, 4, 3, 5)))
    return logits, torch.from_numpy(rng.integers(0, 4, (2, 3, 5))), torch.from_numpy(rng.random((2, 3, 5)) < 0.7)


def test_both_losses_equal_their_slow_twins():
    logits, target, valid = batch()
    entropy = weighted_cross_entropy_loss(logits, target, valid, WEIGHTS)
    expected = [slow.cross_entropy(*(part[n].numpy() for part in (logits, target, valid)), WEIGHTS) for n in range(2)]
    np.testing.assert_allclose(entropy.numpy(), expected, rtol=1e-12)
    dice = soft_dice_loss(logits, target, valid, (1, 2, 3))
    np.testing.assert_allclose(dice.numpy(), slow.dice(logits.numpy(), target.numpy(), valid.numpy(), (1, 2, 3)), rtol=1e-12)


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes_times_the_weight():
    target = torch.full((1, 2, 2), 2)
    loss = weighted_cross_entropy_loss(torch.zeros(1, 4, 2, 2), target, torch.ones(1, 2, 2, dtype=torch.bool), WEIGHTS)
    assert float(loss) == pytest.approx(3 * math.log(4))


def test_a_sure_and_right_answer_costs_next_to_nothing():
    _, target, valid = batch()
    logits = 50.0 * torch.nn.functional.one_hot(target, 4).permute(0, 3, 1, 2).double()
    assert float(weighted_cross_entropy_loss(logits, target, valid, WEIGHTS).max()) < 1e-12
    assert float(soft_dice_loss(logits, target, valid, (0, 1, 2, 3)).max()) < 1e-12


def test_what_the_mask_hides_changes_nothing_not_even_a_class_that_does_not_exist():
    logits, target, valid = batch()
    wild = torch.where(valid, target, 99)
    for loss in (
        lambda t: weighted_cross_entropy_loss(logits, t, valid, WEIGHTS),
        lambda t: soft_dice_loss(logits, t, valid, (1, 2)),
    ):
        torch.testing.assert_close(loss(wild), loss(target))


def test_a_batch_without_valid_pixels_or_without_the_classes_costs_nothing():
    logits, target, _ = batch()
    nothing = torch.zeros_like(target, dtype=torch.bool)
    assert weighted_cross_entropy_loss(logits, target, nothing, WEIGHTS).tolist() == [0, 0]
    assert soft_dice_loss(logits, torch.zeros_like(target), ~nothing, (1, 2, 3)).tolist() == [0, 0]


def test_the_gradients_are_those_of_finite_differences():
    logits, target, valid = batch()
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: weighted_cross_entropy_loss(x, target, valid, WEIGHTS), logits)
    assert torch.autograd.gradcheck(lambda x: soft_dice_loss(x, target, valid, (1, 2, 3)), logits)


def test_a_wrong_number_of_classes_is_refused():
    logits, target, valid = batch()
    with pytest.raises(LeadlineError, match=r"3 classes: expected \(N, classes, h, w\)"):
        weighted_cross_entropy_loss(logits, target, valid, (1, 1, 1))
    with pytest.raises(LeadlineError, match="for a target of"):
        soft_dice_loss(logits, target[:, :2], valid[:, :2], (1,))
