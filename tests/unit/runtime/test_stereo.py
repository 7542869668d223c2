"""Semi-global matching, networks of two pictures, and the check that both views agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.reference import left_right as reference

from leadline.camera import Camera
from leadline.depth_map import METRIC_DEPTH, PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.metrics.stereo import stereo_metrics
from leadline.predictor import ModelCard
from leadline.runtime.semi_global import SemiGlobalMatching, find_range
from leadline.runtime.stereo import (
    compare_views,
    depth_from_pair,
    fill_from_background,
    load_stereo_predictor,
    mirrored,
)

ROOT = Path(__file__).parents[3].parent / "shared" / "data" / "dev"


def textured(rng: np.random.Generator, h: int, w: int) -> NDArray[np.float32]:
    noise = rng.uniform(0, 255, (h, w, 3)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.2), np.float32) * 3 - 255


def two_planes(
    far: float, near: float, hw: tuple[int, int] = (96, 160)
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
    """Return left, right and the true disparity: a square at `near` before a plane at `far`, both sub-pixel."""
    h, w = hw
    rng = np.random.default_rng(0)
    behind, front = (textured(rng, h, w + 200) for _ in range(2))
    square = np.zeros((h, w + 200), np.float32)
    square[h // 4 : 3 * h // 4, 100 + w // 3 : 100 + 2 * w // 3] = 1

    def view(shift_far: float, shift_near: float) -> NDArray[np.uint8]:
        def moved(picture: NDArray[Any], by: float) -> NDArray[Any]:
            matrix = np.array([[1.0, 0, -100 - by], [0, 1, 0]])
            return np.asarray(cv2.warpAffine(picture, matrix, (w, h), flags=cv2.INTER_LINEAR))

        alpha = moved(square, shift_near)[..., None]
        return np.clip(alpha * moved(front, shift_near) + (1 - alpha) * moved(behind, shift_far), 0, 255).astype(np.uint8)

    truth = np.where(square[:, 100 : 100 + w] > 0, near, far)
    return view(0, 0), view(far, near), truth


def test_two_planes_are_matched_to_a_fraction_of_a_pixel_with_the_right_sign() -> None:
    left, right, truth = two_planes(5.25, 14.5)
    found = SemiGlobalMatching()(left, right)
    assert found.depth.kind == PIXEL_DISPARITY
    assert found.depth.valid.mean() > 0.75
    error = np.abs(found.depth.values - truth)[found.depth.valid]
    assert np.median(error) < 0.15
    assert (error > 1).mean() < 0.02


def test_what_one_camera_alone_sees_is_not_valid_and_never_a_zero_that_counts() -> None:
    left, right, truth = two_planes(5.25, 14.5)
    found = SemiGlobalMatching()(left, right)
    hidden = np.zeros(truth.shape, bool)
    hidden[28:68, 46:52] = True  # the far plane just left of the square, which the right camera sees behind it
    assert found.depth.valid[hidden].mean() < 0.1
    assert not found.depth.valid[:, :4].any()  # leaves the right picture
    assert found.depth.valid[20:76, 8:40].mean() > 0.95  # but columns within the range of disparities are matched
    assert found.depth.values[found.depth.valid].min() > 3
    assert found.confidence is not None
    assert not found.confidence[~found.depth.valid].any()
    assert found.confidence[found.depth.valid].min() > 0


def test_filling_gives_every_pixel_the_background() -> None:
    left, right, truth = two_planes(5.25, 14.5)
    found = SemiGlobalMatching(fill=True)(left, right)
    assert found.depth.valid.all()
    assert np.abs(found.depth.values - truth)[28:68, 46:50].max() < 2  # left of the square lies the far plane


def test_a_flat_pair_has_no_match_and_says_so() -> None:
    flat = np.full((64, 96, 3), 90, np.uint8)
    found = SemiGlobalMatching()(flat, flat)
    assert not found.depth.valid.any()
    assert "too few matches" in found.notes[0]
    assert not SemiGlobalMatching(fill=True)(flat, flat).depth.valid.any()


def test_the_range_is_found_without_a_hint_and_negative_disparities_are_numbers_too() -> None:
    left, right, _ = two_planes(20, 31)
    found = find_range(left, right)
    assert found is not None
    assert found[0] < 20
    assert 31 < found[1] < 60
    left, right, truth = two_planes(-3, 4)
    prediction = SemiGlobalMatching((-8, 8))(left, right)
    negative = prediction.depth.valid & (truth < 0)
    assert negative.mean() > 0.5
    assert abs(np.median(prediction.depth.values[negative]) + 3) < 0.2


def test_confidence_ranks_real_matches_and_the_score_on_middlebury_holds() -> None:
    if not ROOT.is_dir():
        pytest.skip("the real samples (../shared/data) are not on this machine")
    from leadline.data.datasets.registry import get_dataset

    sample: Any = next(get_dataset("middlebury2003").iter_samples(ROOT / "middlebury2003"))
    found = SemiGlobalMatching()(sample.image, sample.right)
    truth = sample.depth
    assert found.depth.valid.mean() > 0.8
    both = truth.valid & found.depth.valid
    wrong = np.abs(found.depth.values - truth.values)[both] > 2
    assert wrong.mean() < 0.06  # measured: 0.040
    assert found.confidence is not None
    surest = found.confidence[both] >= np.median(found.confidence[both])
    assert wrong[surest].mean() < 0.4 * wrong.mean()
    filled = SemiGlobalMatching(fill=True)(sample.image, sample.right).depth
    scores = stereo_metrics(filled.values, truth.values, truth.valid, filled.valid)
    assert scores["bad_2"].value < 0.11  # measured: 0.087
    assert scores["epe"].value < 1.0  # measured: 0.81


@pytest.mark.parametrize("seed", range(3))
def test_the_left_right_check_and_the_filling_are_those_of_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.uniform(-2, 6, (2, 9, 14)).astype(np.float32)
    one, other = rng.random((2, 9, 14)) < 0.8
    got = compare_views(left, right, one, other, 2.0)
    np.testing.assert_array_equal(got.agrees, reference.agrees(left, right, one, other, 2.0))
    assert not got.confidence[~got.agrees].any()
    holes = rng.random((9, 14)) < 0.4
    holes[3] = False
    np.testing.assert_allclose(fill_from_background(left, holes), reference.fill(left, holes), rtol=1e-6)


def test_agreement_wants_the_right_pictures_disparity_at_x_minus_d_not_at_x_plus_d() -> None:
    left = np.full((3, 20), 4, np.float32)
    right = np.zeros((3, 20), np.float32)
    right[:, :10] = 4  # right pixels 0 to 9 are seen by left pixels 4 to 13
    everywhere = np.ones((3, 20), bool)
    assert np.flatnonzero(compare_views(left, right, everywhere, everywhere).agrees[1]).tolist() == list(range(4, 14))


def test_a_lone_match_in_a_hole_is_doubted() -> None:
    left = np.full((15, 30), 2, np.float32)
    sure = np.ones((15, 30), bool)
    lone = np.zeros((15, 30), bool)
    lone[7, 15] = True
    everything = compare_views(left, left, sure, sure).confidence[7, 15]
    alone = compare_views(left, left, lone, sure).confidence[7, 15]
    assert everything == pytest.approx(1)
    assert 0 < alone < 0.1


def test_depth_is_focal_length_times_baseline_over_disparity_plus_offset() -> None:
    camera = Camera.from_focal_px(100, (1, 3))
    disparity = DepthMap([[8.0, 3.0, -5.0]], kind=PIXEL_DISPARITY, camera=camera)
    depth = depth_from_pair(disparity, 0.2, offset_px=2.0)
    assert depth.kind == METRIC_DEPTH
    np.testing.assert_allclose(depth.values[0, :2], [100 * 0.2 / 10, 100 * 0.2 / 5])
    assert depth.valid.tolist() == [[True, True, False]]  # behind the cameras
    with pytest.raises(LeadlineError, match="baseline 0 m"):
        depth_from_pair(disparity, 0.0)


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 6, 3), np.uint8), "left picture of 5 x 4 and a right one of 6 x 4"),
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8), "a left picture of uint8"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3)), "a right picture of float64"),
    ],
)
def test_what_is_no_pair_is_refused(left: Any, right: Any, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        SemiGlobalMatching()(left, right)


def test_an_empty_or_a_far_too_wide_range_is_refused() -> None:
    with pytest.raises(LeadlineError, match="expected the smaller one first"):
        SemiGlobalMatching((9, 9))
    picture = np.zeros((8, 10, 3), np.uint8)
    with pytest.raises(LeadlineError, match="expected a range that fits"):
        SemiGlobalMatching((0, 64))(picture, picture)


def test_an_unknown_matcher_is_refused() -> None:
    with pytest.raises(LeadlineError, match=r"expected sgm, or an \.onnx file"):
        load_stereo_predictor("bgm")


CARD = ModelCard("grey.test", PIXEL_DISPARITY, mean=(0, 0, 0), std=(1, 1, 1), size_multiple=32, input_size=200)


def grey_network(path: Path, card: ModelCard, inputs: tuple[str, str] = ("left", "right")) -> Path:
    """Write a network whose disparity is the left picture's mean of red, green and blue."""
    onnx = pytest.importorskip("onnx", reason="onnx writes the tests' networks; it comes with the extra 'train'")
    from onnx import TensorProto, helper

    shape = (1, 3, "h", "w")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in inputs]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Mul", [inputs[1], "zero"], ["nothing"]),
        helper.make_node("Add", [inputs[0], "nothing"], ["both"]),
        helper.make_node("ReduceMean", ["both", "axes"], ["pixel_disparity"], keepdims=0),
    ]
    out = helper.make_tensor_value_info("pixel_disparity", TensorProto.FLOAT, (1, "h", "w"))
    graph = helper.make_graph(nodes, "grey", ports, [out], [zero, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    path.with_suffix(".json").write_text(card.to_json())
    return path


def test_a_network_sees_padded_pictures_and_its_map_is_cropped_back(tmp_path: Path) -> None:
    network = load_stereo_predictor(grey_network(tmp_path / "grey.onnx", CARD))
    left = np.random.default_rng(0).integers(0, 255, (37, 51, 3), dtype=np.uint8)
    found = network(left, left, Camera.from_focal_px(60, (37, 51)))
    assert found.depth.hw == (37, 51)
    assert found.depth.valid.all()
    np.testing.assert_allclose(found.depth.values, left.mean(2), rtol=1e-5)
    assert found.depth.source == "grey.test"
    assert found.depth.camera is not None


def test_a_large_picture_is_shrunk_and_its_disparities_grow_with_it(tmp_path: Path) -> None:
    network = load_stereo_predictor(grey_network(tmp_path / "grey.onnx", CARD))
    left = np.full((160, 400, 3), 12, np.uint8)
    assert network(left, left).depth.values == pytest.approx(2 * 12)


def test_a_networks_confidence_is_high_where_the_mirrored_pair_agrees(tmp_path: Path) -> None:
    network = load_stereo_predictor(grey_network(tmp_path / "grey.onnx", CARD))
    left, right = np.full((2, 40, 64, 3), 8, np.uint8)
    right[:, :32] = 90  # the right picture's own disparity there contradicts the left one's
    confidence = network(left, right).confidence
    assert confidence is not None
    assert confidence[10:30, 50:60].min() > 0.9
    assert not confidence[:, 8:36].any()
    np.testing.assert_array_equal(mirrored(mirrored(left)), left)


@pytest.mark.parametrize(
    ("card", "inputs", "message"),
    [
        (ModelCard("a.b", METRIC_DEPTH), ("left", "right"), "expected a stereo network's pixel_disparity/metric"),
        (CARD, ("image", "other"), "expected the inputs left and right"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, card: ModelCard, inputs: tuple[str, str], message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        load_stereo_predictor(grey_network(tmp_path / "grey.onnx", card, inputs))
