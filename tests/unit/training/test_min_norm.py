from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.reference.min_norm import min_norm_square

from leadline.training.min_norm import PUBLISHED_ENDS, frank_wolfe_weights, min_norm_weights, two_task_weight


def random_gradients(seed: int, count: int, size: int, spread: float) -> NDArray[np.float64]:
    """Gradients with a common part (so that weights are not all equal) and lengths that differ by 10 ** spread."""
    rng = np.random.default_rng(seed)
    lengths = 10 ** rng.uniform(-spread / 2, spread / 2, (count, 1))
    return np.asarray((rng.normal(size=(count, size)) + rng.normal(size=size)) * lengths)


def check(weights: NDArray[np.float64], gradients: NDArray[Any], tolerance: float) -> None:
    """Weights on the simplex, as short as the reference, and a direction that lowers every objective."""
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    mean = weights @ gradients
    shortest = np.linalg.norm(gradients, axis=1).min()
    assert mean @ mean <= min_norm_square(gradients) + tolerance * shortest**2
    lengths = np.linalg.norm(gradients, axis=1)
    assert (gradients @ mean >= mean @ mean - tolerance * np.maximum(lengths * shortest, 1e-300)).all()


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 9), st.floats(0, 6))
def test_the_active_set_finds_what_trying_every_set_finds(seed: int, count: int, size: int, spread: float) -> None:
    gradients = random_gradients(seed, count, size, spread)  # more gradients than dimensions included: singular
    check(min_norm_weights(gradients @ gradients.T), gradients, 1e-9)


A, B, C = np.eye(3)


@pytest.mark.parametrize(
    "gradients",
    [
        [A], [A, A], [A, A, A], [A, -A], [A, 2 * A, -3 * A], [A, 0 * A, B], [0 * A, 0 * A], [A, 1e-6 * B], [A, A, B, B],
        [A, 3 * A], [A, A + 1e-9 * B], [A, A * (1 + 1e-12), B], [A, B, -A - B], [A, B, C, -A - B - C, A],
        [1e-8 * A, 1e8 * B, C],
    ],
)  # fmt: skip
def test_parallel_opposite_identical_and_zero_gradients_are_solved_too(gradients: list[NDArray[np.float64]]) -> None:
    stacked = np.stack(gradients)
    check(min_norm_weights(stacked @ stacked.T), stacked, 1e-9)


def test_orthogonal_gradients_are_weighted_by_their_inverse_squares() -> None:
    lengths = np.array([1.0, 2.0, 5.0, 100.0])
    assert min_norm_weights(np.diag(lengths**2)) == pytest.approx(lengths**-2 / (lengths**-2).sum())


@pytest.mark.parametrize("weights_of", [min_norm_weights, frank_wolfe_weights])
def test_two_gradients_follow_the_closed_form(weights_of: Any) -> None:
    for a, b in (([1.0, 0], [0, 2.0]), ([3.0, 1], [1, 0]), ([1.0, 0], [2, 5]), ([1.0, 2], [-2, 0.5])):
        gradients = np.array([a, b], float)
        (aa, ab), (_, bb) = gram = gradients @ gradients.T
        first = np.clip((gradients[1] - gradients[0]) @ gradients[1] / ((gradients[0] - gradients[1]) ** 2).sum(), 0, 1)
        assert two_task_weight(aa, ab, bb) == pytest.approx(first)
        assert weights_of(gram) == pytest.approx([first, 1 - first], abs=1e-12)


def test_the_published_ends_leave_a_thousandth_to_a_dominated_gradient() -> None:
    assert two_task_weight(1, 1.5, 9, PUBLISHED_ENDS) == 0.999
    assert two_task_weight(9, 1.5, 1, PUBLISHED_ENDS) == 0.001
    assert (two_task_weight(1, 1.5, 9), two_task_weight(9, 1.5, 1)) == (1.0, 0.0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(3, 7))
def test_frank_wolfe_stays_on_the_simplex_and_comes_near(seed: int, count: int) -> None:
    gradients = random_gradients(seed, count, 20, 0.5)
    weights = frank_wolfe_weights(gradients @ gradients.T)
    mean = weights @ gradients
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    shortest = np.linalg.norm(gradients, axis=1).min()
    assert min_norm_square(gradients) - 1e-9 <= mean @ mean <= min_norm_square(gradients) + 0.01 * shortest**2
