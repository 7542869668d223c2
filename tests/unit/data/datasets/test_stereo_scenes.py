"""Middlebury 2006 to 2021, ETH3D two-view and Booster on tiny files in their exact layouts."""

import cv2
import numpy as np
import pytest
from tests.unit.data.datasets.writing import BLUE, HW, RED, cut, only, ramp, save, save_npy, save_pfm, save_text

from leadline.camera import Camera
from leadline.data.datasets import (
    booster,
    booster_quarter,
    eth3d_stereo,
    middlebury2006,
    middlebury2014,
    middlebury2021,
    middlebury_v3,
)
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

CALIB = """cam0=[7.5 0 3.5; 0 7.5 2.5; 0 0 1]
cam1=[7.5 0 4.75; 0 7.5 2.5; 0 0 1]
doffs=1.25
baseline=193.001
width=8
height=6
ndisp=290
isint=0
vmin=31
vmax=257
dyavg=0.918
dymax=1.516
"""
PFM_SETS = {
    "2014": (middlebury2014, "Adirondack-perfect", "disp0.pfm"),
    "2021": (middlebury2021, "data/artroom1", "disp0.pfm"),
    "v3": (middlebury_v3, "trainingH/Adirondack", "disp0GT.pfm"),
    "eth3d": (eth3d_stereo, "two_view_training/delivery_area_1l", "disp0GT.pfm"),
}


def truth_with_holes():
    disparity = ramp()
    disparity[0, 0] = np.inf
    return disparity


def write_pair(root, folder, truth, calib=CALIB, **pfm):
    save(root / folder / "im0.png", RED)
    save(root / folder / "im1.png", BLUE)
    save_text(root / folder / "calib.txt", calib)
    save_pfm(root / folder / truth, truth_with_holes(), **pfm)
    return root / folder


@pytest.mark.parametrize("name", PFM_SETS)
@pytest.mark.parametrize("big_endian", [False, True])
def test_a_pfm_pair_is_read_from_the_bottom_up_and_knows_its_offset_in_pixels_and_its_baseline_in_metres(
    tmp_path, name, big_endian
):
    module, folder, truth = PFM_SETS[name]
    write_pair(tmp_path, folder, truth, big_endian=big_endian)
    sample = only(module, tmp_path)
    assert isinstance(sample, StereoPair)
    assert folder.endswith(sample.name)
    assert not sample.depth.valid[0, 0]
    assert sample.depth.valid.sum() == 47
    np.testing.assert_array_equal(sample.depth.values[sample.depth.valid], ramp()[sample.depth.valid])
    assert sample.camera == Camera(8, 6, 7.5, 7.5, 4, 3)
    assert (sample.offset_px, sample.baseline_m) == (1.25, pytest.approx(0.193001))
    assert (tuple(sample.image[0, 0]), tuple(sample.right[0, 0])) == ((200, 30, 10), (10, 30, 200))
    assert sample.masks == {}


@pytest.mark.parametrize("name", ["v3", "eth3d"])
def test_the_mask_of_a_pfm_pair_has_three_values(tmp_path, name):
    module, folder, truth = PFM_SETS[name]
    write_pair(tmp_path, folder, truth)
    seen_by = np.full(HW, 255, np.uint8)
    seen_by[0, :2] = (0, 128)
    save(tmp_path / folder / "mask0nocc.png", seen_by)
    masks = only(module, tmp_path).masks
    assert list(masks["noc"][0, :3]) == [False, False, True]
    assert list(masks["occ"][0, :3]) == [False, True, False]


def test_eth3d_finds_its_truth_in_a_folder_of_its_own_and_leaves_out_scenes_without(tmp_path):
    folder = write_pair(tmp_path, "two_view_training/forest_1s", "disp0GT.pfm")
    apart = tmp_path / "two_view_training_gt/forest_1s/disp0GT.pfm"
    apart.parent.mkdir(parents=True)
    (folder / "disp0GT.pfm").rename(apart)
    save(tmp_path / "two_view_training/no_truth/im0.png", RED)
    assert only(eth3d_stereo, tmp_path).name == "forest_1s"


