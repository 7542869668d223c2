from dataclasses import replace

import numpy as np
import pytest
from tests.unit.evaluation.known_answers import HW, Answers, depth_of, sample_of

from leadline.camera import Camera
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity
from leadline.errors import LeadlineError
from leadline.evaluation.fitting import fitted, reason_to_refuse
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import evaluate, score_map
from leadline.evaluation.truth import truth_of

TEN = disparity_scale_shift(10.0)
NO_SHIFT = Kind(Quantity.DISPARITY, Ambiguity.SCALE_INVARIANT)


def of(quantity, ambiguity):
    return Kind(Quantity(quantity), Ambiguity(ambiguity))


@pytest.mark.parametrize(
    ("kind", "protocol", "why"),
    [
        ("disparity/affine_invariant", "metric-10m", "compares metres"),
        ("disparity/affine_invariant", "median-scale-10m", "fits in depth"),
        ("disparity/affine_invariant", "moge-affine-depth", "fits in depth"),
        ("disparity/affine_invariant", "depth-pro-boundary", "fits in depth"),
        ("disparity/affine_invariant", "stereo", "in pixels"),
        ("depth/affine_invariant", "disparity-scale-shift-10m", "fits in disparity"),
        ("depth/affine_invariant", "median-scale-10m", "fits no shift"),
        ("ray_distance/affine_invariant", "depth-scale-shift-10m", "fits in depth"),
        ("depth/scale_invariant", "metric-10m", "compares metres"),
        ("disparity/ordinal", "disparity-scale-shift-10m", "can't be fitted to an order"),
        ("pixel_disparity/affine_invariant", "stereo", "in pixels"),
    ],
)
def test_a_kind_that_the_fit_can_not_mend_is_refused_with_a_reason(kind, protocol, why):
    assert why in reason_to_refuse(Kind.parse(kind), get_protocol(protocol))


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        ("disparity/affine_invariant", "disparity-scale-shift-10m"),
        ("pixel_disparity/affine_invariant", "disparity-scale-shift-10m"),
        ("depth/metric", "disparity-scale-shift-10m"),
        ("depth/affine_invariant", "depth-scale-shift-10m"),
        ("disparity/scale_invariant", "median-scale-10m"),
        ("disparity/metric", "metric-10m"),
        ("depth/scale_invariant", "log-scale-10m"),
        ("depth/scale_invariant", "depth-pro-boundary"),
        ("disparity/ordinal", "da-2k"),
        ("pixel_disparity/metric", "stereo"),
    ],
)
def test_a_kind_that_can_be_compared_is_taken(kind, protocol):
    assert reason_to_refuse(Kind.parse(kind), get_protocol(protocol)) == ""


def test_the_refusal_names_protocols_that_fit():
    with pytest.raises(LeadlineError, match="take one of disparity-scale-shift-8m"):
        evaluate(Answers(depth_of, RELATIVE_DISPARITY), [sample_of(0)], get_protocol("metric-10m"))
    with pytest.raises(LeadlineError, match="take one of midas-nyu"):
        evaluate(Answers(depth_of, RELATIVE_DISPARITY), [sample_of(0)], get_protocol("nyu-eigen"))


@pytest.mark.parametrize(
    ("protocol", "kind", "answer"),
    [
        ("depth-scale-shift-10m", of("depth", "affine_invariant"), lambda z: 3 * z - 2),
        ("depth-scale-shift-10m", of("disparity", "metric"), lambda z: 1 / z),
        ("median-scale-10m", of("depth", "scale_invariant"), lambda z: 4 * z),
        ("median-scale-10m", of("disparity", "scale_invariant"), lambda z: 4 / z),
        ("log-scale-10m", of("depth", "scale_invariant"), lambda z: 0.1 * z),
        ("metric-10m", of("depth", "metric"), lambda z: z),
        ("metric-10m", of("disparity", "metric"), lambda z: 1 / z),
        ("moge-scale", of("depth", "scale_invariant"), lambda z: 9 * z),
        ("moge-affine-depth", of("depth", "affine_invariant"), lambda z: 9 * z + 5),
        ("moge-affine-disparity", of("disparity", "affine_invariant"), lambda z: 9 / z + 5),
        ("disparity-scale-shift-10m", of("pixel_disparity", "affine_invariant"), lambda z: 50 / z - 20),
    ],
)
def test_a_prediction_that_is_right_up_to_what_is_fitted_scores_one(protocol, kind, answer):
    result = evaluate(Answers(lambda seed: answer(depth_of(seed)), kind), [sample_of(0), sample_of(1)], get_protocol(protocol))
    assert result.mean("delta1") == 1
    assert result.mean("abs_rel") < 1e-5


