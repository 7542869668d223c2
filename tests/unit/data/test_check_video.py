"""Films with one fault each, drawn: the check names it, and names nothing in a good film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.data.small_films import write_frames

from leadline.camera import Camera
from leadline.data import check_video as checking
from leadline.data.check_video import check_video
from leadline.data.checks.film_motion import measure, track, turned
from leadline.data.film import FilmSource, Frame
from leadline.errors import LeadlineError

HW, FOCAL_PX, COUNT = (160, 240), 200.0, 16
CAMERA = Camera.from_focal_px(FOCAL_PX, HW)
Picture = NDArray[np.uint8]


def noise(hw: tuple[int, int], seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.random((hw[0] // k + 1, hw[1] // k + 1, 3)), hw[::-1]) for k in (5, 10, 20)]
    return np.asarray(np.clip(255 * (np.mean(layers, axis=0) - 0.5) * 2 + 128, 0, 255), np.uint8)


def walk(step: float = 6.0, count: int = COUNT) -> list[Picture]:
    """Boxes 2 m away pass before a wall that is 10 m away; the boxes move `step` pixels a frame."""
    wall, boxes = noise((HW[0], 800), 0), noise((HW[0], 800), 1)
    near = np.zeros((HW[0], 800), np.uint8)
    for x in range(20, 800, 90):
        near[20:140, x : x + 45] = 1

    def moved(picture: NDArray[np.uint8], by: float) -> Picture:
        shift = np.array([[1, 0, -by], [0, 1, 0]], np.float64)
        return np.asarray(cv2.warpAffine(picture, shift, HW[::-1], flags=cv2.INTER_LINEAR), np.uint8)

    return [
        np.where(moved(near, step * i)[..., None] > 0, moved(boxes, step * i), moved(wall, step * i / 5)) for i in range(count)
    ]


def turn(degrees: float = 1.0) -> list[Picture]:
    """A camera that turns about its upright axis before a picture far away."""
    far = noise((3 * HW[0], 3 * HW[1]), 2)
    k, wide = CAMERA.intrinsics, CAMERA.intrinsics
    wide[:2, 2] = 1.5 * HW[1], 1.5 * HW[0]
    found = []
    for i in range(COUNT):
        rotation = cv2.Rodrigues(np.array([0, np.radians(degrees * i), 0]))[0]
        found.append(np.asarray(cv2.warpPerspective(far, k @ rotation @ np.linalg.inv(wide), HW[::-1]), np.uint8))
    return found


def checked(
    monkeypatch: pytest.MonkeyPatch, pictures: list[Picture], camera: Camera | None = CAMERA, times: list[float] | None = None
) -> dict[str, str]:
    """Return level and text of what is found in a film, by its name."""

    def frames() -> Iterator[Frame]:
        for i, picture in enumerate(pictures):
            yield Frame(picture, camera, time_s=times[i] if times else None)

    film = FilmSource("film", "film", frames)
    monkeypatch.setattr(checking.VideoSource, "films", lambda self: [film])
    (report,) = check_video("video:film")
    return {finding.mistake: f"{finding.level}: {finding.evidence}" for finding in report.findings}


def test_a_walk_past_near_things_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(monkeypatch, walk()) == {}


def test_a_camera_that_only_turns_is_an_error_with_any_guess_of_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(monkeypatch, turn())["camera only turns"].startswith("error: in 100% of")
    assert set(checked(monkeypatch, turn(), None)) == {"camera only turns", "unknown camera"}


def test_a_turn_is_taken_out_of_points_exactly() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform((0, 0), HW[::-1], (50, 2))
    rays = np.column_stack([(a - [CAMERA.cx, CAMERA.cy]) / FOCAL_PX, np.ones(50)])
    rotation = cv2.Rodrigues(np.array([0.02, -0.05, 0.03]))[0]
    b = CAMERA.project(rays @ rotation.T)
    np.testing.assert_allclose(turned(a, b, CAMERA), b, atol=1e-9)
    assert np.abs(turned(a, a + rng.normal(0, 3, a.shape), CAMERA) - a).max() > 0.1


def test_a_tripod_is_an_error_and_long_stops_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    grain = [np.clip(walk()[0] + rng.normal(0, 2, (*HW, 3)), 0, 255).astype(np.uint8) for _ in range(COUNT)]
    assert checked(monkeypatch, grain)["camera at rest"].startswith("error: in 100% of frames")
    assert checked(monkeypatch, walk() + grain)["camera at rest"].startswith("warning: in 48% of frames")


def test_things_that_move_by_themselves_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd, each of whom goes another way, fits no epipolar lines."""
    pictures, tile, rng = walk(), noise((44, 54), 5), np.random.default_rng(3)
    for picture in pictures:
        for y in (4, 56, 108):
            for x in (4, 64, 124, 182):
                top, left = y + int(rng.integers(-6, 7)), x + int(rng.integers(-6, 7))
                picture[max(top, 0) : top + 44, max(left, 0) : left + 54] = tile[max(-top, 0) :, max(-left, 0) :][
                    :, : HW[1] - left
                ]
    found = checked(monkeypatch, pictures)
    assert found["much moves by itself"].startswith("warning: ")