def test_a_calibration_of_another_size_or_without_its_offset_is_refused(tmp_path):
    folder = write_pair(tmp_path, "Piano-perfect", "disp0.pfm", CALIB.replace("width=8", "width=2820"))
    with pytest.raises(LeadlineError, match=r"calib\.txt: for pictures of 2820 x 6, beside one of 8 x 6"):
        next(middlebury2014.iter_samples(tmp_path))
    save_text(folder / "calib.txt", CALIB.replace("doffs=1.25\n", ""))
    with pytest.raises(LeadlineError, match=r"calib\.txt: 'doffs'; expected cam0=\[9 numbers\], doffs and baseline"):
        next(middlebury2014.iter_samples(tmp_path))


def test_a_cut_off_pfm_and_a_missing_right_view_say_which_file(tmp_path):
    folder = write_pair(tmp_path, "Piano-perfect", "disp0.pfm")
    cut(folder / "disp0.pfm", -5)
    with pytest.raises(LeadlineError, match=r"disp0\.pfm.*cut off"):
        next(middlebury2014.iter_samples(tmp_path))
    (folder / "im1.png").unlink()
    save_pfm(folder / "disp0.pfm", ramp())
    with pytest.raises(LeadlineError, match=r"im1\.png"):
        next(middlebury2014.iter_samples(tmp_path))


@pytest.mark.parametrize("reduction", [1, 2, 3])
def test_middlebury_2006_counts_pixels_of_the_full_size_at_every_size(tmp_path, reduction):
    height = 1110 // reduction
    for view in ("view1", "view5"):
        save(tmp_path / f"Aloe/{view}.png", np.full((height, 8, 3), 90, np.uint8))
    disparity = np.full((height, 8), 150, np.uint8)
    disparity[0, 0] = 0
    save(tmp_path / "Aloe/disp1.png", disparity)
    save_text(tmp_path / "Aloe/dmin.txt", "270\n")
    (sample,) = middlebury2006.iter_samples(tmp_path)
    assert not sample.depth.valid[0, 0]
    assert sample.depth.values.max() == pytest.approx(150 / reduction)
    # The same distance at every size: 3740 px and 0.16 m, where the disparity at full size is 150 + 270.
    z = sample.camera.fx * sample.baseline_m / (sample.depth.values.max() + sample.offset_px)
    assert z == pytest.approx(3740 * 0.16 / 420)


def test_middlebury_2006_at_a_size_of_its_own_is_refused(tmp_path):
    save(tmp_path / "Aloe/view1.png", RED)
    save(tmp_path / "Aloe/disp1.png", RED[..., 0])
    with pytest.raises(LeadlineError, match=r"view1\.png: 6 rows; expected 1110, 555 or 370"):
        next(middlebury2006.iter_samples(tmp_path))


