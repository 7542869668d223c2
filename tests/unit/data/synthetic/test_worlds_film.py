from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.data.datasets.leadline_folder import DATASET
from leadline.data.synthetic import drive, job
from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.job import Options, synthesize
from leadline.data.synthetic.layout import StoredView, check_folder, write_dataset, write_scene
from leadline.data.synthetic.path import FRAMES_PER_S
from leadline.data.synthetic.scene import Scene
from leadline.errors import LeadlineError

pytest.importorskip("skimage", reason="scikit-image is not installed (pip install 'leadline[synth]')")
FRAMES = 12


def poses_of(scene: Scene) -> np.ndarray:
    return np.stack([view.world_from_camera for view in scene.views])


@pytest.fixture(scope="module")
def drives() -> list[Scene]:
    return [drive.make_scene(np.random.default_rng(seed), Assets.load(None), views=FRAMES) for seed in range(3)]


def test_a_drive_goes_steadily_forwards_at_the_speed_of_a_car(drives: list[Scene]) -> None:
    for scene in drives:
        poses = poses_of(scene)
        steps = np.diff(poses[:, :3, 3], axis=0)
        speed = np.linalg.norm(steps, axis=1) * FRAMES_PER_S
        assert (speed > 3).all()
        assert (speed < 40).all()
        forward = np.einsum("nd,nd->n", steps, poses[:-1, :3, 2]) * FRAMES_PER_S
        np.testing.assert_allclose(forward, speed, rtol=0.02)  # it looks where it goes


def test_what_drives_has_its_own_instance_and_moves_rigidly_on_the_ground(drives: list[Scene]) -> None:
    assert any(scene.moves for scene in drives)
    for scene in drives:
        moved = [move.instance for move in scene.moves]
        assert len(set(moved)) == len(moved)
        for move in scene.moves:
            turn = move.world_from_start[:, :3, :3]
            np.testing.assert_allclose(turn @ turn.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turn.shape), atol=1e-9)
            assert move.world_from_start.shape == (FRAMES, 4, 4)
            assert any(thing.instance == move.instance for thing in scene.things)
            assert np.abs(move.world_from_start[:, 2, 3]).max() < 0.2  # road or pavement


def test_one_seed_gives_one_film_and_the_lens_does_not_change_it() -> None:
    wide, narrow = (job.make_scene(Options("walk", seed=2, video=6, fov_deg=fov), 0) for fov in (90.0, 50.0))
    np.testing.assert_array_equal(poses_of(wide), poses_of(narrow))
    assert len(wide.things) == len(narrow.things)
    assert ({v.fov_x_deg for v in wide.views}, {v.fov_x_deg for v in narrow.views}) == ({90.0}, {50.0})


@pytest.mark.parametrize("world", ["drive", "walk"])
def test_one_rig_has_one_height_and_sees_the_same_things(world: str) -> None:
    drawn, low = (
        [job.make_scene(Options(world, seed=2, video=6, camera_height=height), i) for i in range(3)] for height in (None, 1.0)
    )
    heights = [[poses_of(scene)[:, 2, 3].mean() for scene in scenes] for scenes in (low, drawn)]
    np.testing.assert_allclose(heights[0], 1.0, atol=0.02)  # it trembles, or is carried
    assert np.ptp(heights[1]) > 0.05
    if world == "drive":  # a walk goes over what is lower than the camera
        assert [len(scene.things) for scene in low] == [len(scene.things) for scene in drawn]
        places = [np.stack([poses_of(scene)[:, :2, 3] for scene in scenes]) for scenes in (low, drawn)]
        np.testing.assert_array_equal(*places)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"video": 0}, "is a film"),
        ({"video": 8, "fov_deg": 1.0}, "5 to 150 degrees"),
        ({"video": 8, "camera_height": 30.0}, "camera height 30 m: expected 0.3 to 3"),
    ],
)
def test_a_film_world_without_frames_or_with_no_lens_is_refused(tmp_path: Path, options: dict[str, float], words: str) -> None:
    with pytest.raises(LeadlineError, match=words):
        synthesize("drive", 8, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_rooms_have_no_camera_height(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="a camera height in the world 'rooms': only drive and walk have one"):
        synthesize("rooms", 8, tmp_path / "out", camera_height=1.5)


def test_the_reader_gives_what_moves_and_the_check_misses_a_lost_mask(tmp_path: Path) -> None:
    shape, moving = (18, 24), np.arange(18 * 24).reshape(18, 24) % 5 == 0
    view = StoredView(
        image=np.full((*shape, 3), 90, np.uint8), depth=np.full(shape, 3, np.float32),
        normals=np.zeros((*shape, 3), np.float32),
        material=np.zeros(shape, np.uint8), instance=np.zeros(shape, np.uint16), sky=np.zeros(shape, bool),
        intrinsics=np.array([[30.0, 0, 12], [0, 30.0, 9], [0, 0, 1]]), world_from_camera=np.eye(4), moving=moving,
    )  # fmt: skip
    write_dataset(tmp_path, {"world": "drive"})
    scene = write_scene(tmp_path, "drive-0-00000", [view, view])
    assert check_folder(tmp_path) == []
    np.testing.assert_array_equal(DATASET.read(tmp_path, "drive-0-00000/001").masks["moving"], moving)
    (scene / "moving" / "001.png").unlink()
    assert check_folder(tmp_path) == ["drive-0-00000/001: missing moving"]
