"""Virtual KITTI 2, Cityscapes and DDAD on tiny files in their exact layouts."""

import json

import numpy as np
import pytest
from PIL import Image
from tests.unit.data.datasets.writing import BLUE, HW, RED, counts, cut, only, save, save_text

from leadline.camera import Camera
from leadline.data.datasets import cityscapes, ddad, vkitti2
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

# Turns by 90 degrees about the y axis and moves: the camera looks along the world's -x.
CAMERA_FROM_WORLD = np.array([[0.0, 0, 1, 1], [0, 1, 0, 2], [-1, 0, 0, 3], [0, 0, 0, 1]])


def write_vkitti2(root, instances=True):
    drive = root / "Scene01/15-deg-left"
    for camera, picture in ((0, RED), (1, BLUE)):
        save(drive / f"frames/rgb/Camera_{camera}/rgb_00007.jpg", picture)
    save(drive / "frames/depth/Camera_0/depth_00007.png", counts(sky=65535, far=65534, near=150))
    rows = ["frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]", "0 0 1 1 1 1", "7 1 9 9 9 9", "7 0 7 7.5 3.5 2.5"]
    save_text(drive / "intrinsic.txt", "\n".join(rows))
    numbers = " ".join(str(x) for x in CAMERA_FROM_WORLD.ravel())
    save_text(drive / "extrinsic.txt", f"frame cameraID r1,1 r1,2\n7 0 {numbers}\n7 1 {numbers}\n")
    if instances:
        labels = np.zeros(HW, np.uint8)
        labels[2, 2] = 5
        picture = Image.fromarray(labels, mode=None).convert("P")
        picture.putpalette([17 * (i % 15) for i in range(768)])
        path = drive / "frames/instanceSegmentation/Camera_0/instancegt_00007.png"
        path.parent.mkdir(parents=True)
        picture.putdata(labels.ravel().tolist())
        picture.save(path)


def test_virtual_kitti_counts_centimetres_and_has_its_sky_at_the_far_plane(tmp_path):
    write_vkitti2(tmp_path)
    sample = only(vkitti2, tmp_path)
    assert isinstance(sample, StereoPair)
    assert sample.name == "Scene01/15-deg-left/Camera_0/00007"
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 655.34, 1.5, 10], rtol=1e-6)
    assert list(sample.depth.valid[0, :2]) == [False, True]
    assert list(sample.masks["sky"][0, :2]) == [True, False]
    assert sample.masks["instance"][2, 2] == 5  # the index, not its colour
    assert sample.camera == Camera(8, 6, 7, 7.5, 4, 3)
    assert sample.baseline_m == 0.532725
    assert sample.right[0, 0, 2] > 150  # the blue picture, through a JPEG


def test_virtual_kitti_poses_take_the_world_into_the_camera_in_the_file(tmp_path):
    write_vkitti2(tmp_path, instances=False)
    sample = only(vkitti2, tmp_path)
    np.testing.assert_allclose(sample.world_from_camera @ CAMERA_FROM_WORLD, np.eye(4), atol=1e-12)
    assert "instance" not in sample.masks


def test_the_right_camera_of_virtual_kitti_is_a_sample_but_no_pair(tmp_path):
    write_vkitti2(tmp_path, instances=False)
    drive = tmp_path / "Scene01/15-deg-left"
    save(drive / "frames/depth/Camera_1/depth_00007.png", counts())
    samples = list(vkitti2.iter_samples(tmp_path))
    assert [isinstance(sample, StereoPair) for sample in samples] == [True, False]
    assert samples[1].camera.fx == 9


def test_virtual_kitti_without_a_line_for_the_frame_says_so(tmp_path):
    write_vkitti2(tmp_path)
    path = tmp_path / "Scene01/15-deg-left/intrinsic.txt"
    save_text(path, "frame cameraID\n7 0 7 7.5 3.5\n")
    with pytest.raises(LeadlineError, match=r"intrinsic\.txt: line '7 0 7 7\.5 3\.5'; expected frame, cameraID and 4 numbers"):
        next(vkitti2.iter_samples(tmp_path))
    save_text(path, "frame cameraID\n")
    with pytest.raises(LeadlineError, match=r"intrinsic\.txt: no line for frame 7 of camera 0"):
        next(vkitti2.iter_samples(tmp_path))


