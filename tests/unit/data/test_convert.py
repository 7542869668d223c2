"""What was converted is read again, and says the same."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data import convert as convert_module
from leadline.data.check import check
from leadline.data.convert import convert
from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.hololens import INFO
from leadline.data.datasets.registry import get_dataset
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.leadline_writer import VIEWS_A_SCENE
from leadline.data.png16_writer import step_of
from leadline.data.synthetic.analytic import make_sample, make_stereo_pair
from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError

HW = (24, 32)


def with_pose(sample, i):
    pose = np.eye(4)
    pose[:3, 3] = 0.1 * i, 0.0, 0.2
    return replace(sample, world_from_camera=pose)


@pytest.fixture(scope="module")
def film():
    """Frames of two folders, with poses."""
    return [with_pose(make_sample(i, HW, name=f"{'ab'[i // 20]}/{i:03d}"), i) for i in range(23)]


@pytest.fixture(scope="module")
def single():
    return [replace(make_sample(i, HW, name=f"room/{i}"), world_from_camera=None) for i in range(3)]


@pytest.fixture
def convert_samples(monkeypatch, tmp_path):
    """A function that converts samples as a data set; an exception in the place of a sample is raised when it is read."""

    def run(samples, out="out", **options):
        by_name = dict(samples) if isinstance(samples, dict) else {sample.name: sample for sample in samples}

        def read(root, name):
            if isinstance(by_name[name], Exception):
                raise by_name[name]
            return by_name[name]

        made = Dataset(INFO, lambda root: list(by_name), read)
        monkeypatch.setattr(convert_module, "get_dataset", lambda name: made if name == "made" else get_dataset(name))
        (tmp_path / "in").mkdir(exist_ok=True)
        return convert(tmp_path / "in", "made", tmp_path / out, **options)

    return run


def assert_same(found, given):
    np.testing.assert_array_equal(found.image, given.image)
    np.testing.assert_array_equal(found.depth.valid, given.depth.valid)
    valid = given.depth.valid
    np.testing.assert_array_equal(found.depth.values[valid], given.depth.values[valid])
    assert found.depth.kind == given.depth.kind
    assert found.camera == given.camera


def test_what_was_converted_to_leadline_is_read_as_the_same_numbers(convert_samples, film, tmp_path):
    done = convert_samples(film, to="leadline")
    assert (done.written, done.kept, done.failures) == (23, 0, {})
    found = list(get_dataset("leadline").iter_samples(tmp_path / "out"))
    assert len(found) == len(film)
    for one, given in zip(found, film, strict=True):
        assert_same(one, given)
        assert one.masks.keys() == given.masks.keys()
        for name, mask in given.masks.items():
            np.testing.assert_array_equal(one.masks[name], mask)
        np.testing.assert_allclose(one.world_from_camera, given.world_from_camera, atol=1e-12)
    assert check(tmp_path / "out", most=1).findings == ()  # each of the layout's files is there


def test_frames_of_a_folder_become_scenes_that_name_their_sources(convert_samples, film, tmp_path):
    convert_samples(film)
    scenes = sorted(path.parent.name for path in (tmp_path / "out").rglob("camera.json"))
    assert scenes == ["a+000", f"a+{VIEWS_A_SCENE:03d}", "b+020"]
    views = json.loads((tmp_path / "out/a+000/camera.json").read_text())["views"]
    assert [view["source"] for view in views] == [f"a/{i:03d}" for i in range(VIEWS_A_SCENE)]
    assert views[0]["unknown"] == ["normals"]
    assert INFO.licence in (tmp_path / "out/dataset.json").read_text()


def test_a_sample_without_a_pose_or_masks_is_a_scene_of_its_own_that_says_so(convert_samples, single, tmp_path):
    convert_samples([replace(sample, masks={}) for sample in single])
    (view,) = json.loads((tmp_path / "out/room+1/camera.json").read_text())["views"]
    assert view["unknown"] == ["normals", "material", "instance", "sky", "world_from_camera"]
    assert not get_dataset("leadline").read(tmp_path / "out", "room+1/000").masks["sky"].any()


def in_counts(sample, step):
    """Return the sample as a reader of integers gives it: the product in float64, rounded once."""
    values = np.rint(np.clip(sample.depth.values.astype(np.float64) / step, 1, 65535)) * step
    return replace(sample, depth=replace_map(sample.depth, values=np.where(sample.depth.valid, values, 0)))


@pytest.mark.parametrize("step", [1e-3, 1 / 256, 1 / 5000])
def test_integers_converted_to_png16_are_read_as_the_same_numbers(convert_samples, single, tmp_path, step):
    given = [in_counts(sample, step) for sample in single]
    assert convert_samples(given, to="png16").written == 3
    found = list(get_dataset("images_and_depths").iter_samples(tmp_path / "out"))
    assert [sample.name for sample in found] == [sample.name for sample in given]
    for one, sample in zip(found, given, strict=True):
        assert_same(one, sample)


def test_floats_converted_to_png16_are_rounded_to_the_step_that_fits_the_farthest(convert_samples, single, tmp_path):
    convert_samples(single, to="png16")
    for one, given in zip(get_dataset("images_and_depths").iter_samples(tmp_path / "out"), single, strict=True):
        valid, farthest = given.depth.valid, float(given.depth.values.max())
        off = np.abs(one.depth.values[valid] - given.depth.values[valid]).max()
        assert 0 < off <= 0.51 * step_of(given.depth)
        assert step_of(given.depth) < 2.6 * farthest / 65535


@pytest.mark.parametrize(
    "kind", ["disparity/affine_invariant", "disparity/metric", "ray_distance/metric", "pixel_disparity/metric"]
)
def test_every_kind_of_map_keeps_its_kind_in_png16(convert_samples, single, tmp_path, kind):
    given = replace(single[0], depth=DepthMap(np.linspace(0.5, 3, 24 * 32).reshape(HW), kind=kind), camera=None)
    convert_samples([given], to="png16")
    (found,) = get_dataset("images_and_depths").iter_samples(tmp_path / "out")
    assert str(found.depth.kind) == kind
    np.testing.assert_allclose(found.depth.values, given.depth.values, atol=1e-4)


def test_png16_keeps_masks_poses_and_the_right_picture_in_files_of_their_own(convert_samples, film, tmp_path):
    pair = StereoPair(**vars(film[0]), right=film[1].image, baseline_m=0.25, offset_px=3.0)
    convert_samples([pair], to="png16", without=["sky"])
    facts = json.loads((tmp_path / "out/sample/a/000.json").read_text())
    assert facts["masks"].keys() == {"material", "instance"}
    assert (facts["baseline_m"], facts["offset_px"]) == (0.25, 3.0)
    np.testing.assert_allclose(facts["world_from_camera"], pair.world_from_camera)
    right = cv2.imread(str(tmp_path / "out/right/a/000.png"))[..., ::-1]
    np.testing.assert_array_equal(right, pair.right)
    mask = cv2.imread(str(tmp_path / "out/mask/instance/a/000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, pair.masks["instance"])


def test_a_stereo_pair_with_its_occlusions_is_kept_in_the_leadline_layout(convert_samples, tmp_path):
    stereo = make_stereo_pair(3, (48, 64), baseline_m=0.2)
    fields = vars(stereo.left) | {"name": "pair", "masks": stereo.left.masks | {"occ": stereo.occluded}}
    pair = StereoPair(**fields, right=stereo.right.image, baseline_m=stereo.baseline_m)
    convert_samples([pair])
    (found,) = get_dataset("leadline").iter_samples(tmp_path / "out")
    assert_same(found, pair)
    np.testing.assert_array_equal(found.right, pair.right)
    assert found.baseline_m == pytest.approx(0.2)


def other_size(sample):
    return replace(sample, depth=DepthMap(np.ones((12, 16))))


# What is changed, and the words that say why it can't be held and what can be done.
REFUSED = {
    "png16": {
        "no depth, and the png16 layout": lambda s: replace(s, depth=None),
        "expected one size": other_size,
        "no valid depth": lambda s: replace(s, depth=DepthMap(np.ones(HW), np.zeros(HW, bool))),
        "--without weight": lambda s: replace(s, masks={"weight": np.full(HW, 0.5)}),
    },
    "leadline": {
        "no depth, and the leadline layout": lambda s: replace(s, depth=None),
        "disparity/metric, and the leadline layout holds depth/metric": lambda s: replace(s, depth=s.depth.to_disparity()),
        "the leadline layout has one size": other_size,
        "the picture's camera is not known": lambda s: replace(s, camera=None, depth=replace_map(s.depth, camera=None)),
        "the two are not registered": lambda s: replace(s, camera=None),
        "two cameras": lambda s: replace(s, camera=Camera.from_fov_deg(20, HW)),
        "--without wall": lambda s: replace(s, masks={"wall": np.zeros(HW, bool)}),
        "holds 0 to 9, expected 0 to 2": lambda s: replace(s, masks={"material": np.resize(np.uint8([0, 9]), HW)}),
        "needs the baseline and what it does not show": lambda s: StereoPair(**vars(s), right=s.image),
    },
}


@pytest.mark.parametrize(("to", "words"), [(to, words) for to, cases in REFUSED.items() for words in cases])
def test_what_a_layout_cannot_hold_is_refused_with_the_way_out(convert_samples, single, tmp_path, to, words):
    wrong = REFUSED[to][words](single[0])
    with pytest.raises(LeadlineError, match=words) as caught:
        convert_samples([wrong], to=to)
    assert str(caught.value).startswith("room/0: ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_is_left_out_by_name_is_no_longer_refused(convert_samples, single):
    given = replace(single[0], masks={"wall": np.zeros(HW, bool)})
    pair = StereoPair(**vars(given), right=given.image)
    assert convert_samples([pair], without=["wall", "right"]).written == 1


@pytest.mark.parametrize("to", ["leadline", "png16"])
def test_failures_are_counted_with_their_reason_and_the_others_are_there(convert_samples, film, tmp_path, to):
    samples = {sample.name: sample for sample in film[:6]}
    samples["a/002"] = LeadlineError("can't read a/002.png: truncated")
    samples["a/004"] = replace(samples["a/004"], depth=None)
    done = convert_samples(samples, to=to)
    assert done.written == 4
    assert done.failures.keys() == {"a/002", "a/004"}
    assert "truncated" in done.failures["a/002"]
    assert "no depth" in done.failures["a/004"]
    assert "4 samples written, 2 failed" in str(done)
    reader = get_dataset("leadline" if to == "leadline" else "images_and_depths")
    assert len(reader.names(tmp_path / "out")) == 4


@pytest.mark.parametrize("to", ["leadline", "png16"])
def test_a_conversion_that_was_stopped_goes_on_and_ends_the_same(convert_samples, single, tmp_path, to):
    def stop(state, total):
        if state.written == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_samples(single, to=to, on_progress=stop)
    done = convert_samples(single, to=to)
    assert (done.written, done.kept) == (1, 2)
    convert_samples(single, "at once", to=to)
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "out", tmp_path / "at once")
    )
    assert one == other
    again = convert_samples(single, to=to)
    assert (again.written, again.kept) == (0, 3)
    assert "3 were there already" in str(again)


def test_samples_that_failed_are_tried_again(convert_samples, film, tmp_path):
    samples = {sample.name: sample for sample in film[:4]}
    assert convert_samples(samples | {"a/001": LeadlineError("no disk")}, to="png16").failures.keys() == {"a/001"}
    done = convert_samples(samples, to="png16")
    assert (done.written, done.kept, done.failures) == (1, 3, {})


def test_every_and_limit_choose_samples_and_a_larger_limit_goes_on(convert_samples, single, film):
    assert convert_samples(film, to="png16", every=5).written == 5
    assert convert_samples(single, "few", limit=1).written == 1
    more = convert_samples(single, "few", limit=2)
    assert (more.written, more.kept) == (1, 1)
    for wrong in ({"every": 0}, {"limit": 0}):
        with pytest.raises(LeadlineError, match="expected 1 or more"):
            convert_samples(single, "none", **wrong)


def test_a_folder_with_something_else_in_it_is_left_alone(convert_samples, single, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(LeadlineError, match="holds other files"):
        convert_samples(single)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    with pytest.raises(LeadlineError, match="is the data set itself"):
        convert_samples(single, "in")


def test_other_settings_in_the_same_folder_are_refused(convert_samples, single):
    convert_samples(single)
    with pytest.raises(LeadlineError, match="was converted with to 'leadline', not 'png16'"):
        convert_samples(single, to="png16")
    with pytest.raises(LeadlineError, match="unknown layout 'jpg'"):
        convert_samples(single, "else", to="jpg")


def test_two_samples_that_would_be_one_scene_are_refused(convert_samples, single):
    clash = [replace(single[0], name="a/b"), replace(single[1], name="a+b")]
    with pytest.raises(LeadlineError, match=r"would be the scene a\+b"):
        convert_samples(clash)
