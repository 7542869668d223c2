from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.losses.test_dense_losses import maps

from leadline.errors import LeadlineError
from leadline.losses.affine_invariant import ssi_mae_loss, ssi_mse_loss, ssi_trimmed_mae_loss
from leadline.losses.gradient_matching import gradient_matching_loss, ssi_gradient_loss
from leadline.losses.log_error import scale_fitted_log_loss
from leadline.losses.normalised_gradient import normalised_gradient_loss
from leadline.losses.registry import activate, dense_loss_names, get_dense_loss, to_unit_range
from leadline.losses.ssi import ssi_loss

PLAIN = ("nmg", "silog", "ssi_mae", "ssi_mse", "ssi_trim")
AFFINE = [name for name in dense_loss_names() if get_dense_loss(name).space == "disparity"]


def test_each_objective_is_there_with_and_without_gradients() -> None:
    assert dense_loss_names() == sorted([*PLAIN, *(f"{name}+gradient" for name in PLAIN)])
    for name in dense_loss_names():
        assert get_dense_loss(name).name == name
        assert get_dense_loss(name).matches_gradients == name.endswith("+gradient")


def test_the_names_mean_the_published_functions() -> None:
    pred, target, valid = maps()
    unit = to_unit_range(target, valid)
    expected = {
        "ssi_mse": ssi_mse_loss(pred, unit, valid),
        "ssi_mae": ssi_mae_loss(pred, target, valid),
        "ssi_trim": ssi_trimmed_mae_loss(pred, target, valid),
        "silog": scale_fitted_log_loss(pred, target, valid),
        "nmg": normalised_gradient_loss(pred, unit, valid),
        "ssi_mae+gradient": ssi_mae_loss(pred, target, valid) + 0.5 * ssi_gradient_loss(pred, target, valid),
        "ssi_trim+gradient": ssi_loss(pred, target, valid)[0],
        "silog+gradient": scale_fitted_log_loss(pred, target, valid)
        + 0.5 * gradient_matching_loss(pred.log(), target.log(), valid),
    }
    for name, value in expected.items():
        torch.testing.assert_close(get_dense_loss(name)(pred, target, valid), value)


@pytest.mark.parametrize("name", PLAIN)
def test_terms_and_weights_add_up(name: str) -> None:
    pred, target, valid = maps()
    data, gradient = get_dense_loss(f"{name}+gradient").terms(pred, target, valid, scales=3)
    torch.testing.assert_close(data, get_dense_loss(name)(pred, target, valid))
    assert (gradient > 0).all()
    got = get_dense_loss(f"{name}+gradient")(pred, target, valid, gradient_weight=0.1, scales=3)
    torch.testing.assert_close(got, data + 0.1 * gradient)


@pytest.mark.parametrize("name", AFFINE)
@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.1, 50), shift=st.floats(-20, 20), seed=st.integers(0, 99))
def test_in_disparity_any_scale_and_shift_of_either_map_is_forgiven(name: str, scale: float, shift: float, seed: int) -> None:
    pred, target, valid = maps(seed=seed)
    loss = get_dense_loss(name)
    before = loss(pred, target, valid)
    torch.testing.assert_close(loss(scale * pred + shift, target, valid), before, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(loss(pred, scale * target + shift, valid), before, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["silog", "silog+gradient"])
def test_in_log_depth_a_scale_is_forgiven_and_a_shift_is_not(name: str) -> None:
    pred, target, valid = maps()
    loss = get_dense_loss(name)
    assert loss.space == "log depth"
    torch.testing.assert_close(loss(20 * pred, 3 * target, valid), loss(pred, target, valid))
    assert not torch.allclose(loss(pred + 2, target, valid), loss(pred, target, valid))


def test_only_logarithms_need_a_positive_network() -> None:
    raw = torch.tensor([-5.0, 0.0, 5.0])
    for name in dense_loss_names():
        loss = get_dense_loss(name)
        made = activate(raw, loss.activation)
        assert (made > 0).all() if loss.space == "log depth" else torch.equal(made, raw)


def test_targets_are_stretched_to_the_unit_range_over_valid_pixels() -> None:
    _, target, valid = maps()
    target = torch.where(valid, target, torch.nan)
    valid[2] = False
    made = to_unit_range(target, valid)
    assert [made[i][valid[i]].aminmax() for i in range(2)] == [(0.0, 1.0)] * 2
    assert not made[~valid].any()
    assert not to_unit_range(torch.full((1, 2, 2), 3.0), torch.ones(1, 2, 2, dtype=torch.bool)).any()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(LeadlineError, match=r"unknown loss 'ssi_trm'.*did you mean 'ssi_trim'"):
        get_dense_loss("ssi_trm")
