from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.unit.evaluation.known_answers import HW, depth_of, sample_of

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.fitting import lies_on_its_side
from leadline.evaluation.prediction_files import files_of_samples
from leadline.evaluation.predictions import FolderPredictions
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import evaluate
from leadline.io.depth import write_depth

TEN = disparity_scale_shift(10.0)
NAMES = [f"s{seed}" for seed in range(3)]
SAMPLES = [sample_of(seed) for seed in range(3)]


def write_all(folder, suffix, seeds=range(3), name="s{}", **options):
    for seed in seeds:
        disparity = DepthMap(3 / depth_of(seed) + 1, None, RELATIVE_DISPARITY)
        write_depth(folder / f"{name.format(seed)}{suffix}", disparity, **options)


@pytest.mark.parametrize("suffix", [".npz", ".exr", ".tiff", ".depth.png", ".png"])
def test_files_that_say_what_they_are_need_no_help(tmp_path, suffix):
    write_all(tmp_path, suffix)
    predictor = FolderPredictions(tmp_path, NAMES)
    assert predictor.card.kind == RELATIVE_DISPARITY
    result = evaluate(predictor, SAMPLES, TEN)
    assert result.mean("delta1") == 1
    assert not result.failures
    assert len(result.model.sha256) == 64


@pytest.mark.parametrize("suffix", [".npy", ".pfm"])
def test_bare_numbers_need_a_kind(tmp_path, suffix):
    write_all(tmp_path, suffix)
    with pytest.raises(LeadlineError, match="give --kind"):
        FolderPredictions(tmp_path, NAMES)
    result = evaluate(FolderPredictions(tmp_path, NAMES, kind="disparity/affine_invariant"), SAMPLES, TEN)
    assert result.mean("delta1") == 1


def test_integers_of_a_data_set_need_its_convention(tmp_path):
    for seed in range(3):
        cv2.imwrite(str(tmp_path / f"s{seed}.png"), np.rint(depth_of(seed) * 256).astype(np.uint16))
    with pytest.raises(LeadlineError, match="--convention such as kitti"):
        FolderPredictions(tmp_path, NAMES)
    predictor = FolderPredictions(tmp_path, NAMES, convention="kitti")
    assert predictor.card.kind == METRIC_DEPTH
    assert evaluate(predictor, SAMPLES, get_protocol("depth-scale-shift-10m")).mean("abs_rel") < 0.003


def test_a_missing_file_is_a_counted_failure(tmp_path):
    write_all(tmp_path, ".npz", (0, 2))
    result = evaluate(FolderPredictions(tmp_path, NAMES), SAMPLES, TEN)
    assert [row.failure for row in result.rows] == ["", f"no prediction for 's1' in {tmp_path}", ""]
    assert result.mean("delta1") == pytest.approx(2 / 3)


def test_a_damaged_file_and_one_of_another_kind_are_failures_of_their_images(tmp_path):
    write_all(tmp_path, ".npz")
    (tmp_path / "s1.npz").write_bytes(b"nothing")
    write_depth(tmp_path / "s2.npz", DepthMap(depth_of(2), None, METRIC_DEPTH))
    result = evaluate(FolderPredictions(tmp_path, NAMES), SAMPLES, TEN)
    assert len(result.failures) == 2
    assert "can't read" in result.rows[1].failure
    assert "s2.npz is depth/metric, the others are disparity/affine_invariant" in result.rows[2].failure


def test_the_wrong_kind_is_refused_with_the_remedy(tmp_path):
    write_all(tmp_path, ".npz")
    with pytest.raises(LeadlineError, match="take one of disparity-scale-shift-8m"):
        evaluate(FolderPredictions(tmp_path, NAMES), SAMPLES, get_protocol("metric-10m"))


def test_a_number_that_is_none_is_a_hole(tmp_path):
    values = 1 / depth_of(0)
    values[3, 3] = np.nan
    write_depth(tmp_path / "s0.npz", DepthMap(values, None, RELATIVE_DISPARITY))
    row = evaluate(FolderPredictions(tmp_path, NAMES), SAMPLES[:1], TEN).rows[0]
    assert row.failure == "1 of 768 scored pixels have no prediction"


def test_another_size_is_resized_as_the_protocol_says_or_fails(tmp_path):
    small = cv2.resize(1 / depth_of(0), (16, 12), interpolation=cv2.INTER_AREA)
    write_depth(tmp_path / "s0.npz", DepthMap(small, None, RELATIVE_DISPARITY))
    predictor = FolderPredictions(tmp_path, NAMES)
    assert evaluate(predictor, SAMPLES[:1], TEN).mean("abs_rel") < 0.02
    from dataclasses import replace

    assert evaluate(predictor, SAMPLES[:1], replace(TEN, resize="refuse")).rows[0].failure.startswith("a prediction of 16 x 12")


