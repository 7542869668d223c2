"""Indoor readers on tiny files in their exact layouts, with the wrong readings that they must not make."""

import cv2
import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.datasets import blendedmvs, diml_indoor, diode, nyu_png, scannet, sun_rgbd_scenes, tum_rgbd
from leadline.errors import LeadlineError
from leadline.io.depth import write_depth

HW = (48, 64)
RED = np.full((*HW, 3), (200, 30, 10), np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array)


def counts(**places):
    """(h, w) uint16 of 1000, but for the given first pixels."""
    raw = np.full(HW, 1000, np.uint16)
    raw[0, : len(places)] = list(places.values())
    return raw


def test_nyu_exports_count_millimetres_below_any_folder(tmp_path):
    folder = tmp_path / "official_splits/test/bathroom"
    save(folder / "rgb_00045.jpg", RED)
    save(folder / "sync_depth_00045.png", counts(invalid=0, far=9999))
    (sample,) = nyu_png.iter_samples(tmp_path)
    assert sample.name == "official_splits/test/bathroom/00045"
    np.testing.assert_allclose(sample.depth.values[0, :3], [0, 9.999, 1], rtol=1e-6)
    assert not sample.depth.valid[0, 0]
    assert sample.camera.resize((480, 640)).fx == pytest.approx(518.8579)
    assert [one.name for one in nyu_png.iter_samples(folder)] == ["00045"]


def test_nyu_exports_without_a_depth_say_which(tmp_path):
    save(tmp_path / "kitchen_0004/rgb_00001.jpg", RED)
    with pytest.raises(LeadlineError, match=r"sync_depth_00001\.png"):
        next(nyu_png.iter_samples(tmp_path))


def write_diode(root, depth, mask):
    scan = root / "val/outdoor/scene_00022/scan_00193"
    save(scan / "00022_00193_outdoor_000_000.png", RED)
    np.save(scan / "00022_00193_outdoor_000_000_depth.npy", depth)
    np.save(scan / "00022_00193_outdoor_000_000_depth_mask.npy", mask)


def test_diode_trusts_only_its_mask(tmp_path):
    depth, mask = np.full((*HW, 1), 25.0, np.float32), np.ones(HW)
    mask[:10] = 0
    depth[20, 20] = 0
    write_diode(tmp_path, depth, mask)
    (sample,) = diode.iter_samples(tmp_path)
    assert sample.name == "val/outdoor/scene_00022/scan_00193/00022_00193_outdoor_000_000"
    assert sample.depth.valid.sum() == 38 * 64 - 1
    assert sample.depth.values.max() == 25.0
    full = sample.camera.resize((768, 1024))
    assert (full.fx, full.fy, full.cx, full.cy) == pytest.approx((886.81, 927.06, 512, 384))


def test_a_mask_that_is_missing_or_of_another_size_is_refused(tmp_path):
    write_diode(tmp_path, np.ones(HW, np.float32), np.ones((5, 5)))
    with pytest.raises(LeadlineError, match=r"depth \(48, 64\), mask \(5, 5\)"):
        next(diode.iter_samples(tmp_path))
    next(tmp_path.glob("**/*_mask.npy")).unlink()
    with pytest.raises(LeadlineError, match=r"_depth_mask\.npy: No such file"):
        next(diode.iter_samples(tmp_path))


