from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import ordinal_losses as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences
from torch import Tensor

from leadline.data.datasets import ordinal_sample
from leadline.errors import LeadlineError
from leadline.losses import point_pairs
from leadline.losses.point_pairs import CLOSER, EQUAL, FARTHER, PointPairs, draw_pairs, read_pairs
from leadline.losses.ranking import ranking_loss, redweb_ranking_loss
from leadline.losses.robust_ordinal import megadepth_ordinal_loss, robust_ordinal_loss
from leadline.metrics import ordinal


def example(n: int = 3, h: int = 7, w: int = 9, count: int = 40, seed: int = 0) -> tuple[Tensor, PointPairs]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(n, h, w, generator=generator, dtype=torch.float64) * 4 + 0.2
    xy = torch.rand(n, count, 2, 2, generator=generator, dtype=torch.float64) * torch.tensor([w, h])
    relation = torch.randint(-1, 2, (n, count), generator=generator)
    return values, PointPairs(xy, relation, torch.rand(n, count, generator=generator) < 0.8)


def one_pair(first: float, second: float, relation: int) -> tuple[Tensor, PointPairs]:
    xy = torch.tensor([[[[0.5, 0.5], [1.5, 0.5]]]])
    return torch.tensor([[[first, second]]]), PointPairs(xy, torch.tensor([[relation]]), torch.tensor([[True]]))


def test_relations_are_those_of_the_metrics_and_of_the_data_sets() -> None:
    for module in (ordinal, ordinal_sample, point_pairs):
        assert (module.FARTHER, module.EQUAL, module.CLOSER) == (1, 0, -1)


def test_the_closer_point_is_to_have_the_larger_disparity_and_the_smaller_depth() -> None:
    values, pairs = one_pair(3.0, 1.0, CLOSER)
    right, wrong = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    assert ranking_loss(values, pairs).item() == pytest.approx(right)
    assert ranking_loss(values, pairs, near_is_large=False).item() == pytest.approx(wrong)
    values, pairs = one_pair(3.0, 1.0, FARTHER)
    assert ranking_loss(values, pairs).item() == pytest.approx(wrong)
    assert ranking_loss(values, pairs, near_is_large=False).item() == pytest.approx(right)


def test_a_point_reads_the_pixel_in_which_it_lies_x_before_y() -> None:
    values = torch.arange(12.0).view(1, 3, 4)
    xy = torch.tensor([[[[3.99, 0.0], [2.5, 1.5]]]])
    first, second = read_pairs(values, PointPairs(xy, torch.tensor([[1]]), torch.tensor([[True]])))
    assert (first.item(), second.item()) == (3, 6)


@pytest.mark.parametrize("near_is_large", [True, False])
@pytest.mark.parametrize("easy_share", [0.0, 0.25, 0.9])
def test_a_batched_ranking_loss_equals_its_slow_twin_on_each_image(near_is_large: bool, easy_share: float) -> None:
    values, pairs = example()
    expected = [
        slow.improved_ranking(v.numpy(), *(t.numpy() for t in p), near_is_large=near_is_large, easy_share=easy_share)
        for v, *p in zip(values, *pairs, strict=True)
    ]
    ours = ranking_loss(values, pairs, near_is_large=near_is_large, easy_share=easy_share)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)


def test_the_easiest_quarter_of_the_unequal_pairs_has_no_gradient() -> None:
    values = torch.zeros(1, 1, 9, dtype=torch.float64)
    values[0, 0, 1:] = torch.linspace(-3, 3, 8)
    xy = torch.tensor([[[[i + 0.5, 0.5], [0.5, 0.5]] for i in range(1, 9)]])
    pairs = PointPairs(xy, torch.full((1, 8), CLOSER), torch.ones(1, 8, dtype=torch.bool))
    values.requires_grad_()
    ranking_loss(values, pairs, easy_share=0.25).sum().backward()
    assert values.grad is not None
    assert (values.grad[0, 0, 1:7] < 0).all()  # up: these are to be closer
    assert not values.grad[0, 0, 7:].any()  # already far in front


def test_equal_losses_at_the_border_count_as_often_as_they_are_kept() -> None:
    values, pairs = one_pair(0.0, 0.0, CLOSER)
    four = PointPairs(pairs.xy.repeat(1, 4, 1, 1), pairs.relation.repeat(1, 4), pairs.valid.repeat(1, 4))
    assert ranking_loss(values, four, easy_share=0.25).item() == pytest.approx(3 * math.log(2) / 4)