def test_names_with_folders_are_found_as_paths_joined_or_alone_if_that_is_plain(tmp_path):
    names = ["a/0", "a/1", "b/0", "c/7"]
    (tmp_path / "a").mkdir()
    for stem in ("a/0", "a_1", "0", "7"):
        np.save(tmp_path / f"{stem}.npy", np.full(HW, 1.0))
    found = FolderPredictions(tmp_path, names, kind="depth/metric")._files
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in found.items()} == {
        "a/0": "a/0.npy",
        "a/1": "a_1.npy",
        "c/7": "7.npy",  # "0" might be a/0 or b/0
    }


@pytest.mark.parametrize(
    ("names", "stems", "found"),
    [
        # as `leadline predict` names what it makes of the pictures of a data set
        (["frame-0", "frame-1"], ["frame-1.color", "frame-0.color"], {"frame-0": "frame-0.color", "frame-1": "frame-1.color"}),
        (["000001"], ["image_2/000001"], {"000001": "image_2/000001"}),
        (["7/01", "8/01"], ["8/rgb/01", "7/rgb/01"], {"7/01": "7/rgb/01", "8/01": "8/rgb/01"}),
        (["Art", "Books"], ["Art/view1", "Books/view1"], {"Art": "Art/view1", "Books": "Books/view1"}),
        (["."], ["rgb"], {".": "rgb"}),
        # a longer name is nearer, and a letter or digit after the name makes another name
        (["a", "a_1"], ["a_1_color", "a_color"], {"a": "a_color", "a_1": "a_1_color"}),
        (["1", "10"], ["10_color"], {"10": "10_color"}),
        # a file of the sample's own name goes before one of its picture
        (["s"], ["s", "s_color"], {"s": "s"}),
        # folders of the name must be there, in order
        (["7/01"], ["01/7/x"], {}),
    ],
)
def test_files_named_as_the_pictures_are_found(names, stems, found):
    paths = {stem: Path(f"{stem}.npz") for stem in stems}
    assert files_of_samples(paths, names) == {name: paths[stem] for name, stem in found.items()}


@pytest.mark.parametrize(
    ("names", "stems", "message"),
    [
        (["Art"], ["Art/view1", "Art/view5"], "2 predictions might be of sample 'Art' .Art/view1, Art/view5.: keep one"),
        (["1", "2"], ["1/2"], "prediction '1/2' might be of '1' or '2'"),
    ],
)
def test_a_file_that_might_be_of_several_samples_is_refused(names, stems, message):
    with pytest.raises(LeadlineError, match=message):
        files_of_samples({stem: Path(stem) for stem in stems}, names)


def test_a_map_that_lies_on_its_side_is_a_failure(tmp_path):
    """A photo whose EXIF orientation was not obeyed: resized to the truth's shape it would be scored as if it were right."""
    write_depth(tmp_path / "s0.npz", DepthMap(np.ascontiguousarray(1 / depth_of(0).T), None, RELATIVE_DISPARITY))
    row = evaluate(FolderPredictions(tmp_path, NAMES), SAMPLES[:1], TEN).rows[0]
    assert row.failure == "a prediction of 24 x 32 for a truth of 32 x 24: it lies on its side, turn it by 90 degrees"


@pytest.mark.parametrize(
    ("hw", "truth_hw", "on_its_side"),
    [
        ((640, 480), (480, 640), True),
        ((320, 241), (480, 640), True),  # and another size
        ((480, 640), (480, 640), False),
        ((384, 384), (480, 640), False),  # squashed to the square that a network wants
        ((100, 101), (101, 100), False),
    ],
)
def test_a_map_on_its_side_has_the_turned_shape_of_the_truth(hw, truth_hw, on_its_side):
    assert lies_on_its_side(hw, truth_hw) is on_its_side


def test_previews_are_no_predictions(tmp_path):
    write_all(tmp_path, ".depth.png")
    cv2.imwrite(str(tmp_path / "s0.preview.png"), np.zeros((*HW, 3), np.uint8))
    assert FolderPredictions(tmp_path, NAMES)._files["s0"].name == "s0.depth.png"


def test_a_folder_that_has_nothing_for_the_samples_is_refused(tmp_path):
    with pytest.raises(LeadlineError, match="is not a folder"):
        FolderPredictions(tmp_path / "nowhere", NAMES)
    with pytest.raises(LeadlineError, match=r"no \.png"):
        FolderPredictions(tmp_path, NAMES)
    write_all(tmp_path, ".npz", name="other{}")
    with pytest.raises(LeadlineError, match="expected names such as 's0'"):
        FolderPredictions(tmp_path, NAMES)


def test_a_picture_alone_finds_no_file(tmp_path):
    write_all(tmp_path, ".npz")
    with pytest.raises(LeadlineError, match="predict_sample"):
        FolderPredictions(tmp_path, NAMES)(np.zeros((*HW, 3), np.uint8))
