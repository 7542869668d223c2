from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import view_synthesis as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences

from leadline.losses.explainability import explainability_prior_loss, explained_l1_loss
from leadline.losses.photometric import photometric_error, photometric_loss
from leadline.losses.reprojection import Combination, reprojection_loss


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("combination", ["minimum", "mean"])
def test_the_loss_of_each_target_equals_its_slow_twin(combination: Combination) -> None:
    errors, identity, valid = random(3, 2, 4, 5), random(3, 2, 4, 5, seed=1), random(3, 2, 4, 5, seed=2) < 0.6
    found = reprojection_loss(errors, valid, identity, combination)
    for n in range(2):
        expected = slow.reprojection(errors[:, n].numpy(), valid[:, n].numpy(), identity[:, n].numpy(), combination)
        assert found.loss[n].item() == pytest.approx(expected)


def test_with_all_parts_it_is_the_loss_of_monodepth2_in_one_call() -> None:
    target, warped, sources = random(2, 3, 5, 6), random(2, 2, 3, 5, 6, seed=1), random(2, 2, 3, 5, 6, seed=2)
    errors, identity = (torch.stack([photometric_error(target, view) for view in views]) for views in (warped, sources))
    whole = photometric_loss(target, warped, None, sources)
    torch.testing.assert_close(reprojection_loss(errors, None, identity).loss, whole)


def test_the_mean_blames_what_one_source_does_not_see_and_the_minimum_does_not() -> None:
    errors = torch.tensor([[[[0.0, 0.1]]], [[[0.8, 0.1]]]])  # the first pixel is hidden in the second source
    assert reprojection_loss(errors, combination="mean").loss.item() == pytest.approx((0.4 + 0.1) / 2)
    assert reprojection_loss(errors, combination="minimum").loss.item() == pytest.approx((0.0 + 0.1) / 2)


@pytest.mark.parametrize("combination", ["minimum", "mean"])
def test_a_film_that_stands_still_teaches_nothing(combination: Combination) -> None:
    errors = random(2, 1, 4, 5).requires_grad_()
    found = reprojection_loss(errors, None, errors.detach() * 0.9, combination)
    assert not found.counted.any()
    assert found.loss.item() == 0


@pytest.mark.parametrize("combination", ["minimum", "mean"])
def test_gradients_equal_finite_differences_and_what_is_masked_changes_nothing(combination: Combination) -> None:
    errors, identity, valid = random(2, 2, 3, 4), random(2, 2, 3, 4, seed=1), random(2, 2, 3, 4, seed=2) < 0.7
    assert_gradients_equal_finite_differences(lambda e: reprojection_loss(e, valid, identity, combination).loss, errors)
    assert_blind_behind_the_mask(lambda e: reprojection_loss(e, valid, None, combination).loss, (errors, valid))


def test_explained_errors_and_their_prior_equal_their_slow_twins() -> None:
    target, warped, logits = random(2, 3, 4, 5), random(2, 3, 4, 5, seed=1), 4 * random(2, 4, 5, seed=2) - 2
    valid = random(2, 4, 5, seed=3) < 0.7
    found, prior = explained_l1_loss(target, warped, valid, logits), explainability_prior_loss(logits)
    for n in range(2):
        parts = (each[n].numpy() for each in (target, warped, valid, logits))
        assert found[n].item() == pytest.approx(slow.explained(*parts))
        assert prior[n].item() == pytest.approx(slow.prior(logits[n].numpy()))
    plain = explained_l1_loss(target, warped, valid)
    np.testing.assert_allclose(explained_l1_loss(target, warped, valid, torch.full_like(logits, 40.0)), plain)


def test_a_mask_that_explains_everything_away_is_dear() -> None:
    target, warped, valid = random(1, 3, 4, 5), random(1, 3, 4, 5, seed=1), torch.ones(1, 4, 5, dtype=torch.bool)
    closed, wide = torch.full((1, 4, 5), -6.0).double(), torch.full((1, 4, 5), 6.0).double()
    assert explained_l1_loss(target, warped, valid, closed) < 0.01 * explained_l1_loss(target, warped, valid, wide)
    assert explainability_prior_loss(closed) > 6
    assert explainability_prior_loss(wide) < 0.01


def test_gradients_of_explained_errors_equal_finite_differences() -> None:
    target, warped, logits = random(2, 2, 3, 4), random(2, 2, 3, 4, seed=1), random(2, 3, 4, seed=2)
    valid = random(2, 3, 4, seed=3) < 0.7
    assert_gradients_equal_finite_differences(lambda w, m: explained_l1_loss(target, w, valid, m), warped, logits)
    assert_gradients_equal_finite_differences(explainability_prior_loss, logits)
    shown = valid[:, None].expand_as(warped)
    assert_blind_behind_the_mask(lambda w, m: explained_l1_loss(target, w, valid, m), (warped, shown), (logits, valid))
