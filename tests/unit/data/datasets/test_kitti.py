"""KITTI's data sets on tiny files in their exact layouts."""

import numpy as np
import pytest
from tests.unit.data.datasets.writing import BLUE, HW, RED, counts, cut, only, save, save_text

from leadline.camera import Camera
from leadline.data.datasets import (
    kitti_depth,
    kitti_depth_selection,
    kitti_eigen,
    kitti_raw,
    kitti_stereo2012,
    kitti_stereo2015,
)
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

DAY, DRIVE = "2011_09_26", "2011_09_26_drive_0002_sync"
BIG_HW = (40, 120)
# The colour cameras stand 0.06 m left and 0.47 m right of the reference camera, and a little ahead of it.
P2 = np.array([[70.0, 0, 60, 4.2 + 60 * 0.003], [0, 70, 20, -0.3], [0, 0, 1, 0.003]])
P3 = np.array([[70.0, 0, 60, -32.9 + 60 * 0.002], [0, 70, 20, 0.1], [0, 0, 1, 0.002]])
ANGLE = 0.01
R0 = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])
R = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])  # scanner: forward, left, up; camera: right, down, forward
T = np.array([0.1, -0.2, -0.3])


def line(name, numbers):
    return f"{name}: {' '.join(f'{x:.12e}' for x in np.ravel(numbers))}"


def write_calibration(root, hw=BIG_HW):
    rows = ["calib_time: 09-Jan-2012 13:57:47", line("R_rect_00", R0), line("S_rect_02", hw[::-1]), line("S_rect_03", hw[::-1])]
    rows += [line("P_rect_00", P2 + 1), line("P_rect_02", P2), line("P_rect_03", P3)]
    save_text(root / DAY / "calib_cam_to_cam.txt", "\n".join([*rows, ""]))
    save_text(root / DAY / "calib_velo_to_cam.txt", "\n".join(["calib_time: 15-Mar-2012", line("R", R), line("T", T), ""]))


def write_frame(root, number, points, hw=BIG_HW, suffix=".png"):
    for camera, colour in ((2, (200, 30, 10)), (3, (10, 30, 200))):
        path = root / DAY / DRIVE / f"image_0{camera}/data/{number:010d}{suffix}"
        save(path, np.full((*hw, 3), colour, np.uint8))
    scan = root / DAY / DRIVE / f"velodyne_points/data/{number:010d}.bin"
    scan.parent.mkdir(parents=True, exist_ok=True)
    np.concatenate([points, np.zeros((len(points), 1))], axis=1).astype("<f4").tofile(scan)
    write_calibration(root, hw)


def random_points(count=4000):
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(1, 40, count), rng.uniform(-15, 15, count), rng.uniform(-3, 3, count)], axis=1)
    return points.astype(np.float32).astype(np.float64)


def slow_depth(points, projection, first_pixel=0):
    """P_rect R_rect [R|T] with homogeneous 4 x 4 matrices, one point after another, as the development kit writes it."""
    rect, scan = np.eye(4), np.eye(4)
    rect[:3, :3], scan[:3, :3], scan[:3, 3] = R0, R, T
    depth = np.zeros(BIG_HW)
    for point in points:
        u, v, w = projection @ rect @ scan @ np.append(point, 1)
        if w <= 0.5:
            continue
        x, y = round(u / w) - first_pixel, round(v / w) - first_pixel
        if 0 <= x < BIG_HW[1] and 0 <= y < BIG_HW[0] and (depth[y, x] == 0 or w < depth[y, x]):
            depth[y, x] = w
    return depth


def test_a_raw_scan_lands_where_the_slow_projection_puts_it(tmp_path):
    points = random_points()
    write_frame(tmp_path, 5, points)
    (sample,) = kitti_raw.iter_samples(tmp_path)
    expected = slow_depth(points, P2)
    assert sample.name == f"{DAY}/{DRIVE}/image_02/0000000005"
    assert (expected > 0).sum() > 500
    np.testing.assert_array_equal(sample.depth.valid, expected > 0)
    np.testing.assert_allclose(sample.depth.values, expected, rtol=1e-5)
    assert sample.camera == Camera(120, 40, 70, 70, 60.5, 20.5)


