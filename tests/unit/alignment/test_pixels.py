"""Valid pixels are found and read as NumPy does it, and sums over them are the same with numba and without."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.alignment import fit_scale, fit_scale_shift, inverse, pixels, sums
from leadline.alignment.compiled import SMALLEST, compiled
from leadline.alignment.fit import gather
from leadline.alignment.inverse import depth_of_fit
from leadline.alignment.pixels import flat_index, pick, taken

SIZES = [0, 1, 63, 64, 65, SMALLEST - 1, SMALLEST, SMALLEST + 37, 3 * sums.BLOCK + 5]


def without_numba(monkeypatch):
    for module in (inverse, pixels, sums):
        monkeypatch.setattr(module, "compiled", lambda loop, *signatures: None)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(0, 300), share=st.sampled_from([0.0, 0.01, 0.1, 0.4, 0.9, 1.0]))
def test_the_index_is_that_of_flatnonzero(seed, size, share):
    mask = np.random.default_rng(seed).random(size) < share
    assert (flat_index(mask) == np.flatnonzero(mask)).all()
    assert flat_index(mask).dtype == np.int64


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
def test_the_index_of_a_large_mask_is_that_of_flatnonzero_with_numba_and_without(monkeypatch, numba, size, share):
    if not numba:
        without_numba(monkeypatch)
    mask = np.random.default_rng(size).random(size) < share
    index = flat_index(mask)
    assert index.dtype == np.int64
    assert (index == np.flatnonzero(mask)).all()


def test_numbers_are_taken_into_memory_of_their_own():
    values = np.random.default_rng(0).random((30, 40))
    for mask in (values > 0.7, values >= 0):
        found = taken(values, flat_index(mask))
        assert (found == values[mask]).all()
        assert not np.shares_memory(found, values)
    assert taken(values.astype(np.float32), flat_index(values > 0.7)).dtype == np.float64


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_numbers_of_a_large_map_are_those_that_numpy_takes(monkeypatch, numba, dtype):
    if not numba:
        without_numba(monkeypatch)
    values = (100 * np.random.default_rng(1).random((5, SMALLEST))).astype(dtype)
    mask = np.random.default_rng(2).random(values.shape) < 0.4
    found = taken(values, flat_index(mask))
    assert found.dtype == np.float64
    assert (found == values[mask]).all()
    assert (taken(values.T, flat_index(mask.T)) == values.T[mask.T]).all()


def test_an_index_outside_a_large_map_is_refused():
    index = np.arange(SMALLEST + 5)
    with pytest.raises(IndexError):
        taken(np.zeros(SMALLEST + 9), index + 7)


def test_the_index_of_a_full_map_can_not_be_written_to():
    index = flat_index(np.ones((20, 30), bool))
    with pytest.raises(ValueError, match="read-only"):
        index[0] = 5


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_the_depth_of_a_fit_is_the_inverse_of_its_disparity_above_the_smallest(monkeypatch, numba, size):
    if not numba:
        without_numba(monkeypatch)
    pred = np.random.default_rng(size).normal(0, 1, size)
    kept = pred.copy()
    found = depth_of_fit(pred, 0.5, 0.1, 0.0125)
    assert found == pytest.approx(np.array([1 / max(0.5 * p + 0.1, 0.0125) for p in pred]), rel=1e-15)
    assert (pred == kept).all()


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("first", [0.0, 1.0, 1e3, 1e9])
def test_a_first_pixel_far_from_the_mean_costs_no_digit(first, swapped):
    rng = np.random.default_rng(5)
    p = np.append(first, rng.normal(3, 1, 3 * sums.BLOCK))
    q = 2 * p + rng.normal(0, 1, p.size)
    p, q = (q, p) if swapped else (p, q)
    p_away, q_away = (values.astype(np.longdouble) - values.mean(dtype=np.longdouble) for values in (p, q))
    power, product = sums.central_moments(p, q, sums.totals(p, q))
    assert power == pytest.approx(float((p_away * p_away).sum()), rel=1e-13)
    assert product == pytest.approx(float((p_away * q_away).sum()), rel=1e-13)


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("value", [0.0, 3.7, -1e-30, 1e100])
def test_a_large_constant_prediction_is_told_from_one_that_varies_at_one_pixel(monkeypatch, numba, value):
    if not numba:
        without_numba(monkeypatch)
    p, q = np.full(2 * SMALLEST, value), np.arange(2.0 * SMALLEST)
    found = fit_scale_shift(p, q)
    assert found.reason == "constant prediction"
    assert (found.scale, found.shift) == pytest.approx((0, q.mean()))
    p[77] += 1e-11 * abs(value)  # less than what counts as a spread
    assert fit_scale_shift(p, q).reason == "constant prediction"
    p[77] += 1e-3 * (abs(value) or 1)
    assert fit_scale_shift(p, q).reason != "constant prediction"


def test_the_index_of_a_strided_mask_is_that_of_its_pixels():
    mask = np.random.default_rng(0).random((40, 40)) < 0.1
    assert (flat_index(mask[::2, 1::3]) == np.flatnonzero(mask[::2, 1::3])).all()
    assert (flat_index(mask.T) == np.flatnonzero(mask.T)).all()


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
def test_the_valid_pixels_are_read_in_order(monkeypatch, numba, size, share):
    if not numba:
        without_numba(monkeypatch)
    rng = np.random.default_rng(size)
    mask = rng.random(size) < share
    for kinds in ((np.float32, np.float32), (np.float32, np.float64), (np.float64, np.int32)):
        pred, target = (rng.uniform(0, 99, size).astype(kind) for kind in kinds)
        p, t = pick(pred, target, mask)
        assert p.dtype == t.dtype == np.float64
        assert (p == pred[mask]).all()
        assert (t == target[mask]).all()


def test_every_pixel_is_read_where_there_is_no_mask_and_of_maps_that_are_not_contiguous():
    rng = np.random.default_rng(0)
    whole = rng.random((2, 200, 300)).astype(np.float32)
    pred, target = whole[0, ::2, ::3].T, whole[1, ::2, ::3].T
    for picked, values in zip(pick(pred, target, None), (pred, target), strict=True):
        assert (picked == values.ravel()).all()
    mask = rng.random(pred.shape) < 0.1
    for picked, values in zip(pick(pred, target, mask), (pred, target), strict=True):
        assert (picked == values[mask]).all()


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("size", [5, SMALLEST, 3 * sums.BLOCK + 5])
def test_large_fits_agree_with_lstsq_with_numba_and_without(monkeypatch, numba, weighted, size):
    if not numba:
        without_numba(monkeypatch)
    rng = np.random.default_rng(size)
    p, w = rng.gamma(2, 3, size), rng.gamma(1, 1, size) + 0.01
    q = 0.3 * p + 2 + rng.normal(0, 0.5, size)
    w = w if weighted else np.ones(size)
    for fit, columns in ((fit_scale_shift, np.stack([p, np.ones(size)], axis=1)), (fit_scale, p[:, None])):
        twin = np.linalg.lstsq(columns * np.sqrt(w)[:, None], q * np.sqrt(w), rcond=None)[0]
        found = fit(p, q, weight=w if weighted else None)
        assert [found.scale, found.shift][: twin.size] == pytest.approx(twin.tolist(), rel=1e-11)
        away = np.abs(columns @ twin - q)
        assert found.residual == pytest.approx(float((w * away).sum() / w.sum()), rel=1e-11)
        assert found.used == size


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_stay_out_of_large_fits_too(bad):
    rng = np.random.default_rng(0)
    p = rng.random(2 * SMALLEST)
    q = 2 * p + 1
    p[7], q[11] = bad, -bad
    found = fit_scale_shift(p, q)
    assert (found.scale, found.shift) == pytest.approx((2, 1), rel=1e-9)
    assert found.used == p.size - 2


def test_a_sum_too_large_for_float64_does_not_pass_for_an_infinite_pixel():
    pairs = gather(np.array([1.5e308, 1.2e308, np.inf]), np.array([1.5e308, 1.0, 1.0]))
    assert pairs.pred.tolist() == [1.5e308, 1.2e308]


def test_without_numba_nothing_is_compiled(monkeypatch):
    def loop(values):
        return values

    monkeypatch.setitem(sys.modules, "numba", None)  # importing it then fails
    assert compiled(loop, "f8(f8)") is None


def test_what_numba_cannot_compile_is_left_to_numpy():
    pytest.importorskip("numba")

    def loop(values):
        return values.no_such_thing

    assert compiled(loop, "f8(f8)") is None


def test_a_small_fit_does_not_import_numba():
    import subprocess

    code = (
        "import sys, numpy as np; from leadline.alignment import fit_scale_shift;"
        "from leadline.metrics.depth import depth_metrics;"
        "p = np.arange(1.0, 500); fit_scale_shift(p, 2 * p, p > 9); depth_metrics(p, p, p > 9); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
