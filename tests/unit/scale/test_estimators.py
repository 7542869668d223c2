"""One scalar by five estimators, its interval and what is held out, against slow twins."""

import numpy as np
import pytest
from tests.reference import scale as reference

from leadline.depth_map import Quantity
from leadline.errors import LeadlineError
from leadline.scale.estimators import ESTIMATORS, bootstrap, estimate, group_ratios, held_out
from leadline.scale.observations import Observations


def images(count=8, pixels=7, scale=3.0, noise=0.1, image_noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(count), pixels)
    pred = rng.uniform(0.5, 5, group.size)
    own = 1 + image_noise * rng.standard_normal(count)
    return Observations(pred, scale * own[group] * pred * (1 + noise * rng.standard_normal(group.size)), group, Quantity.DEPTH)


@pytest.mark.parametrize("name", ["median_of_ratios", "pooled_median", "least_squares", "theil_sen"])
def test_an_estimator_agrees_with_its_slow_twin(name):
    seen = images()
    assert estimate(seen, name).scale == pytest.approx(getattr(reference, name)(*seen[:3]), rel=1e-12)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_finds_the_scale_of_exact_maps(name):
    fit = estimate(images(noise=0.0), name)
    assert fit.scale == pytest.approx(3, rel=1e-9)
    assert fit.shift == 0


@pytest.mark.parametrize("name", ["median_of_ratios", "pooled_median", "theil_sen", "ransac"])
def test_robust_estimators_stand_two_spoilt_images_of_ten_and_least_squares_does_not(name):
    seen = images(count=10, pixels=30, noise=0.01)
    spoilt = seen._replace(target=np.where(seen.group < 2, 4 * seen.target, seen.target))
    assert estimate(spoilt, name).scale == pytest.approx(3, rel=0.06)
    assert estimate(spoilt, "least_squares").scale > 3.9


@pytest.mark.parametrize("name", [name for name, shift in ESTIMATORS.items() if shift])
def test_scale_and_shift_are_found_where_the_estimator_can(name):
    seen = images(noise=0.0)
    fit = estimate(seen._replace(target=seen.target - 0.2), name, shift=True)
    assert (fit.scale, fit.shift) == (pytest.approx(3, rel=1e-6), pytest.approx(-0.2, abs=1e-5))


def test_a_ratio_can_not_find_a_shift():
    with pytest.raises(LeadlineError, match=r"finds no shift.*theil_sen"):
        estimate(images(), "pooled_median", shift=True)


def test_an_unknown_estimator_is_refused_by_name():
    with pytest.raises(LeadlineError, match="'mean': expected one of median_of_ratios"):
        estimate(images(), "mean")


def test_images_count_once_in_the_median_of_ratios_however_many_pixels_they_have():
    group = np.array([0] * 50 + [1] + [2])
    pred = np.ones(52)
    seen = Observations(pred, np.where(group == 0, 9.0, 2.0), group, Quantity.DEPTH)
    assert estimate(seen, "median_of_ratios").scale == 2
    assert estimate(seen, "pooled_median").scale == 9
    assert group_ratios(seen).tolist() == [9, 2, 2]


def test_what_is_held_out_agrees_with_the_slow_twin():
    seen = images(noise=0.2)
    out = held_out(seen, "least_squares")
    fitted, constant = reference.held_out_abs_rel(*seen[:3], reference.least_squares)
    assert out.abs_rel == pytest.approx(fitted, rel=1e-12)
    assert out.constant_abs_rel == pytest.approx(constant, rel=1e-12)
    assert out.groups == 8


def test_nothing_can_be_held_out_of_one_point_or_of_two_with_a_shift():
    one, two = images(count=1, pixels=1), images(count=2, pixels=1)
    assert held_out(one, "pooled_median") is None
    assert held_out(two, "theil_sen", shift=True) is None
    assert held_out(two, "pooled_median") is not None


def test_five_groups_have_no_interval_and_six_do():
    assert bootstrap(images(count=5), "least_squares") is None
    low, high = bootstrap(images(count=6), "least_squares").scale
    assert low < 3.2
    assert high > 2.8


def test_the_interval_draws_images_and_not_pixels():
    """With 400 pixels an image, drawing pixels gives a tenth of the width of what images tell."""
    seen = images(count=12, pixels=400, noise=0.02, image_noise=0.1)
    low, high = bootstrap(seen, "least_squares", resamples=200).scale
    alone = seen._replace(group=np.arange(seen.pred.size))
    narrow = bootstrap(alone, "least_squares", resamples=200).scale
    assert high - low > 5 * (narrow[1] - narrow[0])


def test_the_interval_holds_the_scale_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        low, high = bootstrap(images(30, 1, noise=0.1, seed=seed), "median_of_ratios", resamples=150, seed=seed).scale
        held += low <= 3 <= high
    assert 50 <= held <= 60  # 95 % of 60 is 57; three standard deviations below is 52, and percentiles are a little narrow


def test_the_same_seed_gives_the_same_interval():
    assert bootstrap(images(), "theil_sen", seed=3) == bootstrap(images(), "theil_sen", seed=3)