def test_nothing_behind_a_pair_that_is_not_valid_is_read() -> None:
    values, pairs = example()
    spoilt = PointPairs(
        torch.where(pairs.valid[..., None, None], pairs.xy, torch.nan), torch.where(pairs.valid, pairs.relation, 1), pairs.valid
    )
    values[:, 0, 0] = torch.nan  # where a careless index of a missing pair would point
    read = torch.zeros_like(values, dtype=torch.bool)
    for i in range(len(values)):
        for x, y in pairs.xy[i][pairs.valid[i]].floor().long().flatten(0, 1):
            read[i, y, x] = True
    keep = pairs.valid & ~(pairs.xy.floor() == 0).all(3).any(2)
    spoilt = spoilt._replace(valid=keep)
    read[:, 0, 0] = False
    assert_blind_behind_the_mask(lambda p: ranking_loss(p, spoilt, easy_share=0.25), (values, read))
    assert_blind_behind_the_mask(lambda p: robust_ordinal_loss(p, spoilt), (values, read))


def test_points_outside_the_map_are_refused() -> None:
    values, pairs = one_pair(1.0, 2.0, EQUAL)
    with pytest.raises(LeadlineError, match=r"a point at \[2.0, 0.5\] of a map of 2 x 1"):
        ranking_loss(values, pairs._replace(xy=pairs.xy + torch.tensor([0.5, 0.0])))
    with pytest.raises(LeadlineError, match="pairs of shapes"):
        ranking_loss(values, pairs._replace(relation=torch.zeros(1, 2, dtype=torch.long)))


def test_gradients_equal_finite_differences() -> None:
    values, pairs = example(2, 4, 5, 12)
    assert_gradients_equal_finite_differences(lambda p: ranking_loss(p, pairs, easy_share=0.25), values)
    assert_gradients_equal_finite_differences(lambda p: robust_ordinal_loss(p, pairs), values)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.1, 100), near_is_large=st.booleans(), seed=st.integers(0, 99))
