"""Point pairs: each rate against a slow twin, the direction of a relation, and the ways to read the wrong pixel."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import ordinal as slow

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.metrics.ordinal import (
    CLOSER,
    DIW_THRESHOLDS,
    EQUAL,
    FARTHER,
    Pairs,
    pair_accuracy,
    read_pairs,
    sdr,
    tune_threshold,
    whdr,
    wkdr,
)

HW = (11, 14)


def drawn(seed, n=60, relations=(FARTHER, EQUAL, CLOSER)):
    """A depth map with ties and a hole, random points, relations and weights."""
    rng = np.random.default_rng(seed)
    depth = np.round(rng.uniform(1, 4, HW), 1)
    depth[rng.random(HW) < 0.05] = np.nan
    first, second = (rng.uniform(0, 1, (n, 2)) * (HW[1], HW[0]) for _ in range(2))
    return depth, first, second, rng.choice(relations, n), rng.gamma(1, 1, n)


def one_pair(first, second, relation, near_is_large=False):
    """A map of two pixels, and its pair."""
    return read_pairs([[first, second]], [[0, 0]], [[1, 0]], relation, near_is_large=near_is_large)


def values(tallies):
    return tuple(tally.value for tally in tallies)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("near_is_large", [False, True])
def test_whdr_agrees_with_the_slow_reference(seed, near_is_large):
    pred, first, second, relation, weight = drawn(seed, relations=(FARTHER, CLOSER))
    pairs = read_pairs(pred, first, second, relation, near_is_large=near_is_large, weight=weight)
    expected = slow.rate(slow.wrong(pred, first, second, relation, near_is_large), weight, [True] * 60)
    assert whdr(pairs).value == pytest.approx(expected, rel=1e-12)
    assert 0.3 < expected < 0.8


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("near_is_large", [False, True])
@pytest.mark.parametrize(("by", "threshold"), [("difference", 0.55), ("ratio", 1.23)])
def test_wkdr_agrees_with_the_slow_reference(seed, near_is_large, by, threshold):
    pred, first, second, relation, weight = drawn(seed)
    pairs = read_pairs(pred, first, second, relation, near_is_large=near_is_large, weight=weight)
    mistakes = slow.wrong(pred, first, second, relation, near_is_large, threshold, by)
    assert values(wkdr(pairs, threshold, by)) == pytest.approx(slow.three_rates(mistakes, weight, relation), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_sdr_agrees_with_the_slow_reference(seed):
    pred, first, second, relation, _ = drawn(seed)
    equal, unequal, total = sdr(read_pairs(pred, first, second, relation, near_is_large=False))
    mistakes = slow.wrong(pred, first, second, relation, False, 1.1, "ratio")
    assert values((total, equal, unequal)) == pytest.approx(slow.three_rates(mistakes, [1.0] * 60, relation), rel=1e-12)
    assert (total.name, equal.name, unequal.name) == ("sdr", "sdr_equal", "sdr_unequal")
    assert total.count == equal.count + unequal.count == 60


def test_tuning_agrees_with_the_slow_reference():
    images = [drawn(seed)[:4] for seed in range(4)]
    pairs = [read_pairs(*image, near_is_large=False) for image in images]
    candidates = [0.12 + 0.2 * i for i in range(10)]
    found = tune_threshold(pairs, candidates)
    assert found[:2] == pytest.approx(slow.best_threshold(images, False, candidates, "difference"))
    assert not found.at_the_end


def test_the_candidates_are_those_of_the_diw_code():
    assert (DIW_THRESHOLDS[0], DIW_THRESHOLDS[-1], len(DIW_THRESHOLDS)) == (0.11, 1.5, 140)


def test_tuning_finds_the_threshold_that_made_the_relations():
    rng = np.random.default_rng(0)
    images = []
    for n in (50, 500):
        gap = np.concatenate([rng.uniform(-0.695, 0.695, n), rng.choice([-1, 1], n) * rng.uniform(0.705, 3, n)])
        relation = np.where(np.abs(gap) > 0.7, np.sign(gap), 0).astype(int)
        images.append(Pairs(gap, np.zeros(2 * n), relation, np.ones(2 * n)))
    for pooled in (False, True):
        assert tune_threshold(images, pooled=pooled) == (0.7, 0.0, False)


def test_pooled_tuning_weighs_pairs_and_the_published_rule_weighs_images():
    # At 0.5 the small image is right and the large one wrong; at 2 the other way round.
    small = Pairs(np.array([0.2, 1.0]), np.zeros(2), np.array([EQUAL, FARTHER]), np.ones(2))
    large = Pairs(np.array([1.0, 1.0, 1.0, 3.0]), np.zeros(4), np.array([EQUAL, EQUAL, EQUAL, FARTHER]), np.ones(4))
    assert tune_threshold([small, large], (0.5, 2.0)) == (0.5, 0.5, True)
    assert tune_threshold([small, large], (0.5, 2.0), pooled=True) == (2.0, 0.5, True)


def test_tuning_without_both_sorts_of_pairs_is_refused():
    with pytest.raises(LeadlineError, match="no equal pair"):
        tune_threshold([one_pair(2.0, 1.0, FARTHER)])
    with pytest.raises(LeadlineError, match="no unequal pair"):
        tune_threshold([one_pair(2.0, 1.0, EQUAL)])
    with pytest.raises(LeadlineError, match="no threshold"):
        tune_threshold([one_pair(2.0, 1.0, EQUAL)], ())


def test_farther_means_a_larger_depth_and_a_smaller_disparity():
    assert whdr(one_pair(2.0, 1.0, FARTHER)).value == 0
    assert whdr(one_pair(2.0, 1.0, CLOSER)).value == 1
    assert whdr(one_pair(2.0, 1.0, FARTHER, near_is_large=True)).value == 1
    assert whdr(one_pair(2.0, 1.0, CLOSER, near_is_large=True)).value == 0


def test_the_closer_point_of_da_2k_has_the_larger_disparity():
    assert pair_accuracy(one_pair(0.9, 0.2, CLOSER, near_is_large=True)).value == 1
    assert pair_accuracy(one_pair(0.2, 0.9, CLOSER, near_is_large=True)).value == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_disparity_and_its_inverse_give_the_same_scores(seed):
    depth, first, second, relation, _ = drawn(seed)
    of_depth = read_pairs(depth, first, second, relation, near_is_large=False)
    of_disparity = read_pairs(1 / depth, first, second, relation, near_is_large=True)
    assert sdr(of_depth, 1.17) == sdr(of_disparity, 1.17)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_order_is_free_of_scale_and_shift_and_sdr_of_scale(seed, factor, shift):
    depth, first, second, relation, _ = drawn(seed, relations=(FARTHER, CLOSER))

    def read(pred):
        return read_pairs(pred, first, second, relation, near_is_large=False)

    assert whdr(read(np.round(100 * depth))) == whdr(read(np.round(100 * depth) * factor + shift))
    assert sdr(read(depth), 1.17) == sdr(read(depth * factor), 1.17)


def test_a_tie_is_a_wrong_order():
    tie = one_pair(1.5, 1.5, CLOSER)
    assert whdr(tie).value == 1
    assert pair_accuracy(tie).value == 0


@pytest.mark.parametrize("hole", [(np.nan, 1.0), (1.0, np.nan), (np.nan, np.nan), (np.inf, np.inf)])
@pytest.mark.parametrize("relation", [FARTHER, EQUAL, CLOSER])
def test_a_pair_without_a_prediction_is_wrong_and_counts(hole, relation):
    pairs = one_pair(*hole, relation)
    tallies = [wkdr(pairs, 0.5)[0], wkdr(pairs, 1.5, "ratio")[0], sdr(pairs)[2]]
    if relation != EQUAL:
        tallies.append(whdr(pairs))
        assert pair_accuracy(pairs).sums == (0.0,)
    assert [(tally.count, tally.value) for tally in tallies] == [(1, 1.0)] * len(tallies)


def test_an_infinitely_far_point_is_farther_than_any_other():
    assert whdr(one_pair(np.inf, 1.0, FARTHER)).value == 0
    assert sdr(one_pair(1.0, np.inf, CLOSER))[1].value == 0


def test_an_invalid_pixel_of_a_depth_map_is_no_depth_of_zero():
    depth = DepthMap([[np.nan, 5.0]])  # holds 0 where not valid, which would be the closest
    pairs = read_pairs(depth.values, [[0, 0]], [[1, 0]], CLOSER, near_is_large=False, valid=depth.valid)
    assert whdr(pairs).value == 1


def test_at_the_threshold_points_are_equal():
    assert values(wkdr(one_pair(1.5, 1.0, EQUAL), 0.5)[:2]) == (0, 0)
    assert wkdr(one_pair(1.5, 1.0, FARTHER), 0.5)[0].value == 1
    assert wkdr(one_pair(1.5, 1.0, FARTHER), 0.49)[2].value == 0
    assert wkdr(one_pair(3.0, 2.0, EQUAL), 1.5, "ratio")[0].value == 0
    assert wkdr(one_pair(2.0, 3.0, CLOSER), 1.49, "ratio")[0].value == 0


def test_a_point_reads_the_pixel_it_lies_in_and_x_comes_first():
    pred = np.arange(6.0).reshape(2, 3)
    points = [[0, 0], [0.5, 0.5], [0.99, 0.99], [1, 0], [2.5, 0.5], [2.999, 1.999]]
    pairs = read_pairs(pred, points, [[0, 1]] * 6, EQUAL, near_is_large=False)
    assert pairs.first.tolist() == [0, 0, 0, 1, 2, 5]  # not rounded: the pixel's centre is at + 0.5
    assert pairs.second.tolist() == [3] * 6  # not row 0, column 1


@pytest.mark.parametrize("point", [[3, 0], [0, 2], [-0.01, 0], [0, -1], [np.nan, 0]])
def test_a_point_outside_the_map_is_refused(point):
    with pytest.raises(LeadlineError, match=r"second point .* of pair 1 lies outside a map of 3 x 2"):
        read_pairs(np.ones((2, 3)), [[0, 0], [0, 0]], [[1, 1], point], CLOSER, near_is_large=False)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(0, 60))
def test_tallies_of_any_split_add_up_to_the_whole(seed, cut):
    pred, first, second, relation, weight = drawn(seed, relations=(FARTHER, CLOSER))

    def tallies(part):
        pairs = read_pairs(pred, first[part], second[part], relation[part], near_is_large=False, weight=weight[part])
        return (whdr(pairs), pair_accuracy(pairs), *wkdr(pairs, 0.4), *sdr(pairs))

    parts = zip(tallies(np.s_[:cut]), tallies(np.s_[cut:]), strict=True)
    for summed, whole in zip((reduce(add, both) for both in parts), tallies(np.s_[:]), strict=True):
        assert summed.count == whole.count
        assert summed.value == pytest.approx(whole.value, rel=1e-12, nan_ok=True)


def test_no_pair_gives_nan_and_adds_nothing():
    nothing = whdr(read_pairs(np.ones(HW), [], [], [], near_is_large=False))
    assert nothing.count == 0
    assert np.isnan(nothing.value)
    some = whdr(one_pair(2.0, 1.0, FARTHER))
    assert nothing + some == some


def test_a_weight_of_zero_leaves_a_pair_out():
    pairs = read_pairs([[1.0, 2.0]], [[0, 0]] * 2, [[1, 0]] * 2, [CLOSER, FARTHER], near_is_large=False, weight=[3.0, 0.0])
    assert whdr(pairs).value == 0
    assert np.isnan(whdr(read_pairs([[1.0, 2.0]], [[0, 0]], [[1, 0]], 1, near_is_large=False, weight=[0.0])).value)


def test_an_equal_pair_is_no_question_of_order():
    for metric in (whdr, pair_accuracy):
        with pytest.raises(LeadlineError, match="1 equal pairs for"):
            metric(one_pair(2.0, 1.0, EQUAL))


def test_bad_arguments_are_refused_in_one_line():
    depth, points = np.ones((2, 3)), [[0, 0]]
    cases = {
        r"shape \(6,\): expected \(height": lambda: read_pairs(np.ones(6), points, points, 1, near_is_large=False),
        r"valid mask of shape \(3, 2\)": lambda: read_pairs(
            depth, points, points, 1, near_is_large=False, valid=np.ones((3, 2), bool)
        ),
        r"first points of shape \(1, 3\)": lambda: read_pairs(depth, [[0, 0, 0]], points, 1, near_is_large=False),
        "1 first and 2 second": lambda: read_pairs(depth, points, points * 2, 1, near_is_large=False),
        "relation 2:": lambda: read_pairs(depth, points, points, 2, near_is_large=False),
        r"relations of shape \(2,\)": lambda: read_pairs(depth, points, points, [1, 1], near_is_large=False),
        "1 weights are negative": lambda: read_pairs(depth, points, points, 1, near_is_large=False, weight=[-1]),
        "difference -1:": lambda: wkdr(one_pair(1.0, 2.0, 1), -1),
        "ratio 0.9:": lambda: sdr(one_pair(1.0, 2.0, 1), 0.9),
        "threshold by 'quotient'": lambda: wkdr(one_pair(1.0, 2.0, 1), 1, "quotient"),
        "1 pairs with a predicted number of 0 or less": lambda: sdr(one_pair(0.0, 2.0, 1)),
    }
    for message, call in cases.items():
        with pytest.raises(LeadlineError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_torch_tensors_are_taken_as_they_are():
    torch = pytest.importorskip("torch")
    pred, first, second, relation, weight = drawn(3)
    ours = read_pairs(*map(torch.tensor, (pred, first, second, relation)), near_is_large=False, weight=torch.tensor(weight))
    assert wkdr(ours, 0.5) == wkdr(read_pairs(pred, first, second, relation, near_is_large=False, weight=weight), 0.5)
