"""Sintel, SceneFlow, IRS and TartanAir on tiny files in their exact layouts."""

import struct

import numpy as np
import pytest
from tests.unit.data.datasets.writing import BLUE, HW, RED, cut, only, ramp, save, save_npy, save_pfm, save_text

from leadline.camera import Camera
from leadline.data.datasets import irs, sceneflow, sintel, sintel_stereo, tartanair
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

TAG = struct.pack("<f", 202021.25)
CAMERA_FROM_WORLD = np.array([[0.0, 0, 1, 1], [0, 1, 0, 2], [-1, 0, 0, 3]])


def write_sintel(root):
    depth = root / "training/depth/alley_1/frame_0001.dpt"
    depth.parent.mkdir(parents=True)
    depth.write_bytes(TAG + struct.pack("<ii", HW[1], HW[0]) + ramp().astype("<f4").tobytes())
    cam = root / "training/camdata_left/alley_1/frame_0001.cam"
    cam.parent.mkdir(parents=True)
    k = np.array([[7.0, 0, 3.5], [0, 7.5, 2.5], [0, 0, 1]])
    cam.write_bytes(TAG + k.astype("<f8").tobytes() + CAMERA_FROM_WORLD.astype("<f8").tobytes())
    save(root / "training/clean/alley_1/frame_0001.png", BLUE)
    return depth, cam


def test_sintel_depth_starts_at_the_top_and_its_width_comes_first(tmp_path):
    write_sintel(tmp_path)
    sample = only(sintel, tmp_path)
    assert sample.name == "alley_1/frame_0001"
    np.testing.assert_array_equal(sample.depth.values, ramp())
    assert sample.camera == Camera(8, 6, 7, 7.5, 4, 3)
    np.testing.assert_allclose(CAMERA_FROM_WORLD @ sample.world_from_camera, np.eye(4)[:3], atol=1e-12)


def test_sintel_prefers_the_final_pass(tmp_path):
    write_sintel(tmp_path)
    assert only(sintel, tmp_path).image[0, 0, 2] == 200
    save(tmp_path / "training/final/alley_1/frame_0001.png", RED)
    assert only(sintel, tmp_path).image[0, 0, 0] == 200


def test_sintel_files_of_the_other_byte_order_or_cut_off_are_refused(tmp_path):
    depth, cam = write_sintel(tmp_path)
    cut(depth, -4)
    with pytest.raises(LeadlineError, match=r"frame_0001\.dpt: 200 bytes for 8 x 6 pixels"):
        next(sintel.iter_samples(tmp_path))
    depth.write_bytes(TAG[::-1] + depth.read_bytes()[4:])
    with pytest.raises(LeadlineError, match=r"frame_0001\.dpt: it starts with .*; expected 202021\.25"):
        next(sintel.iter_samples(tmp_path))
    cut(cam, 100)
    with pytest.raises(LeadlineError, match=r"frame_0001\.cam: 100 bytes; expected .* 172"):
        next(sintel.iter_samples(tmp_path))


def write_sintel_stereo(root):
    packed = np.zeros((*HW, 3), np.uint8)
    packed[...] = (10, 32, 0)  # 40.5 px
    packed[0, 0] = 0
    packed[0, 1] = (0, 1, 64)  # 1/64 + 1/256 px
    outside, hidden = np.zeros(HW, np.uint8), np.zeros(HW, np.uint8)
    outside[0, 2], hidden[0, 3] = 1, 255
    for folder, array in (
        ("final_left", RED), ("final_right", BLUE), ("clean_left", BLUE), ("clean_right", RED),
        ("disparities", packed), ("outofframe", outside), ("occlusions", hidden),
    ):  # fmt: skip
        save(root / f"training/{folder}/alley_1/frame_0001.png", array)


def test_sintel_stereo_unpacks_the_colours_and_leaves_out_what_leaves_the_picture(tmp_path):
    write_sintel_stereo(tmp_path)
    sample = only(sintel_stereo, tmp_path)
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 1 / 64 + 1 / 256, 0, 40.5])
    assert list(sample.depth.valid[0, :4]) == [False, True, False, True]
    assert list(sample.masks["noc"][0, 1:5]) == [True, False, False, True]
    assert list(sample.masks["occ"][0, 1:5]) == [False, False, True, False]
    assert (tuple(sample.image[0, 0]), tuple(sample.right[0, 0])) == ((200, 30, 10), (10, 30, 200))
    assert (sample.baseline_m, sample.camera) == (0.1, None)


def test_sintel_stereo_without_its_masks_says_which_is_missing(tmp_path):
    write_sintel_stereo(tmp_path)
    (tmp_path / "training/outofframe/alley_1/frame_0001.png").unlink()
    with pytest.raises(LeadlineError, match=r"outofframe/alley_1/frame_0001\.png"):
        next(sintel_stereo.iter_samples(tmp_path))


FRAMES = {
    "frames_finalpass/TRAIN/A/0000/left/0006.png": 1050,
    "driving/frames_cleanpass/15mm_focallength/scene_backwards/fast/left/0001.png": 450,
    "driving/frames_cleanpass/35mm_focallength/scene_backwards/fast/left/0001.png": 1050,
}


@pytest.mark.parametrize("frame", FRAMES)
def test_sceneflow_disparity_lies_beside_the_frames_with_the_bottom_row_first(tmp_path, frame):
    save(tmp_path / frame, RED)
    save(tmp_path / frame.replace("/left/", "/right/"), BLUE)
    truth = frame.replace("frames_finalpass", "disparity").replace("frames_cleanpass", "disparity").replace(".png", ".pfm")
    save_pfm(tmp_path / truth, ramp())
    sample = only(sceneflow, tmp_path)
    assert isinstance(sample, StereoPair)
    assert sample.name == frame.removesuffix(".png")
    np.testing.assert_array_equal(sample.depth.values, ramp())
    assert tuple(sample.right[0, 0]) == (10, 30, 200)
    assert (sample.camera.fx, sample.camera.cx) == (pytest.approx(FRAMES[frame] * 8 / 960), 4)
    assert sample.baseline_m is None


