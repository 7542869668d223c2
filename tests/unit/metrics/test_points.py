"""Cloud metrics against brute force, their closed forms, and empty clouds."""

import builtins
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import points as slow

from leadline.camera import Camera
from leadline.data.synthetic.analytic import make_sample
from leadline.errors import LeadlineError
from leadline.metrics.points import cloud_metrics, cloud_of_depth

pytest.importorskip("scipy")
NOTHING = np.zeros((0, 3))
BOUNDS = (0.1, 0.5)


def clouds(seed, n=40, m=55):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (n, 3)), rng.normal(0.1, 1, (m, 3))


def values(tallies):
    return {name: tally.value for name, tally in tallies.items()}


@pytest.mark.parametrize("sizes", [(40, 55), (1, 30), (30, 1), (1, 1)])
def test_every_metric_agrees_with_brute_force(sizes):
    pred, target = clouds(sum(sizes), *sizes)
    found, expected = values(cloud_metrics(pred, target, BOUNDS)), slow.metrics(pred, target, BOUNDS)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("largest", [0.2, 1.5])
def test_the_area_under_the_f_scores_agrees_with_brute_force(largest):
    pred, target = clouds(3)
    found = cloud_metrics(pred, target, (), auc_to_m=(largest,))[f"f_auc_{largest:g}"].value
    assert found == pytest.approx(slow.area(pred, target, largest), rel=1e-12)


def test_a_point_off_by_half_the_largest_threshold_scores_half_the_area():
    here, there = np.array([[0.0, 0.0, 2.0]]), np.array([[0.0, 0.0, 2.1]])
    assert cloud_metrics(here, there, (), auc_to_m=(0.2,))["f_auc_0.2"].value == pytest.approx(0.5, abs=0.01)
    assert cloud_metrics(NOTHING, there, (), auc_to_m=(0.2,))["f_auc_0.2"].value == 0


def test_a_cloud_compared_with_itself_is_perfect():
    cloud, _ = clouds(1)
    found = values(cloud_metrics(cloud, cloud[::-1], (0.05,)))
    assert found == {
        "accuracy": 0, "completeness": 0, "chamfer": 0, "precision_0.05": 1, "recall_0.05": 1, "f_score_0.05": 1
    }  # fmt: skip


def test_half_the_truth_is_accurate_and_incomplete():
    target = np.stack([np.arange(10.0), np.zeros(10), np.zeros(10)], axis=1)
    found = values(cloud_metrics(target[:5], target, (0.5,)))
    assert (found["accuracy"], found["completeness"], found["chamfer"]) == (0.0, 1.5, 0.75)  # (1 + 2 + 3 + 4 + 5) / 10
    assert (found["precision_0.5"], found["recall_0.5"]) == (1.0, 0.5)
    assert found["f_score_0.5"] == pytest.approx(2 / 3)
    turned = values(cloud_metrics(target, target[:5], (0.5,)))
    assert (turned["accuracy"], turned["completeness"]) == (1.5, 0.0)


def test_a_wall_a_little_too_far_is_that_far_away():
    camera = Camera(32, 24, 400.0, 400.0, 16.0, 12.0)
    wall = np.full(camera.hw, 2.0)
    found = values(cloud_metrics(cloud_of_depth(wall + 0.002, camera), cloud_of_depth(wall, camera), (0.002 - 1e-6, 0.0022)))
    assert found["chamfer"] == pytest.approx(0.002, rel=1e-3)  # neighbours are 5 mm apart, so each has its own pixel
    assert (found["f_score_0.001999"], found["f_score_0.0022"]) == (0.0, 1.0)


def test_a_distance_of_exactly_the_threshold_is_no_hit():
    found = values(cloud_metrics([[0.0, 0, 0.5]], [[0.0, 0, 0]], (0.5, 0.500001)))
    assert (found["precision_0.5"], found["precision_0.500001"]) == (0.0, 1.0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100))
