"""Each reader on tiny files in the exact layout of its data set, with the wrong reading that it must not make."""

import json
from math import degrees

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.datasets import (
    cleargrasp_real,
    cleargrasp_synthetic,
    habitat,
    hololens,
    home_realsense,
    kitti_semidense,
    leadline_folder,
    middlebury2003,
    middlebury2005,
    mirror3d_nyu,
    nyu_npy,
    seven_scenes,
    sun_rgbd,
    table_clutter,
    transparent_d435,
    tum,
)
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError

HW = (6, 8)
RED = np.full((*HW, 3), (200, 30, 10), np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array)


def save_exr(path, values):
    import OpenEXR

    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    pixels = np.repeat(values[..., None], 3, axis=2).astype(np.float16)
    with OpenEXR.File(header, {"RGB": pixels}) as file:
        file.write(str(path))


def counts(**places):
    """(h, w) uint16 of 1000, but for the given first pixels."""
    raw = np.full(HW, 1000, np.uint16)
    raw[0, : len(places)] = list(places.values())
    return raw


def only(dataset_module, root):
    (sample,) = dataset_module.iter_samples(root)
    assert sample.image.shape == (*HW, 3)
    assert sample.depth.hw == HW
    assert sample.depth.kind == dataset_module.INFO.kind
    return sample


def test_tum_counts_five_thousandths_and_its_default_camera_is_exactly_centred(tmp_path):
    save(tmp_path / "A_color.png", RED)
    save(tmp_path / "A_depth.png", counts(invalid=0, far=50000))
    sample = only(tum, tmp_path)
    np.testing.assert_allclose(sample.depth.values[0, :3], [0, 10, 0.2], rtol=1e-6)
    assert not sample.depth.valid[0, 0]
    assert sample.depth.valid.sum() == 47
    assert (sample.camera.cx, sample.camera.cy) == (4, 3)
    assert tuple(sample.image[0, 0]) == (200, 30, 10)  # red first


def test_sun_rotates_right_by_three_bits(tmp_path):
    millimetres = counts(invalid=0, near=5, high=40000)
    save(tmp_path / "A_color.jpg", RED)
    save(tmp_path / "A_depth.png", (millimetres << 3) | (millimetres >> 13))
    sample = only(sun_rgbd, tmp_path)
    # A shift alone would lose the three bits that 40000 keeps at the bottom.
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 0.005, 40, 1], rtol=1e-6)


def test_nyu_arrays_become_8_bit_pictures_and_metres(tmp_path):
    depth = np.full(HW, 2.5, np.float32)
    depth[0, 0], depth[0, 1] = 0, np.nan
    np.save(tmp_path / "depth.npy", depth)
    np.save(tmp_path / "rgb.npy", np.full((*HW, 3), 0.5))
    sample = only(nyu_npy, tmp_path)
    assert sample.name == tmp_path.name
    assert sample.depth.valid.sum() == 46
    assert sample.image.max() == 128
    assert sample.camera is None


def test_seven_scenes_has_two_marks_for_invalid_and_two_cameras(tmp_path):
    save(tmp_path / "frame-000000.color.jpg", RED)
    save(tmp_path / "frame-000000.depth.png", counts(invalid=0, saturated=65535))
    pose = np.arange(16.0).reshape(4, 4)
    np.savetxt(tmp_path / "frame-000000.pose.txt", pose)
    np.savetxt(tmp_path / "camera-intrinsics.txt", [[585, 0, 320], [0, 585, 240], [0, 0, 1]])
    sample = only(seven_scenes, tmp_path)
    assert list(sample.depth.valid[0, :3]) == [False, False, True]
    assert sample.camera is None  # the colour camera is not calibrated
    assert (sample.depth.camera.fx, sample.depth.camera.cx) == (585, 320)
    np.testing.assert_array_equal(sample.world_from_camera, pose)