def test_sceneflow_reads_the_final_pass_once_where_both_are(tmp_path):
    for look in ("finalpass", "cleanpass"):
        save(tmp_path / f"frames_{look}/TRAIN/A/0000/left/0006.png", RED)
    assert sceneflow.DATASET.names(tmp_path) == ["frames_finalpass/TRAIN/A/0000/left/0006.png"]


def test_sceneflow_with_the_subsets_negative_numbers_is_refused(tmp_path):
    for side in ("left", "right"):
        save(tmp_path / f"frames_finalpass/TRAIN/A/0000/{side}/0006.png", RED)
    truth = tmp_path / "disparity/TRAIN/A/0000/left/0006.pfm"
    save_pfm(truth, -ramp())
    with pytest.raises(LeadlineError, match=r"0006\.pfm: no positive disparity"):
        next(sceneflow.iter_samples(tmp_path))
    cut(truth, -3)
    with pytest.raises(LeadlineError, match=r"0006\.pfm.*cut off"):
        next(sceneflow.iter_samples(tmp_path))


def save_exr(path, **channels):
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {name: np.ascontiguousarray(array, np.float32) for name, array in channels.items()}) as file:
        file.write(str(path))


def write_irs(root, **channels):
    folder = root / "Home/ArchvizKitchen"
    save(folder / "l_00034.png", RED)
    save(folder / "r_00034.png", BLUE)
    save_exr(folder / "d_00034.exr", **channels)
    return folder


@pytest.mark.parametrize("others", ["", "RB"])
def test_irs_disparity_is_the_green_channel_from_the_top(tmp_path, others):
    write_irs(tmp_path, G=ramp(0), **{name: ramp(500) for name in others})
    sample = only(irs, tmp_path)
    assert sample.name == "Home/ArchvizKitchen/00034"
    np.testing.assert_array_equal(sample.depth.values, ramp(0))
    assert not sample.depth.valid[0, 0]
    assert (sample.camera.fx, sample.camera.cx, sample.baseline_m) == (4, 4, 0.1)
    assert tuple(sample.right[0, 0]) == (10, 30, 200)


def test_irs_files_that_are_broken_are_named(tmp_path):
    folder = write_irs(tmp_path, Z=ramp())
    with pytest.raises(LeadlineError, match=r"d_00034\.exr: 'G'; expected an EXR file with a channel G"):
        next(irs.iter_samples(tmp_path))
    cut(folder / "d_00034.exr", 40)
    with pytest.raises(LeadlineError, match=r"d_00034\.exr: .*; expected an EXR file"):
        next(irs.iter_samples(tmp_path))


def write_tartanair(root, poses=2):
    folder = root / "abandonedfactory/Easy/P001"
    values = ramp()
    values[0, :3] = (10000, 999, 0)
    save(folder / "image_left/000001_left.png", RED)
    save(folder / "image_right/000001_right.png", BLUE)
    save_npy(folder / "depth_left/000001_left_depth.npy", values)
    # Heading east (a quarter turn about z, which points down): forward is the world's y, right its -x.
    rows = ["9 9 9 0 0 0 1", f"10 20 -3 0 0 {np.sqrt(0.5)} {np.sqrt(0.5)}"]
    save_text(folder / "pose_left.txt", "\n".join(rows[:poses]))
    return folder


def test_tartanair_has_its_sky_far_away_and_a_centred_camera(tmp_path):
    folder = write_tartanair(tmp_path)
    sample = only(tartanair, tmp_path)
    assert sample.name == "abandonedfactory/Easy/P001/000001"
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 999, 0, 4])
    assert list(sample.depth.valid[0, :3]) == [False, True, False]
    assert list(sample.masks["sky"][0, :3]) == [True, False, False]
    assert sample.camera == Camera(8, 6, 4, 4, 4, 3)
    assert sample.baseline_m == 0.25  # so that disparity is 80 / depth, as the data set's page says
    save_npy(folder / "seg_left/000001_left_seg.npy", np.full(HW, 251, np.uint8))
    assert only(tartanair, tmp_path).masks["instance"][0, 0] == 251


def test_tartanair_poses_are_turned_from_forward_right_down(tmp_path):
    write_tartanair(tmp_path)
    pose = only(tartanair, tmp_path).world_from_camera
    ahead, right, down = (pose @ (x, y, z, 1) - pose @ (0, 0, 0, 1) for x, y, z in ((0, 0, 1), (1, 0, 0), (0, 1, 0)))
    np.testing.assert_allclose(pose[:3, 3], [10, 20, -3])
    np.testing.assert_allclose(ahead[:3], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(right[:3], [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(down[:3], [0, 0, 1], atol=1e-12)


def test_tartanair_with_a_pose_too_few_or_a_cut_off_depth_says_which_file(tmp_path):
    folder = write_tartanair(tmp_path, poses=1)
    with pytest.raises(LeadlineError, match=r"pose_left\.txt: 1 poses; expected one for picture 1"):
        next(tartanair.iter_samples(tmp_path))
    cut(folder / "depth_left/000001_left_depth.npy", -8)
    with pytest.raises(LeadlineError, match=r"000001_left_depth\.npy: not a readable NPY array"):
        next(tartanair.iter_samples(tmp_path))
