from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.unit.data.small_films import FOCAL_PX, HW, slide, write_camera, write_film_world, write_frames

from leadline.camera import Camera
from leadline.data.film import FilmSource, Frame, open_film
from leadline.data.film_sources import VideoSource, consecutive
from leadline.data.still_frames import moved_share
from leadline.errors import LeadlineError
from leadline.io.video import VideoWriter


def only(text: str) -> FilmSource:
    (film,) = VideoSource.parse(text).films()
    return film


def test_a_folder_of_frames_takes_the_intrinsics_that_lie_beside_them(tmp_path: Path) -> None:
    film = only(f"video:{write_frames(tmp_path / 'walk', slide(5))}")
    frames = list(film.frames())
    assert len(frames) == 5
    assert frames[0].camera == Camera(HW[1], HW[0], FOCAL_PX, FOCAL_PX, HW[1] / 2, HW[0] / 2)  # K.txt counts from centres
    np.testing.assert_array_equal(frames[3].pixels, slide(5)[3])
    assert film.baseline_m is None


def test_a_video_takes_a_focal_length_or_a_field_of_view_with_a_warning(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "walk.mp4", 10, HW) as writer:
        for frame in slide(6):
            writer.write(np.ascontiguousarray(frame))
    known = only(f"video:{tmp_path / 'walk.mp4'}::focal=60")
    assert [frame.camera.fx for frame in known.frames() if frame.camera] == [60] * 6
    assert known.notes == ()
    guessed = only(f"video:{tmp_path / 'walk.mp4'}::fov=67.38")
    assert next(iter(guessed.frames())).camera.fx == pytest.approx(60, rel=1e-3)  # type: ignore[union-attr]
    assert "estimated from a field of view of 67.38 degrees" in guessed.notes[0]