def test_distances_carry_the_unit_and_do_not_see_a_rigid_motion(seed, factor):
    pred, target = clouds(seed, 12, 15)
    before = values(cloud_metrics(pred, target, ()))
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    after = values(cloud_metrics(factor * pred @ turn + 3, factor * target @ turn + 3, ()))
    for name, value in before.items():
        assert after[name] == pytest.approx(factor * value, rel=1e-6)


def test_tallies_of_pictures_pool_to_means_over_all_points():
    (p1, t1), (p2, t2) = clouds(1, 10, 20), clouds(2, 50, 5)
    far = 1000.0  # so far apart that no point finds one of the other picture
    together = values(cloud_metrics(np.vstack([p1, p2 + far]), np.vstack([t1, t2 + far]), BOUNDS))
    first, second = cloud_metrics(p1, t1, BOUNDS), cloud_metrics(p2, t2, BOUNDS)
    for name, value in together.items():
        assert (first[name] + second[name]).value == pytest.approx(value, rel=1e-9), name


def test_an_empty_prediction_misses_all_of_the_truth():
    _, target = clouds(3)
    found = cloud_metrics(NOTHING, target, (0.1,))
    assert found["completeness"].value == found["chamfer"].value == inf
    assert found["recall_0.1"].value == found["f_score_0.1"].value == 0
    assert found["accuracy"].count == found["precision_0.1"].count == 0
    capped = cloud_metrics(NOTHING, target, (3.0,), cap_m=2.0)
    assert capped["completeness"].value == capped["chamfer"].value == 2.0
    assert capped["recall_3"].value == 0  # a cap shortens no distance for the hits


def test_an_empty_truth_scores_nothing():
    pred, target = clouds(3)
    found = cloud_metrics(pred, NOTHING)
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in found.values())
    whole = cloud_metrics(pred, target)
    assert {name: found[name] + whole[name] for name in found} == whole


def test_a_cap_bounds_what_a_wild_point_can_do():
    cloud, _ = clouds(4)
    wild = np.vstack([cloud, [[1e6, 0, 0]]])
    assert cloud_metrics(wild, cloud)["accuracy"].value > 1e4
    assert cloud_metrics(wild, cloud, cap_m=1.0)["accuracy"].value == pytest.approx(1 / 41)


def test_the_cloud_of_an_analytic_world_is_its_surface():
    sample = make_sample(2, (24, 32))
    assert sample.depth is not None
    assert sample.camera is not None
    cloud = cloud_of_depth(sample.depth.values, sample.camera, sample.depth.valid)
    assert len(cloud) == sample.depth.valid.sum()
    np.testing.assert_allclose(cloud[:, 2], sample.depth.values[sample.depth.valid])
    assert cloud_metrics(1.1 * cloud, cloud)["chamfer"].value > 0.01


def test_bad_input_is_refused():
    camera = Camera(3, 2, 4.0, 4.0, 1.5, 1.0)
    with pytest.raises(LeadlineError, match=r"\(n, 3\) points; cloud_of_depth"):
        cloud_metrics(np.ones((4, 2)), np.ones((4, 3)))
    with pytest.raises(LeadlineError, match="1 true points are not finite"):
        cloud_metrics(np.ones((4, 3)), [[0.0, np.nan, 1.0]])
    with pytest.raises(LeadlineError, match="6 valid depths are not finite and positive"):
        cloud_of_depth(np.zeros((2, 3)), camera, np.ones((2, 3), bool))
    with pytest.raises(LeadlineError, match="expected one shape"):
        cloud_of_depth(np.ones((2, 3)), camera, np.ones((3, 2), bool))
    assert cloud_of_depth(np.zeros((2, 3)), camera).shape == (0, 3)


def test_a_missing_scipy_is_named_with_its_extra(monkeypatch):
    real = builtins.__import__

    def without_scipy(name, *args, **kwargs):
        if name.partition(".")[0] == "scipy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    with pytest.raises(LeadlineError, match=r"leadline\[eval\]"):
        cloud_metrics(*clouds(0))
