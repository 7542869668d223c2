"""Slow twins of the alignments: numpy.linalg.lstsq and a linear programme."""

import numpy as np
import pytest

from leadline.alignment import fit_robust_scale, fit_robust_scale_shift, fit_scale, fit_scale_shift


def lstsq_twin(p: np.ndarray, q: np.ndarray, w: np.ndarray, shift: bool) -> np.ndarray:
    columns = np.stack([p, np.ones_like(p)], axis=1) if shift else p[:, None]
    root = np.sqrt(w)
    return np.linalg.lstsq(columns * root[:, None], q * root, rcond=None)[0]


def linear_programme_twin(p: np.ndarray, q: np.ndarray, w: np.ndarray, shift: bool) -> float:
    """Return the least sum of w |s p + t - q|: minimise w . u under -u <= s p + t - q <= u."""
    optimize = pytest.importorskip("scipy.optimize")
    columns = np.stack([p, np.ones_like(p)], axis=1) if shift else p[:, None]
    one = np.eye(p.size)
    bounds = [(None, None)] * columns.shape[1] + [(0, None)] * p.size
    solved = optimize.linprog(
        np.concatenate([np.zeros(columns.shape[1]), w]),
        A_ub=np.block([[columns, -one], [-columns, -one]]),
        b_ub=np.concatenate([q, -q]),
        bounds=bounds,
        method="highs",
    )
    return float(solved.fun)


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a problem; three in four hold ties, repeated points, exact lines or a single slope."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    p = rng.normal(0, 1, n) + rng.choice([0, 3])
    q = 2 * p + 1 + 0.5 * rng.standard_t(1.5, n)
    match seed % 4:
        case 1:
            p, q = np.round(p), np.round(q)
        case 2:
            p = np.round(2 * p) / 2
        case 3:
            q = np.where(rng.random(n) < 0.5, 2 * p + 1, q)
    return p, q, rng.gamma(0.7, 1, n) + 1e-3


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_least_squares_agrees_with_lstsq(shift: bool, weighted: bool) -> None:
    for seed in range(100):
        p, q, w = problem(seed)
        if np.ptp(p) == 0:
            continue
        twin = lstsq_twin(p, q, w if weighted else np.ones_like(w), shift)
        fit = (fit_scale_shift if shift else fit_scale)(p, q, weight=w if weighted else None)
        assert [fit.scale, fit.shift][: twin.size] == pytest.approx(twin.tolist(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_robust_fit_reaches_the_optimum_of_the_linear_programme(shift: bool, weighted: bool) -> None:
    for seed in range(100):
        p, q, w = problem(seed)
        w = w if weighted else np.ones_like(w)
        fit = (fit_robust_scale_shift if shift else fit_robust_scale)(p, q, weight=w if weighted else None)
        reached = float(w @ np.abs(fit.scale * p + fit.shift - q))
        assert reached == pytest.approx(linear_programme_twin(p, q, w, shift), rel=1e-8, abs=1e-9), seed


def test_the_robust_fit_of_depths_weighted_by_their_inverse_reaches_the_optimum_too() -> None:
    rng = np.random.default_rng(0)
    q = rng.gamma(2, 5, 400) + 0.5
    p = (0.2 * q + rng.standard_t(2, 400) * 0.1).astype(np.float32).astype(np.float64)
    fit = fit_robust_scale_shift(p, q, weight=1 / q)
    assert float((1 / q) @ np.abs(fit.apply(p) - q)) == pytest.approx(linear_programme_twin(p, q, 1 / q, True), rel=1e-8)
