"""SSIM: against scikit-image, against a slow twin with holes, and every way to scale the inputs."""

import sys
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import ssim as slow

from leadline.depth_map import METRIC_DISPARITY, RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.metrics.structural import (
    Levels,
    Space,
    SsimInputs,
    depth_edges,
    scaled,
    split_at,
    ssim,
    structural_similarity,
)

pytest.importorskip("scipy.ndimage")
SIZES = [(7, 7), (7, 12), (8, 9), (31, 32), (64, 65), (375, 1242)]


def arrays(seed, hw, dtype):
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, 255, hw)
    second = np.clip(0.7 * first + rng.normal(20, 30, hw), 0, 255)
    return first.astype(dtype), second.astype(dtype)


def scene(seed, hw=(20, 23)):
    """A relative disparity of some depth, that depth with a step, and a truth with holes."""
    rng = np.random.default_rng(seed)
    depth = 4 + rng.uniform(0, 1, hw) + 30 * (np.arange(hw[1]) > 11)
    pred = DepthMap(3 / depth - 0.1 + rng.normal(0, 0.02, hw), kind=RELATIVE_DISPARITY)
    return pred, DepthMap(1 / depth, rng.random(hw) < 0.99, METRIC_DISPARITY)


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
@pytest.mark.parametrize("hw", SIZES)
def test_map_and_mean_equal_scikit_image(hw, dtype):
    metrics = pytest.importorskip("skimage.metrics")
    first, second = arrays(sum(hw), hw, dtype)
    mean, full = metrics.structural_similarity(first, second, data_range=255, full=True)
    ours = ssim(first, second, 255)
    assert np.abs(ours.map - full).max() < 1e-12
    assert ours.tally.value == pytest.approx(mean, abs=1e-12)
    assert ours.tally.count == (hw[0] - 6) * (hw[1] - 6)


def test_smooth_bright_maps_equal_scikit_image_though_their_variance_cancels():
    metrics = pytest.importorskip("skimage.metrics")
    y, x = np.mgrid[:375, :1242]
    first, second = 254 + x / 1242, 254 + y / 375
    mean, full = metrics.structural_similarity(first, second, data_range=255, full=True)
    ours = ssim(first, second, 255)
    assert np.abs(ours.map - full).max() < 1e-12
    assert ours.tally.value == pytest.approx(mean, abs=1e-12)


def test_a_small_range_equals_scikit_image_too():
    metrics = pytest.importorskip("skimage.metrics")
    first, second = (a / 255 for a in arrays(3, (40, 41), np.float64))
    _, full = metrics.structural_similarity(first, second, data_range=1, full=True)
    assert np.abs(ssim(first, second, 1).map - full).max() < 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_with_holes_it_agrees_with_the_slow_reference(seed):
    first, second = arrays(seed, (17, 20), np.float64)
    valid = np.random.default_rng(seed).random((17, 20)) < 0.985
    ours, expected = ssim(first, second, 255, valid), slow.ssim_map(first, second, 255, valid)
    np.testing.assert_allclose(ours.map, expected, rtol=0, atol=1e-12)
    assert 0 < ours.tally.count < 11 * 14
    assert ours.tally.value == pytest.approx(slow.mean_ssim(first, second, 255, valid), abs=1e-12)


def test_one_hole_takes_out_the_windows_that_touch_it_and_no_other():
    first, second = arrays(0, (20, 20), np.float64)
    valid = np.ones((20, 20), bool)
    valid[10, 10] = False
    holed, whole = ssim(first, second, 255, valid), ssim(first, second, 255)
    assert np.isnan(holed.map).sum() == 49
    assert np.isnan(holed.map[7:14, 7:14]).all()
    assert holed.tally.count == whole.tally.count - 49
    seen = ~np.isnan(holed.map)
    np.testing.assert_allclose(holed.map[seen], whole.map[seen], rtol=0, atol=1e-12)


def test_what_lies_behind_the_mask_is_never_touched():
    first, second = arrays(1, (15, 16), np.float64)
    valid = np.random.default_rng(1).random((15, 16)) < 0.98
    expected = ssim(first, second, 255, valid)
    first[~valid], second[~valid] = np.nan, np.inf
    got = ssim(first, second, 255, valid)
    np.testing.assert_array_equal(got.map, expected.map)
    assert got.tally == expected.tally