def write_scannet(root, frames=("0", "9", "10"), hw=(96, 128)):
    scene = root / "scene0000_00"
    for i, frame in enumerate(frames):
        picture = np.zeros((*hw, 3), np.uint8)
        picture[:, hw[1] // 2 :] = 200
        save(scene / f"color/{frame}.jpg", picture)
        save(scene / f"depth/{frame}.png", counts(invalid=0, far=4321))
        (scene / "pose").mkdir(exist_ok=True)
        np.savetxt(scene / f"pose/{frame}.txt", np.arange(16.0).reshape(4, 4) + i)
    (scene / "intrinsic").mkdir()
    np.savetxt(scene / "intrinsic/intrinsic_depth.txt", [[58, 0, 31.5, 0], [0, 57, 23.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    return scene


def test_scannet_frames_come_in_the_order_of_time(tmp_path):
    write_scannet(tmp_path)
    assert scannet.DATASET.names(tmp_path) == ["scene0000_00/0", "scene0000_00/9", "scene0000_00/10"]
    samples = list(scannet.iter_samples(tmp_path))
    assert samples[2].world_from_camera[0, 0] == 2


def test_scannet_keeps_the_measured_depth_and_shrinks_the_picture(tmp_path):
    write_scannet(tmp_path)
    sample = next(scannet.iter_samples(tmp_path))
    np.testing.assert_allclose(sample.depth.values[0, :3], [0, 4.321, 1], rtol=1e-6)
    assert sample.image.shape == (*HW, 3)
    assert sample.image[:, :30].max() < 30  # the edge is still in the middle
    assert sample.image[:, 34:].min() > 170
    assert sample.camera == Camera(64, 48, 58, 57, 32, 24)  # the file puts the first pixel's centre at 0


def test_a_pose_that_tracking_lost_is_none_and_a_missing_one_is_an_error(tmp_path):
    scene = write_scannet(tmp_path, ("0", "1"))
    np.savetxt(scene / "pose/0.txt", np.full((4, 4), -np.inf))
    (scene / "pose/1.txt").unlink()
    samples = scannet.iter_samples(tmp_path)
    assert next(samples).world_from_camera is None
    with pytest.raises(LeadlineError, match=r"pose/1\.txt"):
        next(samples)


def test_scannet_without_intrinsics_or_with_a_picture_of_another_shape_says_so(tmp_path):
    scene = write_scannet(tmp_path, ("0",))
    (scene / "intrinsic/intrinsic_depth.txt").rename(scene / "elsewhere.txt")
    with pytest.raises(LeadlineError, match=r"no intrinsics; expected intrinsic/intrinsic_depth\.txt"):
        next(scannet.iter_samples(tmp_path))
    (scene / "elsewhere.txt").rename(scene / "intrinsics_depth.txt")
    assert next(scannet.iter_samples(tmp_path)).camera.fx == 58
    save(scene / "color/0.jpg", np.zeros((96, 160, 3), np.uint8))
    with pytest.raises(LeadlineError, match=r"depth/0\.png: 64 x 48 pixels beside a picture of 160 x 96"):
        next(scannet.iter_samples(tmp_path))


def write_sun(root):
    scene = root / "kv2/kinect2data/000002_2014-05-26"
    millimetres = counts(invalid=0, near=5, high=40000)
    save(scene / "image/0000103.jpg", RED)
    save(scene / "depth/0000103.png", (millimetres << 3) | (millimetres >> 13))
    (scene / "intrinsics.txt").write_text("58.1 0 31.5 0 57.2 23.5 0 0 1")
    return scene


def test_a_whole_sun_rgbd_has_cameras_and_rotated_millimetres(tmp_path):
    write_sun(tmp_path)
    (sample,) = sun_rgbd_scenes.iter_samples(tmp_path)
    assert sample.name == "kv2/kinect2data/000002_2014-05-26"
    np.testing.assert_allclose(sample.depth.values[0, :4], [0, 0.005, 40, 1], rtol=1e-6)
    assert sample.camera == Camera(64, 48, 58.1, 57.2, 32, 24)


def test_a_sun_rgbd_scene_with_two_pictures_is_refused(tmp_path):
    save(write_sun(tmp_path) / "image/0000104.jpg", RED)
    with pytest.raises(LeadlineError, match=r"image: 2 files \*\.jpg; expected exactly one"):
        next(sun_rgbd_scenes.iter_samples(tmp_path))


QUARTER_TURN = "0 0 0.70710678 0.70710678"  # about z, real part last


def write_tum(root, pictures, depths, poses):
    """`pictures` and `depths` are times; each depth's first count is its own number."""
    sequence = root / "rgbd_dataset_freiburg1_xyz"
    sequence.mkdir(parents=True)
    header = "# color images\n# file: 'x.bag'\n# timestamp filename\n"
    for folder, times in (("rgb", pictures), ("depth", depths)):
        for i, time in enumerate(times):
            save(sequence / f"{folder}/{time}.png", RED if folder == "rgb" else counts(number=5000 * (i + 1)))
        (sequence / f"{folder}.txt").write_text(header + "".join(f"{time} {folder}/{time}.png\n" for time in times))
    (sequence / "groundtruth.txt").write_text("# ground truth\n" + "".join(f"{time} {pose}\n" for time, pose in poses))
    return sequence


def test_tum_pictures_get_the_depth_and_the_pose_of_their_time(tmp_path):
    write_tum(
        tmp_path,
        ["1.000000", "1.033000", "1.066000"],
        ["0.995000", "1.035000", "1.100000"],
        [("1.0010", f"1 2 3 {QUARTER_TURN}"), ("1.0900", "9 9 9 0 0 0 1")],
    )
    samples = list(tum_rgbd.iter_samples(tmp_path))
    # The third picture has no depth within 0.02 s.
    assert [sample.name for sample in samples] == [f"rgbd_dataset_freiburg1_xyz/1.0{ms}000" for ms in ("00", "33")]
    assert [sample.depth.values[0, 0] for sample in samples] == pytest.approx([1, 2])  # 1/5000 m
    np.testing.assert_allclose(samples[0].world_from_camera[:3, 3], [1, 2, 3])
    # Read with the real part first, this quaternion would be another turn.
    np.testing.assert_allclose(samples[0].world_from_camera[:3, :3] @ [1, 0, 0], [0, 1, 0], atol=1e-7)
    assert samples[1].world_from_camera is None


def test_two_pictures_never_share_a_depth_and_the_closest_pair_wins():
    first, second = np.array([0.0, 0.010, 0.030]), np.array([0.008, 0.045])
    assert tum_rgbd.associate(first, second) == [(1, 0), (2, 1)]
    assert tum_rgbd.associate(np.array([0.0]), np.array([0.02])) == []  # less than, not at most
    assert tum_rgbd.associate(np.zeros(0), second) == []


@pytest.mark.parametrize("seed", range(20))
def test_association_is_that_of_the_slow_rule(seed):
    """All pairs, sorted by difference, as associate.py does it."""
    rng = np.random.default_rng(seed)
    first, second = np.sort(rng.uniform(0, 1, 30)), np.sort(rng.uniform(0, 1, 25))
    slow, a_left, b_left = [], set(range(30)), set(range(25))
    for _, a, b in sorted((abs(x - y), a, b) for a, x in enumerate(first) for b, y in enumerate(second) if abs(x - y) < 0.02):
        if a in a_left and b in b_left:
            a_left.remove(a)
            b_left.remove(b)
            slow.append((a, b))
    assert tum_rgbd.associate(first, second) == sorted(slow)


def test_a_tum_list_that_is_cut_off_or_a_missing_one_says_which(tmp_path):
    sequence = write_tum(tmp_path, ["1.0"], ["1.0"], [])
    (sequence / "groundtruth.txt").write_text("1.0 1 2 3")
    with pytest.raises(LeadlineError, match=r"groundtruth\.txt: .* expected a time and 7 more words"):
        tum_rgbd.DATASET.names(tmp_path)
    (sequence / "depth.txt").unlink()
    with pytest.raises(LeadlineError, match=r"depth\.txt"):
        tum_rgbd.DATASET.names(tmp_path)


def write_blended(root):
    scene = root / "5a3ca9cb270f0e3f14d0eddb"
    ramp = np.arange(1, 49, dtype=np.float32)[:, None] * np.ones(64, np.float32)
    ramp[0, 0] = 0
    save(scene / "blended_images/00000003.jpg", RED)
    save(scene / "blended_images/00000003_masked.jpg", RED // 2)
    (scene / "rendered_depth_maps").mkdir()
    path = scene / "rendered_depth_maps/00000003.pfm"
    path.write_bytes(b"Pf\n64 48\n-1.000000\n" + ramp[::-1].astype("<f4").tobytes())
    (scene / "cams").mkdir()
    (scene / "cams/00000003_cam.txt").write_text(
        "extrinsic\n0 -1 0 1\n1 0 0 2\n0 0 1 3\n0 0 0 1\n\nintrinsic\n60 0 32.1\n0 61 24.2\n0 0 1\n\n1.2 0.004 128.0 1.7\n"
    )
    return scene, ramp


def test_blendedmvs_has_depth_up_to_scale_bottom_row_first_and_poses_turned_round(tmp_path):
    _, ramp = write_blended(tmp_path)
    (sample,) = blendedmvs.iter_samples(tmp_path)
    assert sample.name == "5a3ca9cb270f0e3f14d0eddb/00000003"
    assert str(sample.depth.kind) == "depth/scale_invariant"
    np.testing.assert_array_equal(sample.depth.values, ramp)
    assert not sample.depth.valid[0, 0]
    assert sample.camera == Camera(64, 48, 60, 61, 32.1, 24.2)
    assert sample.image[0, 0, 0] > 150  # not the masked copy
    # The file takes the world into the camera: the camera's centre is where it gives zero.
    rotation, translation = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([1, 2, 3])
    np.testing.assert_allclose(rotation @ sample.world_from_camera[:3, 3] + translation, 0, atol=1e-12)


def test_blendedmvs_with_a_broken_camera_or_map_says_which(tmp_path):
    scene, _ = write_blended(tmp_path)
    (scene / "cams/00000003_cam.txt").write_text("extrinsic\n1 0 0")
    with pytest.raises(LeadlineError, match=r"00000003_cam\.txt: .*expected 'extrinsic' with 16 numbers"):
        next(blendedmvs.iter_samples(tmp_path))
    write_blended(tmp_path / "again")
    path = next((tmp_path / "again").glob("**/*.pfm"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LeadlineError, match=r"00000003\.pfm: .* cut off"):
        next(blendedmvs.iter_samples(tmp_path / "again"))


def test_diml_reads_the_filled_millimetres_beside_its_pictures(tmp_path):
    scene = tmp_path / "test/LR/Cafe"
    save(scene / "color/in_00_160225_c.png", RED)
    save(scene / "depth_filled/in_00_160225_depth_filled.png", counts(invalid=0))
    (sample,) = diml_indoor.iter_samples(tmp_path)
    assert sample.name == "test/LR/Cafe/in_00_160225"
    assert sample.depth.values[0, 1] == 1.0
    assert sample.depth.valid.sum() == 48 * 64 - 1
    assert [one.name for one in diml_indoor.iter_samples(scene)] == ["in_00_160225"]


def test_an_exported_map_of_ours_is_no_trouble_for_the_readers(tmp_path):
    """Files that leadline wrote hold a header; a reader that is told a convention must agree with it."""
    from leadline.depth_map import DepthMap

    save(tmp_path / "a/rgb_1.jpg", RED)
    write_depth(tmp_path / "a/sync_depth_1.png", DepthMap(np.full(HW, 2.5)), convention="nyu")
    (sample,) = nyu_png.iter_samples(tmp_path)
    assert sample.depth.values.max() == 2.5