def test_the_eigen_reader_puts_the_scan_one_pixel_left_and_up_as_published_scores_do(tmp_path):
    points = random_points()
    write_frame(tmp_path, 5, points)
    save_text(tmp_path / "eigen_test_files.txt", f"{DAY}/{DRIVE} 5 r\n")
    (sample,) = kitti_eigen.iter_samples(tmp_path)
    assert sample.name.endswith("image_03/0000000005")
    assert tuple(sample.image[0, 0]) == (10, 30, 200)
    np.testing.assert_array_equal(sample.depth.valid, slow_depth(points, P3, first_pixel=1) > 0)
    assert not (sample.depth.valid == (slow_depth(points, P3) > 0)).all()


def test_the_nearer_of_two_points_in_a_pixel_wins_in_either_order(tmp_path):
    near, far = [10.0, 0.05, 0.0], [10.1, 0.05, 0.0]
    for points in ([near, far], [far, near]):
        write_frame(tmp_path, 5, np.array(points))
        (sample,) = kitti_raw.iter_samples(tmp_path)
        assert sample.depth.valid.sum() == 1
        assert sample.depth.values.max() == pytest.approx(10 - 0.3 + 0.003)


def test_jpegs_of_half_size_get_a_camera_of_half_size(tmp_path):
    write_frame(tmp_path, 5, random_points(10), suffix=".jpg")
    save(tmp_path / DAY / DRIVE / "image_02/data/0000000005.jpg", np.zeros((20, 60, 3), np.uint8))
    (sample,) = kitti_raw.iter_samples(tmp_path)
    assert sample.camera == Camera(60, 20, 35, 35, 30.25, 10.25)


LISTS = {
    "monodepth2": f"{DAY}/{DRIVE} 69 l\n{DAY}/{DRIVE} 0000000005 3\n",
    "sfmlearner": f"{DAY}/{DRIVE}/image_02/data/0000000069.png\n{DAY}/{DRIVE}/image_03/data/0000000005.jpg\n",
}


@pytest.mark.parametrize("style", LISTS)
def test_lists_of_either_style_name_the_same_frames_in_their_order(tmp_path, style):
    save_text(tmp_path / "test_files.txt", LISTS[style])
    expected = [f"{DAY}/{DRIVE}/image_02/0000000069", f"{DAY}/{DRIVE}/image_03/0000000005"]
    assert kitti_raw.DATASET.names(tmp_path) == expected
    (tmp_path / "test_files.txt").rename(tmp_path / "elsewhere.txt")
    assert kitti_raw.with_list(tmp_path / "elsewhere.txt").names(tmp_path) == expected
    assert kitti_eigen.with_list(tmp_path / "elsewhere.txt").names(tmp_path) == expected


def test_pairs_get_the_annotated_depth_and_frames_without_one_are_left_out(tmp_path):
    pictures = [f"{DAY}/{DRIVE}/image_02/data/{number:010d}.png" for number in (5, 6)]
    truth = f"{DRIVE}/proj_depth/groundtruth/image_02/0000000005.png"
    save_text(tmp_path / "eigen_test_files_with_gt.txt", f"{pictures[0]} {truth} 721.5377\n{pictures[1]} None 721.5377\n")
    write_calibration(tmp_path, HW)
    save(tmp_path / pictures[0], RED)
    save(tmp_path / "val" / truth, counts(invalid=0, far=20480))
    for module in (kitti_raw, kitti_eigen):
        sample = only(module, tmp_path)
        np.testing.assert_allclose(sample.depth.values[0, :3], [0, 80, 1000 / 256], rtol=1e-6)
        assert not sample.depth.valid[0, 0]
        assert sample.camera.fx == 70


def test_a_changed_list_is_read_anew(tmp_path):
    import os

    path = tmp_path / "test_files.txt"
    for number in (1, 2):
        save_text(path, f"{DAY}/{DRIVE} {number} l\n")
        os.utime(path, ns=(number, number))
        assert kitti_raw.DATASET.names(tmp_path) == [f"{DAY}/{DRIVE}/image_02/000000000{number}"]


