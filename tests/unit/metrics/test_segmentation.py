import math

import numpy as np
import pytest
from tests.reference import segmentation as slow

from leadline.errors import LeadlineError
from leadline.metrics.segmentation import class_scores, confusion, merged_classes

RNG = np.random.default_rng(0)
PRED, TARGET, VALID = RNG.integers(0, 4, (6, 7)), RNG.integers(0, 4, (6, 7)), RNG.random((6, 7)) < 0.8


def test_a_perfect_map_scores_one():
    matrix = confusion(TARGET, TARGET, VALID, 4)
    assert all(class_scores(matrix, index)[:3] == (1, 1, 1) for index in range(4))


@pytest.mark.parametrize("index", range(4))
def test_scores_equal_those_of_sets_of_pixels(index):
    found = class_scores(confusion(PRED, TARGET, VALID, 4), index)
    assert found[:3] == pytest.approx(slow.scores(PRED, TARGET, VALID, index))
    assert found.pixels == (TARGET[VALID] == index).sum()


def test_rows_are_the_truth_and_columns_what_was_said():
    matrix = confusion(np.array([[1, 1]]), np.array([[2, 1]]), np.ones((1, 2), bool), 3)
    assert matrix[2, 1] == 1
    assert matrix[1, 2] == 0


def test_matrices_of_parts_add_up():
    whole = confusion(PRED, TARGET, VALID, 4)
    parts = [confusion(PRED[rows], TARGET[rows], VALID[rows], 4) for rows in (slice(0, 2), slice(2, 6))]
    np.testing.assert_array_equal(parts[0] + parts[1], whole)


def test_merging_classes_is_merging_numbers_before():
    groups = np.array([0, 1, 1, 0])
    merged = merged_classes(confusion(PRED, TARGET, VALID, 4), ((0, 3), (1, 2)))
    np.testing.assert_array_equal(merged, confusion(groups[PRED], groups[TARGET], VALID, 2))


def test_a_class_that_nobody_has_or_says_has_no_score():
    found = class_scores(confusion(np.zeros((2, 2), int), np.zeros((2, 2), int), np.ones((2, 2), bool), 3), 1)
    assert all(math.isnan(score) for score in found[:3])
    assert found.pixels == 0


def test_numbers_beyond_the_classes_and_other_sizes_are_refused():
    with pytest.raises(LeadlineError, match="predicted classes 0 to 3: expected 0 to 2"):
        confusion(PRED, np.zeros_like(PRED), VALID, 3)
    with pytest.raises(LeadlineError, match="expected one size"):
        confusion(PRED[1:], TARGET, VALID, 4)
