from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.reference import depth_metrics as slow
from tests.reference.affine_disparity import depth_after_fit
from tests.unit.evaluation.known_answers import HW, Answers, depth_of, sample_of

from leadline.camera import Camera
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.evaluation.baselines import ConstantMap, VerticalRamp
from leadline.evaluation.fitting import fitted
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.runner import evaluate
from leadline.evaluation.truth import truth_of

TEN = disparity_scale_shift(10.0)


@pytest.fixture
def samples():
    return [sample_of(seed) for seed in range(4)]


def test_any_scale_and_shift_of_the_true_disparity_scores_perfectly(samples):
    result = evaluate(Answers(lambda seed: 7 / depth_of(seed) - 3), samples, TEN, "rooms")
    assert result.mean("abs_rel") < 1e-5
    assert result.mean("delta1") == 1
    assert len(result.scored) == 4


def test_scores_are_those_of_the_slow_reference(samples):
    rng = np.random.default_rng(0)
    noisy = {seed: 1 / depth_of(seed) + rng.normal(0, 0.1, HW) for seed in range(4)}
    valid = rng.random(HW) < 0.5
    masked = [sample_of(seed, valid=valid) for seed in range(4)]
    protocol = disparity_scale_shift(3.0)
    result = evaluate(Answers(noisy.__getitem__), masked, protocol)
    for seed, row in enumerate(result.rows):
        depth, mask = depth_after_fit(noisy[seed], depth_of(seed), valid, 3.0)
        pairs = slow.pairs(depth, depth_of(seed), mask)
        assert row.pixels == {"all": len(pairs)}
        for name, metric in slow.ALL.items():
            assert row.metrics["all"][name] == pytest.approx(metric(pairs), rel=1e-4), name
    assert result.mean("abs_rel") == pytest.approx(np.mean([row.metrics["all"]["abs_rel"] for row in result.rows]))


def test_a_perfect_depth_prediction_is_fitted_as_disparity_not_as_depth(samples):
    metric = Kind.parse("depth/metric")
    assert evaluate(Answers(depth_of, metric), samples, TEN).mean("abs_rel") < 1e-5
    # The same numbers under a wrong name are a wrong map: nearness turned around.
    lying = evaluate(Answers(depth_of), samples, TEN)
    assert lying.mean("abs_rel") > 0.05
    assert lying.upside_down == 4


@pytest.mark.parametrize("kind", ["depth/affine_invariant", "disparity/ordinal", "ray_distance/metric"])
def test_a_kind_that_disparity_can_not_be_fitted_to_is_refused_at_once(samples, kind):
    with pytest.raises(LeadlineError):
        evaluate(Answers(depth_of, Kind.parse(kind)), samples, TEN)


def test_a_prediction_of_another_size_is_resized_as_disparity(samples):
    small = {seed: cv2.resize(1 / depth_of(seed), (16, 12), interpolation=cv2.INTER_AREA) for seed in range(4)}
    as_disparity = evaluate(Answers(small.__getitem__), samples, TEN)
    assert as_disparity.mean("abs_rel") < 0.02
    upsampled = {seed: cv2.resize(m.astype(np.float32), HW[::-1], interpolation=cv2.INTER_LINEAR) for seed, m in small.items()}
    for row, expected in zip(as_disparity.rows, evaluate(Answers(upsampled.__getitem__), samples, TEN).rows, strict=True):
        assert row.metrics["all"]["abs_rel"] == pytest.approx(expected.metrics["all"]["abs_rel"], rel=1e-6)


def test_the_cap_bounds_both_the_truth_that_counts_and_the_depth_that_is_compared():
    values = depth_of(0)
    values[:3] = 50.0  # beyond the cap: not scored
    sample = sample_of(0, values=values)
    truth = truth_of(sample, TEN)
    np.testing.assert_array_equal(truth.index, np.arange(3 * HW[1], values.size))
    prediction = 1 / depth_of(0)
    prediction[3, 0] = -3  # far behind infinity: clamped to the cap instead of a negative depth
    row = evaluate(Answers(lambda seed: prediction), [sample], TEN).rows[0]
    assert row.scale * -3 + row.shift < 0
    assert row.metrics["all"]["rmse"] < 1
    shown = fitted(DepthMap(prediction, None, "disparity/affine_invariant"), truth, TEN).whole_depth
    assert shown.max() == pytest.approx(10)


def test_images_weigh_the_same_however_many_pixels_they_have():
    few = np.zeros(HW, bool)
    few[:5] = True
    rough = {0: 1 / depth_of(0), 1: np.random.default_rng(1).random(HW)}
    result = evaluate(Answers(rough.__getitem__), [sample_of(0), sample_of(1, valid=few)], TEN)
    first, second = (row.metrics["all"]["abs_rel"] for row in result.rows)
    assert result.mean("abs_rel") == pytest.approx((first + second) / 2)


def test_a_predictor_that_raises_is_counted_and_scored_and_the_rest_goes_on(samples):
    def answer(seed):
        if seed == 2:
            raise RuntimeError("out of memory")
        return 1 / depth_of(seed)

    result = evaluate(Answers(answer), samples, TEN)
    (failed,) = result.failures
    assert (failed.name, failed.failure) == ("s2", "RuntimeError: out of memory")
    assert failed.metrics["all"]["delta1"] == 0
    assert failed.metrics["all"]["abs_rel"] == pytest.approx(1, abs=1e-2)
    assert all(np.isfinite(value) for value in failed.metrics["all"].values())
    assert result.mean("delta1") == pytest.approx(0.75)


