import numpy as np
import pytest
from PIL import Image

from leadline.data.datasets import kitti_object
from leadline.errors import LeadlineError

HW = (40, 120)
P2 = np.array([[70.0, 0, 60, 5], [0, 70, 20, -0.3], [0, 0, 1, 0.25]])
ANGLE = 0.01
R0 = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])
# Scanner: x forward, y left, z up. Camera: x right, y down, z forward.
TR = np.array([[0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3]])


def calibration():
    return {"P2": P2, "R0_rect": R0, "Tr_velo_to_cam": TR}


def write_frame(root, points):
    for folder in ("image_2", "velodyne", "calib"):
        (root / folder).mkdir(exist_ok=True)
    Image.fromarray(np.full((*HW, 3), 90, np.uint8)).save(root / "image_2/000000.png")
    np.concatenate([points, np.zeros((len(points), 1))], axis=1).astype("<f4").tofile(root / "velodyne/000000.bin")
    lines = [f"{name}: {' '.join(f'{x:.12e}' for x in matrix.ravel())}" for name, matrix in calibration().items()]
    (root / "calib/000000.txt").write_text("\n".join([*lines, "", ""]))


def slow_depth(points):
    """P2 R0 Tr with homogeneous 4 x 4 matrices, one point after another, as the development kit writes it."""
    rect, velo = np.eye(4), np.eye(4)
    rect[:3, :3], velo[:3] = R0, TR
    depth = np.zeros(HW)
    for point in points:
        u, v, w = P2 @ rect @ velo @ np.append(point, 1)
        if w <= 0.5:
            continue
        x, y = round(u / w), round(v / w)
        if 0 <= x < HW[1] and 0 <= y < HW[0] and (depth[y, x] == 0 or w < depth[y, x]):
            depth[y, x] = w
    return depth


def test_the_scan_lands_where_the_slow_projection_puts_it(tmp_path):
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-5, 40, 4000), rng.uniform(-15, 15, 4000), rng.uniform(-3, 3, 4000)], axis=1)
    points = points.astype(np.float32).astype(np.float64)
    write_frame(tmp_path, points)
    (sample,) = kitti_object.iter_samples(tmp_path)
    expected = slow_depth(points)
    assert (expected > 0).sum() > 500
    np.testing.assert_array_equal(sample.depth.valid, expected > 0)
    np.testing.assert_allclose(sample.depth.values, expected, rtol=1e-5)
    assert str(sample.depth.kind) == "depth/metric"


def test_of_two_points_in_one_pixel_the_nearer_wins_in_either_order():
    near, far = [10.0, 0.05, 0.0], [20.0, 0.1, 0.1]
    for points in ([near, far], [far, near]):
        depth = kitti_object.project_scan(np.array(points), calibration(), HW)
        assert depth.values[depth.valid].min() == pytest.approx(10 - 0.3 + 0.25)


def test_points_behind_the_camera_are_not_seen():
    depth = kitti_object.project_scan(np.array([[-10.0, 0, 0]]), calibration(), HW)
    assert not depth.valid.any()


def test_depth_and_camera_share_the_frame_of_the_second_camera():
    point = np.array([[12.0, 1.0, -0.5]])
    depth = kitti_object.project_scan(point, calibration(), HW)
    y, x = np.argwhere(depth.valid)[0]
    back = depth.values[y, x] * depth.camera.rays()[y, x]
    rectified = R0 @ (TR[:, :3] @ point[0] + TR[:, 3]) + np.linalg.solve(P2[:, :3], P2[:, 3])
    np.testing.assert_allclose(back, rectified, atol=0.5 * rectified[2] / 70)  # half a pixel at that distance
    assert depth.camera.cx == 60.5  # the file puts the first pixel's centre at 0, this project its corner


def test_a_cut_off_scan_and_a_calibration_without_p2_say_which_file(tmp_path):
    write_frame(tmp_path, np.ones((3, 3)))
    scan = tmp_path / "velodyne/000000.bin"
    scan.write_bytes(scan.read_bytes()[:-3])
    with pytest.raises(LeadlineError, match=r"000000\.bin: 45 bytes; .* multiple of 16"):
        next(kitti_object.iter_samples(tmp_path))
    write_frame(tmp_path, np.ones((3, 3)))
    (tmp_path / "calib/000000.txt").write_text("P0: " + "1 " * 12)
    with pytest.raises(LeadlineError, match=r"000000\.txt: P2, R0_rect, Tr_velo_to_cam missing"):
        next(kitti_object.iter_samples(tmp_path))
