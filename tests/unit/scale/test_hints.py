"""Metres from what a user has, on maps whose truth is known, and what is refused or doubted."""

import numpy as np
import pytest
from tests.reference import scale as reference

from leadline import Camera, DepthMap, LeadlineError
from leadline.data.synthetic.analytic import make_sample
from leadline.depth_map import Quantity, replace_map
from leadline.scale.ground import fit_ground
from leadline.scale.hints import fit_baseline, fit_camera_height, fit_images, fit_lengths, fit_points
from leadline.scale.points import MetricPoints, parse_points, points_of_map

TRUTH = make_sample(0).depth


def known_to_scale(truth=TRUTH, factor=3.0):
    return DepthMap(truth.values / factor, truth.valid, "depth/scale_invariant", truth.camera, "net.v1")


def affine(truth=TRUTH, scale=4.0, shift=-0.1):
    return DepthMap(
        (truth.to_disparity().values - shift) / scale, truth.valid, "disparity/affine_invariant", truth.camera, "net.v1"
    )


def few(count, truth=TRUTH):
    points = points_of_map(truth, most=count)
    return MetricPoints(points.xy, points.distance_m, by_hand=True)


def near_and_far(truth=TRUTH):
    order = np.argsort(truth.values, axis=None)[[100, -100]]
    row, column = np.unravel_index(order, truth.hw)
    return MetricPoints(np.stack([column, row], 1) + 0.5, truth.values[row, column].astype(float), by_hand=True)


def test_one_point_is_enough_for_a_map_known_up_to_scale_and_the_doubt_is_said():
    factor = fit_points(known_to_scale(), few(1))
    assert factor.scale == pytest.approx(3, rel=1e-6)
    assert "add a second one" in factor.doubts[0]


def test_points_give_scale_and_shift_of_an_affine_invariant_map_and_metres_everywhere():
    factor = fit_points(affine(), few(20))
    assert factor.space is Quantity.DISPARITY
    assert (factor.scale, factor.shift) == (pytest.approx(4, rel=1e-4), pytest.approx(-0.1, abs=1e-4))
    np.testing.assert_allclose(factor.apply(affine()).values, TRUTH.values, rtol=1e-3)
    assert factor.held_out.abs_rel < 1e-4
    assert factor.doubts == ()


@pytest.mark.parametrize("quantity", ["depth", "ray_distance", "pixel_disparity"])
def test_an_unknown_shift_is_fitted_in_the_maps_own_space(quantity):
    values = {
        "depth": TRUTH.values,
        "ray_distance": TRUTH.values * TRUTH.camera.ray_lengths(),
        "pixel_disparity": 1 / TRUTH.values,
    }[quantity]
    relative = DepthMap((values + 0.2) / 5, TRUTH.valid, f"{quantity}/affine_invariant", TRUTH.camera)
    factor = fit_points(relative, few(12))
    np.testing.assert_allclose(factor.apply(relative).values, TRUTH.values, rtol=1e-3)


def test_one_point_of_an_affine_invariant_map_is_refused_with_the_remedy():
    with pytest.raises(
        LeadlineError, match=r"one point can't fix it.*at least two points at different distances.*nearer or farther"
    ):
        fit_points(affine(), few(1))


def test_taking_the_shift_for_zero_is_possible_and_doubted():
    factor = fit_points(affine(shift=0.0), few(1), zero_shift=True)
    assert factor.scale == pytest.approx(1 / 4, rel=1e-5)  # metres = scale / disparity
    assert any("shift is taken for zero" in doubt for doubt in factor.doubts)
    np.testing.assert_allclose(factor.apply(affine(shift=0.0)).values, TRUTH.values, rtol=1e-4)


