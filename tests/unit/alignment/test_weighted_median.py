import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.alignment.weighted_median import weighted_median, weighted_median_index


def cost(at: float, values: np.ndarray, weights: np.ndarray, tilt: float = 0.0) -> float:
    return float((weights * np.abs(values - at)).sum() + tilt * at)


@pytest.mark.parametrize("size", [1, 2, 3, 100, 5_000, 30_000])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("tilt", [0.0, 0.4, -0.7])
def test_it_minimises_the_weighted_sum_of_distances(size: int, ties: bool, tilt: float) -> None:
    rng = np.random.default_rng(size)
    values = rng.standard_cauchy(size)
    if ties:
        values = np.round(values)
    weights = rng.gamma(0.3, 1, size) + 1e-6
    tilt *= weights.sum()
    found = weighted_median(values, weights, tilt)
    best = min(cost(v, values, weights, tilt) for v in np.unique(values)[:: max(1, size // 100)])
    assert cost(found, values, weights, tilt) <= best * (1 + 1e-12) + (1e-9 if tilt else 0)


def test_equal_weights_and_an_odd_count_give_the_plain_median() -> None:
    values = np.random.default_rng(0).normal(size=20_001)
    assert weighted_median(values, np.ones(20_001)) == np.median(values)


def test_of_two_middle_values_it_takes_the_smaller() -> None:
    assert weighted_median(np.array([4.0, 1.0, 3.0, 2.0]), np.ones(4)) == 2.0


def test_one_pixel_with_most_of_the_weight_decides() -> None:
    values = np.arange(10_000.0)
    weights = np.ones(10_000)
    weights[77] = 1e6
    assert weighted_median_index(values, weights) == 77


@pytest.mark.parametrize("size", [4_097, 50_000])
def test_selection_agrees_with_sorting(size: int) -> None:
    rng = np.random.default_rng(1)
    for values in (
        np.arange(size) * 1.0,
        np.zeros(size),
        np.sort(rng.normal(size=size))[::-1],
        np.tile([0.0, 1.0], size)[:size],
    ):
        weights = rng.random(size) + 0.01
        order = np.argsort(values, kind="stable")
        reference = values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
        assert weighted_median(values, weights) == reference


@pytest.mark.parametrize("misleading", [-9.0, 9.0])
def test_a_sample_that_misleads_costs_time_but_not_the_result(misleading: float) -> None:
    values = np.random.default_rng(0).normal(size=50_001)
    values[:: values.size // 1024] = misleading  # just those that the first look takes
    assert weighted_median(values, np.ones(values.size)) == np.median(values)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), min_size=1, max_size=30))
def test_a_weight_is_a_number_of_copies(pairs: list[tuple[int, int]]) -> None:
    values, weights = np.array(pairs, dtype=np.float64).T
    copies = np.sort(np.repeat(values, weights.astype(int)))
    assert weighted_median(values, weights) == copies[(copies.size - 1) // 2]