CITY = "train/aachen/aachen_000000_000019"
CITY_CAMERA = {
    "extrinsic": {"baseline": 0.209313, "pitch": 0.038, "roll": 0.0, "x": 1.7, "y": 0.1, "yaw": -0.0195, "z": 1.22},
    "intrinsic": {"fx": 7.0, "fy": 7.5, "u0": 3.5, "v0": 2.5},
}


def write_cityscapes(root):
    save(root / f"leftImg8bit/{CITY}_leftImg8bit.png", RED)
    save(root / f"disparity/{CITY}_disparity.png", counts(invalid=0, none=1, one=257))
    save_text(root / f"camera/{CITY}_camera.json", json.dumps(CITY_CAMERA))


def test_cityscapes_counts_from_one(tmp_path):
    write_cityscapes(tmp_path)
    sample = only(cityscapes, tmp_path)
    assert sample.name == CITY
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 0, 1, 999 / 256], rtol=1e-6)
    assert list(sample.depth.valid[0, :3]) == [False, False, True]
    assert (sample.baseline_m, sample.right, sample.masks) == (0.209313, None, {})
    assert sample.camera == Camera(8, 6, 7, 7.5, 4, 3)


def test_cityscapes_takes_the_right_picture_the_sky_and_the_instances_where_they_are(tmp_path):
    write_cityscapes(tmp_path)
    labels, instances = np.full(HW, 7, np.uint8), np.full(HW, 7, np.uint16)
    labels[0, 0], instances[1, 1] = 23, 26001
    save(tmp_path / f"gtFine/{CITY}_gtFine_labelIds.png", labels)
    save(tmp_path / f"gtFine/{CITY}_gtFine_instanceIds.png", instances)
    save(tmp_path / f"rightImg8bit/{CITY}_rightImg8bit.png", BLUE)
    sample = only(cityscapes, tmp_path)
    assert sample.masks["sky"].sum() == 1
    assert sample.masks["sky"][0, 0]
    assert sample.masks["instance"][1, 1] == 26001
    assert tuple(sample.right[0, 0]) == (10, 30, 200)


def test_cityscapes_without_its_camera_says_which_number_is_missing(tmp_path):
    write_cityscapes(tmp_path)
    save_text(tmp_path / f"camera/{CITY}_camera.json", json.dumps({"intrinsic": CITY_CAMERA["intrinsic"]}))
    with pytest.raises(LeadlineError, match=r"_camera\.json: 'extrinsic'; expected intrinsic fx, fy, u0, v0 and extrinsic"):
        next(cityscapes.iter_samples(tmp_path))
    cut(tmp_path / f"camera/{CITY}_camera.json", 20)
    with pytest.raises(LeadlineError, match=r"_camera\.json: not JSON"):
        next(cityscapes.iter_samples(tmp_path))


DDAD_HW = (30, 40)
SCENE = "scene_6d1b5b0c8f3f2d5a.json"
K = {"fx": 25.0, "fy": 26.0, "cx": 19.5, "cy": 14.5, "skew": 0.0}
NOSE = {"rotation": {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}, "translation": {"x": 1.5, "y": 0.5, "z": 2.0}}
ROOF = {"rotation": {"qw": 0.6, "qx": 0.0, "qy": 0.0, "qz": 0.8}, "translation": {"x": 1.0, "y": 0.25, "z": 2.5}}


def pose_matrix(pose):
    """The quaternion as a sandwich q v q*, one axis at a time."""
    w, x, y, z = (pose["rotation"][key] for key in ("qw", "qx", "qy", "qz"))

    def product(a, b):
        return (
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        )

    matrix = np.eye(4)
    for column, axis in enumerate(np.eye(3)):
        matrix[:3, column] = product(product((w, x, y, z), (0, *axis)), (w, -x, -y, -z))[1:]
    matrix[:3, 3] = [pose["translation"][key] for key in "xyz"]
    return matrix


