"""Relative disparities, pairs of points and masks from the web: which way their numbers go, and what they count."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.data.datasets import da2k, diw, hrwsi, mirror3d, mirror3d_nyu, msd, redweb, trans10k
from leadline.data.datasets.ordinal_sample import CLOSER, FARTHER, OrdinalSample
from leadline.data.datasets.surface_mask import read_surface_mask
from leadline.errors import LeadlineError
from leadline.metrics.ordinal import read_pairs

HW = (48, 64)
RED = np.full((*HW, 3), (200, 30, 10), np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix of a DIW picture is no format's: encode, then write.
    suffix = path.suffix if path.suffix != ".thumb" else ".jpg"
    path.write_bytes(cv2.imencode(suffix, array[..., ::-1] if array.ndim == 3 else array)[1].tobytes())


def test_redweb_numbers_grow_with_distance_and_255_is_sky(tmp_path):
    numbers = np.full(HW, 200, np.uint8)
    numbers[40:] = 0
    numbers[:5] = 255
    save(tmp_path / "Imgs/4.jpg", RED)
    save(tmp_path / "RDs/4.png", numbers)
    (sample,) = redweb.iter_samples(tmp_path)
    assert str(sample.depth.kind) == "disparity/affine_invariant"
    assert sample.depth.values[45, 0] > sample.depth.values[20, 0]  # the ground is near
    assert not sample.depth.valid[:5].any()
    assert sample.depth.valid[5:].all()
    assert sample.masks["sky"].sum() == 5 * 64


def test_hrwsi_masks_are_0_and_255_and_its_smallest_disparity_is_a_number(tmp_path):
    disparity = np.zeros(HW, np.uint8)
    disparity[40:] = 255
    mask = np.full(HW, 255, np.uint8)
    mask[20] = 0
    save(tmp_path / "val/imgs/7.jpg", RED)
    save(tmp_path / "val/gts/7.png", disparity)
    save(tmp_path / "val/valid_masks/7.png", mask)
    (sample,) = hrwsi.iter_samples(tmp_path)
    assert sample.name == "val/7"
    assert sample.depth.values[45, 0] == 1.0
    assert sample.depth.valid.sum() == 47 * 64
    assert sample.depth.valid[0].all()  # disparity 0 is far, not missing
    (tmp_path / "val/valid_masks/7.png").unlink()
    with pytest.raises(LeadlineError, match=r"valid_masks/7\.png"):
        next(hrwsi.iter_samples(tmp_path))


def write_diw(root, lines, folder=""):
    save(root / "DIW_test/abc.thumb", RED)
    (root / folder).mkdir(exist_ok=True)
    (root / folder / "DIW_test.csv").write_text("./DIW_test/abc.thumb\n" + lines)


@pytest.mark.parametrize("folder", ["", "DIW_Annotations"])
def test_diw_points_are_row_first_counted_from_one(tmp_path, folder):
    write_diw(tmp_path, "11,3,40,64,>,64,48\n", folder)
    (sample,) = diw.iter_samples(tmp_path)
    assert isinstance(sample, OrdinalSample)
    assert sample.name == "DIW_test/abc.thumb"
    assert sample.depth is None
    assert sample.xy_a.tolist() == [[2.5, 10.5]]  # the centre of column 2, row 10, counted from 0
    assert sample.xy_b.tolist() == [[63.5, 39.5]]
    assert sample.relation.tolist() == [FARTHER]
    assert sample.weight.tolist() == [1.0]


def test_a_depth_that_agrees_with_the_sign_of_diw_is_right(tmp_path):
    """``>`` is farther: a map whose depth grows towards A, read at the reader's points, agrees."""
    write_diw(tmp_path, "1,1,48,64,>,64,48\n")
    (sample,) = diw.iter_samples(tmp_path)
    depth = 10.0 - np.arange(48)[:, None] / 10 - np.arange(64) / 100
    pairs = read_pairs(depth, sample.xy_a, sample.xy_b, sample.relation, near_is_large=False, weight=sample.weight)
    assert pairs.first[0] == depth[0, 0]
    assert pairs.second[0] == depth[47, 63]
    assert np.sign(pairs.first - pairs.second) == sample.relation


