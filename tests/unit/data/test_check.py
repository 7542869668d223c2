"""Each classic mistake is planted into a sound data set, and must be found; the sound one must be found sound."""

import json

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data import check as check_module
from leadline.data.check import check
from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.tum import INFO
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

HW = (48, 64)


def sound(**changes):
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 5, HW)
    camera = Camera.from_fov_deg(60, HW)
    fields = {
        "name": "a",
        "image": rng.integers(0, 255, (*HW, 3), dtype=np.uint8),
        "depth": DepthMap(depth, depth > 1.2, camera=camera),
        "camera": camera,
        "masks": {"material": np.zeros(HW, np.uint8), "sky": np.zeros(HW, bool)},
    }
    return Sample(**{**fields, **changes})


@pytest.fixture
def problems_of(monkeypatch, tmp_path):
    def find(sample):
        monkeypatch.setattr(
            check_module, "get_dataset", lambda name: Dataset(INFO, lambda root: ["a"], lambda root, name: sample)
        )
        return " | ".join(check(tmp_path, "tum").problems)

    return find


def depth_map(change):
    values = sound().depth.values.copy()
    return DepthMap(change(values))


def saturated(values):
    values[:20] = 65.535
    return values


MISTAKES = {
    "millimetres (divide by 1000)": {"depth": depth_map(lambda values: values * 1000)},
    "multiply by 1000": {"depth": depth_map(lambda values: values / 1000)},
    "divide by 256": {"depth": depth_map(lambda values: values * 256)},
    "invalid marker taken for a distance": {"depth": depth_map(saturated)},
    "everywhere": {"depth": depth_map(np.ones_like)},
    "valid depth of -1": {"depth": depth_map(lambda values: np.where(values > 4, -1, values))},
    "only 0.00% of the depth is valid": {"depth": DepthMap(np.ones(HW), np.zeros(HW, bool))},
    "no depth": {"depth": None},
    "depth of (24, 64) beside a picture of (48, 64)": {"depth": DepthMap(sound().depth.values[:24])},
    "a 0/255 mask taken for classes": {"masks": {"material": np.full(HW, 255, np.uint8)}},
    "sky holds [255]": {"masks": {"sky": np.full(HW, 255, np.uint8)}},
    "mask 'material' of (24, 64)": {"masks": {"material": np.zeros((24, 64), np.uint8)}},
    "the picture is flat": {"image": np.full((*HW, 3), 7, np.uint8)},
    "a camera of 1280 x 960 for a picture of 64 x 48": {"camera": Camera.from_fov_deg(60, (960, 1280))},
    "horizontal field of view of 3 degrees": {"camera": Camera(64, 48, 1200.0, 1200.0, 32, 24)},
    "horizontal field of view of 154": {"camera": Camera(64, 48, 7.5, 7.5, 32, 24)},
    "cx = 5.0 of 64": {"camera": Camera(64, 48, 60.0, 60.0, 5, 24)},
    "fx / fy = 2.00": {"camera": Camera(64, 48, 80.0, 40.0, 32, 24)},
}


def test_a_sound_sample_has_no_problem(problems_of):
    assert problems_of(sound()) == ""


@pytest.mark.parametrize("words", MISTAKES)
def test_a_planted_mistake_is_found(problems_of, words):
    assert words in problems_of(sound(**MISTAKES[words]))


def write_pair(root, name, scale=5000):
    rng = np.random.default_rng(0)
    root.mkdir(exist_ok=True)
    cv2.imwrite(str(root / f"{name}_color.png"), rng.integers(0, 255, (*HW, 3), dtype=np.uint8))
    cv2.imwrite(str(root / f"{name}_depth.png"), (rng.uniform(1, 5, HW) * scale).astype(np.uint16))


def test_a_broken_file_is_one_problem_and_the_others_are_still_looked_at(tmp_path):
    for name in "abc":
        write_pair(tmp_path, name)
    (tmp_path / "b_depth.png").write_bytes(b"")
    report = check(tmp_path, "tum")
    assert (report.samples, report.read) == (3, 3)
    (problem,) = report.problems
    assert "b_depth.png" in problem
    assert "PROBLEM b: " in str(report)
    assert json.loads(report.to_json())["facts"]["picture sizes"] == "64 x 48"


def test_of_many_samples_some_are_read_spread_evenly(tmp_path, monkeypatch):
    for i in range(10):
        write_pair(tmp_path, f"{i}")
    monkeypatch.setattr(check_module, "MOST_SAMPLES", 4)
    report = check(tmp_path, "tum")
    assert (report.samples, report.read) == (10, 4)


def test_a_leadline_folder_is_checked_for_completeness_too(tmp_path):
    from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene

    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 5, HW).astype(np.float32)
    normals = np.zeros((*HW, 3), np.float32)
    view = StoredView(
        rng.integers(0, 255, (*HW, 3), dtype=np.uint8), depth, normals, np.zeros(HW, np.uint8), np.zeros(HW, np.uint16),
        np.zeros(HW, bool), Camera.from_fov_deg(60, HW).intrinsics, np.eye(4),
    )  # fmt: skip
    write_dataset(tmp_path, {})
    write_scene(tmp_path, "s", [view])
    assert check(tmp_path).problems == ()
    (tmp_path / "s/normals/000.png").unlink()
    assert any("missing normals" in problem for problem in check(tmp_path).problems)


def test_an_empty_leadline_folder_is_a_report_and_a_missing_one_an_error(tmp_path):
    report = check(tmp_path)
    assert report.samples == 0
    assert any("empty" in problem for problem in report.problems)
    with pytest.raises(LeadlineError, match="is not a folder"):
        check(tmp_path / "nowhere")
    with pytest.raises(LeadlineError, match="unknown data set"):
        check(tmp_path, "kitty")
