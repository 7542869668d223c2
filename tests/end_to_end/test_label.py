"""`leadline label` and `leadline predict --tom-mask` as a user runs them."""

import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.end_to_end.command import hidden_files, json_rows, leadline_command
from tests.shipped import SHIPPED

import leadline
from leadline.depth_map import PIXEL_DISPARITY, DepthMap

HW = (60, 80)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for number, name in enumerate(["A", "deep/B"]):
        noise = np.random.default_rng(number).uniform(0, 255, (6, 8, 3)).astype(np.uint8)
        mask = np.zeros(HW, np.uint8)
        mask[20:45, 25:60] = 255
        for kind, pixels in (("photos", cv2.resize(noise, HW[::-1], interpolation=cv2.INTER_CUBIC)), ("masks", mask)):
            path = folder / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="module")
def labels(scenes, tmp_path_factory):
    out = tmp_path_factory.mktemp("labels") / "virtual"
    done = leadline_command("label", "virtual", scenes / "photos", "--masks", scenes / "masks", "--out", out, "--colours", 2)
    assert done.returncode == 0, done.stderr
    assert "2 done, 0 kept, 0 failed" in done.stderr
    return out


def test_labels_say_what_they_are_and_how_they_were_made(labels):
    depth = leadline.read_depth(labels / "deep" / "B.npz")
    assert str(depth.kind) == "disparity/affine_invariant"
    assert depth.source == f"{SHIPPED}, virtual depth of 2 colours"
    record = json.loads((labels / "labels.json").read_text())
    assert len(record["model"]["sha256"]) == 64
    assert record["settings"]["colours"] == 2
    assert not hidden_files(labels)


def test_a_second_run_keeps_the_labels_and_other_settings_are_refused(scenes, labels):
    common = ("label", "virtual", scenes / "photos", "--masks", scenes / "masks", "--out", labels)
    again = leadline_command(*common, "--colours", 2, "--json")
    assert [row["state"] for row in json_rows(again)] == ["kept", "kept"]
    other = leadline_command(*common, "--colours", 3)
    assert other.returncode == 1
    assert "colours = 2, not 3: choose another folder with --out" in other.stderr
    assert "Traceback" not in other.stderr


def test_virtual_labels_go_into_a_stereo_disparity(scenes, labels, tmp_path):
    mono = leadline.read_depth(labels / "A.npz").values
    truth = 30 + 5 * cv2.resize((mono - mono.mean()) / mono.std(), HW[::-1], interpolation=cv2.INTER_AREA)
    leadline.write_depth(tmp_path / "disparities" / "A.pfm", DepthMap(truth, kind=PIXEL_DISPARITY))
    leadline.write_depth(tmp_path / "disparities" / "C.pfm", DepthMap(truth, kind=PIXEL_DISPARITY))
    arguments = (tmp_path / "disparities", labels, scenes / "masks", tmp_path / "out")
    done = leadline_command("label", "stereo-merge", *arguments, "--json")
    assert done.returncode == 1
    rows = json_rows(done)
    assert [row["state"] for row in rows] == ["done", "failed"]
    assert rows[1]["error"].startswith("no virtual depth for C.pfm")
    merged = leadline.read_depth(tmp_path / "out" / "A.disparity.png")
    assert merged.kind == PIXEL_DISPARITY
    assert np.abs(merged.values - truth).max() < 1


def test_predict_lays_virtual_depth_into_the_masked_window_alone(scenes, tmp_path):
    photo, mask = scenes / "photos" / "A.png", np.asarray(Image.open(scenes / "masks" / "A.png")) > 0
    shutil.copytree(scenes / "photos", tmp_path / "photos")
    shutil.copy(photo, tmp_path / "photos" / "Z.png")
    plain = leadline_command("predict", photo, "--out", tmp_path / "plain", "--write", "npz")
    assert plain.returncode == 0, plain.stderr
    common = ("--tom-mask", scenes / "masks", "--tom-colours", 2, "--write", "npz", "--json")
    done = leadline_command("predict", tmp_path / "photos", *common, "--out", tmp_path / "tom")
    assert done.returncode == 0, done.stderr
    before, after = (leadline.read_depth(tmp_path / name / "A.npz") for name in ("plain", "tom"))
    assert after.source == f"{SHIPPED}, virtual depth of 2 colours, inside the mask alone"
    np.testing.assert_allclose(after.values[~mask], before.values[~mask], atol=1e-4 * np.ptp(before.values))
    assert np.abs(after.values - before.values)[mask].max() > 1e-3 * np.ptp(before.values)
    notes = {row["path"].rpartition("/")[2]: row["notes"] for row in json_rows(done)}
    assert notes == {"A.png": [], "B.png": [], "Z.png": ["no mask: this is the plain prediction"]}


@pytest.mark.parametrize(
    ("mask", "line"),
    [
        (np.full(HW, 255, np.uint8), "covers the whole picture: nothing is left to tell a depth from"),
        (np.full((80, 60), 255, np.uint8), "a mask of 60 x 80 for a picture of 80 x 60"),
    ],
)
def test_a_mask_that_will_not_do_fails_its_picture_in_one_line(scenes, tmp_path, mask, line):
    Image.fromarray(mask).save(tmp_path / "m.png")
    done = leadline_command("predict", scenes / "photos" / "A.png", "--tom-mask", tmp_path / "m.png", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert "0 of 1 done, 1 failed" in done.stderr


def test_masks_of_other_pictures_are_refused_before_any_work(scenes, tmp_path):
    (tmp_path / "m").mkdir()
    Image.fromarray(np.zeros(HW, np.uint8)).save(tmp_path / "m" / "other.png")
    done = leadline_command("predict", scenes / "photos" / "A.png", "--tom-mask", tmp_path / "m", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "has no mask for any picture: expected A.png or the like" in done.stderr