def test_metres_are_not_mended_where_nothing_is_fitted():
    row = evaluate(Answers(lambda seed: 2 * depth_of(seed), METRIC_DEPTH), [sample_of(0)], get_protocol("metric-10m")).rows[0]
    assert row.metrics["all"]["abs_rel"] > 0.9
    assert (row.scale, row.shift) == (0, 0)
    assert evaluate(
        Answers(lambda seed: 2 * depth_of(seed), METRIC_DEPTH), [sample_of(0)], get_protocol("median-scale-10m")
    ).rows[0].scale == pytest.approx(0.5)


def test_a_disparity_of_zero_is_far_not_a_hole_and_not_near():
    truth = depth_of(0)
    truth[0] = 9.5
    disparity = 1 / truth
    disparity[0] = 0
    for kind, protocol in ((of("disparity", "metric"), "metric-10m"), (NO_SHIFT, "median-scale-10m")):
        row = evaluate(Answers(lambda seed: disparity, kind), [sample_of(0, values=truth)], get_protocol(protocol)).rows[0]
        assert not row.failure
        assert row.metrics["all"]["delta1"] == 1  # clamped to the cap, 10 m
    with pytest.raises(LeadlineError, match="without a positive value"):
        evaluate(Answers(lambda seed: -disparity, NO_SHIFT), [sample_of(0)], get_protocol("median-scale-10m"))


def clamped(clamp, prediction, kind=METRIC_DEPTH, **changes):
    protocol = Protocol(name="t", cap_m=4.0, space="none", solver="none", clamp=clamp, metrics=("abs_rel",), **changes)
    truth = truth_of(sample_of(0, values=np.full(HW, 2.0)), protocol)
    return fitted(DepthMap(prediction, None, kind), truth, protocol).depth


def test_each_clamp_does_what_it_says():
    prediction = np.full(HW, 2.0)
    prediction[0, :4] = (-1.0, 0.0, 3.0, 9.0)
    assert clamped("range", prediction)[:4].tolist() == [1e-3, 1e-3, 3, 4]
    assert clamped("positive", prediction)[:4].tolist() == [1e-3, 1e-3, 3, 9]


def test_clamping_before_the_fit_and_after_it_are_two_things():
    truth = depth_of(0)
    prediction = truth.copy()
    prediction[:2] = 500.0
    scores = {}
    for clamp in ("range", "range_before_fit"):
        protocol = replace(get_protocol("depth-scale-shift-10m"), clamp=clamp)
        row = score_map(DepthMap(prediction, None, METRIC_DEPTH), sample_of(0, values=truth), protocol)
        scores[clamp] = row.metrics["all"]["abs_rel"], row.scale
    assert scores["range"][1] < 0.05 < scores["range_before_fit"][1]
    assert scores["range_before_fit"][0] < scores["range"][0]


def test_truth_on_the_bounds_counts_or_does_not():
    values = np.full(HW, 2.0, np.float32)
    values[0] = 10.0
    inclusive = truth_of(sample_of(0, values=values), TEN)
    exclusive = truth_of(sample_of(0, values=values), replace(TEN, bounds="exclusive"))
    assert inclusive.index.size - exclusive.index.size == HW[1]


def test_the_range_may_have_no_end():
    values = np.full(HW, 5000.0)
    truth = truth_of(sample_of(0, values=values), get_protocol("moge-metric"))
    assert truth.index.size == values.size
    assert truth.smallest_disparity == 0


def test_resizing_as_disparity_and_as_depth_are_two_things():
    small = np.kron(np.array([[1.0, 4.0], [1.0, 4.0]]), np.ones((6, 8)))
    truth = truth_of(sample_of(0), get_protocol("median-scale-10m"))
    depths = {}
    for name, resize_as in (("depth", "space"), ("disparity", "disparity")):
        protocol = replace(get_protocol("median-scale-10m"), resize_as=resize_as)
        depths[name] = fitted(DepthMap(small, None, of("depth", "scale_invariant")), truth, protocol).prepared.values
    middle = depths["depth"][12, 15], depths["disparity"][12, 15]
    assert middle[0] == pytest.approx(1.75)
    assert middle[1] == pytest.approx(1 / (0.75 / 1 + 0.25 / 4))