def test_identical_maps_score_one_and_the_negative_less_than_zero():
    first, _ = arrays(2, (12, 13), np.float64)
    assert ssim(first, first, 255).tally.value == pytest.approx(1, abs=1e-12)
    assert ssim(first, 255 - first, 255).tally.value < 0


def test_the_arguments_may_change_places():
    first, second = arrays(2, (12, 13), np.float64)
    np.testing.assert_allclose(ssim(first, second, 255).map, ssim(second, first, 255).map, rtol=0, atol=1e-12)


def test_without_a_valid_window_the_score_is_nan_and_adds_nothing():
    first, second = arrays(4, (9, 9), np.float64)
    nothing = ssim(first, second, 255, np.zeros((9, 9), bool))
    assert nothing.tally.count == 0
    assert np.isnan(nothing.tally.value)
    assert nothing.tally + ssim(first, second, 255).tally == ssim(first, second, 255).tally


def test_maps_smaller_than_the_window_are_refused():
    for hw in ((6, 9), (9, 6)):
        with pytest.raises(LeadlineError, match="expected at least 7 x 7"):
            ssim(np.ones(hw), np.ones(hw), 255)


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[eval\]'"):
        ssim(np.ones((9, 9)), np.ones((9, 9)), 255)


# Inputs


@pytest.mark.parametrize("levels", Levels)
@pytest.mark.parametrize("seed", range(2))
def test_min_max_agrees_with_the_slow_reference(seed, levels):
    pred, target = scene(seed)
    ours = structural_similarity(pred, target, SsimInputs(Space.MIN_MAX, levels))
    expected = slow.min_max(pred.values, target.values, target.valid, levels)
    for got, want in zip(ours.scaled[:2], expected, strict=True):
        np.testing.assert_allclose(got[target.valid], want[target.valid], rtol=0, atol=1e-9)
    assert ours.ssim.tally.value == pytest.approx(slow.mean_ssim(*expected, 255, target.valid), abs=1e-11)


@pytest.mark.parametrize("levels", Levels)
@pytest.mark.parametrize("cap", [None, 20.0])
@pytest.mark.parametrize("seed", range(2))
def test_fitted_inputs_agree_with_the_slow_reference(seed, cap, levels):
    pred, target = scene(seed)
    inputs = SsimInputs(Space.FITTED_DISPARITY if cap is None else Space.CAPPED_DEPTH, levels, cap)
    ours = structural_similarity(pred, target, inputs)
    expected = slow.fitted(pred.values, target.values, target.valid, levels, cap)
    for got, want in zip(ours.scaled[:2], expected, strict=True):
        np.testing.assert_allclose(got[target.valid], want[target.valid], rtol=0, atol=1e-9)
    assert ours.ssim.tally.value == pytest.approx(slow.mean_ssim(*expected, 255, target.valid), abs=1e-11)
    assert ours.scaled.fit.scale == pytest.approx(1 / 3, rel=0.1)


def test_eight_bits_are_whole_and_rounding_and_truncation_differ():
    pred, target = scene(0)
    by = {levels: scaled(pred, target, SsimInputs("min_max", levels)).pred for levels in Levels}
    assert (by[Levels.UINT8_ROUNDED] == np.rint(by[Levels.FLOAT])).all()
    assert (by[Levels.UINT8_TRUNCATED] == by[Levels.FLOAT].astype(np.uint8)).all()
    assert (by[Levels.UINT8_ROUNDED] != by[Levels.UINT8_TRUNCATED]).mean() > 0.3
    assert {by[Levels.UINT8_ROUNDED].min(), by[Levels.UINT8_ROUNDED].max()} == {0, 255}


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(0.1, 10), shift=st.floats(-1, 1))
def test_every_scaling_is_free_of_the_predictions_scale_and_shift(factor, shift):
    pred, target = scene(1)
    moved = DepthMap(factor * pred.values.astype(np.float64) + shift, kind=pred.kind)
    for inputs in (SsimInputs("min_max"), SsimInputs("fitted_disparity"), SsimInputs("capped_depth", cap_m=30)):
        before = structural_similarity(pred, target, inputs).ssim.tally.value
        # The map holds float32, and a shift costs it digits.
        assert structural_similarity(moved, target, inputs).ssim.tally.value == pytest.approx(before, abs=1e-3)