def test_missing_intrinsics_and_those_of_another_size_are_one_line_each(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", slide(4), camera=False)
    with pytest.raises(LeadlineError, match=r"^.*walk, frame 0 has no intrinsics: expected ::K\.txt, .*::fov=DEGREES.*$"):
        open_film(only(f"video:{folder}"), tmp_path, 100, 0)
    other = write_camera(tmp_path / "other.json", 160, 96)
    with pytest.raises(LeadlineError, match=r"other\.json is for pictures of 160 x 96, these have 80 x 48: scale it with them"):
        only(f"video:{folder}::{other}")
    np.savetxt(tmp_path / "K.txt", [[700.0, 0, 600], [0, 700, 180], [0, 0, 1]])
    with pytest.raises(LeadlineError, match=r"principal point at \(600, 180\).* 80 x 48: it looks like intrinsics of another"):
        only(f"video:{folder}::{tmp_path / 'K.txt'}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("::zoom=3", r"expected ::FILE, ::focal=PX, ::fov=DEG or ::baseline=M"),
        ("::focal=long", r"expected a number behind focal="),
        ("::focal=60::fov=70", r"expected one of ::FILE, ::focal=PX and ::fov=DEG"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: str, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        VideoSource.parse(f"video:walk.mp4{options}")


def test_cameras_may_differ_from_frame_to_frame_but_must_reach_to_the_end(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", slide(4), camera=False)
    camera = Camera.from_focal_px(60, HW).to_dict()
    (folder / "camera.json").write_text(str([{**camera, "fx": 60 + i} for i in range(4)]).replace("'", '"'))
    assert [frame.camera.fx for frame in only(f"video:{folder}").frames() if frame.camera] == [60, 61, 62, 63]
    (folder / "camera.json").write_text(str([camera] * 3).replace("'", '"'))
    with pytest.raises(LeadlineError, match="more frames than the 3 cameras given for it"):
        list(only(f"video:{folder}").frames())


def test_two_eyes_and_a_calibration_make_a_stereo_film(tmp_path: Path) -> None:
    write_frames(tmp_path / "rig" / "left", slide(3), camera=False)
    write_frames(tmp_path / "rig" / "right", slide(3, start=4), camera=False)
    with pytest.raises(LeadlineError, match="has a right eye and no baseline"):
        only(f"video:{tmp_path / 'rig'}::focal=60")
    (tmp_path / "rig" / "calib.txt").write_text("cam0=[60 0 39.5; 0 60 23.5; 0 0 1]\ndoffs=2\nbaseline=200\n")
    film = only(f"video:{tmp_path / 'rig'}")
    frame = next(iter(film.frames()))
    assert film.baseline_m == pytest.approx(0.2)
    assert frame.camera is not None
    assert frame.partner_camera is not None
    assert frame.partner_camera.cx - frame.camera.cx == 2  # doffs
    np.testing.assert_array_equal(frame.partner, slide(3, start=4)[0])


def test_a_world_of_films_has_poses_truth_and_both_eyes_and_separate_views_are_refused(tmp_path: Path) -> None:
    film = only(str(write_film_world(tmp_path / "drive", 3)))
    frames = list(film.frames())
    assert film.baseline_m == 0.2
    np.testing.assert_array_equal(frames[2].partner, slide(3, start=4)[2])
    assert film.read_depth is not None
    depth = film.read_depth(1)
    assert depth is not None
    assert (depth.values == 3).all()
    with pytest.raises(LeadlineError, match="holds separate views: expected a film, as leadline synth --video"):
        only(str(write_film_world(tmp_path / "views", 3, film=False)))


def test_a_data_set_is_cut_where_its_numbers_jump() -> None:
    assert consecutive(["a/01", "a/02", "a/03", "a/07", "a/08", "b/09", "b/10"]) == [
        ["a/01", "a/02", "a/03"], ["a/07", "a/08"], ["b/09", "b/10"],
    ]  # fmt: skip
    stamps = ["cam/1000.jpg", "cam/1101.jpg", "cam/1199.jpg", "cam/1500.jpg"]
    assert consecutive(stamps) == [stamps[:3], stamps[3:]]


def test_what_may_not_be_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="may not be trained on"):
        VideoSource.parse(f"kitti_raw@{tmp_path}").films()


def test_frames_in_which_the_camera_stands_still_are_left_out_and_counted(tmp_path: Path) -> None:
    moving = slide(6)
    frames = [moving[0], moving[0], moving[0], moving[1], moving[1], *moving[2:]]
    film = open_film(only(f"video:{write_frames(tmp_path / 'walk', frames)}"), tmp_path / "cache", 100, 0.002)
    assert film.numbers == (0, 3, 5, 6, 7, 8)
    assert (film.frames, film.dropped) == (9, 3)
    assert len(open_film(only(f"video:{tmp_path / 'walk'}"), tmp_path / "cache", 100, 0.0)) == 9


def test_motion_is_measured_in_shares_of_the_width_and_a_passer_by_is_not_motion() -> None:
    first, second = slide(2)
    assert moved_share(first, second) == pytest.approx(4 / 80, rel=0.1)
    noisy = np.clip(first + np.random.default_rng(0).normal(0, 4, first.shape), 0, 255).astype(np.uint8)
    assert moved_share(first, noisy) < 0.001
    passing = first.copy()
    passing[20:40, 30:50] = slide(1, start=200)[0][20:40, 30:50]
    assert moved_share(first, passing) < 0.001
    assert moved_share(np.full_like(first, 90), np.full_like(first, 92)) == 0


def test_a_film_is_shrunk_with_its_camera_and_read_from_the_cache_the_second_time(tmp_path: Path) -> None:
    reads = 0

    def frames() -> list[Frame]:
        nonlocal reads
        reads += 1
        return [Frame(frame, Camera.from_focal_px(FOCAL_PX, HW)) for frame in slide(4)]

    source = FilmSource("walk", "walk 1", frames)
    film = open_film(source, tmp_path, 40, 0.0)
    assert film.pictures.shape == (4, 24, 40, 3)
    assert film.cameras[0] == Camera.from_focal_px(FOCAL_PX / 2, (24, 40))
    again = open_film(source, tmp_path, 40, 0.0)
    np.testing.assert_array_equal(again.pictures, film.pictures)
    assert reads == 1


def test_a_lens_is_straightened_and_said(tmp_path: Path) -> None:
    straight, bent = Camera.from_focal_px(FOCAL_PX, HW), Camera(80, 48, 60, 60, 40, 24, (-0.2, 0.05, 0.0, 0.0))
    x_of_pixel = (bent.rays()[..., 0] * 100 + 128).astype(np.uint8)  # a picture that holds its own rays
    picture = np.repeat(x_of_pixel[..., None], 3, axis=2)
    source = FilmSource("lens", "lens", lambda: [Frame(picture, bent)], read_depth=lambda number: None)
    film = open_film(source, tmp_path, 80, 0.0)
    assert film.read_depth is None  # the truth is as bent as the picture was
    assert film.cameras[0] == straight
    expected = straight.rays()[4:-4, 8:-8, 0] * 100 + 128
    assert np.abs(film.pictures[0][4:-4, 8:-8, 0].astype(float) - expected).max() < 2
    assert film.notes == ("the lens's distortion was taken out of its pictures",)


def test_a_variable_frame_rate_is_a_note(tmp_path: Path) -> None:
    camera = Camera.from_focal_px(FOCAL_PX, HW)

    def frames(times: list[float]) -> list[Frame]:
        return [Frame(pixels, camera, time_s=t) for pixels, t in zip(slide(len(times)), times, strict=True)]

    even = open_film(FilmSource("even", "even", lambda: frames([0, 0.1, 0.2, 0.3])), tmp_path, 80, 0.0)
    uneven = open_film(FilmSource("uneven", "uneven", lambda: frames([0, 0.1, 0.2, 0.5])), tmp_path, 80, 0.0)
    assert even.notes == ()
    assert "a variable frame rate: 100 ms between frames, up to 300" in uneven.notes[0]


def test_a_film_of_two_sizes_is_refused(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", slide(2), camera=False)
    cv2.imwrite(str(folder / "0002.png"), np.zeros((24, 40, 3), np.uint8))
    with pytest.raises(LeadlineError, match=r"frame 2 is 40 x 24.*its intrinsics are for 80 x 48"):
        open_film(only(f"video:{folder}::focal=60"), tmp_path, 100, 0.0)


def write_kitti(root: Path, frames: int = 5) -> None:
    day = root / "2011_09_26"
    for eye, start in ((2, 0), (3, 4)):
        folder = day / "2011_09_26_drive_0001_sync" / f"image_0{eye}" / "data"
        write_frames(folder, slide(frames, start=start), camera=False)
        for path in folder.iterdir():
            path.rename(folder / f"{int(path.stem):010d}.png")
    lines = ["S_rect_02: 80 48"]
    lines += [f"P_rect_0{eye}: 60 0 39.5 {x} 0 60 23.5 0 0 0 1 0" for eye, x in ((2, 0.0), (3, -12.0))]
    (day / "calib_cam_to_cam.txt").write_text("\n".join(lines))


def test_kittis_recordings_are_films_with_a_partner_and_a_list_names_their_targets(tmp_path: Path) -> None:
    write_kitti(tmp_path)
    film = only(f"video:{tmp_path}")
    assert film.baseline_m == pytest.approx(0.2)
    assert film.targets is None
    frame = next(islice(film.frames(), 2, None))
    np.testing.assert_array_equal(frame.pixels, slide(5)[2])
    np.testing.assert_array_equal(frame.partner, slide(5, start=4)[2])
    assert frame.camera == Camera.from_focal_px(60, HW)
    drive = "2011_09_26/2011_09_26_drive_0001_sync"
    (tmp_path / "train_files.txt").write_text(f"{drive} 1 l\n{drive} 3 l\n{drive} 2 r\n")
    left, right = VideoSource.parse(f"video:{tmp_path}").films()
    assert (left.targets, right.targets) == ({1, 3}, {2})
    assert right.baseline_m == pytest.approx(-0.2)
    np.testing.assert_array_equal(next(iter(right.frames())).pixels, slide(5, start=4)[0])
    (tmp_path / "train_files.txt").write_text("2011_09_26/2011_09_26_drive_0002_sync 1 l\n")
    with pytest.raises(LeadlineError, match="names 2011_09_26_drive_0002_sync and 0 more that are not in"):
        VideoSource.parse(f"video:{tmp_path}").films()


def test_kittis_odometry_sequences_are_films(tmp_path: Path) -> None:
    folder = tmp_path / "sequences" / "00"
    write_frames(folder / "image_2", slide(3), camera=False)
    (folder / "calib.txt").write_text("P2: 60 0 39.5 3 0 60 23.5 0 0 0 1 0\nP3: 60 0 39.5 -9 0 60 23.5 0 0 0 1 0\n")
    film = only(f"video:{tmp_path}")
    assert (film.name, film.baseline_m) == ("odometry 00", None)  # no pictures of the right eye
    assert len(list(film.frames())) == 3


def test_nuscenes_recordings_are_followed_from_key_frame_to_sweep_and_end_where_a_picture_is_gone(tmp_path: Path) -> None:
    tables = tmp_path / "v1.0-mini"
    tables.mkdir()
    k = [[60, 0, 39.5], [0, 60, 23.5], [0, 0, 1]]
    sensors = [{"token": "front", "channel": "CAM_FRONT"}, {"token": "back", "channel": "CAM_BACK"}]
    calibrated = [{"token": f"c-{s['token']}", "sensor_token": s["token"], "camera_intrinsic": k} for s in sensors]
    order = [("samples", "c"), ("sweeps", "a"), ("sweeps", "d"), ("sweeps", "b"), ("samples", "e")]
    records = [
        {
            "token": token, "prev": order[i - 1][1] if i else "", "next": order[i + 1][1] if i < 4 else "",
            "timestamp": i * 83_000, "filename": f"{folder}/CAM_FRONT/{token}.jpg", "calibrated_sensor_token": "c-front",
        }
        for i, (folder, token) in enumerate(order)
    ]  # fmt: skip
    records.append({**records[0], "token": "x", "next": "", "calibrated_sensor_token": "c-back"})
    for name, table in (("sensor", sensors), ("calibrated_sensor", calibrated), ("sample_data", sorted(records, key=str))):
        (tables / f"{name}.json").write_text(json.dumps(table))
    for record, picture in zip(records[:5], slide(5), strict=True):
        path = tmp_path / str(record["filename"])
        path.parent.mkdir(parents=True, exist_ok=True)
        if record["token"] != "d":
            cv2.imwrite(str(path), picture[..., ::-1])
    films = VideoSource.parse(f"video:{tmp_path}").films()
    found = {film.name: list(film.frames()) for film in films}
    assert {name: len(frames) for name, frames in found.items()} == {"v1.0-mini/c": 2, "v1.0-mini/b": 2}
    second = found["v1.0-mini/c"][1]
    assert second.time_s == 0.083
    assert second.camera == Camera.from_focal_px(60, HW)
    assert np.abs(second.pixels.astype(int) - slide(5)[1]).mean() < 12  # the second in time; JPEG
