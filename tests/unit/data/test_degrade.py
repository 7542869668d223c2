"""What degraded truth keeps and loses, on a rendered-like view with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.alignment import fit_scale_shift
from leadline.data.degrade import DEGRADATIONS, PAIRS, SENSOR_RANGE_M, degrade
from leadline.data.folder import Source
from leadline.data.synthetic.analytic import make_sample
from leadline.data.views import View, make_view
from leadline.errors import LeadlineError


@pytest.fixture(scope="module")
def view() -> View:
    return make_view(make_sample(3, (120, 160), name="analytic"), 160)


def degraded(view: View, how: str, seed: int = 0) -> View:
    return degrade(view, how, np.random.default_rng(seed))


@pytest.mark.parametrize("how", DEGRADATIONS)
def test_a_degraded_view_is_a_function_of_view_and_seed_and_keeps_its_picture(view: View, how: str) -> None:
    one, again, other = degraded(view, how), degraded(view, how), degraded(view, how, 1)
    np.testing.assert_array_equal(one.disparity, again.disparity)
    np.testing.assert_array_equal(one.pairs, again.pairs)
    assert one.image is view.image
    assert how == "relative" or not (np.array_equal(one.disparity, other.disparity) and np.array_equal(one.pairs, other.pairs))


@pytest.mark.parametrize("how", DEGRADATIONS)
def test_nothing_becomes_valid_that_was_not(view: View, how: str) -> None:
    holes = View(view.image, np.where(np.arange(160) < 80, view.disparity, -1).astype(np.float16))
    found = degraded(holes, how)
    assert (found.disparity[:, 80:] < 0).all()
    assert np.isfinite(found.disparity).all()
    assert not len(found.pairs) or found.pairs[:, [0, 2]].max() < 80


@pytest.mark.parametrize(("how", "rank"), [("rgbd", 0.99), ("relative", 0.97), ("sfm", 0.8), ("film", 0.9)])
def test_what_is_left_still_says_what_is_near(view: View, how: str, rank: float) -> None:
    found = degraded(view, how)
    valid = (found.disparity >= 0) & (view.disparity > 0)
    assert (
        np.corrcoef(*(np.argsort(np.argsort(v[valid].astype(np.float64))) for v in (found.disparity, view.disparity)))[0, 1]
        > rank
    )


def test_an_rgbd_camera_keeps_metres_and_ends_at_its_range(view: View) -> None:
    found = degraded(view, "rgbd")
    valid = found.disparity >= 0
    depth = 1 / view.disparity[valid].astype(np.float64)
    assert depth.max() < SENSOR_RANGE_M[1] + 0.1
    assert np.abs(1 / found.disparity[valid].astype(np.float64) / depth - 1).mean() < 0.02


@pytest.mark.parametrize("how", ["relative", "film"])
def test_scale_and_shift_are_lost(view: View, how: str) -> None:
    found = degraded(view, how)
    values = found.disparity[found.disparity >= 0].astype(np.float64)
    assert values.min() == pytest.approx(0, abs=0.01)
    assert values.max() == pytest.approx(1, abs=0.01)
    fit = fit_scale_shift(found.disparity, view.disparity, found.disparity >= 0)
    assert fit.scale > 0


def test_structure_from_motion_is_sparse_of_unknown_scale_and_sometimes_wrong(view: View) -> None:
    found = degraded(view, "sfm")
    valid = found.disparity >= 0
    assert 0.03 < valid.mean() < 0.12
    ratio = found.disparity[valid].astype(np.float64) / view.disparity[valid]
    wrong = np.abs(np.log(ratio / np.median(ratio))) > 0.05
    assert 0.005 < wrong.mean() < 0.08


def test_pairs_say_which_point_is_nearer_and_are_wrong_now_and_then(view: View) -> None:
    many = [degraded(view, "pairs", seed) for seed in range(20)]
    assert {found.pairs.shape for found in many} == {(PAIRS, 5)}
    assert (many[0].disparity < 0).all()
    pairs = np.concatenate([found.pairs for found in many])
    xa, ya, xb, yb = np.floor(pairs[:, :4]).astype(int).T
    right = np.sign(view.disparity[ya, xa] - view.disparity[yb, xb]) == pairs[:, 4]
    assert right.mean() == pytest.approx(0.95, abs=0.02)


def test_a_view_without_valid_pixels_stays_empty() -> None:
    empty = View(np.zeros((20, 30, 3), np.uint8), np.full((20, 30), -1, np.float16))
    for how in DEGRADATIONS:
        found = degraded(empty, how)
        assert (found.disparity < 0).all()
        assert len(found.pairs) == 0


def test_an_unknown_family_is_one_line() -> None:
    with pytest.raises(LeadlineError, match="expected #rgbd, #relative, #sfm, #film, #pairs"):
        Source.parse("worlds/rooms#flim")