def test_min_max_is_undone_by_one_outlier_and_a_fit_is_not():
    _, target = scene(0)
    outlier = target.values.copy()
    outlier[0, 0] = 5
    pred = DepthMap(outlier, kind=RELATIVE_DISPARITY)
    valid = target.valid.copy()
    valid[0, 0] = True
    target = DepthMap(np.where(valid, target.values, 0), valid, target.kind)
    assert structural_similarity(pred, target, SsimInputs("min_max")).ssim.tally.value < 0.5
    assert structural_similarity(target, target, SsimInputs("min_max")).ssim.tally.value == pytest.approx(1, abs=1e-9)


def test_a_shifted_disparity_scores_one_in_disparity_and_far_less_once_inverted_without_the_fit():
    _, target = scene(2)
    shifted = DepthMap(target.values + 0.05, target.valid, METRIC_DISPARITY)
    assert structural_similarity(shifted, target, SsimInputs("min_max")).ssim.tally.value == pytest.approx(1, abs=1e-6)
    inverted = structural_similarity(shifted.to_depth(), target.to_depth(), SsimInputs("min_max"))
    assert inverted.ssim.tally.value < 0.9
    fitted = structural_similarity(shifted, target, SsimInputs("capped_depth", cap_m=80))
    assert fitted.ssim.tally.value == pytest.approx(1, abs=1e-5)


def test_depth_and_disparity_of_one_truth_give_the_same_fitted_score():
    pred, target = scene(3)
    for inputs in (SsimInputs("fitted_disparity"), SsimInputs("capped_depth", cap_m=25)):
        of_disparity = structural_similarity(pred, target, inputs).ssim.tally.value
        assert structural_similarity(pred, target.to_depth(), inputs).ssim.tally.value == pytest.approx(of_disparity, abs=1e-5)


def test_what_lies_beyond_the_cap_is_at_the_cap_and_infinity_too():
    values = np.tile(np.linspace(0, 1, 12), (9, 1))  # a disparity of 0 is infinitely far
    disparity = DepthMap(values, kind=METRIC_DISPARITY)
    capped = scaled(disparity, disparity, SsimInputs("capped_depth", cap_m=5))
    assert (capped.target[:, :3] == 255).all()
    assert (capped.target[:, 3] < 255).all()
    np.testing.assert_allclose(capped.pred, capped.target, atol=1e-9)


def test_a_constant_prediction_is_scored_and_its_fit_says_so():
    _, target = scene(0)
    flat = DepthMap(np.ones(target.hw), kind=RELATIVE_DISPARITY)
    similarity = structural_similarity(flat, target, SsimInputs("fitted_disparity"))
    assert similarity.scaled.fit.reason == "constant prediction"
    assert similarity.ssim.tally.value < 0.5
    assert (scaled(flat, target, SsimInputs("min_max")).pred == 0).all()


def test_no_valid_pixel_gives_nan():
    pred, target = scene(0)
    nothing = DepthMap(target.values, np.zeros(target.hw, bool), target.kind)
    for inputs in (SsimInputs("min_max"), SsimInputs("capped_depth", cap_m=30)):
        assert np.isnan(structural_similarity(pred, nothing, inputs).ssim.tally.value)


def test_tallies_of_two_scalings_do_not_add_up():
    pred, target = scene(0)
    one, other = (structural_similarity(pred, target, SsimInputs("min_max", levels)).ssim.tally for levels in list(Levels)[:2])
    assert one.name == "ssim/min_max/float"
    assert str(SsimInputs("capped_depth", "uint8_rounded", 80)) == "capped_depth_80/uint8_rounded"
    with pytest.raises(TypeError, match="can't add"):
        one + other


def test_a_prediction_with_holes_is_refused_instead_of_dropped():
    pred, target = scene(0)
    valid = pred.valid.copy()
    valid[np.nonzero(target.valid)[0][0], np.nonzero(target.valid)[1][0]] = False
    with pytest.raises(LeadlineError, match="1 valid pixels of the target have no prediction"):
        scaled(DepthMap(pred.values, valid, pred.kind), target, SsimInputs("min_max"))


