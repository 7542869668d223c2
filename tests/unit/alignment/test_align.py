import numpy as np
import pytest

from leadline.alignment import METHODS, align, depth_from_disparity
from leadline.camera import Camera
from leadline.depth_map import (
    METRIC_DEPTH,
    METRIC_DISPARITY,
    PIXEL_DISPARITY,
    RELATIVE_DISPARITY,
    Ambiguity,
    DepthMap,
    Kind,
    Quantity,
)
from leadline.errors import LeadlineError

DEPTH = DepthMap(np.random.default_rng(0).uniform(1, 20, (12, 16)))
DISPARITY = DEPTH.to_disparity()
AFFINE = sorted(name for name in METHODS if METHODS[name].finds_shift)


def relative(scale: float = 3.0, shift: float = 5.0) -> DepthMap:
    """What a perfect affine-invariant network says of DEPTH."""
    return DepthMap(scale * DISPARITY.values + shift, kind=RELATIVE_DISPARITY, source="net.v1")


@pytest.mark.parametrize("method", AFFINE)
def test_a_perfect_disparity_network_is_perfect_after_alignment(method: str) -> None:
    """In depth space, as one peer aligns, the same network scores delta1 = 0.365."""
    aligned, fit = align(relative(), DEPTH, method)
    assert aligned.kind == METRIC_DISPARITY
    assert fit.scale == pytest.approx(1 / 3, rel=1e-4)
    depth = depth_from_disparity(aligned, cap_m=80)
    assert depth.kind == METRIC_DEPTH
    assert np.allclose(depth.values, DEPTH.values, rtol=1e-3)


def test_fitting_disparity_to_depth_raises() -> None:
    with pytest.raises(
        LeadlineError, match=r"can't fit the prediction, disparity/affine_invariant, in depth.*fit in disparity"
    ):
        align(relative(), DEPTH, space="depth")


def test_fitting_depth_to_disparity_raises_as_well() -> None:
    pred = DepthMap(DEPTH.values, kind="depth/affine_invariant")
    with pytest.raises(LeadlineError, match="fit in depth"):
        align(pred, DEPTH, space=Quantity.DISPARITY)


def test_the_target_is_brought_to_the_space_of_the_prediction() -> None:
    pred = DepthMap(2 * DEPTH.values + 1, kind="depth/affine_invariant")
    aligned, fit = align(pred, DISPARITY)
    assert aligned.kind == METRIC_DEPTH
    assert fit.scale == pytest.approx(0.5, rel=1e-5)


def test_a_metric_prediction_may_be_scored_scale_invariant_in_either_space() -> None:
    pred = DepthMap(1.1 * DEPTH.values)
    in_depth, fit = align(pred, DEPTH, "robust_scale")
    assert in_depth.kind == METRIC_DEPTH
    assert fit.scale == pytest.approx(1 / 1.1, rel=1e-5)
    in_disparity, fit = align(pred, DEPTH, "scale", space="disparity")
    assert in_disparity.kind == METRIC_DISPARITY
    assert fit.scale == pytest.approx(1.1, rel=1e-5)


def test_aligning_to_a_relative_teacher_stays_relative() -> None:
    aligned, fit = align(relative(2.0, 1.0), relative(6.0, 0.0))
    assert aligned.kind == RELATIVE_DISPARITY
    assert (fit.scale, fit.shift) == pytest.approx((3, -3), rel=1e-4)


@pytest.mark.parametrize("method", sorted(set(METHODS) - set(AFFINE)))
def test_a_scale_alone_can_not_align_an_unknown_shift(method: str) -> None:
    with pytest.raises(LeadlineError, match="use one that does"):
        align(relative(), DEPTH, method)


@pytest.mark.parametrize("side", ["pred", "target"])
def test_an_ordinal_map_has_nothing_to_fit(side: str) -> None:
    maps = {"pred": DISPARITY, "target": DISPARITY, side: DepthMap(DISPARITY.values, kind="disparity/ordinal")}
    with pytest.raises(LeadlineError, match="whdr"):
        align(**maps)


def test_sizes_must_agree() -> None:
    with pytest.raises(LeadlineError, match="resize the prediction"):
        align(DepthMap(np.ones((2, 3))), DEPTH)


