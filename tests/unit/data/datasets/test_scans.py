"""ETH3D and Make3D on files in their exact layouts, and what readers share about poses and scans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.data.datasets.writing import HW, RED, cut, only, ramp, save, save_text

from leadline.camera import Camera
from leadline.data.datasets import eth3d, make3d
from leadline.data.datasets.laser import nearest_points
from leadline.data.datasets.poses import inverse, rigid, rotation_matrix
from leadline.depth_map import replace_map
from leadline.errors import LeadlineError

PINHOLE = "0 PINHOLE 8 6 7 7.5 4 3\n"
FISHEYE = "0 THIN_PRISM_FISHEYE 8 6 7 7.5 4 3 0.2 0.2 -5e-06 0.0005 -0.15 0.4 -8e-05 0.0008\n"
# A quarter turn about y: the camera looks along the world's -x.
POSE = "0.7071067811865476 0 -0.7071067811865476 0 1 2 3"


def write_eth3d(root, cameras, folder="dslr_images", calibration="dslr_calibration_jpg"):
    scene = root / "courtyard"
    for name in ("DSC_0286", "DSC_0287"):
        # OpenCV chooses the format by the suffix and takes JPG for JPEG.
        save(scene / f"images/{folder}/{name}.JPG", RED)
    values = ramp().astype("<f4")
    values[0, 0] = np.inf
    truth = scene / f"ground_truth_depth/{folder}/DSC_0287.JPG"
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_bytes(values.tobytes())
    save_text(scene / calibration / "cameras.txt", f"# Camera list\n# CAMERA_ID, MODEL, WIDTH\n{cameras}")
    images = (
        f"# Image list\n# IMAGE_ID, QW\n5 1 0 0 0 9 9 9 0 {folder}/DSC_0286.JPG\n\n6 {POSE} 0 {folder}/DSC_0287.JPG\n1 2 -1\n"
    )
    save_text(scene / calibration / "images.txt", images)
    return truth


def test_eth3d_depth_has_no_header_and_starts_at_the_top_left(tmp_path):
    write_eth3d(tmp_path, FISHEYE)
    sample = only(eth3d, tmp_path)
    assert sample.name == "courtyard/dslr_images/DSC_0287"
    assert not sample.depth.valid[0, 0]
    np.testing.assert_array_equal(sample.depth.values[sample.depth.valid], ramp()[sample.depth.valid])
    assert sample.camera is None  # a fisheye with a thin prism is no pinhole


def test_eth3d_poses_are_camera_from_world_in_the_file(tmp_path):
    write_eth3d(tmp_path, FISHEYE)
    pose = only(eth3d, tmp_path).world_from_camera
    camera_from_world = np.array([[0.0, 0, -1, 1], [0, 1, 0, 2], [1, 0, 0, 3], [0, 0, 0, 1]])
    np.testing.assert_allclose(pose @ camera_from_world, np.eye(4), atol=1e-12)


def test_a_pinhole_of_colmap_measures_from_the_corner_like_leadline(tmp_path):
    write_eth3d(tmp_path, PINHOLE, "dslr_images_undistorted", "dslr_calibration_undistorted")
    assert only(eth3d, tmp_path).camera == Camera(8, 6, 7, 7.5, 4, 3)


def test_a_turned_picture_has_as_many_pixels_and_is_refused_all_the_same(tmp_path):
    write_eth3d(tmp_path, FISHEYE.replace("8 6", "6 8"))
    with pytest.raises(LeadlineError, match=r"a picture of 8 x 6, calibrated as 6 x 8; was it turned"):
        next(eth3d.iter_samples(tmp_path))


def test_eth3d_files_that_are_broken_are_named(tmp_path):
    truth = write_eth3d(tmp_path, FISHEYE)
    cut(truth, -4)
    with pytest.raises(LeadlineError, match=r"DSC_0287\.JPG: 188 bytes; expected 192, a float32 for each of 8 x 6 pixels"):
        next(eth3d.iter_samples(tmp_path))
    save_text(tmp_path / "courtyard/dslr_calibration_jpg/cameras.txt", "1 PINHOLE 8 6 7 7.5 4 3\n")
    with pytest.raises(LeadlineError, match=r"dslr_calibration_jpg: KeyError\('0'\) at dslr_images/DSC_0287\.JPG"):
        next(eth3d.iter_samples(tmp_path))
    save_text(tmp_path / "courtyard/dslr_calibration_jpg/images.txt", "# nothing\n")
    with pytest.raises(LeadlineError, match=r"images\.txt: no entry for dslr_images/DSC_0287\.JPG"):
        next(eth3d.iter_samples(tmp_path))


def write_make3d(root, stem="op1-p-015t000", key="Position3DGrid", shape=(55, 305, 4)):
    savemat = pytest.importorskip("scipy.io").savemat
    grid = np.zeros(shape)
    grid[..., :3] = (-1, -2, 5)
    grid[..., -1] = np.arange(np.prod(shape[:2])).reshape(shape[:2]) / 100
    path = root / f"Train400Depth/depth_sph_corr-{stem}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {key: grid})
    save(root / f"Train400Img/img-{stem}.jpg", np.full((64, 48, 3), 90, np.uint8))
    return path, grid


def test_make3d_has_a_coarse_map_of_the_fourth_channel_with_a_camera_of_its_own(tmp_path):
    _, grid = write_make3d(tmp_path)
    (sample,) = make3d.iter_samples(tmp_path)
    assert sample.name == "Train400Depth/op1-p-015t000"
    assert sample.depth.hw == (55, 305)
    np.testing.assert_allclose(sample.depth.values, grid[..., 3], rtol=1e-6)
    assert not sample.depth.valid[0, 0]
    assert sample.camera.hw == (64, 48)
    assert sample.depth.camera.hw == (55, 305)
    np.testing.assert_allclose(sample.depth.camera.fov_deg, sample.camera.fov_deg, rtol=1e-9)
    assert sample.camera.fov_deg == (pytest.approx(39.0, abs=0.2), pytest.approx(50.6, abs=0.2))  # an upright 4 : 3


def test_make3d_taken_as_ray_distance_is_nearer_in_the_corners_by_what_its_note_says(tmp_path):
    write_make3d(tmp_path)
    (sample,) = make3d.iter_samples(tmp_path)
    z = replace_map(sample.depth, kind="ray_distance/metric").to_depth()
    ratio = sample.depth.values[sample.depth.valid] / z.values[sample.depth.valid]
    assert ratio.min() == pytest.approx(1, abs=1e-3)
    assert 1.16 < ratio.max() < 1.175


def test_make3d_files_that_are_broken_are_named(tmp_path):
    path, _ = write_make3d(tmp_path, shape=(55, 305, 3))
    with pytest.raises(LeadlineError, match=r"\.mat: Position3DGrid of \(55, 305, 3\); expected \(55, 305, 4\)"):
        next(make3d.iter_samples(tmp_path))
    write_make3d(tmp_path, key="depths")
    with pytest.raises(LeadlineError, match=r"\.mat: KeyError\('Position3DGrid'\); expected a MATLAB file"):
        next(make3d.iter_samples(tmp_path))
    for keep in (-100, 60, 0):
        write_make3d(tmp_path)
        cut(path, keep)
        with pytest.raises(LeadlineError, match=r"\.mat: .*; expected a MATLAB file with Position3DGrid"):
            next(make3d.iter_samples(tmp_path))
    (tmp_path / "Train400Img/img-op1-p-015t000.jpg").unlink()
    with pytest.raises(LeadlineError, match=r"0 pictures img-op1-p-015t000\.jpg"):
        next(make3d.iter_samples(tmp_path))


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_a_quaternion_of_any_length_is_a_rotation_and_its_conjugate_the_inverse(q):
    rotation = rotation_matrix(q)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation_matrix([q[0], *(-x for x in q[1:])]), rotation.T, atol=1e-12)
    pose = rigid(rotation, (1, 2, 3))
    np.testing.assert_allclose(inverse(pose) @ pose, np.eye(4), atol=1e-12)


def test_a_quaternion_has_its_real_part_first_and_turns_by_the_right_hand():
    quarter_turn_about_z = rotation_matrix((1, 0, 0, 1))
    np.testing.assert_allclose(quarter_turn_about_z @ (1, 0, 0), (0, 1, 0), atol=1e-12)
    with pytest.raises(LeadlineError, match="quaternion"):
        rotation_matrix((0, 0, 0, 0))


def test_a_scan_that_sees_nothing_makes_an_empty_map():
    camera = Camera(HW[1], HW[0], 7, 7, 4, 3)
    for points in (np.zeros((0, 3)), np.array([[0.0, 0, -5]]), np.array([[100.0, 0, 1]])):
        assert not nearest_points(points, camera, "a scan").valid.any()
