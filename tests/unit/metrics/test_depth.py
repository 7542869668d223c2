"""Every depth metric against a slow reference, its invariances, and the inputs that usually poison a mean."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import depth_metrics as slow

from leadline.errors import LeadlineError
from leadline.metrics import depth_sums
from leadline.metrics.depth import (
    BOOSTER_THRESHOLDS,
    abs_rel,
    delta,
    depth_metrics,
    depth_metrics_by_class,
    gather,
    log10,
    mae,
    rmse,
    rmse_log,
    si_rmse,
    silog,
    sq_rel,
)
from leadline.metrics.log_error import LOG_ERRORS

REFERENCE = {**slow.ALL, **slow.MORE}
IN_METRES = ("rmse", "sq_rel", "mae")
FUNCTIONS = {
    "abs_rel": abs_rel, "sq_rel": sq_rel, "mae": mae, "rmse": rmse, "rmse_log": rmse_log, "log10": log10, "silog": silog,
    "si_rmse": si_rmse,
}  # fmt: skip
LARGE = (97, 113)  # enough pixels for the compiled loops and for two blocks


def maps(seed, hw=(13, 17)):
    rng = np.random.default_rng(seed)
    target = rng.uniform(0.5, 20, hw)
    return target * np.exp(rng.normal(0, 0.3, hw)), target, rng.random(hw) < 0.6


def without_numba(monkeypatch):
    monkeypatch.setattr(depth_sums, "compiled", lambda loop, *signatures: None)


def assert_agrees_with_the_reference(pred, target, valid):
    pixels = slow.pairs(pred, target, valid)
    found = depth_metrics(pred, target, valid)
    assert found.keys() == REFERENCE.keys()
    for name, reference in REFERENCE.items():
        assert found[name].count == len(pixels)
        assert found[name].value == pytest.approx(reference(pixels), rel=1e-9, abs=1e-12), name


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), share=st.floats(0.05, 1), spread=st.floats(1e-6, 2), scale=st.floats(1e-3, 1e3))
def test_every_metric_agrees_with_the_slow_reference_whatever_lies_in_the_holes(seed, share, spread, scale):
    rng = np.random.default_rng(seed)
    target = rng.uniform(0.5, 80, (11, 9))
    pred = scale * target * np.exp(rng.normal(0, spread, target.shape))
    valid = rng.random(target.shape) < share
    valid[0, 0] = True
    for values in (pred, target):
        values[~valid] = rng.choice([0.0, -1.0, np.nan, np.inf, -np.inf], np.count_nonzero(~valid))
    assert_agrees_with_the_reference(pred, target, valid)


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_maps_agree_with_the_slow_reference_with_numba_and_without(monkeypatch, numba, dtype):
    if numba:
        pytest.importorskip("numba")
    else:
        without_numba(monkeypatch)
    pred, target, valid = maps(0, LARGE)
    valid[:90] = True
    assert valid.sum() > depth_sums.SMALLEST
    assert_agrees_with_the_reference(pred.astype(dtype), target.astype(dtype), valid)


def test_the_compiled_loops_give_the_sums_of_numpy(monkeypatch):
    pytest.importorskip("numba")
    pred, target, some = maps(1, LARGE)
    p, t = pred.ravel(), target.ravel()
    far = t > 10
    classes = [None, some.ravel(), far, ~far, np.zeros(t.size, bool)]
    compiled = depth_sums.sum_up(p, t, BOOSTER_THRESHOLDS, classes)
    without_numba(monkeypatch)
    for one, other in zip(compiled, depth_sums.sum_up(p, t, BOOSTER_THRESHOLDS, classes), strict=True):
        assert (one.count, one.within) == (other.count, other.within)
        for name in ("relative", "squared_relative", "error", "squared", "abs_log", "log_about"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12)
        assert one.log == pytest.approx(other.log, abs=1e-12 * one.abs_log)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("place", [0, -1])
def test_a_number_that_is_no_depth_is_refused_wherever_it_lies(bad, place):
    good = np.full(3 * depth_sums.BLOCK + 5, 2.0)
    broken = good.copy()
    broken[place] = bad
    with pytest.raises(LeadlineError, match="1 valid predicted depths are not finite and positive"):
        depth_metrics(broken, good)
    with pytest.raises(LeadlineError, match="1 valid true depths are not finite and positive"):
        depth_metrics(good, broken)


def test_the_single_functions_give_what_the_dictionary_gives():
    pred, target, valid = maps(5)
    together = depth_metrics(pred, target, valid)
    for name, function in FUNCTIONS.items():
        assert function(pred, target, valid) == together[name]
    for name in LOG_ERRORS:
        assert silog(pred, target, valid, variant=name) == together[name]
    assert list(delta(pred, target, valid)) == [together[f"delta{i}"] for i in (1, 2, 3)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 13), max_size=4))
def test_tallies_of_any_split_add_up_to_the_whole(seed, cuts):
    pred, target, valid = maps(seed)
    bounds = [0, *sorted(cuts), 13]
    parts = [depth_metrics(pred[a:b], target[a:b], valid[a:b]) for a, b in pairwise(bounds)]
    for name, whole in depth_metrics(pred, target, valid).items():
        summed = reduce(add, (part[name] for part in parts))
        assert summed.count == whole.count == valid.sum()
        assert summed.value == pytest.approx(whole.value, rel=1e-10)


def test_adding_tallies_is_not_the_mean_of_means():
    near, far = abs_rel([2.0], [1.0]), abs_rel([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    assert (near + far).value == 0.25
    with pytest.raises(TypeError, match="abs_rel and rmse"):
        near + rmse([1.0], [1.0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(1e-3, 1e3))
def test_all_but_rmse_sq_rel_and_mae_are_free_of_the_unit(seed, factor):
    pred, target, valid = maps(seed)
    before, after = depth_metrics(pred, target, valid), depth_metrics(pred * factor, target * factor, valid)
    for name, tally in before.items():
        if not name.startswith("delta"):  # a pixel at a threshold may fall to either side
            expected = tally.value * (factor if name in IN_METRES else 1)
            assert after[name].value == pytest.approx(expected, rel=1e-9), name


def test_silog_does_not_see_a_wrong_scale_and_the_others_do():
    pred, target, valid = maps(1)
    before, after = depth_metrics(pred, target, valid), depth_metrics(3 * pred, target, valid)
    for name in ("silog", "si_rmse", "silog_variance"):
        assert after[name].value == pytest.approx(before[name].value)
    for name in ("rmse_log", "silog_eigen", "silog_depth_anything", "silog_bts"):
        assert after[name].value > before[name].value + 0.3


def test_each_variant_of_silog_is_the_one_published_under_its_name():
    # ln pred - ln target is 3 and 1: mean 2, mean of squares 5, variance 1.
    found = depth_metrics(np.exp([3.0, 1.0]), np.ones(2))
    values = {name: found[name].value for name in LOG_ERRORS}
    assert values == pytest.approx(
        {
            "silog": 100.0,
            "si_rmse": 1.0,
            "silog_eigen": 5 - 0.5 * 4,
            "silog_variance": 1.0,
            "silog_depth_anything": (5 - 0.5 * 4) ** 0.5,
            "silog_bts": 10 * (5 - 0.85 * 4) ** 0.5,
        },
        rel=1e-12,
    )
    with pytest.raises(LeadlineError, match="unknown silog variant 'mine': expected one of silog, si_rmse"):
        silog([1.0], [1.0], variant="mine")


def test_a_wrong_scale_does_not_drown_a_small_spread():
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 1e-6, 500)
    target = rng.uniform(1, 2, 500)
    pred = 1000 * target * np.exp(errors)
    found = silog(pred, target)
    # The mean of squares less the squared mean, 47.7 less 47.7, keeps three digits of this.
    assert found.value == pytest.approx(slow.silog(slow.pairs(pred, target, np.ones(500))), rel=1e-9)
    assert found.value == pytest.approx(100 * errors.std(), rel=1e-6)
    halves = silog(pred[:100], target[:100]) + silog(pred[100:], target[100:])
    assert halves.value == pytest.approx(found.value, rel=1e-9)


def test_a_perfect_map_scores_perfectly():
    _, target, valid = maps(2)
    values = {name: tally.value for name, tally in depth_metrics(target, target, valid).items()}
    assert values == {name: 1.0 if name.startswith("delta") else 0.0 for name in REFERENCE}


def test_delta_is_strict_and_symmetric_and_takes_other_thresholds():
    pred, target = np.array([1.25, 0.8, 1.2499]), np.ones(3)
    assert delta(pred, target)[0].value == pytest.approx(1 / 3)
    tight = delta(np.array([1.04, 1.06]), np.ones(2), None, (1.05,))[0]
    assert (tight.name, tight.value) == ("delta_1.05", 0.5)


@pytest.mark.parametrize("numba", [True, False])
def test_a_ratio_at_the_threshold_is_outside_of_it_in_large_maps_too(monkeypatch, numba):
    if not numba:
        without_numba(monkeypatch)
    target = np.linspace(1, 9, 10_000)
    for pred in (target * 1.25, target / 1.25):
        expected = np.count_nonzero(np.maximum(pred / target, target / pred) < 1.25)
        assert delta(pred, target)[0].sums == (expected,)


def test_boosters_thresholds_are_named_by_their_ratio_and_the_share_falls_with_them():
    pred, target, valid = maps(7)
    found = delta(pred, target, valid, BOOSTER_THRESHOLDS)
    assert [tally.name for tally in found] == ["delta1", "delta_1.2", "delta_1.15", "delta_1.1", "delta_1.05"]
    assert [tally.value for tally in found] == sorted((tally.value for tally in found), reverse=True)
    pixels = slow.pairs(pred, target, valid)
    for tally, bound in zip(found, BOOSTER_THRESHOLDS, strict=True):
        assert tally.value == pytest.approx(slow.delta(pixels, bound))


@pytest.mark.parametrize("bound", [1.0, 0.8, -1.0, float("nan")])
def test_a_threshold_that_no_ratio_can_be_below_is_refused(bound):
    with pytest.raises(LeadlineError, match="expected a ratio above 1"):
        delta([1.0], [1.0], None, (1.25, bound))


def test_what_lies_behind_the_mask_is_never_touched():
    pred, target, valid = maps(3)
    expected = depth_metrics(pred, target, valid)
    pred[~valid], target[~valid] = np.nan, -1.0
    assert depth_metrics(pred, target, valid) == expected


def test_no_valid_pixel_gives_nan_and_adds_nothing():
    pred, target, valid = maps(4)
    nothing = depth_metrics(pred, target, np.zeros_like(valid))
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in nothing.values())
    for name, tally in depth_metrics(pred, target).items():
        assert nothing[name] + tally == tally == tally + nothing[name]


def test_one_valid_pixel_has_errors_but_no_spread():
    pred, target, _ = maps(4)
    valid = np.zeros(target.shape, bool)
    valid[2, 3] = True
    found = depth_metrics(pred, target, valid)
    assert found["abs_rel"].value == pytest.approx(abs(pred[2, 3] / target[2, 3] - 1))
    assert found["rmse_log"].value == pytest.approx(abs(np.log(pred[2, 3] / target[2, 3])))
    assert [found[name].value for name in ("silog", "si_rmse", "silog_variance")] == [0, 0, 0]
    assert all(tally.count == 1 for tally in found.values())


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_a_valid_pixel_that_is_no_depth_is_refused_instead_of_dropped(bad):
    pred, target, valid = maps(0)
    valid[0, 0] = True
    broken = pred.copy()
    broken[0, 0] = bad
    for maps_with_hole in ((broken, target), (target, broken)):
        with pytest.raises(LeadlineError, match=r"1 valid (predicted|true) depths are not finite and positive"):
            abs_rel(*maps_with_hole, valid)


def test_maps_of_unequal_size_are_refused_instead_of_broadcast():
    with pytest.raises(LeadlineError, match="resize the prediction first"):
        abs_rel(np.ones((4, 1)), np.ones((4, 3)))
    with pytest.raises(LeadlineError, match="resize the prediction first"):
        abs_rel(np.ones((4, 3)), np.ones((4, 3)), np.ones((3, 4), bool))


@pytest.mark.parametrize("hw", [(13, 17), LARGE])
def test_a_class_scores_as_its_pixels_alone_do(hw):
    pred, target, some = maps(8, hw)
    far = target > 10
    classes = {"all": np.ones(hw, bool), "far": far, "near": ~far, "some": some, "none": np.zeros(hw, bool)}
    found = depth_metrics_by_class(pred, target, classes, (1.25, 1.05))
    assert list(found) == list(classes)
    for of, mask in classes.items():
        alone = depth_metrics(pred, target, mask, (1.25, 1.05))
        assert found[of].keys() == alone.keys()
        for name, tally in alone.items():
            assert found[of][name].count == tally.count == mask.sum()
            assert found[of][name].value == pytest.approx(tally.value, rel=1e-12, nan_ok=True)
    both = {name: found["far"][name] + found["near"][name] for name in found["all"]}
    assert {name: tally.value for name, tally in both.items()} == pytest.approx(
        {name: tally.value for name, tally in found["all"].items()}, rel=1e-12
    )


def test_a_class_far_off_in_scale_keeps_its_own_small_spread():
    rng = np.random.default_rng(0)
    target = rng.uniform(1, 2, 400)
    sky = np.arange(400) >= 200
    pred = target * np.where(sky, 500.0, 1.0) * np.exp(rng.normal(0, 1e-6, 400))
    found = depth_metrics_by_class(pred, target, {"sky": sky})
    assert found["sky"]["silog"].value == pytest.approx(slow.silog(slow.pairs(pred, target, sky)), rel=1e-9)


def test_a_class_of_another_shape_is_refused():
    with pytest.raises(LeadlineError, match=r"class 'far' of shape \(2,\) for pixels of shape \(3,\)"):
        depth_metrics_by_class(np.ones(3), np.ones(3), {"far": np.ones(2, bool)})


def test_a_bad_depth_is_refused_even_outside_every_class():
    with pytest.raises(LeadlineError, match="1 valid predicted depths"):
        depth_metrics_by_class(np.array([1.0, 0.0]), np.ones(2), {"first": np.array([True, False])})


def test_the_maps_are_not_written_to():
    pred, target, _ = maps(9, LARGE)
    before = pred.copy(), target.copy()
    depth_metrics(pred, target)
    assert gather(pred, target).log_ratio.shape == (pred.size,)
    assert (pred == before[0]).all()
    assert (target == before[1]).all()


def test_torch_tensors_are_taken_as_they_are():
    torch = pytest.importorskip("torch")
    pred, target, valid = maps(6)
    ours = depth_metrics(torch.tensor(pred), torch.tensor(target), torch.tensor(valid))
    # as_numpy goes through float32
    assert ours["rmse"].value == pytest.approx(depth_metrics(pred, target, valid)["rmse"].value, rel=1e-6)
