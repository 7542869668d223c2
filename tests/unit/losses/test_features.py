from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import feature_losses as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.losses.adversarial import content_congruency_loss, deception_loss, discriminator_loss, residual_transfer_loss
from leadline.losses.feature_alignment import feature_alignment_loss


def example(n: int = 3, c: int = 4, h: int = 5, w: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(n, c, h, w, generator=generator, dtype=torch.float64)
    frozen = features + 0.7 * torch.randn(n, c, h, w, generator=generator, dtype=torch.float64)
    return features, frozen, torch.rand(n, h, w, generator=generator) < 0.7


@pytest.mark.parametrize("margin", [0.7, 0.85, 1.0])
def test_feature_alignment_equals_its_slow_twin_on_each_image(margin: float) -> None:
    features, frozen, valid = example()
    expected = [
        slow.feature_alignment(a.numpy(), b.numpy(), v.numpy(), margin) for a, b, v in zip(features, frozen, valid, strict=True)
    ]
    np.testing.assert_allclose(feature_alignment_loss(features, frozen, valid, margin).numpy(), expected, rtol=1e-9)


def test_features_within_the_margin_are_left_alone_and_the_frozen_ones_always() -> None:
    frozen = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).repeat(1, 1, 1, 2).requires_grad_()
    close, far = [0.9, (1 - 0.81) ** 0.5], [0.8, 0.6]  # cosines 0.9 and 0.8
    features = torch.tensor([close, far]).T.reshape(1, 2, 1, 2).clone().requires_grad_()
    loss = feature_alignment_loss(features, frozen, torch.ones(1, 1, 2, dtype=torch.bool))
    loss.sum().backward()
    assert loss.item() == pytest.approx(0.2 / 2)
    assert features.grad is not None
    assert not features.grad[..., 0].any()
    assert features.grad[..., 1].any()
    assert frozen.grad is None


def test_the_length_of_a_feature_does_not_matter() -> None:
    features, frozen, valid = example()
    longer = feature_alignment_loss(7 * features, 0.1 * frozen, valid)
    torch.testing.assert_close(longer, feature_alignment_loss(features, frozen, valid))


def test_content_congruency_equals_its_slow_twin_on_each_image() -> None:
    adapted, source, valid = example()
    expected = [
        slow.content_congruency(a.numpy(), b.numpy(), v.numpy()) for a, b, v in zip(adapted, source, valid, strict=True)
    ]
    np.testing.assert_allclose(content_congruency_loss(adapted, source, valid).numpy(), expected, rtol=1e-12)
    squares = [(a.numpy()[:, v.numpy()] ** 2).mean() for a, v in zip(adapted, valid, strict=True)]
    np.testing.assert_allclose(residual_transfer_loss(adapted, valid).numpy(), squares, rtol=1e-12)


def test_no_gradient_goes_into_the_source_model() -> None:
    adapted, source, valid = (t.clone() for t in example())
    source.requires_grad_()
    content_congruency_loss(adapted.requires_grad_(), source, valid).sum().backward()
    assert source.grad is None
    assert adapted.grad is not None


def test_gradients_equal_finite_differences() -> None:
    features, frozen, valid = example(2, 3, 3, 4)
    assert_gradients_equal_finite_differences(lambda f: feature_alignment_loss(f, frozen, valid), features)
    assert_gradients_equal_finite_differences(lambda f: content_congruency_loss(f, frozen, valid), features)
    assert_gradients_equal_finite_differences(lambda f: residual_transfer_loss(f, valid), features)
    for game in ("least_squares", "cross_entropy"):
        assert_gradients_equal_finite_differences(lambda a, b, game=game: discriminator_loss(a, b, game), features, frozen)
        assert_gradients_equal_finite_differences(lambda a, game=game: deception_loss(a, game), features)


def test_nan_behind_the_mask_changes_neither_value_nor_gradient() -> None:
    features, frozen, valid = example()
    shown = valid[:, None].expand_as(features)
    hidden = torch.where(shown, frozen, torch.nan)
    for loss in (feature_alignment_loss, content_congruency_loss):
        assert_blind_behind_the_mask(lambda f, loss=loss: loss(f, hidden, valid), (features, shown))
    assert_blind_behind_the_mask(lambda f: residual_transfer_loss(f, valid), (features, shown))


def test_maps_without_a_valid_place_and_features_of_length_zero_give_finite_numbers() -> None:
    features, frozen, valid = (t.clone() for t in example())
    valid[0], valid[1] = False, True
    features[1] = 0
    for loss in (feature_alignment_loss, content_congruency_loss):
        given = features.clone().requires_grad_()
        value = loss(given, frozen, valid)
        value.sum().backward()
        assert value[0] == 0
        assert torch.isfinite(value).all()
        assert given.grad is not None
        assert torch.isfinite(given.grad).all()
        assert not given.grad[0].any()


@pytest.mark.parametrize(
    ("game", "twin"), [("least_squares", slow.least_squares_game), ("cross_entropy", slow.cross_entropy_game)]
)
def test_both_games_equal_their_slow_twins(game: str, twin: object) -> None:
    source, target, _ = example()
    assert callable(twin)
    for i in range(3):
        expected = twin(source[i].numpy(), target[i].numpy())
        assert discriminator_loss(source, target, game)[i].item() == pytest.approx(expected[0])
        assert deception_loss(target, game)[i].item() == pytest.approx(expected[1])


@pytest.mark.parametrize(("game", "fooled"), [("least_squares", 1.0), ("cross_entropy", 40.0)])
def test_who_deceives_wants_high_scores_and_the_discriminator_low_ones(game: str, fooled: float) -> None:
    score = torch.tensor([fooled], dtype=torch.float64)
    assert deception_loss(score, game).item() == pytest.approx(0, abs=1e-12)
    assert discriminator_loss(score, score, game).item() > 0.4
    assert discriminator_loss(score, 1 - score, game).item() == pytest.approx(0, abs=1e-12)


def test_a_score_may_be_one_number_a_sample_or_one_a_patch() -> None:
    scores = torch.rand(3, 4, 5)
    torch.testing.assert_close(deception_loss(scores), deception_loss(scores.flatten(1)))
    assert deception_loss(scores[:, 0, 0]).shape == (3,)


def test_an_unknown_game_is_refused() -> None:
    with pytest.raises(LeadlineError, match="'hinge': expected one of least_squares, cross_entropy"):
        deception_loss(torch.zeros(1), "hinge")
