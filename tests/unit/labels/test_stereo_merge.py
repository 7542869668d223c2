import numpy as np
import pytest
from tests.reference import virtual as reference
from tests.unit.labels.painted_networks import box

from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.labels import merge_stereo

HW = (24, 32)
MASK = box(HW, 6, 8, 10, 12)
INSIDE = MASK > 0
TRUTH = 20 + np.add.outer(np.arange(24.0), 0.5 * np.arange(32.0))


def stereo(values=None, valid=None):
    wrong = np.where(INSIDE, 3.0, TRUTH) if values is None else values  # it matches what is behind the glass
    return DepthMap(wrong, valid, PIXEL_DISPARITY, source="sgm")


def mono(values=None, kind="disparity/affine_invariant"):
    return DepthMap((TRUTH - 7) / 40 if values is None else values, kind=kind, source="red.v1")


@pytest.mark.parametrize("value", [1, 255])
@pytest.mark.parametrize("robust", [False, True])
def test_glass_gets_the_disparity_of_its_surface_whatever_number_marks_it(value, robust):
    merge = merge_stereo(stereo(), mono(), MASK * np.uint8(value), robust=robust)
    np.testing.assert_allclose(merge.depth.values, TRUTH, rtol=1e-5)
    np.testing.assert_array_equal(merge.depth.values[~INSIDE], stereo().values[~INSIDE])
    assert merge.replaced == INSIDE.sum()
    assert merge.depth.kind == PIXEL_DISPARITY
    assert merge.depth.source == "sgm; red.v1 on glass and mirrors"


def test_the_merge_is_that_of_a_slow_reference_with_noise_and_holes():
    rng = np.random.default_rng(0)
    disparity = np.where(rng.random(HW) < 0.1, 0, stereo().values + rng.normal(0, 0.3, HW)).astype(np.float32)
    virtual = mono(mono().values + rng.normal(0, 0.02, HW))
    merge = merge_stereo(stereo(disparity), virtual, MASK)
    expected = reference.merge_stereo(disparity, virtual.values, MASK)
    np.testing.assert_allclose(merge.depth.values[merge.depth.valid], expected[merge.depth.valid], rtol=1e-4)
    np.testing.assert_array_equal(merge.depth.valid, (disparity > 0) | INSIDE)


def test_outliers_pull_least_squares_and_not_the_robust_fit():
    values = stereo().values.copy()
    values[-3:] = 120
    plain, robust = (merge_stereo(stereo(values), mono(), MASK, robust=r) for r in (False, True))
    assert np.abs(plain.depth.values - TRUTH)[INSIDE].max() > 5
    assert np.abs(robust.depth.values - TRUTH)[INSIDE].max() < 0.01


def test_virtual_depth_of_another_size_is_resized_and_of_another_shape_refused():
    half = mono(((TRUTH - 7) / 40).reshape(12, 2, 16, 2).mean((1, 3)))
    np.testing.assert_allclose(merge_stereo(stereo(), half, MASK).depth.values[INSIDE], TRUTH[INSIDE], rtol=0.01)
    with pytest.raises(LeadlineError, match="virtual depth of 24 x 32 for a disparity of 32 x 24"):
        merge_stereo(stereo(), mono(TRUTH.T), MASK)


def test_no_overlap_for_the_fit_is_a_stated_failure():
    with pytest.raises(LeadlineError, match="0 pixels with a disparity outside the mask: expected at least 100"):
        merge_stereo(stereo(valid=INSIDE), mono(), MASK)


def test_negative_disparities_are_refused_where_they_are_most_and_unknown_where_they_are_few():
    with pytest.raises(LeadlineError, match="768 of 768 disparities are negative: expected positive ones"):
        merge_stereo(stereo(-TRUTH), mono(), MASK)
    values = stereo().values.copy()
    values[0, :5] = -1
    merge = merge_stereo(stereo(values), mono(), MASK)
    assert merge.notes == ("5 negative disparities were taken for unknown",)
    assert not merge.depth.valid[0, :5].any()


def test_virtual_depth_that_falls_where_the_disparity_rises_is_refused():
    with pytest.raises(LeadlineError, match="negative scale"):
        merge_stereo(stereo(), mono(-TRUTH), MASK)
    with pytest.raises(LeadlineError, match="constant prediction"):
        merge_stereo(stereo(), mono(np.ones(HW)), MASK)


def test_metres_are_inverted_first_and_an_affine_depth_is_refused():
    metric = mono(50 / TRUTH, "depth/metric")
    np.testing.assert_allclose(merge_stereo(stereo(), metric, MASK).depth.values, TRUTH, rtol=1e-4)
    with pytest.raises(LeadlineError, match="shift is unknown"):
        merge_stereo(stereo(), mono(50 / TRUTH, "depth/affine_invariant"), MASK)


def test_only_a_pixel_disparity_can_be_merged_into():
    with pytest.raises(LeadlineError, match="depth/metric map to merge into: expected a pixel_disparity"):
        merge_stereo(DepthMap(TRUTH), mono(), MASK)


def test_glass_that_would_lie_beyond_infinity_is_not_valid():
    values = np.where(INSIDE, -5.0, (TRUTH - 7) / 40)
    merge = merge_stereo(stereo(), mono(values), MASK)
    assert not merge.depth.valid[INSIDE].any()
    assert merge.notes == ("120 pixels on glass would have a disparity of 0 or less and are not valid",)


def test_an_empty_mask_is_said():
    assert merge_stereo(stereo(), mono(stereo().values), np.zeros(HW)).notes == (
        "the mask is empty: this is the stereo disparity",
    )