def test_a_hole_in_the_prediction_fails_where_it_is_scored_and_not_elsewhere():
    holed = 1 / depth_of(0)
    holed[4, 4] = np.nan
    outside = np.ones(HW, bool)
    outside[4, 4] = False
    result = evaluate(Answers(lambda seed: holed), [sample_of(0), replace(sample_of(0, valid=outside), name="masked")], TEN)
    assert [row.failure for row in result.rows] == ["1 of 768 scored pixels have no prediction", ""]


def test_a_hole_in_a_small_prediction_spoils_every_pixel_that_it_is_mixed_into():
    small = cv2.resize(1 / depth_of(0), (16, 12), interpolation=cv2.INTER_AREA)
    small[6, 6] = np.nan
    row = evaluate(Answers(lambda seed: small), [sample_of(0)], TEN).rows[0]
    assert row.failure.startswith("16 of 768")


def test_an_image_with_too_little_truth_is_skipped_by_name_and_stays_out_of_the_mean():
    few = np.zeros(HW, bool)
    few[0, :99] = True
    result = evaluate(Answers(lambda seed: 1 / depth_of(seed)), [sample_of(0, valid=few), sample_of(1)], TEN)
    assert len(result.skipped) == 1
    assert "fewer than 100" in result.rows[0].skipped
    assert result.mean("delta1") == 1
    empty = evaluate(Answers(lambda seed: 1 / depth_of(seed)), [], TEN)
    assert np.isnan(empty.mean("delta1"))
    assert empty.metrics == {}


def test_an_upside_down_map_is_kept_and_counted(samples):
    result = evaluate(Answers(lambda seed: -1 / depth_of(seed)), samples, TEN)
    assert result.mean("delta1") == 1
    assert result.upside_down == 4
    assert result.rows[0].note == "negative scale"


def test_the_constant_map_becomes_the_mean_disparity(samples):
    row = evaluate(ConstantMap(), samples[:1], TEN).rows[0]
    truth = depth_of(0)
    guess = 1 / np.mean(1 / truth)
    assert row.metrics["all"]["abs_rel"] == pytest.approx(np.mean(np.abs(guess - truth) / truth), rel=1e-5)
    assert row.note == "constant prediction"
    assert not row.failure


def test_the_ramp_is_exact_on_a_level_floor_and_wrong_on_a_ceiling():
    rows = (np.arange(HW[0]) + 0.5)[:, None] / HW[0]
    floor = np.broadcast_to(1 / (0.1 + rows), HW)
    result = evaluate(VerticalRamp(), [sample_of(0, values=floor), sample_of(1, values=floor[::-1])], TEN)
    assert result.rows[0].metrics["all"]["abs_rel"] < 1e-5
    assert [row.scale > 0 for row in result.rows] == [True, False]


def test_the_predictor_gets_the_camera_of_the_picture():
    camera = Camera.from_fov_deg(60, HW)
    predictor = Answers(lambda seed: 1 / depth_of(seed))
    evaluate(predictor, [sample_of(0, camera=camera), sample_of(1)], TEN)
    assert sorted(predictor.cameras, key=str) == sorted([camera, None], key=str)


def pair(values, **more):
    image = np.zeros((*values.shape, 3), np.uint8)
    return StereoPair("pair", image, DepthMap(values, None, "pixel_disparity/metric", more.get("camera")), **more)


def test_a_stereo_truth_without_calibration_is_disparity_up_to_scale():
    disparity = 30 / depth_of(0)
    truth = truth_of(pair(disparity), TEN)
    assert not truth.in_metres
    assert truth.disparity.min() == truth.smallest_disparity == 1
    result = evaluate(Answers(lambda seed: 1 / depth_of(0)), [pair(disparity)], TEN)
    assert result.mean("abs_rel") < 1e-5
    # AbsRel and delta do not feel the unknown unit.
    scores = [evaluate(VerticalRamp(), [pair(factor * disparity)], TEN) for factor in (1, 5)]
    assert scores[0].mean("abs_rel") == pytest.approx(scores[1].mean("abs_rel"), rel=1e-6)


def test_a_calibrated_stereo_truth_is_metric_after_its_crop_offset_is_added():
    camera = Camera.from_focal_px(40.0, HW)
    offset = 12.0
    pixels = camera.fx * 0.16 / depth_of(0)
    truth = truth_of(pair(pixels - offset + 100, camera=camera, baseline_m=0.16, offset_px=offset - 100), TEN)
    assert truth.in_metres
    np.testing.assert_allclose(1 / truth.as_map().values, depth_of(0), rtol=1e-4)


def test_a_sample_without_truth_or_with_a_truth_of_unknown_shift_is_refused():
    with pytest.raises(LeadlineError, match="no depth"):
        truth_of(replace(sample_of(0), depth=None), TEN)
    with pytest.raises(LeadlineError, match="known at least up to scale"):
        truth_of(sample_of(0, kind="disparity/affine_invariant"), TEN)
