"""What is particular to each estimator."""

import numpy as np
import pytest

from leadline.alignment import (
    fit_median_mad,
    fit_median_scale,
    fit_ransac,
    fit_robust_scale_shift,
    fit_scale_shift,
    fit_theil_sen,
    normalise_median_mad,
)


def test_least_squares_does_not_cancel_when_the_mean_is_large_beside_the_spread() -> None:
    target = np.linspace(1, 2, 1000)
    found = fit_scale_shift(target / 3 + 1e7, target)  # the textbook determinant loses all digits here
    assert found.scale == pytest.approx(3, rel=1e-6)


def test_the_median_scale_is_the_ratio_of_medians_not_the_median_of_ratios() -> None:
    pred, target = np.array([1.0, 2.0, 10.0]), np.array([6.0, 5.0, 10.0])
    assert fit_median_scale(pred, target).scale == 6.0 / 2.0
    assert np.median(target / pred) == 2.5


def test_medians_are_over_the_valid_pixels_only() -> None:
    pred, target = np.array([1.0, 2.0, 0.0, 0.0, 0.0]), np.array([2.0, 4.0, 0.0, 0.0, 0.0])
    assert fit_median_scale(pred, target, target > 0).scale == 2.0


def test_a_median_of_zero_or_less_gives_no_scale() -> None:
    assert "not positive" in fit_median_scale(np.array([-1.0, -2.0]), np.array([1.0, 2.0])).reason


def test_median_and_mad_match_those_of_the_target() -> None:
    rng = np.random.default_rng(0)
    pred, target = rng.gamma(2, 1, 500), rng.gamma(3, 2, 500)
    aligned = fit_median_mad(pred, target).apply(pred)
    assert np.median(aligned) == pytest.approx(np.median(target))
    assert np.abs(aligned - np.median(aligned)).mean() == pytest.approx(np.abs(target - np.median(target)).mean())


def test_a_constant_target_leaves_no_scale_to_match() -> None:
    assert fit_median_mad(np.array([1.0, 2.0]), np.array([3.0, 3.0])).reason == "constant target"


def test_normalising_gives_median_zero_and_mean_deviation_one_over_the_valid_pixels() -> None:
    values = np.array([[1.0, 2.0, 4.0], [8.0, np.nan, 1e9]])
    valid = np.array([[True, True, True], [True, True, False]])
    normal, t, s = normalise_median_mad(values, valid)
    assert (t, s) == (3.0, np.abs(np.array([1, 2, 4, 8]) - 3).mean())
    assert np.median([*normal[0], normal[1, 0]]) == 0
    assert np.abs(normal[valid & np.isfinite(values)]).mean() == pytest.approx(1)
    assert normal[1, 1:].tolist() == [0, 0]


@pytest.mark.parametrize("values", [np.full((2, 2), 5.0), np.full((2, 2), np.nan)])
def test_normalising_what_has_no_spread_gives_zeros(values: np.ndarray) -> None:
    normal, _, s = normalise_median_mad(values)
    assert s == 0
    assert not normal.any()


def test_a_large_map_is_fitted_as_exactly_as_a_small_one() -> None:
    rng = np.random.default_rng(0)
    pred = rng.gamma(2, 1, 120_000)
    target = 0.3 * pred + 0.1 + rng.standard_t(2, pred.size) * 0.05
    found = fit_robust_scale_shift(pred, target)
    cost = np.abs(found.apply(pred) - target).sum()
    for scale, shift in [(1e-6, 0), (-1e-6, 0), (0, 1e-6), (0, -1e-6), (1e-6, -2e-6), (-1e-6, 2e-6)]:  # convex: no way down
        assert np.abs((found.scale + scale) * pred + found.shift + shift - target).sum() > cost


def test_a_large_map_whose_sample_misleads_still_gets_its_own_optimum() -> None:
    pred = np.tile(np.linspace(1, 2, 50_000), 2)
    target = 2 * pred + 1
    target[::20] = -5 * pred[::20]  # every 20th pixel, as the strided sample takes, says something else
    found = fit_robust_scale_shift(pred, target)
    assert (found.scale, found.shift) == pytest.approx((2, 1))


def test_theil_sen_takes_all_pairs_of_a_small_set() -> None:
    rng = np.random.default_rng(0)
    pred, target = rng.random(40), rng.random(40)
    i, j = np.triu_indices(40, 1)
    slopes = (target[i] - target[j]) / (pred[i] - pred[j])
    assert fit_theil_sen(pred, target, smallest_gap=0).scale == np.median(slopes)


def test_theil_sen_without_intercept_keeps_the_slope_and_drops_the_shift() -> None:
    pred = np.random.default_rng(0).random(100)
    one, two = (fit_theil_sen(pred, 3 * pred + 2, intercept=i) for i in (True, False))
    assert one.scale == two.scale
    assert one.shift == pytest.approx(2)
    assert two.shift == 0


def test_theil_sen_drops_pairs_that_tell_nothing() -> None:
    ripple = np.linspace(0, 1e-4, 300)  # most pairs are within this nearly flat part, where noise rules
    pred = np.concatenate([1 + ripple, np.linspace(2, 3, 100)])
    target = np.concatenate([2 - 500 * ripple, 2 * np.linspace(2, 3, 100)])
    assert fit_theil_sen(pred, target).scale == pytest.approx(2, rel=0.05)
    assert fit_theil_sen(pred, target, smallest_gap=0).scale < 0


@pytest.mark.parametrize("estimate", [fit_theil_sen, fit_ransac])
def test_random_draws_come_from_the_seed_alone(estimate: object) -> None:
    rng = np.random.default_rng(0)
    pred = rng.random(5000)
    target = pred + rng.normal(0, 0.1, 5000)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert estimate(pred, target, seed=1) == estimate(pred, target, seed=1)
    assert estimate(pred, target, seed=1) == estimate(pred, target, seed=np.random.default_rng(1))
    assert estimate(pred, target, seed=1) != estimate(pred, target, seed=2)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_ransac_counts_its_inliers_and_fits_them_alone() -> None:
    rng = np.random.default_rng(0)
    pred = rng.random(1000)
    target = 2 * pred + 1
    target[:400] = rng.uniform(20, 30, 400)
    found = fit_ransac(pred, target)
    assert found.used == 600
    assert (found.scale, found.shift) == pytest.approx((2, 1))
    assert found.residual < 1e-9


def test_ransac_refits_its_inliers_by_least_squares_until_they_stay() -> None:
    rng = np.random.default_rng(0)
    pred = rng.random(1000)
    target = np.where(rng.random(1000) < 0.3, 20.0, 2 * pred + 1 + rng.normal(0, 0.05, 1000))
    found = fit_ransac(pred, target, threshold=0.2)
    agreed = np.abs(found.apply(pred) - target) <= 0.2
    assert found.used == agreed.sum()
    twin = fit_scale_shift(pred, target, agreed)
    assert (found.scale, found.shift) == pytest.approx((twin.scale, twin.shift), rel=1e-12)


def test_ransac_with_a_threshold_survives_more_outliers_than_inliers() -> None:
    rng = np.random.default_rng(0)
    pred = rng.random(3000)
    target = np.where(rng.random(3000) < 0.3, 2 * pred + 1 + rng.normal(0, 0.005, 3000), rng.uniform(0, 10, 3000))
    assert fit_ransac(pred, target, threshold=0.02).scale == pytest.approx(2, rel=0.02)
