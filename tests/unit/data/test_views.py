from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.data.transforms import Augmentation, random_colours, random_crop
from leadline.data.views import View, ViewStore, held_out, make_view
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.sample import Sample

STILL = Augmentation(area=(1, 1), aspect=1, rotation_deg=0, flip=0)


def view(h: int = 24, w: int = 32, seed: int = 0) -> View:
    """A view whose red channel repeats its disparity, so that a slip between the two shows."""
    rng = np.random.default_rng(seed)
    disparity = np.kron(rng.integers(1, 200, (h // 8, w // 8)), np.ones((8, 8))).astype(np.float16)
    image = np.repeat(disparity[..., None], 3, axis=2).astype(np.uint8)
    return View(image, disparity)


def test_sky_is_infinitely_far_and_holes_are_invalid() -> None:
    depth = np.array([[2.0, 0.0], [0.0, 4.0]], dtype=np.float32)
    sky = np.array([[False, True], [False, False]])
    sample = Sample("s", np.zeros((2, 2, 3), np.uint8), DepthMap(depth, depth > 0, METRIC_DEPTH), masks={"sky": sky})
    assert make_view(sample, 100).disparity.tolist() == [[0.5, 0.0], [-1.0, 0.25]]


def test_large_views_are_shrunk_without_mixing_distances() -> None:
    depth = np.full((40, 80), 2.0, np.float32)
    depth[:, 41:] = 10.0
    sample = Sample("s", np.zeros((40, 80, 3), np.uint8), DepthMap(depth, None, METRIC_DEPTH))
    small = make_view(sample, 20)
    assert small.image.shape == (10, 20, 3)
    assert set(np.unique(small.disparity)) == {np.float16(0.5), np.float16(0.1)}


def test_a_store_returns_what_was_appended_also_after_reopening_and_growing(tmp_path: Path) -> None:
    writer, reader = ViewStore(tmp_path, "k"), ViewStore(tmp_path, "k")
    assert (writer.writable, reader.writable) == (True, False)
    for number, (h, w) in enumerate([(24, 32), (32, 24), (8, 16)]):
        writer.append([(f"s/{number}", f"scene{number}", view(h, w, number))])
        reader.refresh()
        places = reader.train + reader.validation
        assert len(places) == number + 1
        np.testing.assert_array_equal(reader.view(places[-1]).disparity, view(h, w, number).disparity)
        np.testing.assert_array_equal(reader.view(places[-1]).image, view(h, w, number).image)
    assert reader.names == {"s/0", "s/1", "s/2"}


def test_a_view_cut_off_by_a_crash_is_forgotten(tmp_path: Path) -> None:
    store = ViewStore(tmp_path, "k")
    store.append([("a", "a", view())])
    data, index = next(tmp_path.glob("*.bin")), next(tmp_path.glob("*.jsonl"))
    with data.open("ab") as file:
        file.write(b"half a view")
    with index.open("a") as file:
        file.write('{"name": "b", "gr')
    del store
    again = ViewStore(tmp_path, "k")
    again.append([("c", "c", view(seed=3))])
    again.refresh()
    last = max(again.train + again.validation)
    np.testing.assert_array_equal(again.view(last).disparity, view(seed=3).disparity)


def test_about_one_scene_in_twenty_is_held_out_and_always_the_same() -> None:
    chosen = [held_out(f"rooms/{i}") for i in range(4000)]
    assert 150 < sum(chosen) < 250
    assert chosen == [held_out(f"rooms/{i}") for i in range(4000)]


def test_a_crop_without_freedom_is_the_picture_itself() -> None:
    same = random_crop(view(), (24, 32), np.random.default_rng(0), STILL)
    np.testing.assert_array_equal(same.image, view().image)
    np.testing.assert_array_equal(same.disparity, view().disparity)


def test_a_mirrored_crop_mirrors_both() -> None:
    flipped = random_crop(
        view(), (24, 32), np.random.default_rng(0), Augmentation(area=(1, 1), aspect=1, rotation_deg=0, flip=1)
    )
    np.testing.assert_array_equal(flipped.image, view().image[:, ::-1])
    np.testing.assert_array_equal(flipped.disparity, view().disparity[:, ::-1])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("hw", [(64, 64), (32, 96), (96, 32)])
def test_picture_and_target_stay_together(seed: int, hw: tuple[int, int]) -> None:
    cropped = random_crop(view(48, 64, seed), hw, np.random.default_rng(seed), Augmentation(rotation_deg=5))
    assert cropped.image.shape == (*hw, 3)
    valid = cropped.disparity >= 0
    assert valid.mean() > 0.8
    # Pixels between two patches are blends in the picture; elsewhere the two must agree.
    agree = np.abs(cropped.image[..., 0].astype(float) - cropped.disparity) < 1.5
    assert agree[valid].mean() > 0.6


def test_no_distance_is_invented_at_an_edge() -> None:
    source = view(48, 64)
    cropped = random_crop(source, (50, 70), np.random.default_rng(1), Augmentation(rotation_deg=5))
    assert set(np.unique(cropped.disparity)) <= {*np.unique(source.disparity), np.float16(-1)}


def test_colours_change_reproducibly_and_leave_the_source_alone() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    before = image.copy()
    everything = Augmentation(grey=0.5, blur=1, noise=1, jpeg=1, coarse=1, cutout=1)
    one, two = (random_colours(image, np.random.default_rng(3), everything) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(image, before)
    assert one.shape == image.shape
    assert one.dtype == np.uint8
    assert np.abs(one.astype(int) - image).mean() > 3


def test_a_grey_picture_stays_grey_under_turns_of_hue() -> None:
    grey = np.full((4, 4, 3), 90, np.uint8)
    colours = Augmentation(exposure=0, contrast=0, gamma=0, channels=0, hue_deg=180, saturation=1)
    colours = Augmentation(**{**vars(colours), **dict.fromkeys(("grey", "blur", "noise", "jpeg", "coarse", "cutout"), 0.0)})
    np.testing.assert_allclose(random_colours(grey, np.random.default_rng(0), colours), grey, atol=1)
