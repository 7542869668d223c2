from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.data.synthetic.layout import (
    StoredView,
    check_folder,
    clear_unfinished,
    iter_views,
    read_dataset,
    read_view,
    scene_folders,
    write_dataset,
    write_scene,
)
from leadline.data.synthetic.scene import look_at
from leadline.data.synthetic.sheet import colourise, contact_sheet


def _view(seed: int = 0, hw: tuple[int, int] = (18, 24), *, stereo: bool = False) -> StoredView:
    rng = np.random.default_rng(seed)
    h, w = hw
    sky = np.zeros(hw, bool)
    sky[:4] = True
    depth = np.where(sky, 0, rng.uniform(1, 9, hw)).astype(np.float32)
    normals = rng.normal(size=(*hw, 3))
    normals = np.where(sky[..., None], 0, normals / np.linalg.norm(normals, axis=-1, keepdims=True)).astype(np.float32)
    view = StoredView(
        image=rng.integers(0, 256, (*hw, 3), dtype=np.uint8),
        depth=depth,
        normals=normals,
        material=rng.integers(0, 3, hw, dtype=np.uint8),
        instance=rng.integers(0, 60000, hw, dtype=np.uint16),
        sky=sky,
        intrinsics=np.array([[30.0, 0, w / 2], [0, 30.0, h / 2], [0, 0, 1]]),
        world_from_camera=look_at((0.0, -2.0, 1.0), (0.0, 0.0, 1.0), roll_deg=3.0),
        extra={"exposure": 0.5},
    )
    if not stereo:
        return view
    right = rng.integers(0, 256, (*hw, 3), dtype=np.uint8)
    return replace(view, right=right, pixel_disparity=depth / 10, occluded=rng.random(hw) > 0.5, baseline_m=0.12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(tmp_path, {"world": "test", "seed": 0})
    write_scene(tmp_path, "test-0-00000", [_view(0, stereo=True), _view(1, stereo=True)])
    return tmp_path


@pytest.mark.parametrize("stereo", [False, True])
def test_a_view_reads_back_as_it_was_written(tmp_path: Path, stereo: bool) -> None:
    view = _view(stereo=stereo)
    back = read_view(write_scene(tmp_path, "scene", [view]), 0)
    for name in ("image", "depth", "material", "instance", "sky", "intrinsics", "world_from_camera", "right",
                 "pixel_disparity", "occluded"):  # fmt: skip
        expected, got = getattr(view, name), getattr(back, name)
        if expected is None:
            assert got is None
        else:
            np.testing.assert_array_equal(got, expected)
            assert got.dtype == expected.dtype
    np.testing.assert_allclose(back.normals, view.normals, atol=2e-5)
    assert back.baseline_m == view.baseline_m
    assert dict(back.extra) == {"exposure": 0.5}
    assert (back.scene, back.index) == ("scene", 0)


def test_files_are_in_the_documented_encodings(folder: Path) -> None:
    """Read without this package: the reader must not hide a mistake of the writer, such as swapped channels."""
    view, scene = _view(0, stereo=True), folder / "test-0-00000"
    camera = json.loads((scene / "camera.json").read_text())["views"][0]
    assert (camera["width"], camera["height"], camera["cx"], camera["cy"]) == (24, 18, 12.0, 9.0)
    np.testing.assert_array_equal(cv2.imread(str(scene / "image/000.png"))[..., ::-1], view.image)  # type: ignore[index]
    packed = cv2.imread(str(scene / "normals/000.png"), cv2.IMREAD_UNCHANGED)
    assert packed is not None
    assert packed.dtype == np.uint16
    valid = view.depth > 0
    np.testing.assert_allclose(packed[..., 2][valid] / 65535 * 2 - 1, view.normals[valid][:, 0], atol=2e-5)  # red is x
    sky = cv2.imread(str(scene / "sky/000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(sky, view.sky * 255)
    assert np.load(scene / "depth/000.npy").dtype == np.float32


def test_pictures_can_be_jpeg(tmp_path: Path) -> None:
    flat = replace(_view(), image=np.full((18, 24, 3), (200, 100, 50), np.uint8))
    scene = write_scene(tmp_path, "scene", [flat], jpeg=95)
    assert (scene / "image/000.jpg").is_file()
    np.testing.assert_allclose(read_view(scene, 0).image, flat.image, atol=3)


def test_all_views_come_in_order(folder: Path) -> None:
    write_scene(folder, "test-0-00001", [_view(2)])
    assert [(v.scene, v.index) for v in iter_views(folder)] == [("test-0-00000", 0), ("test-0-00000", 1), ("test-0-00001", 0)]


def test_a_sound_folder_has_no_problems(folder: Path) -> None:
    assert check_folder(folder) == []


def test_a_scene_that_fails_half_way_does_not_appear(tmp_path: Path) -> None:
    broken = replace(_view(), image=np.zeros((0, 0, 3), np.uint8))
    with pytest.raises((OSError, cv2.error)):
        write_scene(tmp_path, "scene", [_view(), broken])
    assert scene_folders(tmp_path) == []
    assert list(tmp_path.glob("*/image/*.png")) == []


def test_remains_of_dead_writers_are_cleared_and_living_ones_left(tmp_path: Path) -> None:
    import os

    dead, alive = tmp_path / ".unfinished" / f"a.{2**22 + 1}", tmp_path / ".unfinished" / f"b.{os.getpid()}"
    for path in (dead, alive):
        path.mkdir(parents=True)
    clear_unfinished(tmp_path)
    assert not dead.exists()
    assert alive.exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"format": "other/1"}')
    with pytest.raises(ValueError, match="leadline-folder/1"):
        read_dataset(tmp_path)


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    assert [p.split(":")[0] for p in check_folder(tmp_path)] == ["dataset.json", "the data set is empty"]


def _edit_camera(scene: Path, **change: object) -> None:
    document = json.loads((scene / "camera.json").read_text())
    document["views"][0].update(change)
    (scene / "camera.json").write_text(json.dumps(document))


def _depth(scene: Path, at: tuple[int, int], value: float) -> None:
    depth = np.load(scene / "depth/000.npy")
    depth[at] = value
    np.save(scene / "depth/000.npy", depth)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda s: (s / "depth/000.npy").unlink(), "missing depth"),
        (lambda s: (s / "right/001.png").unlink(), "missing right"),
        (lambda s: (s / "image/000.png").write_bytes(b"no picture"), "unreadable"),
        (lambda s: np.save(s / "depth/000.npy", np.ones((9, 12), np.float32)), "unreadable|depth is 12 x 9"),
        (lambda s: cv2.imwrite(str(s / "material/000.png"), np.full((18, 24), 3, np.uint8)), "material 3 is out of range"),
        (lambda s: cv2.imwrite(str(s / "material/000.png"), np.zeros((9, 12), np.uint8)), "material is 12 x 9, not 24 x 18"),
        (lambda s: _depth(s, (10, 10), np.nan), "depth has negative or non-finite"),
        (lambda s: _depth(s, (10, 10), -1.0), "depth has negative or non-finite"),
        (lambda s: _depth(s, (0, 0), 5.0), "sky has depth"),
        (lambda s: _edit_camera(s, cx=100.0), "intrinsics don't fit"),
        (lambda s: _edit_camera(s, width=48), "not 48 x 18"),
        (lambda s: _edit_camera(s, world_from_camera=(2 * np.eye(4)).tolist()), "rigid"),
        (lambda s: (s / "camera.json").write_text("{"), "camera.json"),
        (lambda s: (s / "camera.json").write_text('{"views": []}'), "no views"),
    ],
)
def test_the_checker_finds(folder: Path, harm: object, words: str) -> None:
    harm(folder / "test-0-00000")  # type: ignore[operator]
    problems = check_folder(folder)
    assert problems
    assert any(word in problem for problem in problems for word in words.split("|")), problems


def test_a_contact_sheet_shows_every_view(folder: Path) -> None:
    sheet = contact_sheet(folder, columns=2, width=24)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (18 + 4, 2 * (3 * 24 + 4), 3)
    np.testing.assert_array_equal(sheet[:18, :24], _view(0, stereo=True).image)


def test_a_contact_sheet_of_nothing_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no views"):
        contact_sheet(tmp_path)


def test_near_is_brighter_than_far_and_unknown_is_black() -> None:
    colours = colourise(np.array([[1.0, 2.0, 4.0, 0.0]], np.float32)).sum(-1)[0].astype(int)
    assert colours[0] > colours[1] > colours[2]
    assert colours[3] == 0
