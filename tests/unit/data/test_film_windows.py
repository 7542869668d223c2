"""One field of view for films of different cameras, and batches of equal parts."""

from __future__ import annotations

from math import radians, tan
from pathlib import Path
from shutil import rmtree
from typing import Any

import cv2
import numpy as np
import pytest
from tests.unit.data.small_films import slide, write_film_world, write_frames

from leadline.camera import Camera
from leadline.data.clips import VideoData
from leadline.data.film_sources import VideoSource
from leadline.data.film_windows import common_fov, crop_map, largest_window, network_focal, window_of
from leadline.data.video_views import VideoViews
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError

HW = (96, 160)
WIDE, NARROW = Camera.from_fov_deg(90, (240, 320)), Camera.from_fov_deg(50, (200, 300))
PLAIN: dict[str, Any] = {"flip": 0.0, "jitter": 0.0}


def write_film(folder: Path, focal_px: float, frames: int = 20, hw: tuple[int, int] = (160, 240)) -> str:
    """A slide along a wall of noise, as a larger picture with a camera file."""
    pictures = [cv2.resize(picture, hw[::-1]) for picture in slide(frames)]
    write_frames(folder, pictures, camera=False)
    np.savetxt(folder / "K.txt", [[focal_px, 0, hw[1] / 2 - 0.5], [0, focal_px, hw[0] / 2 - 0.5], [0, 0, 1]])
    return f"video:{folder}"


def make_views(texts: list[str], cache: Path, batch_size: int = 4, even: bool = False, **how: Any) -> VideoViews:
    sources = [VideoSource.parse(text) for text in texts]
    weights = [1.0] * len(sources)
    return VideoViews(sources, weights, cache, [(64, 96)], batch_size, VideoData(**{**PLAIN, **how}), 0, 400, even=even)


@pytest.mark.parametrize("hw", [HW, (96, 320), (128, 96)])
def test_an_object_covers_as_many_network_pixels_in_both_cameras(hw: tuple[int, int]) -> None:
    fov_deg = common_fov([WIDE, NARROW], hw)
    focal = hw[1] / (2 * tan(radians(fov_deg) / 2))
    for camera in (WIDE, NARROW):
        window = window_of(camera, hw, fov_deg)
        np.testing.assert_allclose(network_focal(camera, window, hw), focal, rtol=0.01)
        seen = camera.crop(*window).resize(hw)
        np.testing.assert_allclose(network_focal(camera, window, hw), (seen.fx, seen.fy), rtol=1e-12)
    apart = [network_focal(camera, largest_window(camera, hw), hw)[0] for camera in (WIDE, NARROW)]
    assert apart[1] / apart[0] > 1.5  # the control


def test_the_narrower_camera_keeps_all_that_the_shape_allows() -> None:
    fov_deg = common_fov([WIDE, NARROW], HW)
    assert window_of(NARROW, HW, fov_deg) == largest_window(NARROW, HW)
    assert fov_deg == pytest.approx(50)


def test_the_horizon_of_a_level_camera_stays_in_the_middle_where_the_picture_has_room() -> None:
    looks_up = Camera(320, 240, 160.0, 160.0, 150.0, 150.0)  # the optical axis meets row 150 of 240
    window = window_of(looks_up, HW, 50.0)
    assert window.y + window.height / 2 == pytest.approx(150, abs=0.5)
    assert largest_window(looks_up, HW).y + largest_window(looks_up, HW).height / 2 == pytest.approx(120, abs=0.5)
    at_the_rim = window_of(Camera(320, 240, 160.0, 160.0, 150.0, 225.0), HW, 50.0)
    assert at_the_rim.y + at_the_rim.height == 240
    assert at_the_rim.y <= 225


def test_a_picture_that_shows_less_and_a_coarse_one_are_refused_in_one_line() -> None:
    with pytest.raises(LeadlineError, match=r"^a field of view of 60 degrees at 160 x 96 needs .* choose a smaller angle"):
        window_of(NARROW, HW, 60.0)
    with pytest.raises(LeadlineError, match=r"the focal length is \d\.\d % off, expected 1 % at most; raise data\.longest$"):
        window_of(Camera.from_fov_deg(90, (24, 40)), (30, 50), 50.0)
    with pytest.raises(LeadlineError, match="no camera to find a common field of view of"):
        common_fov([], HW)


