"""Stereo metrics against a slow reference, with holes in the prediction."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import stereo as slow

from leadline.data.synthetic.analytic import make_stereo_pair
from leadline.errors import LeadlineError
from leadline.metrics.stereo import bad, d1, epe, missing_share, rms, stereo_metrics

TAUS = (0.5, 1.0, 2.0, 3.0)


def maps(seed, hw=(11, 14)):
    rng = np.random.default_rng(seed)
    target = rng.uniform(1, 120, hw)
    pred = target + rng.normal(0, 4, hw)
    pred[rng.random(hw) < 0.1] = np.nan
    pred[rng.random(hw) < 0.05] = np.inf
    return pred, target, rng.random(hw) < 0.7, rng.random(hw) < 0.9


@pytest.mark.parametrize("missing", ["as_zero", "left_out"])
@pytest.mark.parametrize("seed", range(4))
def test_every_metric_agrees_with_the_slow_reference(seed, missing):
    found = stereo_metrics(*maps(seed), taus_px=TAUS, missing=missing)
    expected = slow.metrics(*maps(seed), TAUS, missing)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-12), name


def test_the_single_functions_give_what_the_dictionary_gives():
    arrays = maps(7)
    together = stereo_metrics(*arrays, taus_px=TAUS)
    single = (epe(*arrays), rms(*arrays), d1(*arrays), *bad(*arrays, TAUS), missing_share(*arrays))
    assert list(single) == list(together.values())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 11), max_size=4))
def test_tallies_of_any_split_add_up_to_the_whole(seed, cuts):
    arrays = maps(seed)
    parts = [stereo_metrics(*(array[a:b] for array in arrays)) for a, b in pairwise([0, *sorted(cuts), 11])]
    for name, whole in stereo_metrics(*arrays).items():
        summed = reduce(add, (part[name] for part in parts))
        assert summed.count == whole.count
        assert summed.value == pytest.approx(whole.value, rel=1e-10)


def test_a_perfect_disparity_scores_no_error():
    _, target, valid, _ = maps(1)
    assert {tally.value for tally in stereo_metrics(target, target, valid).values()} == {0.0}


def test_an_error_of_exactly_tau_is_not_bad():
    target = np.full(4, 10.0)
    tallies = bad(target + np.array([0.5, 2.0, -2.0, 2.001]), target, taus_px=(0.5, 2.0))
    assert [(tally.name, tally.value) for tally in tallies] == [("bad_0.5", 0.75), ("bad_2", 0.25)]


def test_d1_needs_more_than_three_pixels_and_more_than_five_percent():
    target = np.array([100.0, 100.0, 20.0, 20.0, 100.0, 60.0])
    error = np.array([4.0, 5.5, 2.5, 4.0, 5.0, 3.0])  # 4 %, 5.5 %, 2.5 px, both, exactly 5 %, exactly 3 px and 5 %
    np.testing.assert_array_equal([d1([t - e], [t]).value for t, e in zip(target, error, strict=True)], [0, 1, 0, 1, 0, 0])


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_a_pixel_without_a_prediction_is_wrong_at_any_threshold(hole):
    found = stereo_metrics(np.array([10.0, hole]), np.array([10.0, 12.0]), taus_px=(1e9,))
    assert found["bad_1e+09"].value == found["d1"].value == found["missing"].value == 0.5
    assert found["epe"].value == 6.0  # as disparity 0
    assert epe([10.0, hole], [10.0, 12.0], missing="left_out").count == 1


def test_a_mark_for_no_match_is_a_hole_only_if_the_caller_says_so():
    pred, target = np.array([5.0, -1.0]), np.array([5.0, 1.0])
    assert stereo_metrics(pred, target)["missing"].value == 0
    marked = stereo_metrics(pred, target, pred_valid=pred >= 0)
    assert (marked["missing"].value, marked["d1"].value) == (0.5, 0.5)


def test_noc_and_occ_are_masks_of_the_caller_and_add_up_to_all():
    pair = make_stereo_pair(3, (48, 64))
    target, valid = pair.pixel_disparity.values, pair.pixel_disparity.valid
    pred = target + np.where(pair.occluded, 5.0, 0.25)
    noc, occ = (stereo_metrics(pred, target, valid & region) for region in (~pair.occluded, pair.occluded))
    assert occ["epe"].count > 20
    assert (noc["bad_1"].value, occ["bad_1"].value) == (0.0, 1.0)
    everywhere = stereo_metrics(pred, target, valid)
    assert (noc["epe"] + occ["epe"]).value == pytest.approx(everywhere["epe"].value, rel=1e-12)


def test_what_lies_behind_the_mask_is_never_touched():
    pred, target, valid, given_ = maps(3)
    expected = stereo_metrics(pred, target, valid, given_)
    pred[~valid], target[~valid] = 1e300, np.inf
    assert stereo_metrics(pred, target, valid, given_) == expected


def test_no_scored_pixel_gives_nan_and_adds_nothing():
    arrays = maps(4)
    nothing = stereo_metrics(arrays[0], arrays[1], np.zeros_like(arrays[2]))
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in nothing.values())


def test_bad_input_is_refused():
    with pytest.raises(LeadlineError, match="1 valid true disparities are not finite"):
        epe([1.0, 1.0], [1.0, np.inf])
    with pytest.raises(LeadlineError, match="resize the prediction first"):
        d1(np.ones((4, 1)), np.ones((4, 3)))
    with pytest.raises(LeadlineError, match="expected 'as_zero' or 'left_out'"):
        epe([1.0], [1.0], missing="drop")