def test_points_at_one_distance_are_refused():
    flat = DepthMap(np.tile(np.arange(1.0, 9.0), (6, 1)), None, "disparity/affine_invariant")
    with pytest.raises(LeadlineError, match="the same value 3 at all 2 points"):
        fit_points(flat, parse_points(["2,0=2m", "2,5=2m"]))
    with pytest.raises(LeadlineError, match="all 2 points are at one distance"):
        fit_points(flat, parse_points(["2,0=2m", "5,5=2m"]))
    with pytest.raises(LeadlineError, match="the same value 3"):
        fit_points(flat, parse_points(["2,0=2m", "2,0=2m"]))


def test_points_nearly_at_one_depth_are_doubted():
    disparity = np.tile(np.linspace(1, 2, 100), (4, 1))
    wide = DepthMap(disparity, None, "disparity/affine_invariant")
    points = parse_points([f"{x},1={1 / disparity[0, x]}m" for x in (40, 45, 50)])
    assert any("nearly at one depth" in doubt for doubt in fit_points(wide, points).doubts)
    spread = parse_points([f"{x},1={1 / disparity[0, x]}m" for x in (0, 45, 99)])
    assert fit_points(wide, spread).doubts == ()


def test_points_that_turn_the_map_upside_down_are_refused():
    with pytest.raises(LeadlineError, match="nearer where the points say farther"):
        fit_points(affine(), MetricPoints(near_and_far().xy, near_and_far().distance_m[::-1].copy()))


def test_points_of_another_picture_do_not_help_and_it_is_said():
    points = few(12)
    order = np.argsort(points.distance_m)
    swapped = np.empty(12)
    swapped[order] = points.distance_m[order[::-1]]  # the nearest gets the distance of the farthest, and so on
    factor = fit_points(known_to_scale(), MetricPoints(points.xy, swapped))
    assert any("does not help" in doubt for doubt in factor.doubts)


def test_a_shift_that_puts_much_of_the_map_at_infinity_is_doubted():
    disparity = np.tile(np.linspace(1, 2, 100), (4, 1))
    factor = fit_points(DepthMap(disparity, None, "disparity/affine_invariant"), parse_points(["50,1=50m", "90,1=2m"]))
    assert any("49% of the map lands at infinity" in doubt for doubt in factor.doubts), factor.doubts


def test_an_ordinal_map_is_refused():
    ordinal = DepthMap(TRUTH.values, TRUTH.valid, "depth/ordinal")
    with pytest.raises(LeadlineError, match="no values to scale"):
        fit_points(ordinal, few(5))


def test_a_metric_map_with_a_wrong_scale_is_mended():
    wrong = replace_map(TRUTH, values=TRUTH.values * 1.3)
    factor = fit_points(wrong, few(8))
    assert factor.scale == pytest.approx(1 / 1.3, rel=1e-5)
    assert any("claims to be metric" in note for note in factor.notes)


def test_an_objects_length_gives_the_scale_against_the_slow_distance():
    a, b = (30, 100), (200, 150)
    points = [TRUTH.values[y, x] * TRUTH.camera.rays()[y, x] for x, y in (a, b)]
    length = float(np.sqrt(sum((p - q) ** 2 for p, q in zip(*points, strict=True))))
    factor = fit_lengths(known_to_scale(), [(a, b, length)])
    assert factor.scale == pytest.approx(3, rel=1e-5)
    assert factor.held_out is None


def test_objects_that_disagree_are_doubted():
    factor = fit_lengths(known_to_scale(), [((30, 100), (200, 150), 1.0), ((30, 100), (200, 150), 2.0)])
    assert any("disagree" in doubt for doubt in factor.doubts)


@pytest.mark.parametrize("seed", [0, 1, 3, 5, 8])
def test_the_cameras_height_gives_the_scale_of_a_room(seed):
    sample = make_sample(seed)
    height = float(sample.world_from_camera[2, 3])  # the world's z is up, its floor at 0
    factor = fit_camera_height(known_to_scale(sample.depth), height)
    assert factor.scale == pytest.approx(3, rel=0.03)
    low, high = factor.interval.scale
    assert low <= factor.scale <= high


