"""A whole data set is checked: what is sound passes in silence, what is wrong is reported once, with the samples that show it.

What each check finds is tested in `checks`.
"""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.data import check as check_module
from leadline.data.check import NEIGHBOURS, check, spread
from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.registry import get_dataset
from leadline.data.datasets.tum import INFO
from leadline.data.synthetic.analytic import make_sample
from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene
from leadline.depth_map import replace_map
from leadline.errors import LeadlineError

REAL = Path(__file__).parents[4] / "shared" / "data"
needs_real_samples = pytest.mark.skipif(not REAL.is_dir(), reason="the real samples (../shared/data) are not on this machine")
HW = (96, 128)


def write_pair(root, name, seed, scale=5000):
    sample = make_sample(seed, HW)
    root.mkdir(exist_ok=True)
    counts = np.clip(np.rint(sample.depth.values * scale), 0, 65535)
    cv2.imwrite(str(root / f"{name}_color.png"), sample.image[..., ::-1])
    cv2.imwrite(str(root / f"{name}_depth.png"), np.where(sample.depth.valid, counts, 0).astype(np.uint16))


@pytest.fixture
def check_samples(monkeypatch, tmp_path):
    """A function that checks samples as a data set, and returns its report."""

    def run(samples):
        by_name = {sample.name: sample for sample in samples}
        reader = Dataset(INFO, lambda root: list(by_name), lambda root, name: by_name[name])
        monkeypatch.setattr(check_module, "get_dataset", lambda name: reader)
        return check(tmp_path, "tum")

    return run


@pytest.fixture(scope="module")
def sound():
    return [make_sample(seed, HW, name=f"world/{seed}") for seed in range(6)]


def test_a_sound_set_is_measured_and_nothing_is_found(check_samples, sound):
    report = check_samples(sound)
    assert report.findings == ()
    assert (report.samples, report.read) == (6, 6)
    assert report.facts["picture sizes"] == "128 x 96"
    assert report.facts["kind"] == "depth/metric"
    assert report.facts["masks"] == "instance, material, sky"
    assert str(report).endswith("nothing wrong found")


def test_several_mistakes_are_reported_at_once_errors_first(check_samples, sound):
    wrong = [replace(sample, depth=replace_map(sample.depth, values=sample.depth.values * 1000)) for sample in sound]
    wrong[1] = replace(wrong[1], masks={"material": np.full(HW, 255, np.uint8)})
    wrong.append(replace(wrong[0], name="copy"))
    report = check_samples(wrong)
    assert [finding.mistake for finding in report.errors] == ["wrong scale", "classes of the mask 'material'"]
    assert [finding.level for finding in report.findings] == ["error", "error", "warning"]
    material, copies = report.findings[1:]
    assert (material.names, material.looked) == (("world/1",), 7)
    assert (copies.mistake, copies.names) == ("repeated pictures", ("copy",))
    assert "ERROR classes of the mask 'material' (certain): it holds 255" in str(report)
    assert "[1 of 7: world/1]" in str(report)


def test_the_report_as_json_says_what_the_report_says(check_samples, sound):
    report = check_samples([replace(sound[0], masks={"material": np.full(HW, 255, np.uint8)})])
    said = json.loads(report.to_json())
    (finding,) = report.findings
    assert said["findings"] == [vars(finding) | {"names": list(finding.names)}]
    assert said["facts"] == report.facts
    assert (said["samples"], said["read"], said["dataset"]) == (1, 1, "tum")


def test_a_set_of_pairs_of_points_has_no_range_of_values(check_samples):
    from leadline.data.datasets.ordinal_sample import OrdinalSample

    points = np.array([[3.5, 4.5], [10.5, 20.5]])
    sample = make_sample(0, HW)
    pairs = OrdinalSample(
        "a", sample.image, xy_a=points, xy_b=points[::-1], relation=np.array([1, -1], np.int8), weight=np.ones(2)
    )
    report = check_samples([pairs])
    assert report.findings == ()
    assert report.facts["pairs of points"] == "2"
    assert not any("range" in subject or "valid" in subject for subject in report.facts)


def test_a_broken_file_is_one_finding_and_the_others_are_still_looked_at(tmp_path):
    for seed, name in enumerate("abc"):
        write_pair(tmp_path, name, seed)
    (tmp_path / "b_depth.png").write_bytes(b"")
    report = check(tmp_path, "tum")
    assert (report.samples, report.read) == (3, 3)
    (finding,) = report.findings
    assert (finding.mistake, finding.names, finding.looked) == ("unreadable samples", ("b",), 3)
    assert "b_depth.png" in finding.evidence
    assert "share valid" in report.facts


def test_files_of_another_scale_are_found_through_the_reader(tmp_path):
    """1/5000 m is what the layout says; these files count 1/5 m."""
    for seed in range(4):
        write_pair(tmp_path, f"{seed}", seed, scale=5)
    (finding,) = check(tmp_path, "tum").errors
    assert finding.mistake == "wrong scale"
    assert "1000" in finding.remedy


