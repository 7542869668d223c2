"""How several pictures fit together: stereo pairs, poses, times."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from leadline.data.checks import poses, times
from leadline.data.checks.finding import EachSample
from leadline.data.checks.poses import Poses
from leadline.data.checks.stereo import Stereo, match
from leadline.depth_map import PIXEL_DISPARITY, DepthMap, replace_map
from leadline.geometry import pixel_disparity_from_depth


def turned(image, degrees):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def disparity_of(pair):
    values = pixel_disparity_from_depth(pair.depth.values, pair.camera.fx, pair.baseline_m)
    return DepthMap(values, pair.depth.valid, PIXEL_DISPARITY, pair.camera)


def scaled(pair, factor):
    return replace_map(disparity_of(pair), values=disparity_of(pair).values * factor)


PLANTED = {
    "pair that is not rectified": lambda pair: replace(pair, right=np.roll(pair.right, 3, axis=0)),
    "left and right swapped": lambda pair: replace(pair, image=pair.right, right=pair.image),
    "right picture of another size": lambda pair: replace(pair, right=pair.right[:-2]),
    "wrong scale of the disparity": lambda pair: replace(pair, depth=scaled(pair, 0.5)),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_mistake_of_a_stereo_rig_is_found(pairs, found, mistake):
    finding = found(Stereo(), map(PLANTED[mistake], pairs))[mistake]
    assert finding.level == "error"


def test_a_right_camera_that_is_turned_is_not_rectified(pairs, found):
    assert "pair that is not rectified" in found(Stereo(), [replace(pair, right=turned(pair.right, 2)) for pair in pairs])


def test_a_baseline_or_depth_that_the_pictures_deny_is_found_with_the_factor(pairs, found):
    finding = found(Stereo(), [replace(pair, baseline_m=0.6) for pair in pairs])["wrong scale of the disparity"]
    assert float(finding.evidence.split("factor of ")[1]) == pytest.approx(0.5, abs=0.02)


def test_a_crop_of_one_picture_is_found_as_an_offset(pairs, found):
    shifted = [replace(pair, depth=replace_map(disparity_of(pair), values=disparity_of(pair).values + 6)) for pair in pairs]
    finding = found(Stereo(), shifted)["shifted disparity"]
    assert float(finding.evidence.split("offset of ")[1].split()[0]) == pytest.approx(-6, abs=0.5)


def test_sound_pairs_and_single_pictures_are_passed_over(pairs, sound, found):
    assert found(Stereo(), pairs) == {}
    assert found(Stereo(), [replace(pair, depth=disparity_of(pair)) for pair in pairs]) == {}
    assert found(Stereo(), sound) == {}


def test_unrelated_pictures_have_too_few_matches_to_say_anything(pairs, found):
    assert found(Stereo(), [replace(a, right=b.right) for a, b in itertools.pairwise(pairs)]) == {}


def test_one_wrong_pair_of_many_is_a_warning(pairs, found):
    wrong = replace(pairs[0], name="wrong", right=np.roll(pairs[0].right, 3, axis=0))
    finding = found(Stereo(), [*pairs, wrong])["pair that is not rectified"]
    assert (finding.level, finding.names) == ("warning", ("wrong",))


def test_matches_are_where_the_closed_form_puts_them(pairs):
    pair = pairs[0]
    both = match(pair.image, pair.right)
    column, row = np.floor(both.left).astype(int).T
    true = disparity_of(pair).values[row, column]
    off = both.left[:, 0] - both.right[:, 0] - true
    assert np.median(np.abs(off[true > 0])) < 0.3
    assert abs(np.median(both.left[:, 1] - both.right[:, 1])) < 0.1


FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def in_units(pose, factor):
    pose = pose.copy()
    pose[:3, 3] *= factor
    return pose


READINGS = {
    "poses the wrong way round": np.linalg.inv,
    "poses with other axes": lambda pose: pose @ FLIP,
    "poses and depth of different units": lambda pose: in_units(pose, 1000),
}


@pytest.mark.parametrize("mistake", READINGS)
def test_poses_that_are_misread_are_found(film, found, mistake):
    wrong = [replace(frame, world_from_camera=READINGS[mistake](frame.world_from_camera)) for frame in film]
    finding = found(Poses(), wrong)[mistake]
    assert finding.level == "error"


def test_poses_the_wrong_way_round_and_of_other_axes_are_told_apart(film, found):
    wrong = [replace(frame, world_from_camera=np.linalg.inv(frame.world_from_camera @ FLIP)) for frame in film]
    finding = found(Poses(), wrong)["poses the wrong way round"]
    assert "diag(1, -1, -1, 1)" in finding.remedy


def test_sound_poses_and_a_camera_that_stands_still_are_passed_over(film, sound, found):
    assert found(Poses(), film) == {}
    assert found(Poses(), [film[0]] * 6) == {}
    assert found(Poses(), sound) == {}  # other worlds: nothing lands where it should, and nothing explains it


def with_pose(change):
    pose = np.eye(4)
    pose[:3, :3] = change(np.eye(3))
    return pose


NOT_RIGID = {
    "mirrors": with_pose(lambda turn: np.diag([1.0, 1.0, -1.0])),
    "differs from 1": with_pose(lambda turn: 1.1 * turn),
    "NaN": with_pose(lambda turn: turn * np.nan),
    "shape (3, 4)": np.eye(4)[:3],
    "last row": np.ones((4, 4)) * np.eye(4) + np.array([[0], [0], [0], [1]]) * [1, 0, 0, 0],
}


@pytest.mark.parametrize("words", NOT_RIGID)
def test_a_pose_that_is_not_rigid_is_found(film, found, words):
    finding = found(EachSample(poses.find_not_rigid), [replace(film[0], world_from_camera=NOT_RIGID[words])])
    assert words in finding["pose that is not rigid"].evidence
    assert found(Poses(), [replace(film[0], world_from_camera=NOT_RIGID[words])] * 2) == {}


def test_rigid_poses_are_passed_over(film, found):
    assert found(EachSample(poses.find_not_rigid), film) == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("0.0\n0.1\n0.2\n", False),
        ("0.0\n0.2\n0.1\n", True),
        ("# comment\n1.5 rgb/1.5.png\n1.4 rgb/1.4.png\n", True),
        ("2011-09-26 13:02:25.96\n2011-09-26 13:02:24.96\n", True),
        ("2011-09-26 13:02:25.96\n2011-09-26 13:02:26.06\n", False),
        ("what is this\n", False),
        ("", False),
    ],
)
def test_times_that_run_backwards_are_found(tmp_path, text, wrong):
    (tmp_path / "sequence").mkdir()
    (tmp_path / "sequence" / "times.txt").write_text(text)
    (tmp_path / "times.txt").write_text("1\n2\n")
    assert [finding.mistake for finding in times.find(tmp_path)] == ["times that run backwards"] * wrong
