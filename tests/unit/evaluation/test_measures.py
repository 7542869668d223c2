"""Every family of metrics through the runner: classes, failures, pairs, stereo, whole maps."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.evaluation.known_answers import HW, Answers, depth_of, sample_of

from leadline.camera import Camera
from leadline.data.datasets.ordinal_sample import CLOSER, FARTHER, OrdinalSample
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.evaluation.classes import CLASSES, Classes, MaskClass
from leadline.evaluation.measures import finish_pooled
from leadline.evaluation.metric_names import family_of
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import SamplePredictor, evaluate, score_map
from leadline.metrics.boundary import boundary_f1
from leadline.metrics.structural import SsimInputs, structural_similarity
from leadline.predictor import Prediction

TEN = disparity_scale_shift(10.0)
PIXELS = Kind.parse("pixel_disparity/metric")


def fail(seed):
    raise RuntimeError("no memory")


def material_sample(seed):
    material = np.zeros(HW, np.uint8)
    material[:, 16:] = 1
    return replace(sample_of(seed), masks={"material": material})


def test_one_fit_over_all_pixels_serves_every_class():
    glass = np.zeros(HW, bool)
    glass[:, 16:] = True
    seen_through = np.where(glass, 0.7, 1.0) / depth_of(0)
    protocol = replace(TEN, classes=Classes((MaskClass("glass", "material", (1,)), MaskClass("rest", "material", (0,)))))
    row = evaluate(Answers(lambda seed: seen_through), [material_sample(0)], protocol).rows[0]
    assert row.pixels == {"all": 768, "glass": 384, "rest": 384}
    # Fitted by itself each half would be perfect.
    assert min(row.metrics["glass"]["abs_rel"], row.metrics["rest"]["abs_rel"]) > 0.02
    halves = (row.metrics["glass"]["abs_rel"] + row.metrics["rest"]["abs_rel"]) / 2
    assert row.metrics["all"]["abs_rel"] == pytest.approx(halves)


def test_a_failed_image_fails_in_every_class():
    protocol = replace(TEN, classes=CLASSES["material"])
    result = evaluate(Answers(fail), [material_sample(0)], protocol)
    assert result.rows[0].pixels == {"all": 768, "opaque": 384, "transparent": 384, "mirror": 0}
    assert result.mean("delta1", "transparent") == 0
    assert np.isnan(result.mean("delta1", "mirror"))
    assert result.rows[0].failure == "RuntimeError: no memory"


def test_a_class_that_a_sample_has_no_mask_for_is_refused():
    with pytest.raises(LeadlineError, match="no mask 'material'"):
        evaluate(Answers(depth_of), [sample_of(0)], replace(TEN, classes=CLASSES["material"]))


def pair(disparity, masks=None):
    image = np.zeros((*disparity.shape, 3), np.uint8)
    return StereoPair("pair", image, DepthMap(disparity, disparity > 0, PIXELS), masks=masks or {})


def test_stereo_is_compared_in_pixels_by_class_and_holes_are_wrong():
    disparity = np.full(HW, 20.0)
    disparity[0] = 0  # no truth
    noc = np.ones(HW, bool)
    noc[:, :8] = False
    guess = np.full(HW, 20.0)
    guess[:, :8] = 26.0  # wrong where occluded
    guess[5, 20] = np.nan
    row = score_map(DepthMap(guess, None, PIXELS), pair(disparity, {"noc": noc}), get_protocol("kitti-stereo-2012"))
    n = 23 * 32
    assert row.pixels == {"all": n, "noc": 23 * 24}
    assert row.metrics["all"]["bad_3"] == pytest.approx((23 * 8 + 1) / n)
    assert row.metrics["noc"]["bad_3"] == pytest.approx(1 / (23 * 24))
    assert row.metrics["all"]["missing"] == pytest.approx(1 / n)
    assert not row.failure


def test_a_failed_stereo_pair_is_wrong_at_every_pixel():
    row = evaluate(Answers(fail, PIXELS), [pair(np.full(HW, 20.0))], get_protocol("stereo")).rows[0]
    assert row.metrics["all"]["d1"] == row.metrics["all"]["bad_4"] == row.metrics["all"]["missing"] == 1
    assert row.metrics["all"]["epe"] == 20


def test_a_stereo_map_of_another_size_is_resized_with_its_numbers():
    half = DepthMap(np.full((12, 16), 10.0), None, PIXELS)
    sample = pair(np.full(HW, 20.0))
    assert score_map(half, sample, get_protocol("stereo")).metrics["all"]["epe"] == 0
    refused = score_map(half, sample, replace(get_protocol("stereo"), resize="refuse"))
    assert refused.failure
    assert refused.metrics["all"]["missing"] == 1


def test_stereo_protocols_refuse_metres():
    with pytest.raises(LeadlineError, match="compares pixel_disparity"):
        evaluate(Answers(depth_of, PIXELS), [sample_of(0)], get_protocol("stereo"))


def ordinal(name, scene_type, relation=CLOSER):
    image = np.zeros((*HW, 3), np.uint8)
    xy_a, xy_b = np.array([[4.5, 4.5], [6.5, 6.5]]), np.array([[20.5, 4.5], [22.5, 6.5]])
    relations = np.array([relation, relation], np.int8)
    return OrdinalSample(name, image, xy_a=xy_a, xy_b=xy_b, relation=relations, weight=np.ones(2), scene_type=scene_type)


def test_pairs_are_pooled_and_scene_types_are_classes():
    near_left = np.where(np.arange(32) < 12, 5.0, 1.0) * np.ones(HW)
    samples = [ordinal("a", "indoor"), ordinal("b", "outdoor", FARTHER), ordinal("c", "indoor")]
    result = evaluate(Answers(lambda seed: near_left), samples, get_protocol("da-2k"))
    assert result.mean("pair_accuracy") == pytest.approx(4 / 6)
    assert result.mean("pair_accuracy", "indoor") == 1
    assert result.mean("pair_accuracy", "outdoor") == 0
    whdr = evaluate(Answers(lambda seed: near_left), samples, get_protocol("diw-whdr"))
    assert whdr.mean("whdr") == pytest.approx(2 / 6)
    # As depth the same numbers say the opposite.
    depth = evaluate(Answers(lambda seed: near_left, METRIC_DEPTH), samples, get_protocol("da-2k"))
    assert depth.mean("pair_accuracy") == pytest.approx(2 / 6)


def test_a_small_map_is_read_where_the_points_of_the_picture_fall():
    small = np.where(np.arange(16) < 6, 5.0, 1.0) * np.ones((12, 16))
    result = evaluate(Answers(lambda seed: small), [ordinal("a", "")], get_protocol("da-2k"))
    assert result.mean("pair_accuracy") == 1
    assert result.classes == ("all",)


def test_a_failed_image_and_a_tie_are_wrong_about_every_pair():
    for answer in (fail, lambda seed: np.ones(HW)):
        assert evaluate(Answers(answer), [ordinal("a", "")], get_protocol("da-2k")).mean("pair_accuracy") == 0


def test_order_needs_pairs():
    with pytest.raises(LeadlineError, match="no pairs of points"):
        evaluate(Answers(depth_of), [sample_of(0)], get_protocol("da-2k"))


def stepped():
    values = np.full((40, 60), 4.0)
    values[10:30, 20:40] = 2.0
    return values


def test_boundaries_are_found_in_the_aligned_depth():
    truth = stepped()
    sample = sample_of(0, values=truth)
    perfect = evaluate(Answers(lambda seed: 3 / truth + 7), [sample], get_protocol("depth-pro-boundary-fitted"))
    assert perfect.mean("boundary_f1") == pytest.approx(boundary_f1(truth, truth).value)
    flat = evaluate(Answers(fail), [sample], get_protocol("depth-pro-boundary-fitted"))
    assert flat.mean("boundary_f1") == 0
    scaled = evaluate(
        Answers(lambda seed: 9 * truth, Kind.parse("depth/scale_invariant")), [sample], get_protocol("depth-pro-boundary")
    )
    assert scaled.mean("boundary_f1") == pytest.approx(perfect.mean("boundary_f1"))


def test_ssim_gets_the_prediction_before_the_fit():
    truth = stepped()
    guess = 1 / truth + 0.02 * np.random.default_rng(0).normal(0, 1, truth.shape)
    result = evaluate(Answers(lambda seed: guess), [sample_of(0, values=truth)], get_protocol("essay-ssim"))
    target = DepthMap(1 / truth, None, "disparity/metric")
    for inputs in (
        SsimInputs("min_max", "uint8_rounded"),
        SsimInputs("fitted_disparity"),
        SsimInputs("capped_depth", cap_m=80.0),
    ):
        expected = structural_similarity(DepthMap(guess, None, RELATIVE_DISPARITY), target, inputs).ssim.tally
        assert result.mean(expected.name) == pytest.approx(expected.value, abs=1e-6)
    # Noise drowns what little structure a flat wall has.
    assert result.mean("ssim/min_max/float/edges") > result.mean("ssim/min_max/float/interiors")
    failed = evaluate(Answers(fail), [sample_of(0, values=truth)], get_protocol("essay-ssim"))
    assert failed.mean("ssim/min_max/float") == failed.mean("ssim/capped_depth_80/float/edges") == 0


def test_normals_and_clouds_need_a_camera():
    protocol = replace(TEN, metrics=("abs_rel", "normal_mean", "normal_11.25", "chamfer", "f_score_0.05", "f_auc_0.5"))
    camera = Camera.from_fov_deg(60, HW)
    result = evaluate(Answers(lambda seed: 1 / depth_of(seed)), [sample_of(0, camera=camera)], protocol)
    assert result.mean("normal_mean") < 0.5
    assert result.mean("normal_11.25") == result.mean("f_score_0.05") == 1
    assert result.mean("chamfer") < 1e-4
    assert result.mean("f_auc_0.5") > 0.99  # a threshold of 0 finds nothing
    assert result.metric_names == protocol.metrics
    with pytest.raises(LeadlineError, match="has no camera"):
        evaluate(Answers(lambda seed: 1 / depth_of(seed)), [sample_of(0)], protocol)


@pytest.mark.parametrize("metric", ["abs_rle", "delta4", "ssim", "bad_", "normal_x"])
def test_an_unknown_metric_is_refused(metric):
    with pytest.raises(LeadlineError, match="unknown metric"):
        family_of(metric)


def test_a_metric_of_whole_maps_is_not_pooled_and_no_pixel_is_no_number():
    with pytest.raises(LeadlineError, match="pooled over images"):
        finish_pooled("boundary_f1", [(1.0, 2.0)])
    assert np.isnan(finish_pooled("abs_rel", [(0.0, 0.0), ()]))


def test_a_predictor_that_wants_the_whole_sample_gets_it():
    class RightView(Answers):
        def predict_sample(self, sample):
            return Prediction(DepthMap(sample.right[..., 0].astype(float), None, PIXELS))

    predictor = RightView(None, PIXELS)
    assert isinstance(predictor, SamplePredictor)
    assert not isinstance(Answers(None), SamplePredictor)
    sample = replace(pair(np.full(HW, 20.0)), right=np.full((*HW, 3), 21, np.uint8))
    assert evaluate(predictor, [sample], get_protocol("stereo")).mean("epe") == 1
