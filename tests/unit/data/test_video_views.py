from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.data.small_films import FOCAL_PX, slide, write_film_world, write_frames

from leadline.camera import Camera
from leadline.data.clips import Clip, VideoData, change_clip, mirror_clip
from leadline.data.film_sources import VideoSource
from leadline.data.film_windows import largest_window
from leadline.data.video_views import VideoViews
from leadline.errors import LeadlineError
from leadline.geometry import Window, right_from_left

PLAIN: dict[str, Any] = {"flip": 0.0, "jitter": 0.0}


def make_views(text: str, cache: Path, hw: tuple[int, int] = (48, 64), **how: Any) -> VideoViews:
    return VideoViews([VideoSource.parse(text)], [1.0], cache, [hw], 4, VideoData(**{**PLAIN, **how}), 0, 100)


def walk(tmp_path: Path, count: int = 20) -> str:
    return f"video:{write_frames(tmp_path / 'walk', slide(count))}"


def test_a_batch_holds_targets_with_their_neighbours_and_cameras(tmp_path: Path) -> None:
    views = make_views(walk(tmp_path), tmp_path / "cache", offsets=(-2, 1))
    batch = views.batch(0)
    assert batch.target.shape == (4, 48, 64, 3)
    assert batch.sources.shape == (2, 4, 48, 64, 3)
    assert batch.offsets == (-2, 1)
    np.testing.assert_array_equal(batch.target[:, :, :-8], batch.sources[0][:, :, 8:])  # two steps of 4 pixels before
    np.testing.assert_array_equal(batch.target[:, :, 4:], batch.sources[1][:, :, :-4])
    assert (batch.intrinsics[:, 0, 2] == 32).all()  # the window of 64 lies in the middle of 80
    assert np.isnan(batch.partner_from_target).all()
    assert batch.names[0].startswith(str(tmp_path / "walk"))


def test_a_batch_is_a_function_of_its_number_alone(tmp_path: Path) -> None:
    text = walk(tmp_path)
    changed: dict[str, Any] = {"flip": 0.5, "jitter": 0.5, "area": (0.5, 1.0)}
    views, again = (make_views(text, tmp_path / "cache", **changed) for _ in range(2))
    stream = views.iter_batches(1, 2)
    first, third = next(stream), next(stream)
    stream.close()
    for one, other in ((first, again.batch(1)), (third, again.batch(3))):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)
    assert not np.array_equal(first.target, third.target)


def test_held_out_targets_share_no_frame_with_what_is_learnt_from(tmp_path: Path) -> None:
    views = make_views(walk(tmp_path, 60), tmp_path / "cache")
    learnt = {place.frame + o for place in views.training[0] for o in (-1, 0, 1)}
    held = {place.frame + o for place in views.validation[0] for o in (-1, 0, 1)}
    assert held == set(range(54, 60))
    assert learnt == set(range(54))
    assert sum(len(batch.target) for batch in views.held_out_batches(3)) == 3


def test_the_crop_moves_the_principal_point_and_the_resize_scales_it_so_points_stay_where_they_are_seen(tmp_path: Path) -> None:
    camera = Camera(80, 48, FOCAL_PX, FOCAL_PX, 38.0, 25.0)
    x_of_pixel = np.repeat(np.tile(np.arange(80, dtype=np.uint8), (48, 1))[..., None], 3, axis=2)
    clip = Clip(np.stack([x_of_pixel] * 2), np.stack([x_of_pixel] * 2), (camera, camera), np.full((4, 4), np.nan))
    for seed in range(5):
        changed = change_clip(clip, (20, 30), np.random.default_rng(seed), VideoData(flip=0.5, jitter=0, area=(0.4, 1.0)))
        new = changed.cameras[1]
        assert new.hw == (20, 30)
        # The ray through an output pixel is, mirrored or not, that of the input pixel whose number it shows.
        shown = changed.pictures[1][10, 4:-4, 0].astype(float) + 0.5
        rays = np.abs(new.rays()[10, 4:-4, 0])
        np.testing.assert_allclose(np.abs((shown - camera.cx) / camera.fx), rays, atol=0.02)