def write_booster(root, shift=0.0, rows=4):
    """A scene of 16 x 8 pixels, whose numbers tell their place."""
    hw = (8, 16)
    scene = root / "train/balanced/Bathroom"
    disparity = (40.0 + np.arange(hw[0] * hw[1], dtype=np.float32)).reshape(hw)
    disparity[0, 4] = 0
    grade, seen = (np.arange(hw[0] * hw[1]) % 4).reshape(hw).astype(np.uint8), np.full(hw, 255, np.uint8)
    grade[:, ::4] = np.arange(hw[0] // 4 * 4)[:, None] // 4 + 2
    seen[4, 8] = 0
    for light in (0, 1):
        save(scene / f"camera_00/im{light}.png", np.full((*hw, 3), (200 - light, 30, 10), np.uint8))
        save(scene / f"camera_02/im{light}.png", np.full((*hw, 3), (10, 30, 200), np.uint8))
    save_npy(scene / "disp_00.npy", disparity)
    save_npy(scene / "disp_02.npy", disparity + 5)
    save(scene / "mask_cat.png", grade)
    save(scene / "mask_00.png", seen)
    left = np.array([[20.0, 0, 7.5, 0], [0, 20, 3.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])[:rows]
    right = left.copy()
    right[0, 2] += shift
    storage = cv2.FileStorage(str(scene / "calib_00-02.xml"), cv2.FILE_STORAGE_WRITE)
    for key, value in (("mtxL", left[:3, :3] * 2), ("proj_matL", left), ("proj_matR", right), ("baselineLR", 80.5)):
        storage.write(key, value)
    storage.release()
    return scene, disparity


@pytest.mark.parametrize("rows", [3, 4])
def test_booster_has_one_truth_for_all_lights_and_its_baseline_in_millimetres(tmp_path, rows):
    _, disparity = write_booster(tmp_path, shift=2.0, rows=rows)
    first, second = booster.iter_samples(tmp_path)
    assert (first.name, second.name) == tuple(f"train/balanced/Bathroom/camera_00/im{light}" for light in (0, 1))
    assert (first.image[0, 0, 0], second.image[0, 0, 0]) == (200, 199)
    np.testing.assert_array_equal(first.depth.values, disparity)
    assert not first.depth.valid[0, 4]
    assert first.camera == Camera(16, 8, 20, 20, 8, 4)
    assert (first.baseline_m, first.offset_px) == (pytest.approx(0.0805), 2)
    assert first.masks["mask_cat"][0].tolist() == [2, 1, 2, 3] * 4  # the numbers as they are
    assert first.masks["noc"].sum() == 127
    assert first.masks["occ"].sum() == 1
    assert first.right[0, 0, 2] == 200


def test_a_quarter_of_booster_keeps_every_fourth_number_and_divides_it_by_four(tmp_path):
    _, disparity = write_booster(tmp_path, shift=2.0)
    sample = next(booster_quarter.iter_samples(tmp_path))
    np.testing.assert_array_equal(sample.depth.values, disparity[::4, ::4] / 4)
    assert not sample.depth.valid[0, 1]
    assert sample.image.shape == sample.right.shape == (2, 4, 3)
    assert sample.camera == sample.depth.camera == Camera(4, 2, 5, 5, 2, 1)
    assert sample.offset_px == 0.5
    assert sample.masks["mask_cat"][:, 0].tolist() == [2, 3]
    assert sample.masks["noc"].dtype == np.bool_
    assert sample.masks["occ"].tolist() == [[False] * 4, [False, False, True, False]]


def test_booster_depth_is_the_same_at_full_and_at_quarter_size(tmp_path):
    write_booster(tmp_path, shift=2.0)
    full, quarter = next(booster.iter_samples(tmp_path)), next(booster_quarter.iter_samples(tmp_path))
    z = [pair.camera.fx * pair.baseline_m / (pair.depth.values + pair.offset_px) for pair in (full, quarter)]
    np.testing.assert_allclose(z[0][4::4, ::4], z[1][1:], rtol=1e-6)


def test_booster_without_a_right_folder_is_monocular_but_a_missing_picture_is_an_error(tmp_path):
    scene, _ = write_booster(tmp_path)
    (scene / "camera_02/im0.png").unlink()
    with pytest.raises(LeadlineError, match=r"camera_02/im0\.png"):
        next(booster.iter_samples(tmp_path))
    (scene / "camera_02/im1.png").unlink()
    (scene / "camera_02").rmdir()
    assert next(booster.iter_samples(tmp_path)).right is None
    assert next(booster_quarter.iter_samples(tmp_path)).right is None


BROKEN = {
    "proj_matL of 0 x 0 numbers": "<opencv_storage><mtxL>1</mtxL></opencv_storage>",
    "proj_matL of 3 x 3 numbers": "<opencv_storage><proj_matL><rows>3</rows><cols>3</cols></proj_matL></opencv_storage>",
    "unclosed token": "<opencv_storage><proj_matL",
    "no element found": "",
}


@pytest.mark.parametrize("problem", BROKEN)
def test_a_broken_calibration_of_booster_is_named(tmp_path, problem):
    scene, _ = write_booster(tmp_path)
    save_text(scene / "calib_00-02.xml", BROKEN[problem])
    with pytest.raises(
        LeadlineError, match=rf"calib_00-02\.xml: {problem}.*; expected OpenCV's XML with proj_matL and baseline"
    ):
        next(booster.iter_samples(tmp_path))


def test_a_disparity_of_booster_of_another_size_is_named(tmp_path):
    scene, disparity = write_booster(tmp_path)
    save_npy(scene / "disp_00.npy", disparity[:, :5])
    with pytest.raises(LeadlineError, match=r"disp_00\.npy: float32 of \(8, 5\) beside a picture of \(8, 16\)"):
        next(booster.iter_samples(tmp_path))
    cut(scene / "disp_00.npy", 200)
    with pytest.raises(LeadlineError, match=r"disp_00\.npy: not a readable NPY array"):
        next(booster.iter_samples(tmp_path))