def test_a_map_of_another_size_fails_where_the_protocol_resizes_nothing():
    row = score_map(DepthMap(np.ones((12, 16)), None, RELATIVE_DISPARITY), sample_of(0), replace(TEN, resize="refuse"))
    assert row.failure == "a prediction of 16 x 12 for a truth of 32 x 24, and the protocol resizes nothing"
    assert row.metrics["all"]["delta1"] == 0


def test_the_truth_may_be_the_side_that_is_resized():
    protocol = replace(TEN, resized="truth")
    values = np.kron(np.array([[1.0, 4.0], [2.0, 8.0]]), np.ones((12, 16)))
    sample = sample_of(0, values=values)
    row = score_map(DepthMap(1 / values[::2, ::2], None, RELATIVE_DISPARITY), sample, protocol)
    assert row.pixels == {"all": 12 * 16}
    assert row.metrics["all"]["abs_rel"] < 1e-6  # no depth between the four surfaces was made up
    failed = evaluate(Answers(lambda seed: 1 / 0), [sample], protocol).rows[0]
    assert failed.failure.startswith("ZeroDivisionError")
    assert failed.pixels == {"all": 24 * 32}


def test_the_score_may_have_a_size_of_its_own():
    camera = Camera.from_fov_deg(60, HW)
    protocol = replace(TEN, score_hw=(12, 16))
    truth = truth_of(sample_of(0, camera=camera), protocol)
    assert truth.hw == (12, 16)
    assert evaluate(Answers(lambda seed: 1 / depth_of(seed)), [sample_of(0)], protocol).rows[0].pixels == {"all": 192}


def test_min_max_leaves_a_fit_of_scale_and_shift_alone_and_survives_a_constant_map():
    protocol = replace(TEN, normalise="min_max")
    answers = Answers(lambda seed: 40 / depth_of(seed) - 7)
    assert evaluate(answers, [sample_of(0)], protocol).mean("abs_rel") < 1e-5
    assert evaluate(Answers(lambda seed: np.ones(HW)), [sample_of(0)], protocol).degenerate == 1


def test_a_stereo_disparity_of_a_known_rig_is_metres():
    camera = Camera.from_focal_px(60, HW)
    truth = depth_of(0)
    image = np.zeros((*HW, 3), np.uint8)
    sample = StereoPair("a", image, DepthMap(truth, None, METRIC_DEPTH, camera), camera, baseline_m=0.2)
    pixels = DepthMap(60 * 0.2 / truth, None, of("pixel_disparity", "metric"), camera)
    assert score_map(pixels, sample, get_protocol("metric-10m")).metrics["all"]["abs_rel"] < 1e-5
    assert score_map(pixels, sample, TEN).metrics["all"]["abs_rel"] < 1e-5
    with pytest.raises(LeadlineError, match="baseline"):
        score_map(pixels, sample_of(0, values=truth), get_protocol("metric-10m"))


def test_metres_need_a_truth_with_a_unit():
    sample = sample_of(0, kind="depth/scale_invariant")
    with pytest.raises(LeadlineError, match="without a unit"):
        truth_of(sample, get_protocol("metric-10m"))
    assert not truth_of(sample, TEN).in_metres


def test_pooling_weighs_pixels_and_averaging_weighs_images():
    few = np.zeros(HW, bool)
    few[:5] = True
    samples = [sample_of(0), sample_of(1, valid=few)]
    noisy = {
        seed: 1 / depth_of(seed) + (0.3 if seed else 0.01) * np.random.default_rng(seed).normal(0, 1, HW) for seed in (0, 1)
    }
    per_image = evaluate(Answers(noisy.__getitem__), samples, TEN)
    pooled = evaluate(Answers(noisy.__getitem__), samples, replace(TEN, averaging="pooled"))
    first, second = (row.metrics["all"] for row in per_image.rows)
    n, m = 24 * 32, 5 * 32
    assert pooled.mean("abs_rel") == pytest.approx((n * first["abs_rel"] + m * second["abs_rel"]) / (n + m))
    assert pooled.mean("rmse") == pytest.approx(np.sqrt((n * first["rmse"] ** 2 + m * second["rmse"] ** 2) / (n + m)))
    assert per_image.mean("rmse") == pytest.approx((first["rmse"] + second["rmse"]) / 2)
    assert pooled.mean("abs_rel") != pytest.approx(per_image.mean("abs_rel"), rel=0.05)