def test_habitat_drops_alpha_and_takes_zero_as_a_hole(tmp_path):
    depth = np.full(HW, 3, np.float32)
    depth[2, 2] = 0
    np.save(tmp_path / "room-color_sensor.npy", np.dstack([RED, np.full(HW, 255, np.uint8)]))
    np.save(tmp_path / "room-depth_sensor.npy", depth)
    sample = only(habitat, tmp_path)
    assert sample.depth.valid.sum() == 47
    assert tuple(sample.image[0, 0]) == (200, 30, 10)


def test_cleargrasp_takes_the_opaque_twins_depth_not_the_sensors(tmp_path):
    folder = tmp_path / "real-val/d435"
    truth = np.full(HW, 0.5)
    truth[0, 0], truth[0, 1] = 0, np.nan
    mask = np.zeros(HW, np.uint8)
    mask[3, 3] = 255
    save(folder / "000000080-transparent-rgb-img.jpg", RED)
    save(folder / "000000080-opaque-rgb-img.jpg", 255 - RED)
    save_exr(folder / "000000080-opaque-depth-img.exr", truth)
    save_exr(folder / "000000080-transparent-depth-img.exr", truth + 1)
    save(folder / "000000080-mask.png", mask)
    (folder / "camera_intrinsics.yaml").write_text(
        "# fx: 1\ncamera_name: 'D435'\nxres: 8    # width\nyres: 6\nfx: 7.5   # px\nfy: 7\ncx: 4\ncy: 2.5\n"
    )
    sample = only(cleargrasp_real, tmp_path)
    assert sample.name == "real-val/d435/000000080"
    assert sample.depth.valid.sum() == 46
    assert sample.depth.values.max() == 0.5
    assert sample.masks["material"].tolist() == (mask // 255).tolist()
    assert (sample.camera.fx, sample.camera.cx, sample.camera.cy) == (7.5, 4.5, 3.0)


@pytest.mark.parametrize("where", ["synthetic-val/bottle-val", "bottle-train"])
def test_cleargrasp_synthetic_has_its_field_of_view_in_radians(tmp_path, where):
    folder = tmp_path / where
    save(folder / "rgb-imgs/000000002-rgb.jpg", RED)
    save_exr(folder / "depth-imgs-rectified/000000002-depth-rectified.exr", np.full(HW, 0.75))
    save(folder / "segmentation-masks/000000002-segmentation-mask.png", np.full(HW, 255, np.uint8))
    (folder / "json-files").mkdir()
    facts = {"camera": {"field_of_view": {"x_axis_rads": 1.2, "y_axis_rads": 0.9}}}
    (folder / "json-files/000000002-masks.json").write_text(json.dumps(facts))
    sample = only(cleargrasp_synthetic, tmp_path)
    assert sample.camera.fov_deg[0] == pytest.approx(degrees(1.2))
    assert sample.name == f"{where}/000000002"
    assert (sample.masks["material"] == 1).all()


def test_home_reads_its_matrix_by_columns(tmp_path):
    save(tmp_path / "color/000001.png", RED)
    save(tmp_path / "depth/000001.png", counts(invalid=0))
    facts = {"width": 8, "height": 6, "intrinsic_matrix": [7.0, 0, 0, 0, 7.5, 0, 3.4, 2.9, 1]}
    (tmp_path / "cam_params_realsense.json").write_text(json.dumps(facts))
    sample = only(home_realsense, tmp_path)
    assert sample.camera == Camera(8, 6, 7.0, 7.5, 3.9, 3.4)
    assert sample.depth.values[0, 1] == 1.0


def test_table_reads_millimetres_and_its_camera(tmp_path):
    save(tmp_path / "000000-color.png", RED)
    save(tmp_path / "000000-depth.png", counts(invalid=0, far=8992))
    facts = {"img_width": 8, "img_height": 6, "fx": 7.0, "fy": 7.5, "x_offset": 3.5, "y_offset": 2.5}
    (tmp_path / "camera_params.json").write_text(json.dumps(facts))
    sample = only(table_clutter, tmp_path)
    assert sample.camera == Camera(8, 6, 7.0, 7.5, 4.0, 3.0)
    np.testing.assert_allclose(sample.depth.values[0, :3], [0, 8.992, 1], rtol=1e-6)


def test_middlebury_2003_counts_quarter_pixels(tmp_path):
    disparity = np.full(HW, 100, np.uint8)
    disparity[0, 0] = 0
    save(tmp_path / "cones/im2.png", RED)
    save(tmp_path / "cones/im6.png", 255 - RED)
    save(tmp_path / "cones/disp2.png", disparity)
    save(tmp_path / "cones/disp6.png", disparity // 2)
    sample = only(middlebury2003, tmp_path)
    assert isinstance(sample, StereoPair)
    assert sample.depth.values.max() == 25
    assert not sample.depth.valid[0, 0]
    assert (sample.right[0, 0] == 255 - RED[0, 0]).all()
    assert (sample.baseline_m, sample.offset_px) == (None, 0)


def test_middlebury_2005_counts_third_pixels_and_knows_how_far_the_crops_differ(tmp_path):
    save(tmp_path / "Art/view1.png", RED)
    save(tmp_path / "Art/view5.png", RED)
    save(tmp_path / "Art/disp1.png", np.full(HW, 150, np.uint8))
    (tmp_path / "Art/dmin.txt").write_text("200\n")
    sample = only(middlebury2005, tmp_path)
    assert sample.depth.values.max() == 50
    assert sample.offset_px == pytest.approx(200 / 3)
    # 3740 px and 0.16 m at full size, where this pixel's disparity is 150 + 200.
    z = sample.camera.fx * sample.baseline_m / (50 + sample.offset_px)
    assert z == pytest.approx(3740 * 0.16 / 350)


def test_kitti_semidense_takes_camera_and_scale_from_the_list_though_its_paths_are_others(tmp_path):
    save(tmp_path / "rgb/0000000005.png", RED)
    save(tmp_path / "depth/0000000005.png", counts(invalid=0))
    entry = {"cam_in": [7, 7.5, 3.5, 2.5], "rgb": "data/demo/rgb/0000000005.png", "depth": "x", "depth_scale": 256.0}
    (tmp_path / "test_annotations.json").write_text(json.dumps({"files": [entry]}))
    sample = only(kitti_semidense, tmp_path)
    assert sample.depth.values[0, 1] == pytest.approx(1000 / 256)
    assert sample.camera == Camera(8, 6, 7, 7.5, 4, 3)


def test_transparent_d435_is_true_on_the_objects_only(tmp_path):
    truth, label = np.zeros(HW, np.uint16), np.zeros(HW, np.uint8)
    truth[2, 2:4], label[2, 2:4] = 521, (1, 2)
    save(tmp_path / "001/rgb/000005.jpg", RED)
    save(tmp_path / "001/object_depth/000005.png", truth)
    save(tmp_path / "001/sensor_depth/000005.png", np.full(HW, 700, np.uint16))
    save(tmp_path / "001/label/000005.png", label)
    (tmp_path / "camera_d435.yaml").write_text(
        "name: d435\nimage_width: 8\nimage_height: 6\ncamera_matrix: [7.0, 0.0, 3.5, 0.0, 7.5, 2.5, 0.0, 0.0, 1.0]\n"
    )
    sample = only(transparent_d435, tmp_path)
    assert sample.depth.valid.sum() == 2
    assert sample.depth.values.max() == pytest.approx(0.521)
    assert sample.masks["material"].max() == 1
    assert sample.masks["instance"].max() == 2
    assert sample.camera == Camera(8, 6, 7.0, 7.5, 4.0, 3.0)


def test_mirror3d_has_no_truth_inside_mirrors(tmp_path):
    instance = np.zeros(HW, np.uint16)
    instance[1, 1:3] = (1, 2)
    save(tmp_path / "mirror_color_images/45.jpg", RED)
    save(tmp_path / "raw_sensorD/45.png", counts(invalid=0))
    save(tmp_path / "mirror_instance_mask_precise/45.png", instance)
    sample = only(mirror3d_nyu, tmp_path)
    assert sample.depth.valid.sum() == 48 - 1 - 2
    assert (sample.masks["material"] == np.where(instance > 0, 2, 0)).all()
    # A centred crop of 640 x 480 moves the principal point, not the focal length.
    assert sample.camera.fx == pytest.approx(518.8579)
    assert sample.camera.cx == pytest.approx(325.5824 - 0.5 - 316)


def write_walk(root, frames):
    for i in range(frames):
        save(root / f"images/{i + 3:05d}.jpg", RED)
        save(root / f"depth/{i + 3:05d}.png", counts(invalid=0))
    np.savetxt(root / "K.txt", [[7, 0, 3.5], [0, 7.5, 2.5], [0, 0, 1]])
    np.savetxt(root / "poses.txt", np.arange(16.0 * frames).reshape(frames, 16))


def test_hololens_frames_start_at_three_and_poses_at_the_first_line(tmp_path):
    write_walk(tmp_path, 3)
    samples = list(hololens.iter_samples(tmp_path))
    assert [sample.name for sample in samples] == ["00003", "00004", "00005"]
    np.testing.assert_array_equal(samples[1].world_from_camera, np.arange(16.0, 32).reshape(4, 4))
    assert samples[0].camera == Camera(8, 6, 7, 7.5, 4, 3)


def test_a_walk_with_a_pose_too_few_is_refused_instead_of_shifted(tmp_path):
    write_walk(tmp_path, 3)
    (tmp_path / "images/00009.jpg").write_bytes((tmp_path / "images/00003.jpg").read_bytes())
    with pytest.raises(LeadlineError, match="3 poses for 4 pictures"):
        next(hololens.iter_samples(tmp_path))


def write_leadline(root, stereo):
    from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene

    depth = np.full(HW, 2, np.float32)
    depth[0, 0] = 0
    pose = np.eye(4)
    pose[0, 3] = 5
    normals = np.zeros((*HW, 3), np.float32)
    normals[..., 2] = -1
    right = {"right": RED, "pixel_disparity": depth, "occluded": depth > 9, "baseline_m": 0.1} if stereo else {}
    view = StoredView(
        RED, depth, normals, np.full(HW, 2, np.uint8), np.full(HW, 300, np.uint16), depth == 0,
        np.array([[7.0, 0, 4], [0, 7, 3], [0, 0, 1]]), pose, **right,
    )  # fmt: skip
    write_dataset(root, {"world": "test"})
    write_scene(root, "scene-a", [view, view])


@pytest.mark.parametrize("stereo", [False, True])
def test_a_leadline_folder_gives_back_what_was_written(tmp_path, stereo):
    write_leadline(tmp_path, stereo)
    samples = list(leadline_folder.iter_samples(tmp_path))
    assert [sample.name for sample in samples] == ["scene-a/000", "scene-a/001"]
    sample = samples[1]
    assert isinstance(sample, StereoPair) is stereo
    assert sample.depth.valid.sum() == 47
    assert sample.camera == Camera(8, 6, 7, 7, 4, 3)  # corner convention on disk already
    assert sample.masks["sky"].sum() == 1
    assert sample.masks["material"].min() == 2
    assert sample.masks["instance"].max() == 300
    assert sample.world_from_camera[0, 3] == 5
    assert not stereo or sample.baseline_m == 0.1


def test_a_depth_of_another_size_than_the_picture_says_which_file(tmp_path):
    save(tmp_path / "A_color.png", RED)
    save(tmp_path / "A_depth.png", counts()[:, :5])
    with pytest.raises(LeadlineError, match=r"A_depth\.png: 5 x 6 pixels beside a picture of 8 x 6"):
        next(tum.iter_samples(tmp_path))


def test_a_missing_depth_says_which_file(tmp_path):
    save(tmp_path / "A_color.png", RED)
    with pytest.raises(LeadlineError, match=r"A_depth\.png"):
        next(tum.iter_samples(tmp_path))


def test_colour_in_place_of_depth_is_refused(tmp_path):
    save(tmp_path / "A_color.png", RED)
    save(tmp_path / "A_depth.png", RED)
    with pytest.raises(LeadlineError, match=r"A_depth\.png"):
        next(tum.iter_samples(tmp_path))