def write_ddad(root, points, split="1"):
    scene = root / "000150"
    cameras = ("CAMERA_01", "CAMERA_05")
    for camera in cameras:
        save(scene / f"rgb/{camera}/15616458249936530.png", np.full((*DDAD_HW, 3), 90, np.uint8))
    (scene / "point_cloud/LIDAR").mkdir(parents=True)
    np.savez(scene / "point_cloud/LIDAR/15616458249936530.npz", data=np.column_stack([points, np.ones(len(points))]))
    datum = {"point_cloud": {"filename": "point_cloud/LIDAR/15616458249936530.npz", "pose": ROOF}}
    data = [{"key": "a", "id": {"name": "LIDAR"}, "datum": datum}]
    for camera in cameras:
        image = {"filename": f"rgb/{camera}/15616458249936530.png", "pose": NOSE, "height": 30, "width": 40}
        data.append({"key": camera, "id": {"name": camera}, "datum": {"image": image}})
    samples = [{"calibration_key": "c0ffee", "datum_keys": ["a", *cameras]}]
    save_text(scene / SCENE, json.dumps({"data": data, "samples": samples}))
    calibration = {"names": ["LIDAR", *cameras], "intrinsics": [dict.fromkeys(K, 0.0), K, {**K, "fx": 9.0}], "extrinsics": []}
    save_text(scene / "calibration/c0ffee.json", json.dumps(calibration))
    save_text(root / "ddad.json", json.dumps({"scene_splits": {split: {"filenames": [f"000150/{SCENE}"]}}}))


def ddad_points():
    """Points in front of the camera, given in the scanner's frame."""
    rng = np.random.default_rng(1)
    ahead = np.stack([rng.uniform(-20, 20, 800), rng.uniform(-15, 15, 800), rng.uniform(-5, 200, 800), np.ones(800)])
    return (np.linalg.inv(pose_matrix(ROOF)) @ pose_matrix(NOSE) @ ahead)[:3].T


def test_ddad_points_go_through_the_world_by_the_poses_of_both_sensors(tmp_path):
    points = ddad_points()
    write_ddad(tmp_path, points)
    (sample,) = ddad.iter_samples(tmp_path)
    expected = np.zeros(DDAD_HW)
    for point in points:
        x, y, z = (np.linalg.inv(pose_matrix(NOSE)) @ pose_matrix(ROOF) @ np.append(point, 1))[:3]
        if z > 0.5:
            u, v = round(K["fx"] * x / z + K["cx"]), round(K["fy"] * y / z + K["cy"])
            if 0 <= u < 40 and 0 <= v < 30 and (expected[v, u] == 0 or z < expected[v, u]):
                expected[v, u] = z
    assert (expected > 0).sum() > 200
    np.testing.assert_array_equal(sample.depth.valid, expected > 0)
    np.testing.assert_allclose(sample.depth.values, expected, rtol=1e-5)
    assert sample.name == "000150/CAMERA_01/15616458249936530"
    assert sample.camera == Camera(40, 30, 25, 26, 20, 15)
    np.testing.assert_allclose(sample.world_from_camera, pose_matrix(NOSE), atol=1e-12)


def test_ddad_reads_the_front_camera_of_the_validation_scenes_unless_told_otherwise(tmp_path):
    write_ddad(tmp_path, ddad_points(), split="0")
    with pytest.raises(LeadlineError, match=r"ddad\.json: no scene_splits\.1"):
        ddad.DATASET.names(tmp_path)
    around = ddad.make_dataset("train", ("CAMERA_01", "CAMERA_05"))
    assert around.names(tmp_path) == ["000150/CAMERA_01/15616458249936530", "000150/CAMERA_05/15616458249936530"]
    assert around.read(tmp_path, "000150/CAMERA_05/15616458249936530").camera.fx == 9


def test_ddad_names_the_file_that_is_broken(tmp_path):
    write_ddad(tmp_path, ddad_points())
    (name,) = ddad.DATASET.names(tmp_path)
    cut(tmp_path / "000150/point_cloud/LIDAR/15616458249936530.npz", 2000)
    with pytest.raises(LeadlineError, match=r"15616458249936530\.npz: .*expected an NPZ"):
        ddad.DATASET.read(tmp_path, name)
    save_text(tmp_path / "000150/calibration/c0ffee.json", json.dumps({"names": ["LIDAR"], "intrinsics": [K]}))
    with pytest.raises(LeadlineError, match=r"c0ffee\.json: .*expected names and intrinsics with CAMERA_01"):
        ddad.DATASET.read(tmp_path, name)
    with pytest.raises(LeadlineError, match=r"no picture 1 of CAMERA_01"):
        ddad.DATASET.read(tmp_path, "000150/CAMERA_01/1")
    cut(tmp_path / "000150" / SCENE, -9)
    with pytest.raises(LeadlineError, match=r"scene_6d1b5b0c8f3f2d5a\.json: not JSON"):
        ddad.DATASET.names(tmp_path)
    (tmp_path / "000150" / SCENE).unlink()
    with pytest.raises(LeadlineError, match=r"scene_6d1b5b0c8f3f2d5a\.json: No such file"):
        ddad.DATASET.names(tmp_path)
