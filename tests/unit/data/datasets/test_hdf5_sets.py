"""Readers of HDF5 files: the axes, the distances and the labels that are easily taken for something else."""

import builtins

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.datasets import hypersim, megadepth, nyu_labelled, nyu_test
from leadline.data.datasets.hdf5 import hdf5_shape, read_hdf5
from leadline.errors import LeadlineError

h5py = pytest.importorskip("h5py", reason="h5py (the extra eval) is not installed")
HW = (48, 64)


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])


def save_hdf5(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array


def rooms(n):
    """n pictures (row, column, channel), depths and raw depths, no two numbers at mirrored places alike."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, *HW, 3), dtype=np.uint8)
    depths = rng.uniform(0.7, 10, (n, *HW)).astype(np.float32)
    raw = depths.copy()
    raw[:, 5, 7] = 0
    return images, depths, raw


def write_mat(root, n=20):
    images, depths, raw = rooms(n)
    # MATLAB's (row, column, channel, picture) has its axes reversed in the file.
    save_hdf5(
        root / nyu_labelled.MAT,
        images=images.transpose(0, 3, 2, 1), depths=depths.transpose(0, 2, 1), rawDepths=raw.transpose(0, 2, 1),
    )  # fmt: skip
    return images, depths, raw


def test_the_labelled_rooms_are_turned_upright(tmp_path):
    images, depths, _ = write_mat(tmp_path, 3)
    samples = list(nyu_labelled.iter_samples(tmp_path))
    assert [sample.name for sample in samples] == ["00000", "00001", "00002"]
    for sample, image, depth in zip(samples, images, depths, strict=True):
        np.testing.assert_array_equal(sample.image, image)
        np.testing.assert_array_equal(sample.depth.values, depth)
        assert str(sample.depth.kind) == "depth/metric"


def test_in_painted_depth_is_truth_but_not_measured(tmp_path):
    write_mat(tmp_path, 1)
    (sample,) = nyu_labelled.iter_samples(tmp_path)
    assert sample.depth.valid.all()
    assert np.argwhere(~sample.masks["measured"]).tolist() == [[5, 7]]


def test_the_camera_of_the_toolbox_is_half_a_pixel_from_matlabs(tmp_path):
    write_mat(tmp_path, 1)
    (sample,) = nyu_labelled.iter_samples(tmp_path)
    full = sample.camera.resize((480, 640))
    assert (full.fx, full.fy, full.cx, full.cy) == pytest.approx((518.8579, 519.4696, 325.0824, 253.2362))


def test_the_test_pictures_are_those_of_splits_mat_counted_from_one(tmp_path):
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy (the extra eval) is not installed")
    images, _, _ = write_mat(tmp_path)
    scipy_io.savemat(tmp_path / "splits.mat", {"trainNdxs": [[3]], "testNdxs": np.array([[1], [2], [9], [20]], np.uint16)})
    samples = list(nyu_test.iter_samples(tmp_path))
    assert [sample.name for sample in samples] == ["00000", "00001", "00008", "00019"]
    np.testing.assert_array_equal(samples[2].image, images[8])


def test_splits_that_are_missing_cut_off_or_of_another_file_say_so(tmp_path):
    scipy_io = pytest.importorskip("scipy.io", reason="SciPy (the extra eval) is not installed")
    write_mat(tmp_path, 2)
    with pytest.raises(LeadlineError, match=r"can't read .*splits\.mat"):
        nyu_test.DATASET.names(tmp_path)
    (tmp_path / "splits.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(50))
    with pytest.raises(LeadlineError, match=r"splits\.mat: no testNdxs"):
        nyu_test.DATASET.names(tmp_path)
    scipy_io.savemat(tmp_path / "splits.mat", {"testNdxs": [[0, 1]]})
    with pytest.raises(LeadlineError, match="counted from 1"):
        nyu_test.DATASET.names(tmp_path)


def test_only_the_slice_that_is_asked_for_is_read(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        array = file.create_dataset("x", (3, 100, 100), "f4", chunks=(1, 100, 100))
        array[1] = 7
    data = bytearray(path.read_bytes())
    assert read_hdf5(path, "x", 1).tolist() == np.full((100, 100), 7.0).tolist()
    assert hdf5_shape(path, "x") == (3, 100, 100)
    assert len(data) < 2 * 40_000  # the slices that nobody wrote are not even in the file


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), r"can't read .*: No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000]), r"not a readable HDF5 file"),
        (lambda path: path.write_bytes(b"<html>not found</html>"), r"not a readable HDF5 file"),
        (lambda path: save_hdf5(path, images=np.zeros(3)), r"no array 'depths'; expected one beside images"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, spoil, words):
    write_mat(tmp_path, 1)
    path = tmp_path / nyu_labelled.MAT
    spoil(path)
    with pytest.raises(LeadlineError, match=words) as caught:
        read_hdf5(path, "depths", 0)
    assert "\n" not in str(caught.value)


def test_a_number_beyond_the_last_picture_is_refused(tmp_path):
    write_mat(tmp_path, 2)
    with pytest.raises(LeadlineError, match=r"2 slices of 'images', none is number 2; expected 0 to 1"):
        nyu_labelled.DATASET.read(tmp_path, "00002")
    with pytest.raises(LeadlineError, match="expected its number"):
        nyu_labelled.DATASET.read(tmp_path, "kitchen")


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    write_mat(tmp_path, 1)
    real_import = builtins.__import__

    def no_h5py(name, *args, **kwargs):
        if name == "h5py":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_h5py)
    with pytest.raises(LeadlineError, match=r"needs h5py: pip install 'leadline\[eval\]'"):
        nyu_labelled.DATASET.names(tmp_path)


def write_hypersim(root, distance, preview="tonemap"):
    images = root / "ai_001_001/images"
    save(images / f"scene_cam_00_final_preview/frame.0007.{preview}.jpg", np.full((*HW, 3), 90, np.uint8))
    save_hdf5(images / "scene_cam_00_geometry_hdf5/frame.0007.depth_meters.hdf5", dataset=distance.astype(np.float16))


def test_a_wall_in_front_of_the_camera_has_one_depth_though_its_distances_differ(tmp_path):
    camera = Camera.from_fov_deg(60, HW)
    distance = 3.0 * camera.ray_lengths()
    assert distance.max() > 1.2 * distance.min()
    distance[0, 0] = np.nan
    write_hypersim(tmp_path, distance)
    (sample,) = hypersim.iter_samples(tmp_path)
    assert sample.name == "ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0007"
    np.testing.assert_allclose(sample.depth.values[sample.depth.valid], 3.0, rtol=1e-3)  # float16 in the file
    assert np.argwhere(~sample.depth.valid).tolist() == [[0, 0]]
    assert sample.camera.resize((768, 1024)).fx == pytest.approx(886.81, abs=5e-3)
    assert sample.world_from_camera is None


def test_a_hypersim_pose_is_in_metres_with_y_down_and_z_forward(tmp_path):
    write_hypersim(tmp_path, np.full(HW, 2.0), preview="color")
    detail = tmp_path / "ai_001_001/_detail"
    turned = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # the columns: where their x, y and z axes point in the world
    save_hdf5(detail / "cam_00/camera_keyframe_frame_indices.hdf5", dataset=np.array([0, 7]))
    save_hdf5(detail / "cam_00/camera_keyframe_orientations.hdf5", dataset=np.stack([np.eye(3), turned]))
    save_hdf5(detail / "cam_00/camera_keyframe_positions.hdf5", dataset=np.array([[0.0, 0, 0], [100, 200, 300]]))
    (detail / "metadata_scene.csv").write_text("parameter_name,parameter_value\nmeters_per_asset_unit, 0.0254\n")
    (sample,) = hypersim.iter_samples(tmp_path)
    np.testing.assert_allclose(sample.world_from_camera[:3, 3], [2.54, 5.08, 7.62])
    # Forward is where their z, which points back, does not: minus the third column.
    np.testing.assert_allclose(sample.world_from_camera[:3, :3] @ [0, 0, 1], -turned[:, 2])
    np.testing.assert_allclose(sample.world_from_camera[:3, :3] @ [0, 1, 0], -turned[:, 1])
    assert np.linalg.det(sample.world_from_camera[:3, :3]) == pytest.approx(1)


def test_hypersim_without_the_frame_or_the_scale_says_which_file(tmp_path):
    write_hypersim(tmp_path, np.full(HW, 2.0))
    cam = tmp_path / "ai_001_001/_detail/cam_00"
    save_hdf5(cam / "camera_keyframe_frame_indices.hdf5", dataset=np.array([0, 8]))
    with pytest.raises(LeadlineError, match="no keyframe 7; expected one of 2"):
        next(hypersim.iter_samples(tmp_path))
    save_hdf5(cam / "camera_keyframe_frame_indices.hdf5", dataset=np.array([7]))
    for name in ("orientations", "positions"):
        save_hdf5(cam / f"camera_keyframe_{name}.hdf5", dataset=np.ones((1, 3, 3) if name == "orientations" else (1, 3)))
    (cam.parent / "metadata_scene.csv").write_text("parameter_name,parameter_value\n")
    with pytest.raises(LeadlineError, match=r"metadata_scene\.csv: no meters_per_asset_unit"):
        next(hypersim.iter_samples(tmp_path))


def write_megadepth(root, numbers, suffix=".jpg"):
    dense = root / "phoenix/S6/zl548/MegaDepth_v1/0000/dense0"
    save(dense / f"imgs/5_o{suffix}", np.full((*HW, 3), 90, np.uint8))
    save_hdf5(dense / "depths/5_o.h5", depth=numbers)


def test_a_reconstructed_photograph_has_depth_up_to_scale(tmp_path):
    depth = np.full(HW, 4.5, np.float32)
    depth[2] = 0
    write_megadepth(tmp_path, depth, ".JPG")
    (sample,) = megadepth.iter_samples(tmp_path)
    assert sample.name == "phoenix/S6/zl548/MegaDepth_v1/0000/dense0/5_o"
    assert str(sample.depth.kind) == "depth/scale_invariant"
    assert sample.depth.valid.sum() == depth.size - HW[1]
    assert not sample.masks


def test_labels_of_near_and_far_regions_are_not_taken_for_depth(tmp_path):
    labels = np.zeros(HW, np.float32)
    labels[:5], labels[-5:] = -2, 3
    write_megadepth(tmp_path, labels)
    (sample,) = megadepth.iter_samples(tmp_path)
    assert sample.depth is None
    np.testing.assert_array_equal(sample.masks["ordinal"], labels)


def test_a_depth_of_another_size_is_refused(tmp_path):
    write_megadepth(tmp_path, np.ones((HW[1], HW[0]), np.float32))
    with pytest.raises(LeadlineError, match=r"5_o\.h5: shape \(64, 48\) beside a picture of \(48, 64\)"):
        next(megadepth.iter_samples(tmp_path))