def test_mirroring_twice_changes_nothing_and_once_puts_the_right_eye_on_the_left() -> None:
    camera = Camera(80, 48, 60, 61, 37, 25)
    pictures = np.random.default_rng(0).integers(0, 255, (2, 48, 80, 3), dtype=np.uint8)
    clip = Clip(pictures, pictures, (camera, camera), right_from_left(0.2))
    once = mirror_clip(clip)
    assert once.partner_from_target[0, 3] == 0.2  # the right camera sits at minus 0.2 now
    assert once.cameras[0].cx == 43
    for part, same in zip(mirror_clip(once), clip, strict=True):
        np.testing.assert_array_equal(np.asarray(part, dtype=object), np.asarray(same, dtype=object))


def test_colours_change_alike_in_the_whole_clip_and_only_in_what_the_networks_see(tmp_path: Path) -> None:
    batch = make_views(walk(tmp_path), tmp_path / "cache", jitter=1.0).batch(0)
    assert not np.array_equal(batch.target, batch.seen_target)
    np.testing.assert_array_equal(batch.target[:, :, 4:], batch.sources[1][:, :, :-4])
    np.testing.assert_array_equal(batch.seen_target[:, :, 4:], batch.seen_sources[1][:, :, :-4])


def test_the_other_eye_is_a_source_of_known_place_and_either_eye_may_be_the_target(tmp_path: Path) -> None:
    world = str(write_film_world(tmp_path / "drive"))
    views = make_views(world, tmp_path / "cache", views="mono_stereo")
    batches = [views.batch(n) for n in range(4)]
    assert batches[0].offsets == (-1, 1, 0)
    signs = {float(np.sign(t[0, 3])) for batch in batches for t in batch.partner_from_target}
    assert signs == {-1.0, 1.0}
    for batch in batches:
        for target, partner, t in zip(batch.target, batch.sources[2], batch.partner_from_target, strict=True):
            shift = round(FOCAL_PX * float(t[0, 3]) / 3.0)  # x in the partner less x in the target
            assert abs(shift) == 4
            inside = slice(4, -4)
            np.testing.assert_array_equal(target[:, inside], np.roll(partner, -shift, axis=1)[:, inside])
    assert make_views(world, tmp_path / "cache", views="stereo").batch(0).sources.shape[0] == 1


def test_a_window_has_the_shape_of_the_batch_and_lies_in_the_middle() -> None:
    assert largest_window(Camera.from_focal_px(60, (48, 80)), (24, 24)) == Window(16, 0, 48, 48)
    assert largest_window(Camera.from_focal_px(60, (48, 80)), (12, 40)) == Window(0, 12, 80, 24)


def test_a_single_frame_and_a_film_without_motion_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"^video:.*one has 1 frame: expected a film of at least 3$"):
        make_views(f"video:{write_frames(tmp_path / 'one', slide(1))}", tmp_path / "cache")
    still = write_frames(tmp_path / "still", slide(1) * 9)
    with pytest.raises(LeadlineError, match=r"shows no motion: 1 of 9 frames are left, 3 are needed; .*least_motion=0\.002$"):
        make_views(f"video:{still}", tmp_path / "cache")
    rested = make_views(f"video:{write_frames(tmp_path / 'rest', slide(1) * 5 + slide(9))}", tmp_path / "cache")
    assert rested.notes == [f"video:{tmp_path / 'rest'}: 5 of 14 frames were left out, the camera stood still in them"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"offsets": (0, 1)}, "data.video.offsets=.*: expected different frames before and after"),
        ({"offsets": ()}, "data.video.offsets"),
        ({"area": (0.0, 1.0)}, "data.video.area"),
        ({"views": "stereo"}, "has no other eye for data.video.views=stereo: expected left and right pictures"),
        ({"offsets": (-9, 9)}, "expected a film of at least 19"),
    ],
)
def test_settings_that_can_not_be_are_refused(tmp_path: Path, how: dict[str, Any], message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        make_views(walk(tmp_path, 8), tmp_path / "cache", **how)
