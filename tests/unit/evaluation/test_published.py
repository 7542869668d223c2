"""The runner against what the published scripts do, written out step by step."""

from dataclasses import replace

import numpy as np
import pytest
from tests.reference import published_protocols as slow
from tests.unit.evaluation.known_answers import Answers, depth_of, sample_of

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity
from leadline.evaluation.fitting import grid_of_nearest
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import evaluate, score_map

HW = (90, 150)
UP_TO_SCALE = Kind(Quantity.DISPARITY, Ambiguity.SCALE_INVARIANT)
DEPTH_UP_TO_SCALE = Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT)


@pytest.fixture(scope="module")
def scene():
    """Truth with holes, some of it beyond 80 m, and a noisy disparity that is wrong enough to reach every clamp."""
    rng = np.random.default_rng(3)
    truth = (12 * depth_of(0, HW)).astype(np.float32)
    truth[:4] = 200.0
    truth[rng.random(HW) < 0.4] = 0
    disparity = (1 / (12 * depth_of(0, HW)) * rng.lognormal(0, 0.3, HW)).astype(np.float32)
    return truth, disparity


def scored(protocol, prediction, truth, kind):
    sample = sample_of(0, values=truth, valid=truth > 0)
    row = score_map(DepthMap(prediction, None, kind), sample, protocol)
    assert not row.failure
    return row.metrics["all"]["abs_rel"], row.metrics["all"]["delta1"]


def test_midas(scene):
    truth, disparity = scene
    found = scored(get_protocol("midas-kitti"), 5 * disparity - 1, truth, RELATIVE_DISPARITY)
    assert found == pytest.approx(slow.midas(5 * disparity.astype(float) - 1, truth.astype(float), 80), rel=1e-5)


def test_depth_anything_compares_disparity(scene):
    truth, disparity = scene
    found = scored(get_protocol("depth-anything-kitti"), disparity, truth, RELATIVE_DISPARITY)
    assert found == pytest.approx(slow.midas_in_disparity(disparity.astype(float), truth.astype(float), 80), rel=1e-6)
    assert found[0] != pytest.approx(slow.midas(disparity.astype(float), truth.astype(float), 80)[0], rel=0.02)


def test_monodepth2(scene):
    truth, disparity = scene
    found = scored(get_protocol("monodepth2-raw"), 0.3 * disparity, truth, UP_TO_SCALE)
    assert found == pytest.approx(slow.monodepth2(0.3 * disparity.astype(float), truth.astype(float)), rel=1e-6)


def test_bts_under_the_garg_crop(scene):
    truth, disparity = scene
    found = scored(get_protocol("kitti-eigen-raw-garg"), 1 / disparity, truth, METRIC_DEPTH)
    assert found == pytest.approx(slow.bts_garg(1 / disparity.astype(float), truth.astype(float)), rel=1e-6)


def test_marigold(scene):
    truth, disparity = scene
    protocol = replace(get_protocol("marigold-kitti"), crop=())
    found = scored(protocol, 7 - 1 / disparity, truth, Kind(Quantity.DEPTH, Ambiguity.AFFINE_INVARIANT))
    assert found == pytest.approx(slow.marigold(7 - 1 / disparity.astype(float), truth.astype(float), 1e-5, 80), rel=1e-4)


def test_unidepth_leaves_the_worst_pixels_out_of_the_fit(scene):
    truth, disparity = scene
    protocol = replace(get_protocol("unidepth-ssi-kitti"), crop=())
    depth = 1.2 / disparity
    found = scored(protocol, depth, truth, METRIC_DEPTH)
    assert found == pytest.approx(slow.unidepth_ssi(depth.astype(float), truth.astype(float), 80), rel=1e-5)
    without = scored(replace(protocol, fit_on="all"), depth, truth, METRIC_DEPTH)
    assert found[0] != pytest.approx(without[0], rel=1e-3)


@pytest.mark.parametrize("hw", [(90, 150), (64, 64), (40, 200), (131, 67)])
def test_the_pixels_of_moges_grid(hw):
    rng = np.random.default_rng(hw[0])
    mask = rng.random(hw) < 0.2
    mask[: hw[0] // 3] = False
    index = np.flatnonzero(mask)
    found = index[grid_of_nearest(hw, index)]
    expected = [row * hw[1] + column for row, column in slow.grid_of_nearest(mask)]
    assert found.tolist() == expected


def test_moge_with_a_scale_by_weighted_l1_on_its_grid(scene):
    truth, disparity = scene
    found = scored(get_protocol("moge-scale"), 3 / disparity, truth, DEPTH_UP_TO_SCALE)
    assert found == pytest.approx(slow.moge_scale(3 / disparity.astype(float), truth.astype(float)), rel=1e-5)


def test_moge_in_disparity(scene):
    truth, disparity = scene
    found = scored(get_protocol("moge-affine-disparity"), disparity, truth, RELATIVE_DISPARITY)
    assert found == pytest.approx(slow.moge_affine_disparity(disparity.astype(float), truth.astype(float)), rel=1e-5)


@pytest.mark.parametrize(("name", "as_published"), [("booster-mono", False), ("booster-mono-published", True)])
def test_booster_with_and_without_the_quirk_of_its_clip(scene, name, as_published):
    truth, disparity = scene
    truth = truth / 30
    disparity = disparity.copy()
    disparity[60, :40] = -0.08  # few enough that the fit stays below 0 there
    protocol = replace(get_protocol(name), score_hw=None, classes=None, metrics=("abs_rel", "delta1"))
    found = scored(protocol, disparity, truth, RELATIVE_DISPARITY)
    expected = slow.booster(disparity.astype(float), truth.astype(float), as_published)
    assert found == pytest.approx(expected, rel=1e-4)
    assert expected != pytest.approx(slow.booster(disparity.astype(float), truth.astype(float), not as_published), rel=1e-3)


def test_a_perfect_disparity_up_to_scale_and_shift_scores_one_under_midas_and_less_in_the_wrong_space():
    samples = [sample_of(seed) for seed in range(3)]
    right = evaluate(Answers(lambda seed: 7 / depth_of(seed) - 3), samples, get_protocol("midas-nyu"))
    assert right.mean("delta1") == 1.0
    assert right.mean("abs_rel") < 1e-5
    # The same numbers under another name: fitted where they don't belong.
    for kind, protocol in (
        (Kind(Quantity.DEPTH, Ambiguity.AFFINE_INVARIANT), "depth-scale-shift-10m"),
        (UP_TO_SCALE, "median-scale-10m"),
    ):
        wrong = evaluate(Answers(lambda seed: 7 / depth_of(seed) + 3, kind), samples, get_protocol(protocol))
        assert wrong.mean("delta1") < 0.95, protocol