def test_of_many_samples_groups_of_neighbours_are_looked_at():
    names = [f"{i:03d}" for i in range(100)]
    chosen = [int(name) for name in spread(names, 12)]
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 12
    assert [i - chosen[0] for i in chosen[: len(NEIGHBOURS)]] == list(NEIGHBOURS)
    assert chosen[0] == 0
    assert chosen[-1] == 99
    assert spread(names, None) == names
    assert spread(names, 100) == names
    assert len(spread(names, 1)) == 1


def test_at_most_as_many_samples_are_read_as_asked_for(tmp_path):
    for i in range(8):
        cv2.imwrite(str(tmp_path / f"{i}_color.png"), make_sample(i, (24, 32)).image)
        cv2.imwrite(str(tmp_path / f"{i}_depth.png"), np.full((24, 32), 5000 + i, np.uint16))
    assert check(tmp_path, "tum", most=2).read == 2
    assert check(tmp_path, "tum", most=None).read == 8
    with pytest.raises(LeadlineError, match="0 samples: expected at least 1"):
        check(tmp_path, "tum", most=0)


def test_times_that_run_backwards_are_found_beside_the_samples(tmp_path):
    write_pair(tmp_path, "a", 0)
    (tmp_path / "times.txt").write_text("0.1\n0.3\n0.2\n")
    (finding,) = check(tmp_path, "tum").findings
    assert finding.mistake == "times that run backwards"


def test_a_leadline_folder_is_checked_for_completeness_too(tmp_path):
    sample = make_sample(0, (48, 64))
    masks = sample.masks
    view = StoredView(
        sample.image, sample.depth.values, np.zeros((48, 64, 3), np.float32), masks["material"], masks["instance"],
        masks["sky"], sample.camera.intrinsics, np.eye(4),
    )  # fmt: skip
    write_dataset(tmp_path, {})
    write_scene(tmp_path, "s", [view])
    assert check(tmp_path).findings == ()
    (tmp_path / "s/normals/000.png").unlink()
    incomplete, unreadable = check(tmp_path).errors
    assert incomplete.mistake == "incomplete folder"
    assert "missing normals" in incomplete.evidence
    assert unreadable.names == ("s/000",)


def test_an_empty_leadline_folder_is_a_report_and_a_missing_one_an_error(tmp_path):
    report = check(tmp_path)
    assert report.samples == 0
    assert "empty" in report.errors[0].evidence
    with pytest.raises(LeadlineError, match="is not a folder"):
        check(tmp_path / "nowhere")
    with pytest.raises(LeadlineError, match="unknown data set"):
        check(tmp_path, "kitty")


# Three samples each at most; 7-Scenes has its own test below.
SOUND = {
    "kitti_object": "dev/kitti_object",
    "tum": "dev/tum_sample",
    "sun_rgbd": "dev/sun_sample",
    "nyu_npy": "dev/nyu_sample",
    "habitat": "dev/habitat",
    "cleargrasp_real": "dev/cleargrasp",
    "cleargrasp_synthetic": "dev/cleargrasp",
    "home_realsense": "dev/home_realsense",
    "table_clutter": "dev/table_clutter",
    "middlebury2003": "dev/middlebury2003",
    "middlebury2005": "dev/middlebury2005",
    "kitti_semidense": "dev/kitti_semidense",
    "transparent_d435": "dev/transparent_d435",
    "mirror3d_nyu": "dev/mirror3d_nyu",
    "hololens": "video/hololens",
}


@needs_real_samples
@pytest.mark.parametrize("name", SOUND)
def test_sound_real_samples_raise_no_alarm(name):
    assert check(REAL / SOUND[name], name, most=3).findings == ()


@needs_real_samples
def test_the_depth_of_seven_scenes_is_not_registered_and_that_is_found():
    """Colour 525 px and depth 585 px of focal length: scaled by 0.90, the depth's edges meet the picture's."""
    (finding,) = check(REAL / "dev/seven_scenes_kitchen", "seven_scenes", most=6).findings
    assert finding.mistake == "truth of another scale than the picture"
    assert float(finding.evidence.split("scaled by ")[1].split()[0]) == pytest.approx(525 / 585, abs=0.03)


def times_1000(sample):
    return replace(sample, depth=replace_map(sample.depth, values=sample.depth.values * 1000))


def along_the_ray(sample):
    return replace(sample, depth=replace_map(sample.depth, values=sample.depth.values * sample.camera.ray_lengths()))


def moved(sample):
    values, valid = (np.roll(array, 10, axis=1) for array in (sample.depth.values, sample.depth.valid))
    return replace(sample, depth=replace_map(sample.depth, values=values, valid=valid))


@needs_real_samples
@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (times_1000, "wrong scale"),
        (along_the_ray, "distance along the ray stored as depth"),
        (moved, "truth shifted against the picture"),
    ],
)
def test_a_mistake_planted_into_a_real_sample_is_found(check_samples, change, mistake):
    sample = next(get_dataset("tum").iter_samples(REAL / SOUND["tum"]))
    assert mistake in [finding.mistake for finding in check_samples([change(sample)]).errors]
