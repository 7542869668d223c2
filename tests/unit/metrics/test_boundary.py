"""Depth boundaries: both scores against a slow twin, what they are free of, and what a blur costs."""

from functools import reduce
from operator import add

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import boundary as slow

from leadline.errors import LeadlineError
from leadline.metrics.boundary import THRESHOLDS, Empty, boundary_f1, mask_boundary_recall


def maps(seed, hw=(13, 17)):
    """Blocky depth with steps of all sizes, a noisy copy, and a mask with holes."""
    rng = np.random.default_rng(seed)
    blocks = np.kron(np.exp(rng.normal(0, 0.15, (5, 6))), np.ones((3, 3)))[: hw[0], : hw[1]]
    target = 3 * blocks * np.exp(rng.normal(0, 0.01, hw))
    return target * np.exp(rng.normal(0, 0.04, hw)), target, rng.random(hw) < 0.85


def square(hw=(24, 30), inside=2.0, outside=4.0):
    """A near square before a far wall, and its mask."""
    mask = np.zeros(hw, bool)
    mask[7:16, 9:20] = True
    return np.where(mask, inside, outside), mask


def blurred(depth, size=5):
    return cv2.blur(depth, (size, size), borderType=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("empty", Empty)
@pytest.mark.parametrize("seed", range(3))
def test_f1_agrees_with_the_slow_reference(seed, empty):
    pred, target, valid = maps(seed)
    for mask in (None, valid):
        every = np.ones_like(valid) if mask is None else mask
        expected = slow.f1(pred, target, every, THRESHOLDS, skip=empty is Empty.SKIP)
        assert 0.4 < expected < 0.95
        assert boundary_f1(pred, target, mask, empty=empty).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("empty", Empty)
@pytest.mark.parametrize("seed", range(3))
def test_mask_recall_agrees_with_the_slow_reference(seed, empty):
    pred, target, valid = maps(seed)
    alpha = np.clip(1.3 - target / 3, 0, 1)
    for mask in (None, valid):
        every = np.ones_like(valid) if mask is None else mask
        expected = slow.mask_recall(pred, alpha, every, THRESHOLDS, skip=empty is Empty.SKIP)
        assert 0.1 < expected < 0.95
        assert mask_boundary_recall(pred, alpha, mask, empty=empty).value == pytest.approx(expected, rel=1e-12)


def test_the_twins_agree_where_some_directions_have_no_boundary():
    ramp = np.tile(np.exp(0.2 * np.arange(8.0)), (6, 1)) * np.linspace(1, 1.02, 6)[:, None]
    noisy = ramp * np.exp(np.random.default_rng(0).normal(0, 0.05, ramp.shape))
    every, inside = np.ones(ramp.shape, bool), np.arange(8)[None] < np.full((6, 1), 4)
    for skip, empty in ((False, "zero"), (True, "skip")):
        assert boundary_f1(noisy, ramp, empty=empty).value == pytest.approx(slow.f1(noisy, ramp, every, THRESHOLDS, skip))
        expected = slow.mask_recall(noisy, inside, every, THRESHOLDS, skip)
        assert mask_boundary_recall(noisy, inside, empty=empty).value == pytest.approx(expected)


def test_thresholds_are_the_published_ones():
    assert (THRESHOLDS[0], THRESHOLDS[-1], len(THRESHOLDS)) == (1.05, 1.25, 10)


def test_a_threshold_weighs_by_its_own_size():
    # The truth's step is above all thresholds, the prediction's above the first alone.
    target, mask = square()
    score = boundary_f1(np.where(mask, 3.6, 4.0), target, thresholds=(1.1, 1.2)).value
    assert score == pytest.approx(1.1 / (1.1 + 1.2))


def test_a_perfect_map_scores_one():
    target, mask = square()
    assert boundary_f1(target, target).value == 1
    assert mask_boundary_recall(target, mask).value == 1
    _, target, valid = maps(1)
    assert boundary_f1(target, target, valid).value == 1


def test_by_the_published_rule_a_perfect_map_with_one_step_scores_a_quarter():
    step = np.where(np.arange(10) < 5, 4.0, 2.0) * np.ones((8, 1))
    assert boundary_f1(step, step).value == 0.25
    assert boundary_f1(step, step, empty="skip").value == 1


def test_scores_are_free_of_the_scale_of_depth():
    pred, target, valid = maps(2)
    before = boundary_f1(pred, target, valid), mask_boundary_recall(pred, target < 3, valid)
    for factor in (1e-3, 0.37, 1.9, 1e4):
        after = boundary_f1(factor * pred, target, valid), mask_boundary_recall(factor * pred, target < 3, valid)
        assert after == before


def test_scores_are_not_free_of_a_shift_of_disparity():
    target, _ = square()
    assert boundary_f1(1 / (1 / target + 3), target).value < 0.9


def test_a_mirrored_or_turned_scene_scores_the_same():
    pred, target, valid = maps(3)
    expected = boundary_f1(pred, target, valid).value
    for turn in (np.fliplr, np.flipud, np.transpose):
        assert boundary_f1(turn(pred), turn(target), turn(valid)).value == pytest.approx(expected, rel=1e-12)


def test_a_blurred_step_scores_less_and_the_more_the_wider():
    target, _ = square()
    f1 = [boundary_f1(blurred(target, size), target).value for size in (1, 3, 5, 9)]
    assert f1[0] == 1
    assert f1[0] > f1[1] > f1[2] > f1[3]


def test_a_blur_loses_the_outline_of_a_mask_once_it_moves_the_steepest_step():
    # In ratios a blurred step is steepest at its near end: 4, 3.33, 2.67, 2 misses the outline, 4, 3.8, 2.2, 2 still has it.
    target, mask = square()
    slight = 0.7 * target + 0.3 * blurred(target, 3)
    assert boundary_f1(slight, target).value < 1
    assert mask_boundary_recall(slight, mask).value == 1
    assert mask_boundary_recall(blurred(target, 3), mask).value == 0


def test_recall_counts_the_steepest_step_of_a_run_alone():
    # Three steps side by side, all above the thresholds; the outline is at the first, the steepest is the second.
    depth = np.array([[8.0, 6.0, 3.0, 2.0, 2.0]])
    assert mask_boundary_recall(depth, [[0, 1, 1, 1, 1]], empty="skip").value == 0
    assert mask_boundary_recall(depth, [[0, 0, 1, 1, 1]], empty="skip").value == 1


def test_of_equal_steps_in_a_run_the_first_counts():
    depth = np.array([[4.0, 2.0, 1.0]])
    assert mask_boundary_recall(depth, [[0, 1, 1]], empty="skip").value == 1
    assert mask_boundary_recall(depth, [[0, 0, 1]], empty="skip").value == 0


def test_a_run_ends_with_its_row():
    # A step at the end of the first row and one at the start of the second are two runs.
    depth = np.array([[4.0, 4.0, 2.0], [8.0, 2.0, 2.0]])
    assert mask_boundary_recall(depth, [[0, 0, 1], [0, 1, 1]], thresholds=(1.2,)).sums[0] == 2


def test_a_step_of_the_wrong_sign_is_no_hit():
    near, mask = square()
    far, _ = square(inside=4.0, outside=2.0)
    assert boundary_f1(far, near).value == 0
    assert mask_boundary_recall(far, mask).value == 0


def test_alpha_above_a_tenth_is_inside():
    depth = np.array([[4.0, 2.0]])
    assert mask_boundary_recall(depth, [[0.1, 0.11]], empty="skip").value == 1
    assert np.isnan(mask_boundary_recall(depth, [[0.2, 0.3]], empty="skip").value)


def test_a_ratio_at_the_threshold_is_no_boundary():
    depth = np.array([[5.0, 4.0]])  # 1.25 to the last bit
    for thresholds, expected in (((1.25,), 0), ((1.24,), 1), ((1.1, 1.25), 0), ((1.1, 1.24), 1)):
        true_at_the_last = boundary_f1(depth, depth, thresholds=thresholds).sums[-4:]
        assert sum(true_at_the_last) == expected
        hits_and_outline = mask_boundary_recall(depth, [[0, 1]], thresholds=thresholds).sums
        assert sum(hits_and_outline[:-4]) == expected + len(thresholds) - 1


def test_a_flat_prediction_finds_nothing():
    target, mask = square()
    for empty in Empty:
        assert boundary_f1(np.ones_like(target), target, empty=empty).value == 0
        assert boundary_f1(target, np.ones_like(target), empty=empty).value == 0
        assert mask_boundary_recall(np.ones_like(target), mask, empty=empty).value == 0


def test_without_any_boundary_the_published_rule_gives_zero_and_skip_gives_nan():
    flat = np.ones((5, 6))
    assert boundary_f1(flat, flat).value == 0
    assert mask_boundary_recall(flat, np.zeros((5, 6), bool)).value == 0
    assert np.isnan(boundary_f1(flat, flat, empty="skip").value)
    assert np.isnan(mask_boundary_recall(flat, np.zeros((5, 6), bool), empty="skip").value)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(1, 12))
