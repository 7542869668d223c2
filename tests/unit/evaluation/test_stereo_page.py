from pathlib import Path

import pytest

from leadline.errors import LeadlineError
from leadline.evaluation.stereo_page import CLASSICAL, FILLED, TITLES, Score, page, score
from leadline.runtime.semi_global import SemiGlobalMatching

REAL = Path(__file__).parents[4] / "shared" / "data"


def scores(bad_2, epe):
    values = [0.5] * len(TITLES)
    values[TITLES.index("bad 2")], values[TITLES.index("EPE, px")] = bad_2, epe
    return [Score("cones", tuple(values)), Score("teddy", tuple(values))]


@pytest.mark.parametrize(("bad_2", "epe", "wins"), [(0.1, 1.0, True), (0.3, 1.0, False), (0.1, 3.0, False), (0.2, 2.0, False)])
def test_a_network_beats_matching_by_both_numbers_or_not_at_all(bad_2, epe, wins):
    text = page({CLASSICAL[0]: scores(0.4, 9.0), FILLED: scores(0.2, 2.0), "mine": scores(bad_2, epe)})
    assert ("`mine` beats" in text) == wins
    assert ("`mine` does not beat" in text) != wins
    assert f"bad 2 {bad_2:.3f} against 0.200, EPE, px {epe:.3f} against 2.000" in text
    assert "| mine, mean" in text


def test_without_a_network_nothing_is_claimed():
    assert "beat" not in page({CLASSICAL[0]: scores(0.4, 9.0), FILLED: scores(0.2, 2.0)})


def test_a_missing_set_is_one_clear_line(tmp_path):
    with pytest.raises(LeadlineError, match=r"no folder .*middlebury2003: expected the real samples"):
        score(SemiGlobalMatching(), tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real samples (../shared/data) are not on this machine")
def test_filling_leaves_nothing_out_and_is_better_on_real_pairs():
    plain, filled = (score(SemiGlobalMatching(fill=fill), REAL)[0] for fill in (False, True))
    missing, epe = TITLES.index("without a match"), TITLES.index("EPE, px")
    assert plain.values[missing] > 0.05
    assert filled.values[missing] == 0
    assert filled.values[epe] < plain.values[epe]
