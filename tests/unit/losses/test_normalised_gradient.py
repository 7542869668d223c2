from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.losses.test_dense_losses import maps

from leadline.losses.normalised_gradient import demon_gradient_loss, normalised_gradient_loss, spaced_gradient_loss


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.1, 50), shift=st.floats(-20, 20), seed=st.integers(0, 99))
def test_nmg_forgives_any_positive_scale_and_shift(scale: float, shift: float, seed: int) -> None:
    pred, target, valid = maps(seed=seed)
    got = normalised_gradient_loss(scale * pred + shift, target, valid)
    torch.testing.assert_close(got, normalised_gradient_loss(pred, target, valid), rtol=1e-6, atol=1e-9)


def test_nmg_does_not_forgive_a_wrong_sign() -> None:
    _, target, valid = maps()
    twice = 2 * spaced_gradient_loss(target, valid)
    torch.testing.assert_close(normalised_gradient_loss(-target, target, valid), twice)


def test_demon_forgives_a_scale_and_no_shift() -> None:
    pred, target, valid = maps()
    before = demon_gradient_loss(pred, target, valid)
    torch.testing.assert_close(demon_gradient_loss(40 * pred, target, valid), before)
    assert ((demon_gradient_loss(pred + 1, target, valid) - before).abs() > 0.05).all()


def test_spaced_differences_of_a_ramp_have_a_closed_form() -> None:
    h, w = 6, 20
    ramp = torch.arange(w, dtype=torch.float64).expand(1, h, w)
    valid = torch.ones(1, h, w, dtype=torch.bool)
    for spacings in ((1,), (2, 8), (1, 2, 4, 8, 16), (32,)):
        expected = sum(k * h * max(0, w - k) for k in spacings) / (h * w)
        assert spaced_gradient_loss(ramp, valid, spacings).item() == pytest.approx(expected)