def test_unknown_methods_and_spaces_are_refused_with_the_choices() -> None:
    with pytest.raises(LeadlineError, match=r"'lstsq'.*scale_shift.*theil_sen"):
        align(relative(), DEPTH, "lstsq")
    with pytest.raises(LeadlineError, match=r"'log'.*disparity"):
        align(relative(), DEPTH, space="log")


def test_a_weight_is_used_or_refused_never_ignored() -> None:
    weight = np.zeros(DEPTH.hw)
    weight[:, :4] = 1
    assert align(relative(), DEPTH, weight=weight)[1].used == 12 * 4
    with pytest.raises(LeadlineError, match="takes no weight"):
        align(relative(), DEPTH, "theil_sen", weight=weight)


def test_only_pixels_valid_in_both_are_fitted_but_all_valid_ones_are_aligned() -> None:
    pred = DepthMap(relative().values, np.arange(16) < 12 * np.ones((12, 1)), RELATIVE_DISPARITY)
    target = DepthMap(DEPTH.values, np.arange(16) >= 4 * np.ones((12, 1)))
    aligned, fit = align(pred, target)
    assert fit.used == 12 * 8
    assert np.array_equal(aligned.valid, pred.valid)


def test_without_a_common_pixel_the_result_is_flagged_and_has_no_valid_pixel() -> None:
    aligned, fit = align(relative(), DepthMap(DEPTH.values, np.zeros(DEPTH.hw)))
    assert fit.reason == "no valid pixel"
    assert not aligned.valid.any()


def test_a_constant_prediction_becomes_the_mean_disparity_and_is_flagged() -> None:
    aligned, fit = align(DepthMap(np.ones(DEPTH.hw), kind=RELATIVE_DISPARITY), DEPTH)
    assert fit.reason == "constant prediction"
    assert np.allclose(aligned.values, DISPARITY.values.mean())


def test_camera_and_source_travel_along() -> None:
    camera = Camera.from_fov_deg(60, DEPTH.hw)
    aligned, _ = align(relative(), DepthMap(DEPTH.values, camera=camera))
    assert aligned.camera == camera
    assert aligned.source == "net.v1"


def test_a_stereo_networks_pixels_are_fitted_to_metres_in_disparity() -> None:
    camera = Camera.from_fov_deg(60, DEPTH.hw)
    pixels = DepthMap(camera.fx * 0.2 * DISPARITY.values, kind=PIXEL_DISPARITY, camera=camera)
    with pytest.raises(LeadlineError, match="baseline_m"):
        align(pixels, DEPTH)
    aligned, fit = align(pixels, DEPTH, baseline_m=0.2)
    assert aligned.kind == METRIC_DISPARITY
    assert (fit.scale, fit.shift) == pytest.approx((1, 0), abs=1e-4)


def test_two_maps_of_pixels_are_fitted_as_they_are() -> None:
    kind = Kind(Quantity.PIXEL_DISPARITY, Ambiguity.AFFINE_INVARIANT)
    aligned, _ = align(DepthMap(2 * DISPARITY.values - 9, kind=kind), DepthMap(30 * DISPARITY.values, kind=PIXEL_DISPARITY))
    assert aligned.kind == PIXEL_DISPARITY
    assert np.allclose(aligned.values, 30 * DISPARITY.values, atol=1e-3)


def test_depth_can_not_be_fitted_in_pixels() -> None:
    with pytest.raises(LeadlineError, match="fit in 'depth' or 'disparity'"):
        align(DEPTH, DEPTH, space="pixel_disparity")


def test_the_cap_keeps_pixels_at_and_behind_infinity() -> None:
    fitted = DepthMap([[0.5, 0.0, -3.0, 0.001]], [[True, True, True, False]], METRIC_DISPARITY)
    depth = depth_from_disparity(fitted, cap_m=10)
    assert depth.values.tolist() == [[2.0, 10.0, 10.0, 0.0]]
    assert depth.valid.tolist() == [[True, True, True, False]]


def test_only_metric_disparity_can_be_capped() -> None:
    with pytest.raises(LeadlineError, match="align it in disparity first"):
        depth_from_disparity(relative(), 80)
    with pytest.raises(LeadlineError, match="positive depth"):
        depth_from_disparity(DISPARITY, 0)