def test_tallies_of_pictures_add_up_to_the_pooled_score(seed, rows):
    # Two pictures, and one in which an invalid row keeps them apart.
    pred, target, valid = maps(seed)
    pred[rows], target[rows], valid[rows] = np.nan, np.nan, False
    parts = [np.s_[:rows], np.s_[rows + 1 :]] if rows < 12 else [np.s_[:rows]]
    for score in (boundary_f1, lambda p, t, v: mask_boundary_recall(p, t < 3, v)):
        whole = score(pred, target, valid)
        summed = reduce(add, (score(pred[part], target[part], valid[part]) for part in parts))
        assert (summed.count, summed.sums) == (whole.count, whole.sums)
        assert summed.value == whole.value


def test_tallies_of_other_thresholds_or_rules_do_not_add_up():
    target, _ = square()
    for other in (boundary_f1(target, target, thresholds=(1.1,)), boundary_f1(target, target, empty="skip")):
        with pytest.raises(TypeError, match="can't add"):
            boundary_f1(target, target) + other


def test_what_lies_behind_the_mask_is_never_touched():
    pred, target, valid = maps(4)
    expected = boundary_f1(pred, target, valid), mask_boundary_recall(pred, target < 3, valid)
    alpha = (target < 3).astype(float)
    pred[~valid], target[~valid], alpha[~valid] = np.nan, -1.0, np.nan
    assert (boundary_f1(pred, target, valid), mask_boundary_recall(pred, alpha, valid)) == expected
    nothing = boundary_f1(pred, target, np.zeros_like(valid))
    assert nothing.count == 0
    assert np.isnan(nothing.value)