def test_kinds_that_can_not_be_compared_are_refused_in_one_line():
    pred, target = scene(0)
    ordinal = DepthMap(pred.values, kind="disparity/ordinal")
    relative_depth = DepthMap(pred.values, kind="depth/affine_invariant")
    pixels = DepthMap(target.values, kind="pixel_disparity/metric")
    capped = SsimInputs("capped_depth", cap_m=30)
    cases = {
        "expected both disparity or both depth": lambda: scaled(pred, target.to_depth(), SsimInputs("min_max")),
        "SSIM of a prediction of kind disparity/ordinal": lambda: scaled(ordinal, target, SsimInputs("min_max")),
        "can't convert a depth/affine_invariant map": lambda: scaled(relative_depth, target, SsimInputs("fitted_disparity")),
        "can't convert a disparity/affine_invariant map": lambda: scaled(pred, pred, capped),
        "without a baseline": lambda: scaled(pred, pixels, capped),
        "of size": lambda: scaled(DepthMap(np.ones((8, 8))), target, SsimInputs("min_max")),
        "space 'depth': expected one of": lambda: SsimInputs("depth"),
        "levels '8': expected one of": lambda: SsimInputs("min_max", "8"),
        "cap_m None for capped_depth": lambda: SsimInputs("capped_depth"),
        "cap_m 80 for min_max": lambda: SsimInputs("min_max", cap_m=80),
        "data_range 0": lambda: ssim(np.ones((9, 9)), np.ones((9, 9)), 0),
        r"shapes \(9, 9\), \(9, 8\)": lambda: ssim(np.ones((9, 9)), np.ones((9, 8)), 255),
        "81 valid pixels hold no finite number": lambda: ssim(np.full((9, 9), np.nan), np.ones((9, 9)), 255),
        "edges of a disparity/affine_invariant map": lambda: depth_edges(pred),
        "a jump of 0 and": lambda: depth_edges(target, jump=0),
        r"edges of shape \(3, 3\)": lambda: split_at(ssim(np.ones((9, 9)), np.ones((9, 9)), 1), np.ones((3, 3))),
    }
    for message, call in cases.items():
        with pytest.raises(LeadlineError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_two_disparities_of_other_units_compare_as_they_are():
    pred, target = scene(0)
    pixels = DepthMap(700 * target.values, target.valid, "pixel_disparity/metric")
    of_pixels = structural_similarity(pred, pixels, SsimInputs("min_max")).ssim.tally.value
    assert of_pixels == pytest.approx(structural_similarity(pred, target, SsimInputs("min_max")).ssim.tally.value, abs=1e-5)


# Edges


def test_edges_lie_within_the_radius_of_a_jump_of_depth():
    depth = DepthMap(np.where(np.arange(20) < 10, 2.0, 3.0) * np.ones((9, 1)))
    for radius in (0, 3):
        columns = np.flatnonzero(depth_edges(depth, jump=0.4, radius=radius).all(axis=0)).tolist()
        assert columns == list(range(9 - radius, 11 + radius))
    assert not depth_edges(depth, jump=0.6).any()
    assert (depth_edges(depth) == depth_edges(depth.to_disparity())).all()
    assert (depth_edges(DepthMap(depth.values.T)) == depth_edges(depth).T).all()


def test_a_hole_has_no_edge():
    depth = np.full((9, 9), 2.0)
    depth[4, 4] = np.nan
    assert not depth_edges(DepthMap(depth)).any()


def test_edges_and_interiors_add_up_to_the_whole():
    pred, target = scene(4, (24, 30))
    similarity = structural_similarity(pred, target, SsimInputs("fitted_disparity")).ssim
    edges, interiors = split_at(similarity, depth_edges(target, jump=1.0))
    assert edges.name == "ssim/fitted_disparity/float/edges"
    assert edges.count > 0
    assert interiors.count > 0
    assert edges.count + interiors.count == similarity.tally.count
    assert edges.sums[0] + interiors.sums[0] == pytest.approx(similarity.tally.sums[0], rel=1e-12)


def test_a_blurred_edge_costs_at_edges_alone():
    import cv2

    depth = np.where(np.arange(40) < 20, 2.0, 8.0) * np.ones((20, 1))
    target = DepthMap(depth)
    pred = DepthMap(cv2.blur(depth, (3, 3)))
    similarity = structural_similarity(pred, target, SsimInputs("min_max")).ssim
    edges, interiors = split_at(similarity, depth_edges(target, radius=4))  # windows that the blur reaches
    assert interiors.value == pytest.approx(1, abs=1e-12)
    assert edges.value < 0.99


def test_tallies_of_pictures_add_up_to_the_mean_over_all_windows():
    maps = [structural_similarity(*scene(seed, hw), SsimInputs("min_max")).ssim for seed, hw in ((0, (20, 23)), (1, (30, 15)))]
    pooled = reduce(add, (similarity.tally for similarity in maps))
    every = np.concatenate([similarity.map[similarity.counted] for similarity in maps])
    assert (pooled.count, pooled.value) == (every.size, pytest.approx(every.mean(), rel=1e-12))
