from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import view_losses as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences
from torch import Tensor

from leadline.losses.smoothness import edge_aware_smoothness_loss, mean_normalised, second_order_smoothness_loss


def example(n: int = 3, h: int = 6, w: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    disparity = torch.rand(n, h, w, generator=generator, dtype=torch.float64) + 0.1
    image = torch.rand(n, 3, h, w, generator=generator, dtype=torch.float64)
    return disparity, image, torch.rand(n, h, w, generator=generator) < torch.linspace(0.6, 1.0, n)[:, None, None]


def test_batched_smoothness_equals_its_slow_twins_on_each_image() -> None:
    disparity, image, valid = example()
    arrays = [(d.numpy(), i.numpy(), v.numpy()) for d, i, v in zip(disparity, image, valid, strict=True)]
    edge_aware = [slow.edge_aware(*each) for each in arrays]
    np.testing.assert_allclose(edge_aware_smoothness_loss(disparity, image, valid).numpy(), edge_aware, rtol=1e-12)
    second = [slow.second_order(d, v) for d, _, v in arrays]
    np.testing.assert_allclose(second_order_smoothness_loss(disparity, valid).numpy(), second, rtol=1e-12)


def test_gradients_equal_finite_differences() -> None:
    disparity, image, valid = example(2, 4, 5)
    assert_gradients_equal_finite_differences(lambda d: edge_aware_smoothness_loss(d, image, valid), disparity)
    assert_gradients_equal_finite_differences(
        lambda d: edge_aware_smoothness_loss(d, image, valid, 2.0, normalise=False), disparity
    )
    assert_gradients_equal_finite_differences(lambda d: second_order_smoothness_loss(d, valid), disparity)


def test_nan_behind_the_mask_changes_neither_value_nor_gradient() -> None:
    disparity, image, valid = example()
    assert_blind_behind_the_mask(lambda d: edge_aware_smoothness_loss(d, image, valid), (disparity, valid))
    assert_blind_behind_the_mask(lambda d: second_order_smoothness_loss(d, valid), (disparity, valid))


def test_a_jump_at_an_edge_of_the_picture_is_cheaper_than_one_without() -> None:
    disparity = torch.ones(1, 6, 8, dtype=torch.float64)
    disparity[..., 4:] = 2
    image = torch.zeros(2, 3, 6, 8, dtype=torch.float64)
    image[0, :, :, 4:] = 1
    there, elsewhere = edge_aware_smoothness_loss(disparity.expand(2, -1, -1), image, torch.ones(2, 6, 8, dtype=torch.bool))
    assert there.item() == pytest.approx(elsewhere.item() * np.exp(-1))


def test_a_map_that_shrinks_to_zero_gains_nothing_once_normalised() -> None:
    disparity, image, valid = example()
    whole, shrunk = (edge_aware_smoothness_loss(k * disparity, image, valid) for k in (1.0, 0.01))
    torch.testing.assert_close(shrunk, whole, rtol=1e-4, atol=0)
    whole, shrunk = (edge_aware_smoothness_loss(k * disparity, image, valid, normalise=False) for k in (1.0, 0.01))
    torch.testing.assert_close(shrunk, 0.01 * whole)


def test_normalised_maps_have_mean_one() -> None:
    disparity, _, valid = example()
    values = mean_normalised(disparity, valid)
    assert values.sum((1, 2)).numpy() == pytest.approx(valid.sum((1, 2)).numpy(), rel=1e-6)
    assert not values[~valid].any()


def test_the_disparity_of_a_plane_costs_nothing_in_second_order_and_its_depth_does() -> None:
    y, x = torch.meshgrid(torch.arange(6).double(), torch.arange(8).double(), indexing="ij")
    disparity = (0.2 + 0.05 * x + 0.1 * y)[None]
    valid = torch.ones(1, 6, 8, dtype=torch.bool)
    assert second_order_smoothness_loss(disparity, valid).item() == pytest.approx(0, abs=1e-12)
    assert second_order_smoothness_loss(1 / disparity, valid).item() > 0.01


@pytest.mark.parametrize("hw", [(1, 1), (1, 5), (2, 1), (2, 2)])
def test_maps_too_small_to_have_neighbours_and_maps_without_valid_pixels_cost_nothing(hw: tuple[int, int]) -> None:
    disparity = torch.ones(2, *hw, requires_grad=True)
    valid = torch.ones(2, *hw, dtype=torch.bool)
    valid[0] = False
    loss = edge_aware_smoothness_loss(disparity, torch.rand(2, 3, *hw), valid) + second_order_smoothness_loss(disparity, valid)
    loss.sum().backward()
    assert not loss.any()
    assert disparity.grad is not None
    assert torch.isfinite(disparity.grad).all()
