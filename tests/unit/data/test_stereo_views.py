"""Pairs for stereo training: drawn, warped, read and changed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.data.stereo_layers import Pair, layered_pair
from leadline.data.stereo_sources import StereoSource
from leadline.data.stereo_transforms import StereoAugmentation, changed_pair
from leadline.data.stereo_views import StereoViews
from leadline.data.stereo_warp import warped_pair
from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.io.depth import write_depth

PLAIN = StereoAugmentation(
    scale=(0.0, 0.0), exposure=0, contrast=0, gamma=0, saturation=0, hue_deg=0, asymmetric=0, noise=0, blur=0, vertical_px=0,
    erase=0,
)  # fmt: skip


def agreement(pair: Pair, disparity: NDArray[np.float32]) -> float:
    """Return the share of left pixels whose match in the right picture has their colour."""
    y, x = np.mgrid[: disparity.shape[0], : disparity.shape[1]].astype(np.float32)
    seen = cv2.remap(pair.right, x - disparity, y, interpolation=cv2.INTER_LINEAR)
    inside = (x - disparity >= 0) & pair.valid
    return float((np.abs(seen.astype(float) - pair.left).mean(-1) < 12)[inside].mean())


def write_world(root: Path, scenes: int = 2) -> Path:
    """Write pairs whose right picture is the left one moved by 6 pixels."""
    write_dataset(root, {"world": "test"})
    h, w = 64, 96
    for scene in range(scenes):
        wide = np.random.default_rng(scene).integers(0, 255, (h, w + 6, 3), dtype=np.uint8)
        wide = cv2.GaussianBlur(wide, (0, 0), 1.0)
        empty = np.zeros((h, w), np.uint8)
        view = StoredView(
            wide[:, :w], np.full((h, w), 2, np.float32), np.zeros((h, w, 3), np.float32), empty, empty.astype(np.uint16),
            empty > 0, np.array([[120.0, 0, w / 2], [0, 120, h / 2], [0, 0, 1]]), np.eye(4), wide[:, 6:].copy(),
            np.full((h, w), 6, np.float32), empty > 0, 0.1,
        )  # fmt: skip
        write_scene(root, f"scene-{scene}", [view])
    return root


def test_the_disparity_of_drawn_planes_takes_the_right_picture_onto_the_left() -> None:
    for seed in range(4):
        pair = layered_pair(np.random.default_rng(seed), (96, 160), 30)
        assert pair.disparity.min() >= 0
        assert pair.disparity.max() <= 30.01
        assert agreement(pair, pair.disparity) > 0.75  # the rest is hidden from the right
        assert agreement(pair, pair.disparity) > agreement(pair, -pair.disparity) + 0.15


def test_a_warped_picture_is_seen_from_the_right_with_the_nearer_surface_in_front() -> None:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8), (0, 0), 1.5)
    inverse = np.full((64, 96), 0.2, np.float32)
    inverse[20:44, 40:70] = 1.0
    behind = np.zeros((64, 96, 3), np.uint8)
    pair = warped_pair(image, inverse, np.ones((64, 96), bool), 20, behind)
    assert np.allclose(pair.disparity[30, 50], 20)
    assert np.allclose(pair.disparity[5, 5], 4)
    np.testing.assert_allclose(pair.right[30, 25:48].astype(int), image[30, 45:68], atol=2)
    assert (pair.right[30, 52:64] == 0).all()  # what the near surface hides from the left camera
    assert agreement(pair, pair.disparity) > 0.8


def test_a_window_keeps_the_disparity_true_at_another_size() -> None:
    pair = layered_pair(np.random.default_rng(3), (128, 192), 20)
    for octaves in (-0.4, 0.0, 0.5):
        how = StereoAugmentation(**{**vars(PLAIN), "scale": (octaves, octaves)})
        window = changed_pair(pair, (64, 96), np.random.default_rng(1), how)
        assert window.left.shape == window.right.shape == (64, 96, 3)
        assert agreement(window, window.disparity) > 0.75
        assert window.disparity.max() <= 20.1 * 2**octaves


def test_only_the_right_picture_moves_up_and_loses_patches() -> None:
    pair = layered_pair(np.random.default_rng(3), (96, 128), 20)
    spoilt = StereoAugmentation(**{**vars(PLAIN), "vertical_px": 2.0, "erase": 1.0})
    plain, other = (changed_pair(pair, (64, 96), np.random.default_rng(1), how) for how in (PLAIN, spoilt))
    np.testing.assert_array_equal(plain.left, other.left)
    np.testing.assert_array_equal(plain.disparity, other.disparity)
    assert (plain.right != other.right).any()


def test_colours_change_alike_unless_asymmetry_is_asked_for() -> None:
    grey = np.full((64, 96, 3), 120, np.uint8)
    pair = Pair(grey, grey, np.zeros((64, 96), np.float32), np.ones((64, 96), bool))
    for asymmetric, same in ((0.0, True), (1.0, False)):
        how = StereoAugmentation(**{**vars(PLAIN), "exposure": 0.5, "asymmetric": asymmetric})
        changed = changed_pair(pair, (64, 96), np.random.default_rng(1), how)
        assert (changed.left == changed.right).all() == same
        assert (changed.left != grey).any()


def test_batches_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    world = write_world(tmp_path / "world")
    texts = ("layers:20", str(world), f"warp:12@{world}")

    def views(workers: int) -> StereoViews:
        sources = [StereoSource.parse(text) for text in texts]
        return StereoViews(sources, (1, 1, 1), ((64, 64), (32, 96)), 3, StereoAugmentation(), seed=5, workers=workers)

    stream = views(2).iter_batches(2)
    second, third = next(stream), next(stream)
    stream.close()
    again = views(1)
    for number, batch in ((2, second), (3, third)):
        for one, other in zip(batch, again.batch(number), strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.array_equal(second.left, third.left) or second.left.shape != third.left.shape
    assert set(again.counts) == set(texts)


def test_labels_take_the_place_of_the_truth_and_pairs_without_one_are_left_out(tmp_path: Path) -> None:
    world = write_world(tmp_path / "world")
    label = DepthMap(np.full((64, 96), 9, np.float32), np.arange(96) > np.zeros((64, 1)), PIXEL_DISPARITY)
    (tmp_path / "labels" / "scene-1").mkdir(parents=True)
    write_depth(tmp_path / "labels" / "scene-1" / "000.npz", label)
    found = StereoSource.parse(f"{world}::{tmp_path / 'labels'}").find()
    assert [pair.name for pair in found] == ["scene-1/000"]
    pair = found[0].read(np.random.default_rng(0))
    assert (pair.disparity[:, 1:] == 9).all()
    assert not pair.valid[:, 0].any()


def test_ones_own_pairs_are_read_with_their_labels_and_a_missing_right_picture_is_named(tmp_path: Path) -> None:
    label = DepthMap(np.full((64, 96), 7, np.float32), None, PIXEL_DISPARITY)
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        cv2.imwrite(str(tmp_path / side / "a.png"), np.full((64, 96, 3), 90, np.uint8))
    write_depth(tmp_path / "labels" / "a.npz", label)
    pair = StereoSource.parse(f"{tmp_path}::{tmp_path / 'labels'}").find()[0].read(np.random.default_rng(0))
    assert (pair.disparity == 7).all()
    (tmp_path / "right" / "a.png").unlink()
    with pytest.raises(LeadlineError, match="no right picture"):
        StereoSource.parse(f"{tmp_path}::{tmp_path / 'labels'}").find()


@pytest.mark.parametrize(
    ("text", "says"),
    [("layers:many", "pixels behind layers:"), ("warp:20", "warp:48@WORLD"), ("nowhere", "no folder nowhere")],
)
def test_a_source_that_is_none_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(LeadlineError, match=says):
        StereoSource.parse(text).find()


def test_a_pair_that_cannot_be_read_is_passed_over_and_too_many_end_the_run(tmp_path: Path) -> None:
    world = write_world(tmp_path / "world", scenes=6)
    damaged = sorted(world.glob("*/right/000.png"))
    damaged[0].write_bytes(b"")
    arguments = ([StereoSource.parse(str(world))], (1,), ((64, 64),), 2, PLAIN, 0)
    views = StereoViews(*arguments)
    for number in range(40):
        views.batch(number)
    assert len(views.broken) == 1
    for path in damaged[:5]:
        path.write_bytes(b"")
    strict = StereoViews(*arguments, most_broken=1)
    with pytest.raises(LeadlineError, match="pairs can't be read"):
        [strict.batch(number) for number in range(20)]
