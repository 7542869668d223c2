from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import view_losses as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences
from torch import Tensor
from torch.nn.functional import grid_sample

from leadline.data.synthetic.analytic import make_stereo_pair
from leadline.geometry import sample_bilinear
from leadline.losses.stereo_alignment import (
    blur,
    left_from_right,
    left_right_consistency_loss,
    right_from_left,
    sample_along_rows,
    stereo_alignment_loss,
)


def example(n: int = 3, h: int = 5, w: int = 9) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.rand(2, n, 3, h, w, generator=generator, dtype=torch.float64)
    d_left, d_right = torch.rand(2, n, h, w, generator=generator, dtype=torch.float64) * 3
    v_left, v_right = torch.rand(2, n, h, w, generator=generator) < 0.8
    return left, right, d_left, d_right, v_left, v_right


def test_a_left_pixel_at_x_is_seen_at_x_minus_disparity_in_the_right_picture_not_plus() -> None:
    right = torch.arange(8.0).expand(1, 1, 1, 8)
    everywhere = torch.ones(1, 1, 8, dtype=torch.bool)
    seen, there = left_from_right(right, torch.full((1, 1, 8), 2.0), everywhere)
    assert seen[0, 0, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    assert there[0, 0].tolist() == [False] * 2 + [True] * 6
    seen, there = right_from_left(right, torch.full((1, 1, 8), 2.0), everywhere)
    assert seen[0, 0, 0].tolist() == [2, 3, 4, 5, 6, 7, 0, 0]
    assert there[0, 0].tolist() == [True] * 6 + [False] * 2


def test_rows_are_sampled_as_the_rest_of_leadline_samples_and_as_grid_sample_with_half_pixel_centres() -> None:
    values, _, disparity, _, valid, _ = example()
    h, w = disparity.shape[1:]
    x = torch.arange(w) + 0.5 - disparity
    ours, there = sample_along_rows(values, x, valid)
    y = (torch.arange(h) + 0.5)[None, :, None].expand_as(x)
    for i in range(len(values)):
        xy = torch.stack([x[i], y[i]], dim=2).numpy()
        expected, known = sample_bilinear(values[i].permute(1, 2, 0).numpy(), xy, valid[i].numpy())
        assert np.array_equal(there[i].numpy(), known)
        np.testing.assert_allclose(ours[i].permute(1, 2, 0).numpy(), expected, atol=1e-12)
    grid = torch.stack([2 * x / w - 1, 2 * y / h - 1], dim=3)
    torch_s = grid_sample(values, grid, mode="bilinear", padding_mode="border", align_corners=False)
    shown = there[:, None].expand_as(ours)
    torch.testing.assert_close(ours[shown], torch_s[shown])


def test_both_losses_equal_their_slow_twins_on_each_pair() -> None:
    left, right, d_left, d_right, v_left, v_right = example()
    aligned, consistent = [], []
    for i in range(len(left)):
        blurred = [np.stack([slow.blurred(c.numpy(), 0.7) for c in view[i]]) for view in (left, right)]
        disparities, masks = (d_left[i].numpy(), d_right[i].numpy()), (v_left[i].numpy(), v_right[i].numpy())
        everywhere = np.ones_like(masks[0])
        aligned.append(
            slow.one_sided(blurred[0], blurred[1], disparities[0], masks[0], everywhere, -1)
            + slow.one_sided(blurred[1], blurred[0], disparities[1], masks[1], everywhere, 1)
        )
        consistent.append(
            slow.one_sided(disparities[0][None], disparities[1][None], disparities[0], *masks, -1)
            + slow.one_sided(disparities[1][None], disparities[0][None], disparities[1], *masks[::-1], 1)
        )
    ours = stereo_alignment_loss(left, right, d_left, d_right, v_left, v_right, 0.7)
    np.testing.assert_allclose(ours.numpy(), aligned, rtol=1e-9)
    np.testing.assert_allclose(left_right_consistency_loss(d_left, d_right, v_left, v_right).numpy(), consistent, rtol=1e-9)


def test_gradients_equal_finite_differences() -> None:
    left, right, d_left, d_right, v_left, v_right = example(2, 3, 7)
    assert_gradients_equal_finite_differences(
        lambda a, b: stereo_alignment_loss(left, right, a, b, v_left, v_right), d_left, d_right
    )
    assert_gradients_equal_finite_differences(lambda a, b: left_right_consistency_loss(a, b, v_left, v_right), d_left, d_right)


def test_nan_behind_the_mask_changes_neither_value_nor_gradient() -> None:
    left, right, d_left, d_right, v_left, v_right = example()
    masked = (d_left, v_left), (d_right, v_right)
    assert_blind_behind_the_mask(lambda a, b: stereo_alignment_loss(left, right, a, b, v_left, v_right), *masked)
    assert_blind_behind_the_mask(lambda a, b: left_right_consistency_loss(a, b, v_left, v_right), *masked)


def test_pairs_without_a_valid_pixel_cost_nothing_and_do_not_disturb_their_neighbours() -> None:
    left, right, d_left, d_right, v_left, v_right = example()
    alone = stereo_alignment_loss(left[1:], right[1:], d_left[1:], d_right[1:], v_left[1:], v_right[1:])
    v_left[0] = v_right[0] = False
    d_left.requires_grad_()
    loss = stereo_alignment_loss(left, right, d_left, d_right, v_left, v_right)
    loss.sum().backward()
    assert loss[0] == 0
    torch.testing.assert_close(loss[1:], alone)
    assert left_right_consistency_loss(d_left, d_right, v_left, v_right)[0] == 0
    assert d_left.grad is not None
    assert not d_left.grad[0].any()


@pytest.mark.parametrize("error_px", [0.0, 1.0, -2.0])
def test_the_truth_of_a_rendered_pair_explains_it_better_than_a_disparity_that_is_off(error_px: float) -> None:
    pair = make_stereo_pair(3, hw=(48, 64), baseline_m=0.15)
    picture = torch.from_numpy(np.ascontiguousarray(pair.left.image)).double().permute(2, 0, 1)[None] / 255
    other = torch.from_numpy(np.ascontiguousarray(pair.right.image)).double().permute(2, 0, 1)[None] / 255
    disparity = torch.from_numpy(pair.pixel_disparity.values.astype(np.float64))[None]
    valid = torch.from_numpy(pair.pixel_disparity.valid.copy())[None]
    nothing = torch.zeros_like(valid)  # the right disparity is not compared here

    def loss(d: Tensor) -> float:
        return stereo_alignment_loss(picture, other, d, disparity, valid, nothing).item()

    if error_px:
        assert loss(disparity + error_px) > 1.3 * loss(disparity)
    else:
        assert loss(disparity) < 0.5 * loss(torch.zeros_like(disparity))


def test_a_blur_keeps_constants_and_the_mean_of_what_lies_far_from_the_rim() -> None:
    assert blur(torch.full((1, 1, 3, 3), 0.7, dtype=torch.float64), 1.0).numpy() == pytest.approx(0.7)
    dot = torch.zeros(1, 1, 11, 11, dtype=torch.float64)
    dot[..., 5, 5] = 1
    assert blur(dot, 1.0).sum().item() == pytest.approx(1)
    assert torch.equal(blur(dot, 0), dot)