def test_brightness_that_jumps_and_stripes_that_roll_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = [np.clip(picture * (1 + 0.2 * (i % 2)) * 0.7, 0, 255).astype(np.uint8) for i, picture in enumerate(walk())]
    found = checked(monkeypatch, jumps)
    assert "exposure that changes" in found
    assert "stripes of brightness" not in found
    rows = np.arange(HW[0])[:, None, None] / HW[0]
    stripes = [
        np.clip(picture * (0.7 + 0.06 * np.sin(2 * np.pi * (rows * 1.5 + 0.25 * i))), 0, 255).astype(np.uint8)
        for i, picture in enumerate(walk())
    ]
    assert "stripes of brightness" in checked(monkeypatch, stripes)


def test_rates_that_do_not_fit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [picture for picture in walk() for _ in range(2)]
    assert checked(monkeypatch, twice)["repeated frames"].endswith("16 of 31 frames are the same as the one before")
    assert "small steps" in checked(monkeypatch, walk(1.5, 30))
    times = [0.1 * i + (0.3 if i > 8 else 0) for i in range(COUNT)]
    assert checked(monkeypatch, walk(), times=times) == {"variable frame rate": "warning: 100 ms between frames, up to 400"}
    fast = [noise((HW[0], 2000), 4)[:, 24 * i : 24 * i + HW[1]] for i in range(COUNT)]
    assert "large steps" in checked(monkeypatch, fast)


def test_bare_pictures_and_a_single_frame_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "too little to follow" in checked(monkeypatch, [np.full((*HW, 3), 90 + i, np.uint8) for i in range(8)])
    assert checked(monkeypatch, walk()[:1]) == {"too short": "error: 1 frame"}
    assert measure([], 5).frames == 0
    flat = np.full(HW, 90, np.uint8)
    assert len(track(flat, flat)[0]) == 0


def test_a_folder_of_frames_is_read_and_looked_at_up_to_a_number(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", walk())
    (report,) = check_video(str(folder), most=6)
    assert report.read == 6
    assert report.facts["picture size"] == "240 x 160"
    with pytest.raises(LeadlineError, match="no video or folder"):
        check_video(str(tmp_path / "none"))


WALK = Path(__file__).parents[3].parent / "shared" / "data" / "video" / "hololens" / "images"


@pytest.mark.skipif(not WALK.is_dir(), reason="the real walk (../shared/data/video/hololens) is not on this machine")
def test_a_real_walk_contradicts_a_camera_that_is_not_its_own() -> None:
    """Its calibration says 57.2 degrees."""
    (report,) = check_video(f"{WALK}::fov=90", 60)
    (wrong,) = [finding for finding in report.findings if finding.mistake == "wrong intrinsics"]
    assert wrong.level == "error"
    assert "not 90" in wrong.evidence
    assert 53 < float(wrong.remedy.split("::fov=")[1].split(";")[0]) < 61
    (report,) = check_video(f"{WALK}", 60)
    assert "wrong intrinsics" not in {finding.mistake for finding in report.findings}
    assert report.facts["horizontal field of view"] == "57.2 degrees"