def test_drawn_pairs_say_what_the_target_says_at_any_scale(scale: float, near_is_large: bool, seed: int) -> None:
    target, _ = example(seed=seed)
    valid = torch.rand(target.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    pairs = draw_pairs(target, valid, torch.Generator().manual_seed(seed), 200, 0.1, near_is_large=near_is_large)
    scaled = draw_pairs(target * scale, valid, torch.Generator().manual_seed(seed), 200, 0.1, near_is_large=near_is_large)
    assert torch.equal(pairs.relation, scaled.relation)
    first, second = read_pairs(target, pairs)
    ratio = first / second
    larger = (ratio > 1.1).long() - (ratio < 1 / 1.1).long()
    assert torch.equal((larger * (CLOSER if near_is_large else FARTHER))[pairs.valid], pairs.relation[pairs.valid])
    at = pairs.xy.floor().long()
    assert valid[torch.arange(3)[:, None, None], at[..., 1], at[..., 0]][pairs.valid].all()


def test_each_valid_pixel_is_drawn_with_the_same_chance() -> None:
    valid = torch.tensor([[[True, False, True], [False, True, True]]])
    pairs = draw_pairs(torch.rand(1, 2, 3), valid, torch.Generator().manual_seed(0), 20000)
    index = (pairs.xy[..., 1].floor() * 3 + pairs.xy[..., 0].floor()).long().flatten()
    shares = torch.bincount(index, minlength=6) / len(index)
    torch.testing.assert_close(shares, torch.tensor([0.25, 0, 0.25, 0, 0.25, 0.25]), atol=0.01, rtol=0)
    assert pairs.valid.float().mean().item() == pytest.approx(0.75, abs=0.02)  # a pixel is not compared with itself


def test_the_same_generator_draws_the_same_pairs_and_leaves_the_global_state_alone() -> None:
    target = torch.rand(1, 4, 4)
    state = torch.get_rng_state()
    one, same = (draw_pairs(target, target > 0, torch.Generator().manual_seed(3), 10) for _ in range(2))
    assert torch.equal(one.xy, same.xy)
    assert torch.equal(state, torch.get_rng_state())


def test_zeros_are_equal_to_zeros_and_behind_everything_else_and_negative_numbers_have_no_ratio() -> None:
    pairs = draw_pairs(torch.tensor([[[0.0, 0.0, 2.0, -1.0]]]), torch.ones(1, 1, 4, dtype=torch.bool), torch.Generator(), 400)
    first, second = pairs.xy[0, :, :, 0].floor().long().unbind(1)
    assert not pairs.valid[0][(first == 3) | (second == 3)].any()
    among_zeros = pairs.valid[0] & (first + second == 1)
    assert among_zeros.any()
    assert (pairs.relation[0][among_zeros] == EQUAL).all()
    assert (pairs.relation[0][pairs.valid[0] & (first == 2)] == CLOSER).all()


@pytest.mark.parametrize("left", [0, 1])
def test_a_map_without_two_valid_pixels_costs_nothing(left: int) -> None:
    target, _ = example()
    valid = torch.ones_like(target, dtype=torch.bool)
    valid[1] = False
    valid[1, 2, :left] = True
    pred = target.clone().requires_grad_()
    loss = redweb_ranking_loss(pred, target, valid, torch.Generator(), 50)
    loss.sum().backward()
    assert loss[1] == 0
    assert loss[0] > 0
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()
    assert not pred.grad[1].any()


def test_the_redweb_loss_ignores_nan_behind_the_mask_and_has_right_gradients() -> None:
    target, _ = example(2, 4, 5)
    pred = target.flip(0)
    valid = torch.rand(target.shape, generator=torch.Generator().manual_seed(1)) < 0.7

    def loss(p: Tensor, t: Tensor = target) -> Tensor:
        return redweb_ranking_loss(p, t, valid, torch.Generator().manual_seed(2), 40)

    assert_gradients_equal_finite_differences(loss, pred)
    assert_blind_behind_the_mask(loss, (pred, valid))
    assert torch.equal(loss(pred, torch.where(valid, target, torch.nan)), loss(pred))


def test_training_on_pairs_alone_recovers_the_order() -> None:
    target, _ = example(1, 5, 6)
    valid = torch.ones_like(target, dtype=torch.bool)
    pred = torch.zeros_like(target, requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam([pred], lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        redweb_ranking_loss(pred, target, valid, generator, 200).sum().backward()
        optimiser.step()
    pairs = draw_pairs(target, valid, generator, 500)
    first, second = read_pairs(pred.detach(), pairs)
    unequal = pairs.valid & (pairs.relation != EQUAL)
    right = torch.sign(second - first) == pairs.relation
    assert right[unequal].double().mean().item() > 0.97


def test_the_robust_ordinal_loss_equals_its_slow_twin_on_each_image() -> None:
    depth, pairs = example()
    expected = [slow.robust_ordinal(v.numpy(), *(t.numpy() for t in p), tau=0.25) for v, *p in zip(depth, *pairs, strict=True)]
    np.testing.assert_allclose(robust_ordinal_loss(depth, pairs).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(robust_ordinal_loss(1 / depth, pairs, near_is_large=True).numpy(), expected, rtol=1e-12)


def test_the_robust_ordinal_loss_is_continuous_at_tau_and_forgives_gross_disagreement() -> None:
    losses = [robust_ordinal_loss(*one_pair(1.0, math.exp(p), FARTHER)).item() for p in (0.2499, 0.2501, 9.0)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert losses[2] == pytest.approx(
        math.log1p(math.exp(3)) + math.log1p(math.exp(0.25)) - math.log1p(math.exp(0.5)), rel=1e-5
    )
    assert losses[2] < 9  # what an ordinary ranking loss would say


def test_equal_pairs_say_nothing_to_the_robust_ordinal_loss() -> None:
    depth, pairs = one_pair(1.0, 2.0, EQUAL)
    depth.requires_grad_()
    loss = robust_ordinal_loss(depth, pairs)
    loss.sum().backward()
    assert loss.item() == 0
    assert depth.grad is not None
    assert not depth.grad.any()


def test_megadepths_total_is_the_weighted_sum_and_an_image_may_lack_depth_or_pairs() -> None:
    depth, pairs = example()
    target = depth.roll(1, 2)
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[0] = False
    there = pairs.valid.clone()
    there[1] = False
    total, terms = megadepth_ordinal_loss(depth, target, valid, pairs._replace(valid=there))
    torch.testing.assert_close(total, terms.data + 0.5 * terms.gradient + 0.1 * terms.ordinal)
    assert terms.data[0] == terms.gradient[0] == terms.ordinal[1] == 0
    residual = (depth.log() - target.log())[1]
    assert terms.data[1].item() == pytest.approx(residual.var(correction=0).item())
    assert terms.ordinal[0] > 0
