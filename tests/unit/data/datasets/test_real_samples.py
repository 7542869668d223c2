"""The readers on real files, where those are at hand: numbers that were read off the files by other means."""

from pathlib import Path

import numpy as np
import pytest

from leadline.data.datasets.registry import get_dataset

ROOT = Path(__file__).parents[4].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the real samples (../shared/data) are not on this machine")

# name: folder, samples, (h, w) of the first, a range that holds the median truth in m or px, share valid at least
FACTS = {
    "kitti_object": ("dev/kitti_object", 3, (370, 1224), (8, 20), 0.03),
    "tum": ("dev/tum_sample", 1, (480, 640), (2, 3.5), 0.8),
    "sun_rgbd": ("dev/sun_sample", 1, (480, 640), (2, 3.5), 0.8),
    "nyu_npy": ("dev/nyu_sample", 1, (224, 224), (3, 3.5), 1.0),
    "seven_scenes": ("dev/seven_scenes_kitchen", 100, (480, 640), (1.5, 2.2), 0.85),
    "habitat": ("dev/habitat", 2, (480, 640), (6, 7.5), 0.99),
    "cleargrasp_real": ("dev/cleargrasp", 2, (720, 1280), (0.5, 0.7), 0.75),
    "cleargrasp_synthetic": ("dev/cleargrasp", 3, (1080, 1920), (0.8, 1.0), 1.0),
    "home_realsense": ("dev/home_realsense", 5, (480, 640), (0.9, 1.3), 0.9),
    "table_clutter": ("dev/table_clutter", 9, (480, 640), (0.8, 1.0), 0.9),
    "middlebury2003": ("dev/middlebury2003", 2, (375, 450), (28, 36), 0.95),
    "middlebury2005": ("dev/middlebury2005", 2, (370, 463), (40, 50), 0.99),
    "kitti_semidense": ("dev/kitti_semidense", 3, (375, 1242), (8, 25), 0.15),
    "transparent_d435": ("dev/transparent_d435", 26, (720, 1280), (0.45, 0.6), 0.005),
    "mirror3d_nyu": ("dev/mirror3d_nyu", 3, (456, 608), (1, 1.4), 0.9),
    "hololens": ("video/hololens", 160, (360, 540), (1, 3), 0.5),
}


@pytest.mark.parametrize("name", FACTS)
def test_the_first_real_sample_has_its_size_its_range_and_its_holes(name):
    folder, count, hw, (low, high), share = FACTS[name]
    dataset = get_dataset(name)
    assert len(dataset.names(ROOT / folder)) == count
    sample = next(dataset.iter_samples(ROOT / folder))
    assert sample.image.shape == (*hw, 3)
    assert sample.depth.hw == hw
    assert low < np.median(sample.depth.values[sample.depth.valid]) < high
    assert sample.depth.valid.mean() >= share
    assert sample.camera is None or sample.camera.hw == hw


@pytest.mark.parametrize(("name", "step"), [("hololens", 8), ("seven_scenes", 20)])
def test_poses_take_one_frames_points_onto_the_depth_of_another(name, step):
    """Read as world-to-camera, or one line off, the poses miss by 1 % to 40 %."""
    root, dataset = ROOT / FACTS[name][0], get_dataset(name)
    names = dataset.names(root)
    first, second = dataset.read(root, names[0]), dataset.read(root, names[step])
    camera = first.depth.camera
    points = (first.depth.values[..., None] * camera.rays())[first.depth.valid]
    second_from_first = np.linalg.inv(second.world_from_camera) @ first.world_from_camera
    moved = points @ second_from_first[:3, :3].T + second_from_first[:3, 3]
    moved = moved[moved[:, 2] > 0.1]
    x, y = np.floor(camera.project(moved)).astype(int).T
    seen = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    x, y, z = x[seen], y[seen], moved[seen, 2]
    both = second.depth.valid[y, x]
    assert both.mean() > 0.3
    assert np.median(np.abs(second.depth.values[y, x][both] / z[both] - 1)) < 0.008


def test_the_kitti_scan_shows_the_road_in_front_of_the_car_and_no_sky():
    samples = list(get_dataset("kitti_object").iter_samples(ROOT / "dev/kitti_object"))
    for sample in samples:
        rows = np.nonzero(sample.depth.valid.any(axis=1))[0]
        assert rows.min() > 0.25 * sample.image.shape[0]  # the scanner doesn't see the sky
        assert rows.max() >= sample.image.shape[0] - 2
        bottom = sample.depth.values[-40:][sample.depth.valid[-40:]]
        assert 4 < np.median(bottom) < 9  # road in front of a car


def test_the_glass_of_cleargrasp_is_marked_and_has_a_truth():
    sample = next(get_dataset("cleargrasp_real").iter_samples(ROOT / "dev/cleargrasp"))
    glass = (sample.masks["material"] == 1) & sample.depth.valid
    assert 0.05 < glass.mean() < 0.2
