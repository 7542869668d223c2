from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import flow_losses as slow
from tests.unit.losses.cases import assert_blind_behind_the_mask, assert_gradients_equal_finite_differences

from leadline.geometry.flow import flow_difference, warp_by_flow
from leadline.losses.flow_consistency import consistent_pixels, end_point_error, flow_consistency_loss
from leadline.losses.laplacian_smoothness import laplacian_smoothness_loss


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flows(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return flows of up to 2 pixels there, and nearly the same back."""
    forward = 4 * random(2, 2, 6, 8, seed=seed) - 2
    return forward, -forward + 0.5 * random(2, 2, 6, 8, seed=seed + 1)


def test_a_shift_by_a_flow_reads_what_is_there_and_says_where_nothing_is() -> None:
    source = random(1, 3, 5, 7)
    flow = torch.zeros(1, 2, 5, 7, dtype=torch.float64)
    flow[:, 0], flow[:, 1] = 2, -1  # the pixel shows what the source has 2 to the right and 1 above
    seen, valid = warp_by_flow(source, flow)
    torch.testing.assert_close(seen[0, :, 3, 2], source[0, :, 2, 4])
    assert valid[0, 1:, :5].all()
    assert valid.sum() == 4 * 5


@pytest.mark.parametrize(("least_px", "share"), [(1.0, 0.05), (0.1, 0.6)])
def test_differences_their_mask_and_their_loss_equal_their_slow_twins(least_px: float, share: float) -> None:
    forward, backward = flows()
    difference, inside = flow_difference(forward, backward)
    kept = consistent_pixels(difference, forward, inside, least_px, share)
    loss = flow_consistency_loss(difference, kept)
    for n in range(2):
        expected = slow.differences(forward[n].numpy(), backward[n].numpy())
        assert {(int(y), int(x)) for y, x in inside[n].nonzero()} == set(expected)
        for (y, x), value in expected.items():
            np.testing.assert_allclose(difference[n, :, y, x].numpy(), value, atol=1e-12)
        value, pixels = slow.consistency(forward[n].numpy(), backward[n].numpy(), least_px, share)
        assert {(int(y), int(x)) for y, x in kept[n].nonzero()} == pixels
        assert 0 < len(pixels) < len(expected)
        assert loss[n].item() == pytest.approx(value)


def test_a_long_flow_may_disagree_by_its_share_and_a_short_one_by_three_pixels() -> None:
    difference = torch.tensor([2.9, 3.1, 9.9, 10.1]).expand(1, 1, 1, 4).repeat(1, 2, 1, 1) * torch.tensor([1.0, 0]).view(
        1, 2, 1, 1
    )
    flow = torch.tensor([10.0, 10.0, 200.0, 200.0]).expand(1, 1, 1, 4).repeat(1, 2, 1, 1) * torch.tensor([0, 1.0]).view(
        1, 2, 1, 1
    )
    everywhere = torch.ones(1, 1, 4, dtype=torch.bool)
    assert consistent_pixels(difference, flow, everywhere).flatten().tolist() == [True, False, True, False]


def test_gradients_of_consistency_equal_finite_differences_and_what_is_masked_changes_nothing() -> None:
    forward, backward = flows(3)

    def loss(f: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        difference, inside = flow_difference(f, b)
        return flow_consistency_loss(difference, consistent_pixels(difference, f, inside, 1.0))

    assert_gradients_equal_finite_differences(loss, forward, backward)
    difference, kept = random(2, 2, 4, 5), random(2, 4, 5, seed=1) < 0.6
    assert_blind_behind_the_mask(lambda d: flow_consistency_loss(d, kept), (difference, kept[:, None]))
    assert_blind_behind_the_mask(lambda p: end_point_error(p, torch.zeros_like(p), kept), (difference, kept[:, None]))
    assert not consistent_pixels(difference * torch.nan, difference, kept).any()
    assert flow_consistency_loss(difference, torch.zeros_like(kept)).tolist() == [0, 0]


def test_the_end_point_error_is_a_length() -> None:
    pred, target = torch.zeros(1, 2, 1, 2), torch.tensor([[[[3.0, 9.0]], [[4.0, 9.0]]]])
    valid = torch.tensor([[[True, False]]])
    assert end_point_error(pred, target, valid).item() == pytest.approx(5)
    exact = target.clone().requires_grad_()
    end_point_error(exact, target, valid).sum().backward()
    assert exact.grad is not None
    assert not exact.grad.any()


def test_the_prior_equals_its_slow_twin_and_its_gradient_finite_differences() -> None:
    pred, image, valid = random(2, 6, 7), random(2, 3, 6, 7, seed=1), random(2, 6, 7, seed=2) < 0.95
    found = laplacian_smoothness_loss(pred, image, valid, 1.5)
    for n in range(2):
        expected = slow.laplacian_smoothness(pred[n].numpy(), image[n].numpy(), valid[n].numpy(), 1.5)
        assert expected > 0
        assert found[n].item() == pytest.approx(expected)
    assert_gradients_equal_finite_differences(lambda p: laplacian_smoothness_loss(p, image, valid), pred)
    assert_blind_behind_the_mask(
        lambda p: laplacian_smoothness_loss(p, image, valid),
        (random(2, 6, 7, seed=5), valid),
    )


def test_a_plane_costs_nothing_and_a_step_less_on_a_corner_of_the_picture() -> None:
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    everywhere = torch.ones(1, 6, 7, dtype=torch.bool)
    flat, step = torch.full((1, 3, 6, 7), 0.5), (x >= 3).float()[None]
    assert laplacian_smoothness_loss((1 + 0.3 * x - 0.2 * y)[None], flat, everywhere).item() == pytest.approx(0, abs=1e-6)
    off, on = (laplacian_smoothness_loss(step, picture, everywhere) for picture in (flat, step.expand(3, 6, 7)[None]))
    assert 0 < on < 0.5 * off
    assert laplacian_smoothness_loss(torch.rand(1, 2, 2), flat[..., :2, :2], everywhere[:, :2, :2]).item() == 0