def test_bad_arguments_are_refused_in_one_line():
    one = np.ones((4, 5))
    broken = one.copy()
    broken[1, 1] = 0
    cases = {
        r"shapes \(4, 5\), \(4, 4\)": lambda: boundary_f1(one, one[:, :4]),
        r"shapes \(1, 4, 5\)": lambda: boundary_f1(one[None], one[None]),
        "1 valid depths of pred are not": lambda: boundary_f1(broken, one),
        "1 valid depths of target are not": lambda: boundary_f1(one, broken),
        r"a mask of shape \(4, 4\)": lambda: mask_boundary_recall(one, one[:, :4]),
        "alpha from 0 to 255: expected 0 to 1": lambda: mask_boundary_recall(one, 255 * (np.eye(4, 5) > 0)),
        r"thresholds \(1.2, 1.1\)": lambda: boundary_f1(one, one, thresholds=(1.2, 1.1)),
        r"thresholds \(1.0,\)": lambda: boundary_f1(one, one, thresholds=(1.0,)),
        "empty 'one'": lambda: boundary_f1(one, one, empty="one"),
    }
    for message, call in cases.items():
        with pytest.raises(LeadlineError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_torch_tensors_are_taken_as_they_are():
    torch = pytest.importorskip("torch")
    pred, target, valid = maps(5)
    assert boundary_f1(*map(torch.tensor, (pred, target, valid))) == boundary_f1(pred, target, valid)
