from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import ssi_losses as slow
from torch import Tensor

from leadline.losses.affine_invariant import normalise, ssi_mae_loss, ssi_mse_loss, ssi_trimmed_mae_loss, trimmed_mean_loss
from leadline.losses.gradient_matching import gradient_matching_loss, ssi_gradient_loss
from leadline.losses.select import kth_smallest
from leadline.losses.ssi import scale_anchor, ssi_loss

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def total(pred: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    return ssi_loss(pred, target, valid)[0]


LOSSES: list[Loss] = [ssi_mae_loss, ssi_trimmed_mae_loss, ssi_mse_loss, ssi_gradient_loss, total]
TWINS = [(ssi_mae_loss, slow.ssi_mae), (ssi_trimmed_mae_loss, slow.ssi_trimmed_mae), (ssi_mse_loss, slow.ssi_mse)]


def maps(n: int = 3, h: int = 9, w: int = 12, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random maps whose numbers of valid pixels differ."""
    generator = torch.Generator().manual_seed(seed)
    pred = torch.rand(n, h, w, generator=generator, dtype=torch.float64) + 0.1
    target = torch.rand(n, h, w, generator=generator, dtype=torch.float64) * 5
    shares = torch.linspace(0.3, 1.0, n)[:, None, None]
    return pred, target, torch.rand(n, h, w, generator=generator) < shares


@pytest.mark.parametrize(("loss", "twin"), TWINS)
def test_a_batched_loss_equals_its_slow_twin_on_each_image(loss: Loss, twin: Callable[..., float]) -> None:
    pred, target, valid = maps()
    expected = [twin(p.numpy(), t.numpy(), v.numpy()) for p, t, v in zip(pred, target, valid, strict=True)]
    np.testing.assert_allclose(loss(pred, target, valid).numpy(), expected, rtol=1e-12)


def test_gradient_matching_equals_its_slow_twin_on_each_image() -> None:
    pred, target, valid = maps()
    expected = [slow.gradient_matching(p.numpy(), t.numpy(), v.numpy()) for p, t, v in zip(pred, target, valid, strict=True)]
    np.testing.assert_allclose(gradient_matching_loss(pred, target, valid).numpy(), expected, rtol=1e-12)


def test_the_whole_loss_is_the_sum_of_its_terms() -> None:
    pred, target, valid = maps()
    expected = ssi_trimmed_mae_loss(pred, target, valid) + 0.5 * ssi_gradient_loss(pred, target, valid)
    torch.testing.assert_close(total(pred, target, valid), expected)


def test_batch_reduction_weighs_maps_by_their_valid_pixels() -> None:
    pred, target, valid = maps()
    per_image = gradient_matching_loss(pred, target, valid, scales=1, reduction="image")
    counts = valid.sum((1, 2)).double()
    batch = gradient_matching_loss(pred, target, valid, scales=1, reduction="batch").mean()
    torch.testing.assert_close(batch, (per_image * counts).sum() / counts.sum())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_equal_finite_differences(loss: Loss) -> None:
    pred, target, valid = maps(2, 4, 5, seed=1)
    assert torch.autograd.gradcheck(lambda p: loss(p, target, valid), (pred.requires_grad_(),), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.1, 50), shift=st.floats(-20, 20), seed=st.integers(0, 99))
def test_a_prediction_may_have_any_scale_and_shift(loss: Loss, scale: float, shift: float, seed: int) -> None:
    pred, target, valid = maps(seed=seed)
    torch.testing.assert_close(loss(scale * pred + shift, target, valid), loss(pred, target, valid), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_prediction_that_is_the_target_up_to_scale_and_shift_costs_nothing(loss: Loss) -> None:
    _, target, valid = maps()
    torch.testing.assert_close(loss(3 * target + 7, target, valid), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nan_behind_the_mask_changes_neither_value_nor_gradient(loss: Loss, dtype: torch.dtype) -> None:
    pred, target, valid = maps()
    results = []
    for hidden in (0.5, torch.nan, torch.inf):
        p = torch.where(valid, pred, hidden).to(dtype).requires_grad_()
        value = loss(p, torch.where(valid, target, hidden).to(dtype), valid)
        value.sum().backward()
        results.append((value.detach(), p.grad))
    for value, gradient in results:
        assert torch.equal(value, results[0][0])
        assert gradient is not None
        assert torch.equal(gradient, results[0][1])
        assert not gradient[~valid].any()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("case", ["nothing valid", "one valid pixel", "constant target", "constant prediction", "1 x 1"])
def test_maps_without_shape_give_finite_values_and_gradients(loss: Loss, case: str) -> None:
    pred, target, valid = (t.clone() for t in maps())
    expect_zero = case != "constant prediction"
    if case == "1 x 1":
        pred, target, valid = pred[:, :1, :1], target[:, :1, :1], torch.ones(3, 1, 1, dtype=torch.bool)
    elif case == "constant target":
        target[:] = 0.3
    elif case == "constant prediction":
        pred[:] = 0.7
    else:
        valid[:] = False
        valid[:, 2, 3] = case == "one valid pixel"
    value = loss(pred.requires_grad_(), target, valid)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()
    if expect_zero and not (loss is ssi_mse_loss and case == "constant target"):
        assert not value.any()
        assert not pred.grad.any()


@pytest.mark.parametrize("loss", LOSSES)
def test_an_empty_map_does_not_disturb_its_neighbours_in_the_batch(loss: Loss) -> None:
    pred, target, valid = maps()
    alone = loss(pred[1:], target[1:], valid[1:])
    valid[0] = False
    torch.testing.assert_close(loss(pred, target, valid)[1:], alone)


def test_the_largest_fifth_of_residuals_has_neither_value_nor_gradient() -> None:
    residuals = torch.linspace(-0.9, 1, 80, dtype=torch.float64)
    spoilt = torch.cat([residuals, torch.full((20,), 1e6, dtype=torch.float64)])[None].requires_grad_()
    loss = trimmed_mean_loss(spoilt, torch.ones(1, 100, dtype=torch.bool))
    loss.sum().backward()
    assert loss.item() == pytest.approx(residuals.abs().sum().item() / 200)
    assert spoilt.grad is not None
    assert not spoilt.grad[0, 80:].any()
    assert spoilt.grad[0, :80].all()


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_kth_smallest_is_that_of_a_sort(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 1000)))
    values = torch.randint(0, 6, (rows, columns), generator=generator).double()  # with ties
    valid = torch.rand(rows, columns, generator=generator) < 0.7
    k = torch.tensor([data.draw(st.integers(0, int(row.sum()))) for row in valid])
    expected = [0.0 if not n else values[i][valid[i]].sort().values[n - 1] for i, n in enumerate(k)]
    assert kth_smallest(values, valid, k).tolist() == [float(e) for e in expected]


def test_normalised_maps_have_median_zero_and_mean_absolute_deviation_one() -> None:
    pred, _, valid = maps()
    values, possible, _ = normalise(pred, valid)
    assert possible.all()
    for row, mask in zip(values, valid, strict=True):
        assert row[mask].median().item() == pytest.approx(0, abs=1e-12)
        assert row[mask].abs().mean().item() == pytest.approx(1)
        assert not row[~mask].any()


def test_the_anchor_holds_a_batch_and_leaves_single_maps_free() -> None:
    spread = torch.tensor([1e6, 1e4, 0.0], requires_grad=True)  # a flat map says nothing
    assert scale_anchor(spread).item() == pytest.approx(np.log(1e5) ** 2, rel=1e-6)
    scale_anchor(spread).backward()
    assert spread.grad is not None
    assert spread.grad[2] == 0
    assert (spread.grad[:2] > 0).all()
    assert scale_anchor(torch.tensor([10.0, 0.1])).item() == pytest.approx(0, abs=1e-9)
