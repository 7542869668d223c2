"""How truth, masks and cameras fit the picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.checks import frames, intrinsics, masks
from leadline.data.checks.enlargement import Enlargement
from leadline.data.checks.finding import EachSample
from leadline.data.checks.registration import Registration, resampled
from leadline.data.synthetic.analytic import make_sample
from leadline.depth_map import DepthMap, replace_map

HW = (192, 256)


def moved(sample, x, y):
    depth = sample.depth
    values, valid = (np.roll(array, (y, x), (0, 1)) for array in (depth.values, depth.valid))
    return replace(sample, depth=replace_map(depth, values=values, valid=valid))


def enlarged(sample, factor):
    height, width = sample.depth.hw
    matrix = np.array([[factor, 0, (width - 1) / 2 * (1 - factor)], [0, factor, (height - 1) / 2 * (1 - factor)]])
    values, valid = (
        cv2.warpAffine(array, matrix, (width, height), flags=cv2.INTER_NEAREST)
        for array in (sample.depth.values, sample.depth.valid.astype(np.uint8))
    )
    return replace(sample, depth=replace_map(sample.depth, values=values, valid=valid > 0))


@pytest.mark.parametrize(("x", "y"), [(3, 0), (-5, 4), (0, -3)])
def test_truth_that_is_shifted_against_the_picture_is_found_with_the_shift(sound, found, x, y):
    finding = found(Registration(), [moved(sample, x, y) for sample in sound])["truth shifted against the picture"]
    # The truth went right, so that its edges are found in the picture further left.
    way = [f"{abs(x)} px further {'left' if x > 0 else 'right'}"] * bool(x)
    way += [f"{abs(y)} px further {'up' if y > 0 else 'down'}"] * bool(y)
    assert " and ".join(way) in finding.evidence


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (0, -1)])
def test_truth_in_its_place_or_a_pixel_off_is_passed_over(sound, found, x, y):
    assert found(Registration(), [moved(sample, x, y) for sample in sound]) == {}


def test_a_shift_of_unrelated_pictures_is_not_made_up(sound, found):
    """The truth of one picture under the next one: there is a highest correlation somewhere, and it means nothing."""
    wrong = [replace(a, image=b.image) for a, b in zip(sound, sound[1:] + sound[:1], strict=True)]
    assert found(Registration(), wrong) == {}
    assert found(Enlargement(), wrong) == {}


@pytest.mark.parametrize("factor", [0.92, 1.1])
def test_truth_of_another_lens_than_the_pictures_is_found_with_the_factor(sound, found, factor):
    finding = found(Enlargement(), [enlarged(sample, factor) for sample in sound])["truth of another scale than the picture"]
    scaled_by = float(finding.evidence.split("scaled by ")[1].split()[0])
    assert scaled_by == pytest.approx(1 / factor, abs=0.021)


def test_truth_of_the_same_lens_is_passed_over(sound, found):
    assert found(Enlargement(), sound) == {}


def test_tiles_at_one_place_are_drawn_together():
    places = np.array([0, 0, 1, 1, 1])
    for drawn in resampled(places, 20):
        counts = np.bincount(drawn, minlength=5)
        assert counts[0] == counts[1]
        assert counts[2] == counts[3] == counts[4]


def test_a_sparse_truth_and_a_small_picture_say_nothing(found):
    small = [make_sample(seed, (24, 32)) for seed in range(3)]
    sparse = make_sample(0, HW)
    valid = np.random.default_rng(0).random(HW) < 0.05
    sparse = replace(sparse, depth=replace_map(sparse.depth, valid=sparse.depth.valid & valid))
    for check in (Registration, Enlargement):
        assert found(check(), [*small, *[sparse] * 4]) == {}


CAMERAS = {
    "camera of another size": Camera.from_fov_deg(60, (960, 1280)),
    "field of view": Camera(256, 192, 4800.0, 4800.0, 128, 96),
    "principal point": Camera(256, 192, 220.0, 220.0, 64, 48),
    "pixels that are not square": Camera(256, 192, 320.0, 160.0, 128, 96),
}


@pytest.mark.parametrize("mistake", CAMERAS)
def test_a_camera_that_is_not_the_pictures_is_found(sound, found, mistake):
    wrong = [replace(sample, camera=CAMERAS[mistake], depth=None) for sample in sound]
    findings = found(EachSample(intrinsics.find), wrong)
    assert findings[mistake].level == "error"


def test_intrinsics_of_half_the_size_name_that_size(sound, found):
    wrong = replace(sound[0], camera=CAMERAS["principal point"], depth=None)
    assert "resize them from 128 x 96" in found(EachSample(intrinsics.find), [wrong])["principal point"].remedy


def test_a_picture_squashed_by_a_tenth_is_a_warning(sound, found):
    wrong = replace(sound[0], camera=Camera(256, 192, 220.0, 200.0, 128, 96), depth=None)
    (finding,) = found(EachSample(intrinsics.find), [wrong]).values()
    assert (finding.level, finding.evidence[:15]) == ("warning", "fx / fy = 1.100")


def test_sound_cameras_masks_and_pictures_are_passed_over(sound, found):
    for find in (intrinsics.find, masks.find, frames.find):
        assert found(EachSample(find), sound) == {}
    assert found(frames.Repeated(), sound) == {}


MASKS = {
    "classes of the mask 'material'": ({"material": np.full(HW, 255, np.uint8)}, "error"),
    "classes of the mask 'sky'": ({"sky": np.full(HW, 255, np.uint8)}, "error"),
    "classes of the mask 'instance'": ({"instance": np.repeat([[0, 255]], [128, 128], axis=1).repeat(192, axis=0)}, "warning"),
    "size of the mask 'material'": ({"material": np.zeros((24, 256), np.uint8)}, "error"),
    "sky with a distance": ({"sky": np.ones(HW, bool)}, "warning"),
}


@pytest.mark.parametrize("mistake", MASKS)
def test_a_mask_that_holds_something_else_is_found(sound, found, mistake):
    given, level = MASKS[mistake]
    finding = found(EachSample(masks.find), [replace(sound[0], masks=given)])[mistake]
    assert finding.level == level


def test_a_mask_of_0_and_255_is_called_that_and_one_with_other_numbers_is_not(sound, found):
    for numbers, words in (((0, 255), "compare it with > 0"), ((0, 7), "map the numbers")):
        mask = np.resize(np.array(numbers, np.uint8), HW)
        (finding,) = found(EachSample(masks.find), [replace(sound[0], masks={"material": mask})]).values()
        assert words in finding.remedy


def test_flat_pictures_are_found(sound, found):
    flat = replace(sound[0], image=np.full((*HW, 3), 7, np.uint8))
    assert "flat picture" in found(EachSample(frames.find), [flat])


def test_a_repeated_picture_is_a_warning_and_a_map_under_another_picture_an_error(sound, found):
    copy = replace(sound[0], name="copy")
    findings = found(frames.Repeated(), [*sound, copy])
    assert findings.keys() == {"repeated pictures"}
    assert findings["repeated pictures"].level == "warning"
    stale = replace(sound[1], name="stale", depth=sound[0].depth)
    findings = found(frames.Repeated(), [sound[0], stale])
    assert findings["repeated truth"].level == "error"
    assert findings["repeated truth"].names == ("stale",)


def test_empty_maps_are_not_copies_of_each_other(sound, found):
    empty = DepthMap(np.ones(HW), np.zeros(HW, bool))
    assert found(frames.Repeated(), [replace(sample, depth=empty) for sample in sound]) == {}