def test_two_lists_and_a_line_that_is_no_frame_are_refused(tmp_path):
    save_text(tmp_path / "test_files.txt", f"{DAY}/{DRIVE} 5 x\n")
    with pytest.raises(LeadlineError, match=r"test_files\.txt: line '2011_09_26/.* 5 x'; expected FOLDER NUMBER SIDE"):
        kitti_raw.DATASET.names(tmp_path)
    save_text(tmp_path / "train_files.txt", "")
    with pytest.raises(LeadlineError, match=r"several lists of frames \(test_files\.txt, train_files\.txt\)"):
        kitti_raw.DATASET.names(tmp_path)


def test_what_is_missing_or_cut_off_is_named_in_one_line(tmp_path):
    write_frame(tmp_path, 5, np.ones((3, 3)))
    scan = tmp_path / DAY / DRIVE / "velodyne_points/data/0000000005.bin"
    cut(scan, -3)
    with pytest.raises(LeadlineError, match=r"0000000005\.bin: 45 bytes; .* multiple of 16"):
        next(kitti_raw.iter_samples(tmp_path))
    save_text(tmp_path / DAY / "calib_velo_to_cam.txt", line("R", R[:2]))
    with pytest.raises(LeadlineError, match=r"calib_velo_to_cam\.txt: line .*; expected R: 9 numbers"):
        next(kitti_raw.iter_samples(tmp_path))
    save_text(tmp_path / DAY / "calib_velo_to_cam.txt", "")
    with pytest.raises(LeadlineError, match=r"calib_velo_to_cam\.txt: R, T missing"):
        next(kitti_raw.iter_samples(tmp_path))
    (tmp_path / DAY / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(LeadlineError, match=r"no 2011_09_26/calib_cam_to_cam\.txt"):
        next(kitti_raw.iter_samples(tmp_path))
    (tmp_path / DAY / DRIVE / "image_02/data/0000000005.png").unlink()
    with pytest.raises(LeadlineError, match=r"no picture .*0000000005\.png \(or \.jpg\)"):
        next(kitti_raw.iter_samples(tmp_path))


@pytest.mark.parametrize("place", ["2011_09_26", "raw/2011_09_26", "val"])
def test_annotated_depth_finds_its_picture_where_people_put_the_recordings(tmp_path, place):
    save(tmp_path / "val" / DRIVE / "proj_depth/groundtruth/image_03/0000000005.png", counts(invalid=0, far=20480))
    save(tmp_path / place / DRIVE / "image_03/data/0000000005.png", RED)
    sample = only(kitti_depth, tmp_path)
    assert sample.name == f"val/{DRIVE}/image_03/0000000005"
    np.testing.assert_allclose(sample.depth.values[0, :3], [0, 80, 1000 / 256], rtol=1e-6)
    assert sample.camera is None
    write_calibration(tmp_path, HW)
    assert only(kitti_depth, tmp_path).camera == Camera(8, 6, 70, 70, 60.5, 20.5)


def test_the_selection_has_three_names_for_one_frame(tmp_path):
    folder = tmp_path / "depth_selection/val_selection_cropped"
    save(folder / f"image/{DRIVE}_image_0000000008_image_02.png", RED)
    save(folder / f"groundtruth_depth/{DRIVE}_groundtruth_depth_0000000008_image_02.png", counts(invalid=0))
    save(folder / f"velodyne_raw/{DRIVE}_velodyne_raw_0000000008_image_02.png", counts() // 2)
    save_text(folder / f"intrinsics/{DRIVE}_image_0000000008_image_02.txt", "7 0 3.5 0 7.5 2.5 0 0 1")
    sample = only(kitti_depth_selection, tmp_path)
    assert sample.depth.values[0, 1] == pytest.approx(1000 / 256)
    assert sample.camera == Camera(8, 6, 7, 7.5, 4, 3)
    assert only(kitti_depth_selection, folder).name == f"image/{DRIVE}_image_0000000008_image_02"


def write_stereo(root, left, right, occ, noc):
    save(root / left / "000000_10.png", RED)
    save(root / right / "000000_10.png", BLUE)
    save(root / occ / "000000_10.png", counts(invalid=0, hidden=512, seen=768))
    save(root / noc / "000000_10.png", counts(invalid=0, hidden=0, seen=768))


def check_stereo(sample):
    assert isinstance(sample, StereoPair)
    assert sample.name == "000000_10"
    assert (tuple(sample.image[0, 0]), tuple(sample.right[0, 0])) == ((200, 30, 10), (10, 30, 200))
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 2, 3, 1000 / 256], rtol=1e-6)
    assert list(sample.depth.valid[0, :3]) == [False, True, True]
    assert list(sample.masks["noc"][0, :3]) == [False, False, True]
    assert list(sample.masks["occ"][0, :3]) == [False, True, False]