def test_the_ground_is_the_plane_through_its_pixels():
    rays = (camera := Camera.from_focal_px(60.0, (60, 80))).rays()
    normal = np.array([0.1, 0.9, 0.3]) / np.linalg.norm([0.1, 0.9, 0.3])
    z = 1.5 / np.maximum(rays @ normal, 0.05)
    depth = DepthMap(np.minimum(z, 12), None, "depth/scale_invariant", camera)
    ground = fit_ground(depth)
    corners = [depth.values[y, x] * rays[y, x] for x, y in ((5, 58), (75, 55), (40, 45))]
    assert ground.height == pytest.approx(reference.plane_height(np.array(corners)), rel=1e-4)
    assert ground.height == pytest.approx(1.5, rel=1e-4)
    assert ground.normal @ normal == pytest.approx(1, abs=1e-5)


def test_a_rough_ground_is_found_all_the_same():
    rays = (camera := Camera.from_focal_px(60.0, (60, 80))).rays()
    rng = np.random.default_rng(0)
    z = np.minimum(1.5 / np.maximum(rays[..., 1], 0.05), 12) * (1 + 0.01 * rng.standard_normal((60, 80)))
    assert fit_ground(DepthMap(z, None, "depth/scale_invariant", camera)).height == pytest.approx(1.5, rel=0.02)


def test_a_wall_is_no_ground():
    wall = DepthMap(np.full((60, 80), 3.0), None, "depth/scale_invariant", Camera.from_focal_px(60.0, (60, 80)))
    with pytest.raises(LeadlineError, match="no ground"):
        fit_camera_height(wall, 1.5)


@pytest.mark.parametrize("fit", [lambda m: fit_camera_height(m, 1.5), lambda m: fit_lengths(m, [((3, 3), (9, 9), 1.0)])])
def test_height_and_objects_need_a_camera_and_a_known_shift(fit):
    with pytest.raises(LeadlineError, match="--focal-px or --fov-deg"):
        fit(replace_map(known_to_scale(), camera=None))
    with pytest.raises(LeadlineError, match=r"unknown shift too.*two points at different"):
        fit(affine())


def test_lengths_and_heights_must_be_positive():
    with pytest.raises(LeadlineError, match="camera height -1 m"):
        fit_camera_height(known_to_scale(), -1)
    with pytest.raises(LeadlineError, match="two different pixels"):
        fit_lengths(known_to_scale(), [((3, 3), (3, 3), 1.0)])
    with pytest.raises(LeadlineError, match="baseline -1 m"):
        fit_baseline(known_to_scale(), -1)


def test_a_stereo_baseline_is_exact_and_for_stereo_maps_alone():
    pixels = DepthMap(TRUTH.camera.fx * 0.12 / TRUTH.values, TRUTH.valid, "pixel_disparity/metric", TRUTH.camera)
    np.testing.assert_allclose(fit_baseline(pixels, 0.12).apply(pixels).values, TRUTH.values, rtol=1e-5)
    with pytest.raises(LeadlineError, match="expected pixel_disparity/metric"):
        fit_baseline(affine(), 0.12)
    with pytest.raises(LeadlineError, match="focal length"):
        fit_baseline(replace_map(pixels, camera=None), 0.12)


def test_many_maps_get_one_factor_and_images_are_its_groups():
    truths = [make_sample(seed, (48, 64)).depth for seed in range(8)]
    images = [(f"i{k}", known_to_scale(truth, 3 + 0.1 * (k % 2)), points_of_map(truth)) for k, truth in enumerate(truths)]
    factor = fit_images(images)
    assert 3 <= factor.scale <= 3.1
    assert (factor.groups, factor.images[0]) == (8, "i0")
    low, high = factor.interval.scale
    assert 2.95 <= low <= high <= 3.15
    with pytest.raises(LeadlineError, match="expected maps of one kind"):
        fit_images([images[0], ("b", affine(truths[0]), points_of_map(truths[0]))])