def test_a_diw_picture_of_another_size_keeps_its_points_in_place(tmp_path):
    write_diw(tmp_path, "24,128,96,1,<,128,96\n")
    (sample,) = diw.iter_samples(tmp_path)
    assert sample.xy_a.tolist() == [[63.75, 11.75]]
    assert sample.relation.tolist() == [CLOSER]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("11,3,40,64,>\n", "is it cut off"),
        ("", "is it cut off"),
        ("11,3,40,64,=,64,48\n", "expected numbers around > or <"),
        ("x,3,40,64,>,64,48\n", "expected numbers around > or <"),
        ("11,3,49,64,>,64,48\n", "a point at x = 63.5, y = 48.5 of a picture of 64 x 48"),
    ],
)
def test_a_broken_line_of_diw_says_what_was_expected(tmp_path, lines, words):
    write_diw(tmp_path, lines)
    with pytest.raises(LeadlineError, match=words) as caught:
        next(diw.iter_samples(tmp_path))
    assert "\n" not in str(caught.value)


def write_da2k(root, pairs, name="images/transparent_reflective/9.jpg"):
    save(root / name, RED)
    (root / "annotations.json").write_text(json.dumps({name: pairs}))


def test_da2k_points_are_row_first_and_the_closer_one_is_named(tmp_path):
    write_da2k(
        tmp_path,
        [
            {"point1": [40, 3], "point2": [10, 60], "closer_point": "point1"},
            {"point1": [5, 5], "point2": [47, 63], "closer_point": "point2"},
        ],
    )
    (sample,) = da2k.iter_samples(tmp_path)
    assert sample.name == "images/transparent_reflective/9.jpg"
    assert sample.scene_type == "transparent_reflective"
    assert sample.xy_a.tolist() == [[3.5, 40.5], [5.5, 5.5]]
    assert sample.xy_b.tolist() == [[60.5, 10.5], [63.5, 47.5]]
    assert sample.relation.tolist() == [CLOSER, FARTHER]
    assert len(sample.weight) == 2


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([{"point1": [40, 3], "point2": [10, 60]}], "expected point1, point2"),
        ([{"point1": [40, 3], "point2": [10], "closer_point": "point1"}], "expected point1, point2"),
        ([{"point1": [40, 64], "point2": [1, 1], "closer_point": "point1"}], "x = 64.5, y = 40.5 of a picture of 64 x 48"),
        ("none", "expected an object with a list of pairs"),
    ],
)
def test_broken_annotations_of_da2k_say_what_was_expected(tmp_path, pairs, words):
    write_da2k(tmp_path, pairs)
    with pytest.raises(LeadlineError, match=words):
        next(da2k.iter_samples(tmp_path))


def test_an_ordinal_sample_checks_its_shapes():
    with pytest.raises(LeadlineError, match=r"expected \(n, 2\)"):
        OrdinalSample("a", RED, xy_a=np.ones((2, 2)), xy_b=np.ones((1, 2)), relation=np.ones(2, np.int8), weight=np.ones(2))
    with pytest.raises(LeadlineError, match="expected 1, 0 or -1"):
        OrdinalSample("a", RED, xy_a=np.ones((1, 2)), xy_b=np.ones((1, 2)), relation=np.full(1, 2, np.int8), weight=np.ones(1))
    assert OrdinalSample("a", RED).xy_a.shape == (0, 2)


def marked():
    where = np.zeros(HW, bool)
    where[10:20, 30:] = True
    return where


