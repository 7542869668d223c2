"""Two readers on the same real files, where those are at hand: what they share must come out the same."""

from pathlib import Path

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.datasets import kitti_object
from leadline.data.datasets.laser import nearest_points, read_kitti_scan
from leadline.data.datasets.registry import get_dataset

ROOT = Path(__file__).parents[4].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the real samples (../shared/data) are not on this machine")


def test_scenes_of_2005_read_as_those_of_2006_have_the_same_depth():
    twins = [list(get_dataset(name).iter_samples(ROOT / "dev/middlebury2005")) for name in ("middlebury2005", "middlebury2006")]
    assert len(twins[0]) == 2
    for old, new in zip(*twins, strict=True):
        np.testing.assert_allclose(new.depth.values, old.depth.values, rtol=1e-6)
        assert new.camera == old.camera
        assert (new.offset_px, new.baseline_m) == (old.offset_px, old.baseline_m)


def test_a_real_scan_lands_in_the_same_pixels_as_by_kittis_object_reader():
    root = ROOT / "dev/kitti_object"
    for sample in get_dataset("kitti_object").iter_samples(root):
        calibration = kitti_object.read_calibration(root / "calib" / f"{sample.name}.txt")
        projection, scanner = calibration["P2"], calibration["Tr_velo_to_cam"]
        points = read_kitti_scan(root / "velodyne" / f"{sample.name}.bin") @ scanner[:, :3].T + scanner[:, 3]
        points = points @ calibration["R0_rect"].T + np.linalg.solve(projection[:, :3], projection[:, 3])
        camera = Camera.from_opencv(projection[:, :3], sample.image.shape[:2])
        depth = nearest_points(points, camera, "twin")
        np.testing.assert_array_equal(depth.values, sample.depth.values)
        moved = nearest_points(points, camera, "published", first_pixel=1)
        np.testing.assert_array_equal(moved.values[:-1, :-1], depth.values[1:, 1:])