def test_the_truth_is_cropped_as_its_picture_is_also_at_another_size() -> None:
    columns = np.tile(np.arange(1, 641, dtype=np.float32), (480, 1))
    depth = DepthMap(columns, np.ones(columns.shape, bool), METRIC_DEPTH, WIDE.resize((480, 640)), "truth")
    window = window_of(WIDE, HW, 50.0)
    part = crop_map(depth, window, WIDE.hw)
    assert part.hw == (2 * window.height, 2 * window.width)
    assert part.values[0, 0] == 2 * window.x + 1
    assert part.camera is not None
    assert part.camera.cx == pytest.approx(640 / 2 - 2 * window.x)


def test_films_of_two_cameras_reach_the_network_with_one_focal_length(tmp_path: Path) -> None:
    texts = [write_film(tmp_path / "wide", 120.0), write_film(tmp_path / "narrow", 240.0)]
    aligned = make_views(texts, tmp_path / "cache", field_of_view="common", even=True)
    batch = aligned.batch(0)
    np.testing.assert_allclose(batch.intrinsics[:, 0, 0], batch.intrinsics[0, 0, 0], rtol=0.01)
    np.testing.assert_allclose(batch.intrinsics[:, 1, 1], batch.intrinsics[0, 0, 0], rtol=0.01)
    np.testing.assert_array_equal(batch.source_intrinsics[0], batch.intrinsics)
    assert "cropped to 53.1 degrees" in aligned.notes[-1]
    for held_out in aligned.held_out_batches(4):
        np.testing.assert_allclose(held_out.intrinsics[:, 0, 0], batch.intrinsics[0, 0, 0], rtol=0.01)
    own = make_views(texts, tmp_path / "cache", even=True).batch(0)
    assert own.intrinsics[own.origin == 1, 0, 0].min() > 1.9 * own.intrinsics[own.origin == 0, 0, 0].max()


def test_every_batch_is_half_source_and_half_target(tmp_path: Path) -> None:
    texts = [write_film(tmp_path / "long", 120.0, 60), write_film(tmp_path / "short", 120.0, 20)]
    views = make_views(texts, tmp_path / "cache", even=True)
    for number in range(5):
        np.testing.assert_array_equal(np.sort(views.batch(number).origin), [0, 0, 1, 1])
    drawn = make_views(texts, tmp_path / "cache")
    assert {tuple(np.bincount(drawn.batch(n).origin, minlength=2)) for n in range(12)} != {(2, 2)}
    with pytest.raises(LeadlineError, match=r"^data\.batch_size=3 for 2 sources in equal parts: expected a multiple of 2$"):
        make_views(texts, tmp_path / "cache", batch_size=3, even=True)


def test_no_truth_of_the_source_is_in_a_batch_nor_read_to_make_one(tmp_path: Path) -> None:
    views = make_views([str(write_film_world(tmp_path / "drive"))], tmp_path / "cache", field_of_view="common")
    rmtree(tmp_path / "drive" / "s0" / "depth")  # the pictures are in the cache; whoever read the truth now would fail
    batch = views.batch(0)
    assert batch.truth is None
    (film,) = views.films[0]
    assert film.read_depth is not None
    with pytest.raises(Exception, match="depth"):
        film.read_depth(0)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"fov_deg": 50.0}, r"^data\.video\.fov_deg=50: expected data\.video\.field_of_view=common with it, or 0$"),
        ({"field_of_view": "common", "area": (0.5, 1.0)}, r"expected 1,1, since a crop would change the field of view$"),
        ({"field_of_view": "common", "fov_deg": 100.0}, r"^.*walk: a field of view of 100 degrees .* choose a smaller angle"),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(tmp_path: Path, how: dict[str, Any], said: str) -> None:
    text = write_film(tmp_path / "walk", 120.0)
    with pytest.raises(LeadlineError, match=said):
        make_views([text], tmp_path / "cache", **how)