def write_mask(path, style):
    """The same marked place as the releases of Trans10K and their copies store it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    where = marked()
    classes = np.where(where, 1, 0).astype(np.uint8)
    classes[15:] *= 2
    if style == "black and white":
        Image.fromarray(np.where(where, 255, 0).astype(np.uint8)).save(path)
    elif style == "classes":
        Image.fromarray(classes).save(path)
    elif style == "palette":
        picture = Image.fromarray(classes, mode=None).convert("P")
        picture.putdata(classes.ravel().tolist())
        picture.putpalette([0, 0, 0, 255, 0, 0, 255, 255, 255] + [0] * 759)
        picture.save(path)
    else:
        colours = np.array([[0, 0, 0], [255, 0, 0], [255, 255, 255]], np.uint8)[classes]
        alpha = np.full((*HW, 1), 255, np.uint8)
        Image.fromarray(np.dstack([colours, alpha]) if style == "colours and alpha" else colours).save(path)


@pytest.mark.parametrize("style", ["black and white", "classes", "palette", "colours", "colours and alpha"])
def test_a_mask_is_marked_where_its_makers_marked_it(tmp_path, style):
    write_mask(tmp_path / "mask.png", style)
    np.testing.assert_array_equal(read_surface_mask(tmp_path / "mask.png", HW), marked())


def test_grey_edges_of_a_black_and_white_mask_are_split_in_the_middle(tmp_path):
    save(tmp_path / "mask.png", np.tile(np.array([0, 2, 127, 128, 200, 255], np.uint8), (4, 1)))
    assert read_surface_mask(tmp_path / "mask.png", (4, 6))[0].tolist() == [False, False, False, True, True, True]


@pytest.mark.parametrize(("folder", "suffix"), [("validation/easy", "_mask"), ("test", "")])
def test_trans10k_marks_transparent_things_as_1_without_depth(tmp_path, folder, suffix):
    save(tmp_path / folder / "images/12.jpg", RED)
    write_mask(tmp_path / folder / f"masks/12{suffix}.png", "black and white")
    (sample,) = trans10k.iter_samples(tmp_path)
    assert sample.name == f"{folder}/12"
    assert sample.depth is None
    assert sample.masks["material"].dtype == np.uint8
    np.testing.assert_array_equal(sample.masks["material"], marked())


def test_msd_marks_mirrors_as_2(tmp_path):
    save(tmp_path / "test/image/5_512x640.jpg", RED)
    write_mask(tmp_path / "test/mask/5_512x640.png", "black and white")
    (sample,) = msd.iter_samples(tmp_path)
    assert sample.name == "test/5_512x640"
    np.testing.assert_array_equal(sample.masks["material"], 2 * marked())


@pytest.mark.parametrize(("module", "folders"), [(trans10k, ("images", "masks")), (msd, ("image", "mask"))])
def test_a_missing_or_cut_off_mask_says_which(tmp_path, module, folders):
    save(tmp_path / folders[0] / "1.jpg", RED)
    with pytest.raises(LeadlineError, match=rf"{folders[1]}/1.*\.png"):
        next(module.iter_samples(tmp_path))
    path = tmp_path / folders[1] / "1.png"
    save(path, np.zeros((5, 5), np.uint8))
    with pytest.raises(LeadlineError, match=r"shape \(5, 5\) of uint8; expected a mask of \(48, 64\)"):
        next(module.iter_samples(tmp_path))
    path.write_bytes(b"")
    with pytest.raises(LeadlineError, match=r"1\.png: not a readable picture"):
        next(module.iter_samples(tmp_path))


def write_mirror(root, name, depth_name, refined=None):
    raw = np.full(HW, 4000, np.uint16)
    raw[0, 0] = 0
    save(root / f"mirror_color_images/{name}.jpg", RED)
    save(root / f"raw_sensorD/{depth_name}.png", raw)
    save(root / f"mirror_instance_mask_precise/{name}.png", np.where(marked(), 3, 0).astype(np.uint8))
    if refined is not None:
        save(root / f"refined_sensorD_precise/{depth_name}.png", np.where(marked(), refined, raw).astype(np.uint16))


@pytest.mark.parametrize(
    ("name", "depth_name", "scale", "focal"),
    [
        ("45", "45", 1 / 1000, 518.8579),
        ("scene0000_00/000120", "scene0000_00/000120", 1 / 1000, 64 * 574 / 640),
        ("17DRP5sb8fy/a1_i0_3", "17DRP5sb8fy/a1_d0_3", 1 / 4000, 64 * 1074 / 1280),
    ],
)
def test_refined_depth_counts_inside_mirrors_and_raw_depth_does_not(tmp_path, name, depth_name, scale, focal):
    write_mirror(tmp_path, name, depth_name)
    (sample,) = mirror3d.iter_samples(tmp_path)
    assert sample.name == name
    assert sample.depth.valid.sum() == 48 * 64 - 1 - marked().sum()
    assert sample.depth.values.max() == pytest.approx(4000 * scale)
    assert sample.camera.fx == pytest.approx(focal)
    write_mirror(tmp_path, name, depth_name, refined=2000)
    (sample,) = mirror3d.iter_samples(tmp_path)
    assert sample.depth.valid.sum() == 48 * 64 - 1
    np.testing.assert_allclose(sample.depth.values[marked()], 2000 * scale)
    assert (sample.masks["material"] == 2 * marked()).all()
    assert sample.masks["instance"].max() == 3


def test_a_room_without_its_mirror_mask_says_which_file(tmp_path):
    write_mirror(tmp_path, "45", "45")
    (tmp_path / "mirror_instance_mask_precise/45.png").unlink()
    with pytest.raises(LeadlineError, match=r"mirror_instance_mask_precise/45\.png"):
        next(mirror3d.iter_samples(tmp_path))


REAL = Path(__file__).parents[4].parent / "shared" / "data" / "dev" / "mirror3d_nyu"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real samples (../shared/data) are not on this machine")
def test_real_rooms_of_nyu_read_as_their_own_reader_reads_them():
    for mine, its in zip(mirror3d.iter_samples(REAL), mirror3d_nyu.iter_samples(REAL), strict=True):
        assert (mine.name, mine.camera) == (its.name, its.camera)
        np.testing.assert_array_equal(mine.depth.values, its.depth.values)
        np.testing.assert_array_equal(mine.masks["material"], its.masks["material"])
