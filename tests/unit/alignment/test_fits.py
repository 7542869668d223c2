"""What every estimator must do: the invariances and the degenerate cases that all share."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.alignment import METHODS, Fit
from leadline.errors import LeadlineError

ALL = sorted(METHODS)
AFFINE = sorted(name for name in ALL if METHODS[name].finds_shift)
SCALE = sorted(name for name in ALL if not METHODS[name].finds_shift)


def fit(name: str, *maps: object, **more: object) -> Fit:
    return METHODS[name].fit(*maps, **METHODS[name].options, **more)


def scene(seed: int, hw: tuple[int, int] = (12, 16)) -> np.ndarray:
    """Depths of no particular shape: positive, no two alike."""
    return np.random.default_rng(seed).gamma(2.0, 1.5, hw) + 0.3


def assert_same(one: Fit, other: Fit, rel: float = 1e-9) -> None:
    assert (one.scale, one.shift, one.residual) == pytest.approx((other.scale, other.shift, other.residual), rel=rel, abs=1e-9)
    assert (one.used, one.reason) == (other.used, other.reason)


@pytest.mark.parametrize("name", AFFINE)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_an_affine_distortion_is_recovered_exactly(name: str, seed: int, scale: float, shift: float) -> None:
    target = scene(seed)
    found = fit(name, (target - shift) / scale, target)
    assert (found.scale, found.shift) == pytest.approx((scale, shift), rel=1e-6, abs=1e-6)
    assert found.used == target.size
    assert found.residual < 1e-7
    assert not found.degenerate


@pytest.mark.parametrize("name", SCALE)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), scale=st.floats(1e-3, 1e3))
def test_a_scaling_is_recovered_exactly(name: str, seed: int, scale: float) -> None:
    target = scene(seed)
    found = fit(name, target / scale, target)
    assert found.scale == pytest.approx(scale, rel=1e-9)
    assert found.shift == 0
    assert not found.degenerate


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_order_of_the_pixels_does_not_matter(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = scene(seed)
    pred = 0.5 * target + 0.2 + rng.normal(0, 0.05, target.shape)
    order = rng.permutation(target.size)
    here, moved = fit(name, pred, target), fit(name, pred.ravel()[order], target.ravel()[order])
    if "ransac" in name:  # which draws pixels by their place
        assert moved.scale == pytest.approx(here.scale, rel=0.1)
    else:
        assert_same(moved, here)


@pytest.mark.parametrize("name", ALL)
def test_what_is_behind_the_mask_does_not_matter_even_nan(name: str) -> None:
    target = scene(1)
    pred = 0.5 * target + np.random.default_rng(2).normal(0, 0.05, target.shape)
    valid = np.random.default_rng(3).random(target.shape) < 0.6
    expected = fit(name, pred[valid], target[valid])
    assert expected.used <= valid.sum()
    for hole in (np.nan, np.inf, -1e30):
        assert_same(fit(name, np.where(valid, pred, hole), np.where(valid, target, hole), valid), expected)


@pytest.mark.parametrize("name", ALL)
def test_a_pixel_that_is_not_finite_does_not_count_even_without_a_mask(name: str) -> None:
    target = scene(1)
    pred = 0.5 * target
    pred[0, 0], target[0, 1] = np.nan, np.inf
    assert fit(name, pred, target).used == target.size - 2


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=10, deadline=None)
@given(factor=st.floats(1e-3, 1e3))
def test_the_units_of_prediction_and_target_do_not_matter(name: str, factor: float) -> None:
    target = scene(4)
    pred = 0.5 * target + np.random.default_rng(5).normal(0, 0.05, target.shape) + 1
    base = fit(name, pred, target)
    assert fit(name, pred * factor, target).scale == pytest.approx(base.scale / factor, rel=1e-6)
    assert fit(name, pred, target * factor).scale == pytest.approx(base.scale * factor, rel=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_no_valid_pixel_is_flagged_with_finite_numbers(name: str) -> None:
    found = fit(name, np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 2), bool))
    assert found == Fit(0.0, 0.0, 0, 0.0, "no valid pixel")
    assert found.degenerate


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_constant_prediction_is_flagged_and_gives_a_constant_near_the_target(name: str, count: int) -> None:
    target = np.linspace(1, 3, count) if count > 1 else np.array([2.0])
    found = fit(name, np.full(count, 0.1), target)
    assert found.reason == "constant prediction"
    assert found.scale == 0
    assert 1 <= found.shift <= 3


@pytest.mark.parametrize("name", SCALE)
def test_a_prediction_of_zeros_is_flagged(name: str) -> None:
    found = fit(name, np.zeros(5), np.ones(5))
    assert found.degenerate
    assert np.isfinite([found.scale, found.shift, found.residual]).all()


@pytest.mark.parametrize("name", [n for n in ALL if n not in ("median_mad", "median_scale")])
def test_a_prediction_that_is_upside_down_is_flagged(name: str) -> None:
    target = scene(6)
    found = fit(name, -target, target)
    assert found.reason == "negative scale"
    assert found.scale < 0


@pytest.mark.parametrize("name", ALL)
def test_one_pixel_never_raises(name: str) -> None:
    found = fit(name, np.array([2.0]), np.array([3.0]))
    assert np.isfinite([found.scale, found.shift, found.residual]).all()
    assert found.degenerate == (name in AFFINE or name == "theil_sen_scale")


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_small_set_of_numbers_gives_an_exception_or_a_nan(name: str, data: st.DataObject) -> None:
    numbers = st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.0, 1e-30, 1e30, np.nan, np.inf]), min_size=3, max_size=3)
    found = fit(name, np.array(data.draw(numbers)), np.array(data.draw(numbers)))
    assert np.isfinite([found.scale, found.shift]).all()
    assert found.degenerate or found.scale > 0


@pytest.mark.parametrize("name", ALL)
def test_maps_of_two_shapes_are_refused(name: str) -> None:
    with pytest.raises(LeadlineError, match="resize the prediction"):
        fit(name, np.ones((2, 3)), np.ones((3, 2)))


@pytest.mark.parametrize("name", ALL)
def test_torch_maps_give_what_numpy_maps_give(name: str) -> None:
    torch = pytest.importorskip("torch")
    target = scene(7)
    pred = 0.5 * target + 0.1
    valid = target > 1
    tensors = [torch.tensor(a, requires_grad=a is pred) for a in (pred, target, valid)]
    assert_same(fit(name, *tensors), fit(name, pred, target, valid))


@pytest.mark.parametrize("name", [n for n in ALL if METHODS[n].takes_weight])
def test_a_whole_weight_is_that_many_copies_of_the_pixel(name: str) -> None:
    rng = np.random.default_rng(8)
    target = rng.random(40) + 1
    pred = 0.5 * target + rng.standard_t(2, 40) * 0.1
    weight = rng.integers(0, 4, 40)
    copies = fit(name, np.repeat(pred, weight), np.repeat(target, weight))
    weighted = fit(name, pred, target, weight=weight)
    assert (weighted.scale, weighted.shift) == pytest.approx((copies.scale, copies.shift), rel=1e-9)
    assert weighted.residual == pytest.approx(copies.residual)
    assert weighted.used == (weight > 0).sum()


@pytest.mark.parametrize("name", [n for n in ALL if METHODS[n].takes_weight])
def test_the_size_of_the_weights_does_not_matter(name: str) -> None:
    target = scene(9)
    pred = 0.5 * target + np.random.default_rng(9).normal(0, 0.1, target.shape)
    assert_same(fit(name, pred, target, weight=1e-6 / target), fit(name, pred, target, weight=1e6 / target))


@pytest.mark.parametrize(
    ("name", "share"),
    [("robust_scale_shift", 0.3), ("robust_scale", 0.3), ("theil_sen", 0.15), ("ransac", 0.45), ("ransac_scale", 0.45)],
)
def test_gross_outliers_do_little_to_the_robust_methods_and_much_to_least_squares(name: str, share: float) -> None:
    rng = np.random.default_rng(10)
    pred = rng.gamma(2, 1, 3000)
    target = 0.7 * pred + (0.4 if METHODS[name].finds_shift else 0) + rng.normal(0, 0.01, 3000)
    target = np.where(rng.random(3000) < share, 30 - 8 * pred, target)
    assert fit(name, pred, target).scale == pytest.approx(0.7, rel=0.03)
    plain = "scale_shift" if METHODS[name].finds_shift else "scale"
    assert fit(plain, pred, target).scale != pytest.approx(0.7, rel=0.2)


def test_applying_a_fit_scales_then_shifts() -> None:
    assert Fit(2.0, 1.0, 3, 0.0).apply(np.array([1.0, 3.0], np.float32)).tolist() == [3.0, 7.0]


@pytest.mark.parametrize("name", ALL)
def test_the_fit_functions_have_one_calling_convention(name: str) -> None:
    convention: Callable[..., Fit] = METHODS[name].fit
    assert convention(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]), np.array([True, True, True])).scale == 2.0