@pytest.mark.parametrize("below", ["", "training"])
def test_kitti_2015_scores_all_pixels_and_marks_those_that_both_cameras_see(tmp_path, below):
    base = tmp_path / below
    write_stereo(base, "image_2", "image_3", "disp_occ_0", "disp_noc_0")
    save(base / "image_2/000000_11.png", BLUE)  # the next frame in time, which has no disparity of its own
    cars = np.zeros(HW, np.uint8)
    cars[2, 2] = 3
    save(base / "obj_map/000000_10.png", cars)
    save_text(base / "calib_cam_to_cam/000000.txt", "\n".join([line("P_rect_02", P2), line("P_rect_03", P3)]))
    sample = only(kitti_stereo2015, tmp_path)
    check_stereo(sample)
    assert sample.masks["instance"][2, 2] == 3
    assert sample.baseline_m == pytest.approx((4.2 + 32.9) / 70)
    assert sample.camera == Camera(8, 6, 70, 70, 60.5, 20.5)


@pytest.mark.parametrize(("pictures", "cameras"), [(("colored_0", "colored_1"), "23"), (("image_0", "image_1"), "01")])
def test_kitti_2012_takes_colour_where_it_is_and_its_own_cameras(tmp_path, pictures, cameras):
    write_stereo(tmp_path / "training", *pictures, "disp_occ", "disp_noc")
    wrong = np.full((3, 4), 9.0)
    rows = {"P0": wrong, "P1": wrong, "P2": wrong, "P3": wrong} | {f"P{cameras[0]}": P2, f"P{cameras[1]}": P3}
    save_text(tmp_path / "training/calib/000000.txt", "\n".join(line(name, matrix) for name, matrix in rows.items()))
    save(tmp_path / "training/disp_refl_occ/000000_10.png", counts(a=0, b=0, c=0))
    sample = only(kitti_stereo2012, tmp_path)
    check_stereo(sample)
    assert sample.camera.fx == 70
    assert sample.baseline_m == pytest.approx(0.53)
    assert list(sample.masks["reflective"][0, :4]) == [False, False, False, True]


def test_stereo_without_the_calibration_archive_has_neither_camera_nor_baseline(tmp_path):
    write_stereo(tmp_path, "image_2", "image_3", "disp_occ_0", "disp_noc_0")
    sample = only(kitti_stereo2015, tmp_path)
    assert (sample.camera, sample.baseline_m) == (None, None)


def test_a_missing_noc_and_a_cut_off_disparity_say_which_file(tmp_path):
    write_stereo(tmp_path, "image_2", "image_3", "disp_occ_0", "disp_noc_0")
    cut(tmp_path / "disp_occ_0/000000_10.png", -20)
    with pytest.raises(LeadlineError, match=r"disp_occ_0/000000_10\.png"):
        next(kitti_stereo2015.iter_samples(tmp_path))
    write_stereo(tmp_path, "image_2", "image_3", "disp_occ_0", "disp_noc_0")
    (tmp_path / "disp_noc_0/000000_10.png").unlink()
    with pytest.raises(LeadlineError, match=r"disp_noc_0/000000_10\.png"):
        next(kitti_stereo2015.iter_samples(tmp_path))
