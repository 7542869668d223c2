"""The crops against the expressions of the code that the published numbers came from, written out for each size."""

import numpy as np
import pytest
from tests.unit.evaluation.known_answers import Answers, depth_of, sample_of

from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.evaluation.crops import window_of
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import evaluate
from leadline.evaluation.truth import truth_of

KITTI_SIZES = [(375, 1242), (370, 1226), (374, 1238), (376, 1241), (352, 1216)]


@pytest.mark.parametrize(
    ("hw", "garg", "eigen"),
    [
        ((375, 1242), (153, 371, 44, 1197), (124, 342, 44, 1197)),
        ((370, 1226), (151, 366, 44, 1181), (122, 337, 44, 1181)),
        ((352, 1216), (143, 349, 43, 1172), (117, 321, 43, 1172)),
    ],
)
def test_the_kitti_crops_are_cut_to_whole_pixels_as_int_does(hw, garg, eigen):
    assert window_of(["garg"], hw) == garg
    assert window_of(["eigen_kitti"], hw) == eigen


@pytest.mark.parametrize("hw", KITTI_SIZES)
def test_the_kitti_crops_are_those_of_monodepth2_and_bts(hw):
    h, w = hw
    garg = np.array([0.40810811 * h, 0.99189189 * h, 0.03594771 * w, 0.96405229 * w]).astype(np.int32)
    assert window_of(["garg"], hw) == tuple(garg)
    eigen = (int(0.3324324 * h), int(0.91351351 * h), int(0.0359477 * w), int(0.96405229 * w))
    assert window_of(["eigen_kitti"], hw) == eigen
    top, left = int(h - 352), int((w - 1216) / 2)
    assert window_of(["kitti_benchmark"], hw) == (top, top + 352, left, left + 1216)


def test_a_crop_of_a_crop_is_measured_in_the_first_one():
    outer = window_of(["kitti_benchmark"], (375, 1242))
    inner = window_of(["eigen_kitti"], (352, 1216))
    both = window_of(["kitti_benchmark", "eigen_kitti"], (375, 1242))
    assert both == (outer.top + inner.top, outer.top + inner.bottom, outer.left + inner.left, outer.left + inner.right)


def test_the_crops_of_nyu_and_make3d_have_their_published_rows():
    assert window_of(["eigen_nyu"], (480, 640)) == (45, 471, 41, 601)
    assert window_of(["make3d_centre"], (55, 305)) == (17, 38, 0, 305)
    assert window_of(["make3d_centre"], (2272, 1704)) == (710, 1562, 0, 1704)
    assert window_of([], (5, 7)) == (0, 5, 0, 7)


@pytest.mark.parametrize(("crop", "hw"), [("eigen_nyu", (375, 1242)), ("kitti_benchmark", (480, 640)), ("left", (9, 9))])
def test_a_crop_of_another_size_of_picture_is_refused(crop, hw):
    with pytest.raises(LeadlineError):
        window_of([crop], hw)


def test_swapping_the_garg_and_eigen_crops_changes_what_counts_and_what_is_scored():
    hw = (375, 1242)
    sample = sample_of(0, values=depth_of(0, hw))
    garg, eigen = (get_protocol(f"kitti-eigen-raw-{crop}") for crop in ("garg", "eigen"))
    rows = {}
    for protocol, top, bottom in ((garg, 153, 371), (eigen, 124, 342)):
        truth = truth_of(sample, protocol)
        assert (truth.index[0] // hw[1], truth.index[-1] // hw[1] + 1) == (top, bottom)
        # Wrong in the upper rows alone, which Garg's crop leaves out.
        guess = depth_of(0, hw)
        guess[:153] *= 2
        rows[protocol.name] = evaluate(Answers(lambda seed, guess=guess: guess, METRIC_DEPTH), [sample], protocol).rows[0]
    assert rows[garg.name].metrics["all"]["delta1"] == 1
    assert rows[eigen.name].metrics["all"]["delta1"] == pytest.approx(1 - (153 - 124) / (342 - 124))
