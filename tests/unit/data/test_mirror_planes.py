"""The plane of a mirror's border, on rooms whose planes are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.unit.data.datasets.test_images_and_depths import save

from leadline.data.datasets import mirror3d_borders
from leadline.data.mirror_planes import mirror_depth

H, W = 90, 120
Y, X = np.mgrid[:H, :W]
WALL = (1 / (0.25 + 0.0012 * X + 0.0004 * Y)).astype(np.float32)  # an oblique wall, 2 to 4 m
MIRROR = np.zeros((H, W), bool)
MIRROR[30:60, 40:80] = True
EVERYWHERE = np.ones((H, W), bool)


def test_a_mirror_lies_on_the_plane_of_the_wall_whatever_the_sensor_saw_in_it() -> None:
    depth = np.where(MIRROR, 9.0, WALL).astype(np.float32)
    np.testing.assert_allclose(mirror_depth(depth, EVERYWHERE, MIRROR), WALL, rtol=1e-5)


def test_a_vase_before_the_border_and_noise_do_not_bend_the_plane() -> None:
    depth = np.where(MIRROR, 9.0, WALL * np.random.default_rng(0).normal(1, 0.01, WALL.shape)).astype(np.float32)
    depth[55:65, 40:60] = 1.2
    found = mirror_depth(depth, EVERYWHERE, MIRROR)
    np.testing.assert_allclose(found[MIRROR], WALL[MIRROR], rtol=0.02)


def test_nothing_is_said_of_a_mirror_whose_border_is_unknown_or_not_flat() -> None:
    assert mirror_depth(WALL, ~cv2.dilate(MIRROR.astype(np.uint8), np.ones((31, 31))).astype(bool), MIRROR) is None
    clutter = np.random.default_rng(0).uniform(1, 4, WALL.shape).astype(np.float32)
    assert mirror_depth(clutter, EVERYWHERE, MIRROR) is None
    assert mirror_depth(WALL, EVERYWHERE, np.ones((H, W), bool)) is None


def test_the_reader_fills_flat_mirrors_and_leaves_the_others_out(tmp_path) -> None:
    wall = cv2.resize(WALL, (W, H), interpolation=cv2.INTER_NEAREST)
    instance = np.zeros((H, W), np.uint8)
    instance[30:60, 20:50], instance[30:60, 75:105] = 1, 2
    wall[20:70, 66:] = np.random.default_rng(0).uniform(1, 4, (50, W - 66))  # the second mirror's border is no plane
    seen = np.where(instance > 0, 9.0, wall)
    save(tmp_path / "mirror_color_images" / "7.jpg", np.full((H, W, 3), 90, np.uint8))
    save(tmp_path / "raw_sensorD" / "7.png", np.rint(1000 * seen).astype(np.uint16))
    save(tmp_path / "mirror_instance_mask_precise" / "7.png", instance)
    sample = next(mirror3d_borders.iter_samples(tmp_path))
    first, second = instance == 1, instance == 2
    np.testing.assert_allclose(sample.depth.values[first], wall[first], rtol=5e-3)
    assert sample.depth.valid[first].all()
    assert not sample.depth.valid[second].any()
    assert (sample.masks["material"] == 2).sum() == (instance > 0).sum()
    np.testing.assert_allclose(sample.depth.values[instance == 0], wall[instance == 0], atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_other_draws_find_the_same_plane(seed: int) -> None:
    np.testing.assert_allclose(mirror_depth(WALL, EVERYWHERE, MIRROR, seed), WALL, rtol=1e-5)
