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
from leadline.metrics.depth import abs_rel, delta, depth_metrics, log10, rmse, rmse_log, silog, sq_rel

UNIT_FREE = ("abs_rel", "rmse_log", "log10", "silog", "delta1", "delta2", "delta3")
FUNCTIONS = {"abs_rel": abs_rel, "sq_rel": sq_rel, "rmse": rmse, "rmse_log": rmse_log, "log10": log10, "silog": silog}


def maps(seed, hw=(13, 17)):
    rng = np.random.default_rng(seed)
    target = rng.uniform(0.5, 20, hw)
    return target * np.exp(rng.normal(0, 0.3, hw)), target, rng.random(hw) < 0.6


@pytest.mark.parametrize("name", slow.ALL)
@pytest.mark.parametrize("seed", range(4))
def test_every_metric_agrees_with_the_slow_reference(name, seed):
    pred, target, valid = maps(seed)
    expected = slow.ALL[name](slow.pairs(pred, target, valid))
    assert depth_metrics(pred, target, valid)[name].value == pytest.approx(expected, rel=1e-12)


def test_the_single_functions_give_what_the_dictionary_gives():
    pred, target, valid = maps(5)
    together = depth_metrics(pred, target, valid)
    for name, function in FUNCTIONS.items():
        assert function(pred, target, valid) == together[name]
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
def test_all_but_rmse_and_sq_rel_are_free_of_the_unit(seed, factor):
    pred, target, valid = maps(seed)
    before, after = depth_metrics(pred, target, valid), depth_metrics(pred * factor, target * factor, valid)
    for name in UNIT_FREE[:4]:
        assert after[name].value == pytest.approx(before[name].value, rel=1e-9)
    for name in ("rmse", "sq_rel"):
        assert after[name].value == pytest.approx(factor * before[name].value, rel=1e-9)


def test_silog_does_not_see_a_wrong_scale_and_the_others_do():
    pred, target, valid = maps(1)
    before, after = depth_metrics(pred, target, valid), depth_metrics(3 * pred, target, valid)
    assert after["silog"].value == pytest.approx(before["silog"].value)
    assert after["rmse_log"].value > before["rmse_log"].value + 0.5


def test_a_perfect_map_scores_perfectly():
    _, target, valid = maps(2)
    values = {name: tally.value for name, tally in depth_metrics(target, target, valid).items()}
    assert values == {**dict.fromkeys(FUNCTIONS, 0.0), **dict.fromkeys(("delta1", "delta2", "delta3"), 1.0)}


def test_delta_is_strict_and_symmetric_and_takes_other_thresholds():
    pred, target = np.array([1.25, 0.8, 1.2499]), np.ones(3)
    assert delta(pred, target)[0].value == pytest.approx(1 / 3)
    tight = delta(np.array([1.04, 1.06]), np.ones(2), None, (1.05,))[0]
    assert (tight.name, tight.value) == ("delta_1.05", 0.5)


def test_what_lies_behind_the_mask_is_never_touched():
    pred, target, valid = maps(3)
    expected = depth_metrics(pred, target, valid)
    pred[~valid], target[~valid] = np.nan, -1.0
    assert depth_metrics(pred, target, valid) == expected


def test_no_valid_pixel_gives_nan_and_adds_nothing():
    pred, target, valid = maps(4)
    nothing = depth_metrics(pred, target, np.zeros_like(valid))
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in nothing.values())
    assert nothing["abs_rel"] + abs_rel(pred, target) == abs_rel(pred, target)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
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


def test_torch_tensors_are_taken_as_they_are():
    torch = pytest.importorskip("torch")
    pred, target, valid = maps(6)
    ours = depth_metrics(torch.tensor(pred), torch.tensor(target), torch.tensor(valid))
    # as_numpy goes through float32
    assert ours["rmse"].value == pytest.approx(depth_metrics(pred, target, valid)["rmse"].value, rel=1e-6)
