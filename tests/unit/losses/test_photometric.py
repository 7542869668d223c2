from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import view_losses as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.losses.photometric import minimum_reprojection, moving_pixels, photometric_error, photometric_loss, ssim_map


def pictures(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mask(*shape: int, share: float = 0.7, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < share


def test_ssim_and_the_error_equal_their_slow_twins() -> None:
    first, second = pictures(3, 2, 5, 6), pictures(3, 2, 5, 6, seed=1)
    valid = mask(3, 5, 6)
    valid[0], valid[1, :4, :4] = True, False
    for i in range(3):
        there = valid[i].numpy()
        for channel in range(2):
            expected = slow.ssim(first[i, channel].numpy(), second[i, channel].numpy(), there)
            np.testing.assert_allclose(ssim_map(first, second, valid)[i, channel].numpy(), expected, rtol=1e-9)
        expected = slow.photometric(first[i].numpy(), second[i].numpy(), there)
        np.testing.assert_allclose(photometric_error(first, second, valid)[i].numpy(), expected, rtol=1e-9, atol=1e-12)


def test_the_whole_loss_equals_its_slow_twin_on_each_image() -> None:
    target, warped, sources = pictures(2, 3, 5, 6), pictures(2, 2, 3, 5, 6, seed=1), pictures(2, 2, 3, 5, 6, seed=2)
    valid = mask(2, 2, 5, 6)
    ours = photometric_loss(target, warped, valid, sources)
    expected = [
        slow.photometric_loss(target[i].numpy(), warped[:, i].numpy(), valid[:, i].numpy(), sources[:, i].numpy())
        for i in range(2)
    ]
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-9)


def test_equal_pictures_have_no_error_and_opposite_ones_the_largest() -> None:
    picture = pictures(1, 3, 6, 6)
    assert photometric_error(picture, picture).abs().max().item() < 1e-12
    board = (torch.arange(6)[:, None] + torch.arange(6)).fmod(2).double()[None, None]
    assert photometric_error(board, 1 - board).min().item() > 0.85 * 0.95 + 0.15


def test_ssim_forgives_a_little_brightness_where_the_difference_does_not() -> None:
    picture = pictures(1, 1, 8, 8) * 0.5 + 0.2
    brighter = picture + 0.1
    assert (
        photometric_error(picture, brighter, ssim_share=1.0).mean()
        < 0.3 * photometric_error(picture, brighter, ssim_share=0.0).mean()
    )


def test_the_best_source_counts_not_the_mean_of_them() -> None:
    errors = torch.tensor([[[[0.1, 0.9]]], [[[0.8, 0.2]]]])
    best = minimum_reprojection(errors)
    assert best.error.tolist() == [[[pytest.approx(0.1), pytest.approx(0.2)]]]
    assert best.source.tolist() == [[[0, 1]]]


def test_a_source_that_does_not_see_a_pixel_is_not_the_best_one() -> None:
    errors = torch.tensor([[[[0.0, 0.0]]], [[[0.8, 0.0]]]])
    valid = torch.tensor([[[[False, False]]], [[[True, False]]]])
    best = minimum_reprojection(errors, valid)
    assert best.error.tolist() == [[[pytest.approx(0.8), 0.0]]]
    assert best.valid.tolist() == [[[True, False]]]


def test_a_static_scene_is_masked_and_ties_fall_to_either_side_only_with_noise() -> None:
    error = torch.full((1, 50, 50), 0.1)
    assert not moving_pixels(error, error).any()
    share = moving_pixels(error, error, torch.Generator().manual_seed(0)).double().mean().item()
    assert share == pytest.approx(0.5, abs=0.05)
    assert moving_pixels(error, error + 0.01, torch.Generator().manual_seed(0)).all()


def test_what_warping_explains_no_better_than_the_source_as_it_is_has_no_gradient() -> None:
    target, warped = pictures(1, 3, 6, 8), pictures(1, 1, 3, 6, 8, seed=1)
    sources = target[None].clone()
    sources[..., 4:] = 1 - sources[..., 4:]  # the left half stands still
    warped.requires_grad_()
    photometric_loss(target, warped, None, sources).sum().backward()
    assert warped.grad is not None
    assert not warped.grad[..., :3].any()
    assert warped.grad[..., 5:].any()


def test_gradients_equal_finite_differences() -> None:
    target, warped, sources = pictures(2, 1, 4, 5), pictures(2, 2, 1, 4, 5, seed=1), pictures(2, 2, 1, 4, 5, seed=2)
    valid = mask(2, 2, 4, 5)
    assert_gradients_equal_finite_differences(lambda w: photometric_loss(target, w, valid), warped)
    assert_gradients_equal_finite_differences(lambda w: photometric_loss(target, w, valid, sources), warped)
    assert_gradients_equal_finite_differences(lambda t: photometric_error(t, target, valid[0]).sum((1, 2)), warped[0])


def test_nan_outside_what_a_source_sees_changes_neither_value_nor_gradient() -> None:
    target, warped = pictures(2, 3, 6, 7), pictures(2, 2, 3, 6, 7, seed=1)
    valid = mask(2, 2, 6, 7)
    best = minimum_reprojection(
        photometric_error(target.repeat(2, 1, 1, 1), warped.flatten(0, 1), valid.flatten(0, 1)).view(2, 2, 6, 7), valid
    )
    assert best.valid.any()
    assert_blind_behind_the_mask(lambda w: photometric_loss(target, w, valid), (warped, valid[:, :, None].expand_as(warped)))


def test_a_target_that_no_source_sees_costs_nothing_and_does_not_disturb_its_neighbour() -> None:
    target, warped, valid = pictures(2, 3, 5, 5), pictures(1, 2, 3, 5, 5, seed=1), mask(1, 2, 5, 5)
    alone = photometric_loss(target[1:], warped[:, 1:], valid[:, 1:])
    valid[:, 0] = False
    warped.requires_grad_()
    both = photometric_loss(target, warped, valid)
    both.sum().backward()
    assert both[0] == 0
    torch.testing.assert_close(both[1:], alone)
    assert warped.grad is not None
    assert not warped.grad[:, 0].any()
    assert torch.isfinite(warped.grad).all()


def test_a_picture_of_one_row_is_refused() -> None:
    with pytest.raises(LeadlineError, match="pictures of 5 x 1"):
        photometric_error(pictures(1, 3, 1, 5), pictures(1, 3, 1, 5))
