"""Angles of normals against a slow reference and the closed form of planes."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import normals as slow

from leadline.camera import Camera
from leadline.data.synthetic.analytic import make_world, render_view
from leadline.errors import LeadlineError
from leadline.metrics.normals import (
    BIN_DEG,
    angles_deg,
    normal_metrics,
    normal_metrics_of_depth,
    normal_metrics_of_depth_against,
)

CAMERA = Camera(40, 30, 35.0, 36.0, 19.0, 16.0)


def directions(seed, hw=(9, 12), spread=0.4):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(*hw, 3))
    pred = target + spread * rng.normal(size=(*hw, 3)) * np.linalg.norm(target, axis=-1, keepdims=True)
    return pred, target, rng.random(hw) < 0.7


def plane(x, y, camera=CAMERA):
    """Depth and normal of a plane 3 m in front, tilted by its slopes."""
    normal = np.array([x, y, -1.0]) / np.linalg.norm([x, y, -1.0])
    return 3 * normal[2] / (camera.rays() @ normal), normal


@pytest.mark.parametrize("spread", [0.4, 4e-4, 20.0])  # 4e-4: all within two or three bins
@pytest.mark.parametrize("seed", range(3))
def test_every_metric_agrees_with_the_slow_reference(seed, spread):
    arrays = directions(seed, spread=spread)
    found = normal_metrics(*arrays)
    expected = slow.metrics(slow.angles(*arrays), BIN_DEG)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-11), name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 9), max_size=4))
def test_tallies_of_any_split_add_up_to_the_whole_median_included(seed, cuts):
    arrays = directions(seed)
    parts = [normal_metrics(*(array[a:b] for array in arrays)) for a, b in pairwise([0, *sorted(cuts), 9])]
    for name, whole in normal_metrics(*arrays).items():
        summed = reduce(add, (part[name] for part in parts))
        assert summed.count == whole.count == arrays[2].sum()
        assert summed.value == pytest.approx(whole.value, rel=1e-10)
    assert reduce(add, (part["normal_median"] for part in parts)).value == normal_metrics(*arrays)["normal_median"].value


@settings(max_examples=40, deadline=None)
@given(numbers=st.lists(st.floats(0, 180), min_size=1, max_size=12))
def test_the_median_is_within_a_bin_of_the_exact_one(numbers):
    turned = np.radians(numbers)
    pred = np.stack([np.sin(turned), np.zeros_like(turned), np.cos(turned)], axis=1)
    found = normal_metrics(pred, np.broadcast_to([0.0, 0, 1], pred.shape))["normal_median"].value
    assert found == pytest.approx(slow.exact_median(numbers), abs=BIN_DEG + 1e-9)


def test_the_median_of_two_far_apart_is_midway():
    found = normal_metrics(np.array([[0.0, 0, 1], [0, 0, 1], [1, 0, 0], [1, 0, 0]]), np.array([[0.0, 0, 1]] * 4))
    assert found["normal_median"].value == pytest.approx(45, abs=BIN_DEG)


def test_tiny_angles_are_not_lost_and_opposite_normals_are_180_degrees_apart():
    tiny = 1e-9
    assert angles_deg([np.sin(tiny), 0, np.cos(tiny)], [0, 0, 1.0]) == pytest.approx(np.degrees(tiny), rel=1e-9)
    assert angles_deg([0, 0, -5.0], [0, 0, 1.0]) == 180
    found = normal_metrics([[0, 0, -1.0]], [[0, 0, 1.0]])
    assert found["normal_mean"].value == 180
    assert found["normal_median"].value == pytest.approx(180, abs=BIN_DEG)


def test_a_perfect_map_scores_perfectly():
    depth, normal = plane(0.3, -0.2)
    for found in (
        normal_metrics_of_depth(depth, depth, CAMERA),
        normal_metrics_of_depth_against(depth, np.broadcast_to(normal, (*CAMERA.hw, 3)), CAMERA),
    ):
        assert found["normal_mean"].value == pytest.approx(0, abs=1e-6)
        assert found["normal_median"].value <= BIN_DEG
        assert [found[f"normal_{bound}"].value for bound in ("11.25", "22.5", "30")] == [1, 1, 1]
        assert found["normal_mean"].count == CAMERA.width * CAMERA.height


def test_a_tilted_plane_is_off_by_the_angle_between_the_planes_at_any_scale():
    (pred, first), (target, second) = plane(0.1, 0.3), plane(-0.2, 0.1)
    angle = slow.angle_deg(first, second)
    found = normal_metrics_of_depth(7 * pred, target, CAMERA)
    assert found["normal_mean"].value == pytest.approx(angle, abs=1e-6)
    assert found["normal_rmse"].value == pytest.approx(angle, abs=1e-6)
    assert found["normal_median"].value == pytest.approx(angle, abs=BIN_DEG)
    assert 11.25 < angle < 22.5
    assert (found["normal_11.25"].value, found["normal_22.5"].value) == (0, 1)


def test_both_depths_are_read_at_the_same_pixels():
    (pred, _), (target, _) = plane(0.1, 0.3), plane(-0.2, 0.1)
    valid = np.zeros(CAMERA.hw, bool)
    valid[5:12, 8:20] = True
    valid[25, 30] = True  # alone, so without a normal
    expected = normal_metrics_of_depth(pred, target, CAMERA, valid)
    assert expected["normal_mean"].count == 7 * 12
    pred[~valid], target[~valid] = np.nan, -1
    assert normal_metrics_of_depth(pred, target, CAMERA, valid) == expected


def test_the_exact_normals_of_an_analytic_world_are_close_to_those_of_its_depth():
    world, view = make_world(np.random.default_rng(5), 60)
    shot = render_view(world, view, (60, 80))
    camera = Camera.from_fov_deg(60, (60, 80))
    depth = np.where(shot.valid, shot.depth, 1e6)  # the sky must have a depth, for the pixels beside it
    found = normal_metrics_of_depth_against(depth, shot.normals, camera, shot.valid)
    assert found["normal_mean"].count == shot.valid.sum()
    assert found["normal_median"].value < 0.1
    assert found["normal_11.25"].value > 0.9


def test_true_normals_of_another_convention_are_refused_instead_of_scored():
    depth, normal = plane(0.1, 0.2)
    flipped = np.broadcast_to(normal * (1, -1, -1), (*CAMERA.hw, 3))  # y up, z towards the viewer
    with pytest.raises(LeadlineError, match="face away from the camera"):
        normal_metrics_of_depth_against(depth, flipped, CAMERA)


def test_what_lies_behind_the_mask_is_never_touched():
    pred, target, valid = directions(2)
    expected = normal_metrics(pred, target, valid)
    pred[~valid], target[~valid] = np.nan, 0
    assert normal_metrics(pred, target, valid) == expected


def test_no_valid_pixel_gives_nan_and_adds_nothing():
    pred, target, valid = directions(3)
    nothing = normal_metrics(pred, target, np.zeros_like(valid))
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in nothing.values())
    whole = normal_metrics(pred, target, valid)
    assert {name: nothing[name] + whole[name] for name in whole} == whole


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_normal_that_is_none_is_refused_instead_of_dropped(bad):
    pred, target, _ = directions(4)
    broken = pred.copy()
    broken[1, 2] = bad
    for arrays in ((broken, target), (pred, np.where(broken == pred, target, bad))):
        with pytest.raises(LeadlineError, match=r"1 valid (predicted|true) normals are zero or not finite"):
            normal_metrics(*arrays)


def test_bad_depth_and_sizes_are_refused():
    depth, normal = plane(0.1, 0.2)
    broken = depth.copy()
    broken[3, 4] = 0
    with pytest.raises(LeadlineError, match="1 valid predicted depths are not finite and positive"):
        normal_metrics_of_depth(broken, depth, CAMERA)
    with pytest.raises(LeadlineError, match="expected one shape"):
        normal_metrics_of_depth(depth[:5], depth, CAMERA)
    with pytest.raises(LeadlineError, match="expected one size"):
        normal_metrics_of_depth_against(depth, np.ones((4, 4, 3)), CAMERA)
    with pytest.raises(LeadlineError, match="valid predicted normals are zero"):
        normal_metrics_of_depth_against(broken, np.broadcast_to(normal, (*CAMERA.hw, 3)), CAMERA)
    with pytest.raises(LeadlineError, match=r"expected \(h, w, 3\) twice"):
        normal_metrics(np.ones((4, 3)), np.ones((5, 3)))
