"""The study of films without truth: what it trains on, how it scores, and what its page may claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.data.small_films import FOCAL_PX, HW, slide

from leadline.camera import Camera
from leadline.data.synthetic import job
from leadline.data.synthetic.layout import StoredView, write_dataset, write_scene
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.recipes.studies import self_supervised, self_supervised_page, self_supervised_run
from leadline.recipes.studies.self_supervised import ABLATED, ARMS, DRIVE, Folders, Plan, SelfArm, arm_of, config_of, missing
from leadline.recipes.studies.self_supervised_claims import claims, held
from leadline.recipes.studies.self_supervised_scores import constant_depth, score_depth, snippet_errors
from leadline.recipes.studies.self_supervised_truth import Shown, film_moves, true_flow
from leadline.training.video_settings import ABLATION

TINY = Plan(
    "monodepth2-tiny", {"geonet": "geonet-tiny", "kuznietsov": "kuznietsov-tiny"}, imagenet=False, steps=1, batch_size=1,
    truth_share=0.5, scored=2,
)  # fmt: skip
FOLDERS = ("worlds", "data", "runs", "scores")
NEAR_M, FAR_M, STEP_M = 3.0, 6.0, 0.2
CAMERA = Camera(HW[1], HW[0], FOCAL_PX, FOCAL_PX, HW[1] / 2, HW[0] / 2)
BOX = (slice(12, 36), slice(20, 50))  # an object of its own, number 7


def write_drive(root: Path, frames: int = 8) -> None:
    """A stereo film that slides along a wall that comes nearer to the right, with a box that moves by itself."""
    depth = np.tile(np.linspace(FAR_M, NEAR_M, HW[1], dtype=np.float32), (HW[0], 1))
    zeros, flat = np.zeros(HW, np.uint8), np.zeros((*HW, 3), np.float32)
    moving = zeros > 0
    moving[BOX] = True
    disparity, right = FOCAL_PX * STEP_M / depth, slide(frames, start=4)
    views = []
    for i, picture in enumerate(slide(frames)):
        pose = np.eye(4)
        pose[0, 3] = STEP_M * i
        views.append(
            StoredView(
                picture,
                depth,
                flat,
                zeros,
                np.where(moving, 7, 0).astype(np.uint16),
                zeros > 0,
                CAMERA.intrinsics,
                pose,
                right[i],
                disparity.astype(np.float32),
                zeros > 0,
                STEP_M,
                moving,
                {"frame": i},
            )
        )
    write_dataset(root, {"world": "slope"})
    write_scene(root, "s0", views)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    place = replace(DRIVE, hw=(32, 64))
    arms = tuple(replace(arm, place=place) for arm in ARMS if arm.place == DRIVE)
    monkeypatch.setattr(self_supervised, "ARMS", arms)
    found = Folders(*(tmp_path / name for name in FOLDERS))
    for world in ("self-drive", "self-drive-held-out"):
        write_drive(found.worlds / world)
    moves = np.tile(np.eye(4), (8, 1, 1))
    moves[:, 0, 3] = 0.1 * np.arange(8)
    monkeypatch.setattr(self_supervised_run, "film_moves", lambda scene: {7: moves})
    return found


def test_arms_are_trained_scored_and_written_up(folders: Folders) -> None:
    def run(name: str) -> dict[str, Any]:
        return dict(json.loads(self_supervised_run.run_arm(arm_of(name), 0, folders, TINY).read_text()))

    with pytest.raises(LeadlineError, match="for geonet-flow: expected those of geonet with seed 0; run it first"):
        run("geonet-flow")
    records = {name: run(name) for name in ("ddvo", "geonet", "geonet-flow", "kuznietsov-semi")}
    plain = records["ddvo"]
    assert set(plain["depth"]) == {"all", "moving", "still", "scale"}
    assert plain["controls"]["constant"]["all"] != plain["controls"]["untrained"]["all"]
    assert plain["paths"]["straight"]["films"] == 1
    assert plain["paths"]["straight"]["length"] == pytest.approx(7 * STEP_M)
    assert set(plain["motions"]) == {"before", "after", "rest", "true_depth", "robust", "robust_true"}
    assert plain["motions"]["before"]["clips"] == 2
    assert set(records["geonet-flow"]["flow"]) == {"rigid", "full", "none", "still"}
    # The box moves by 0.1 m against the true rigid flow, which is all that this one misses: less than a stored pixel's size.
    truth = records["geonet-flow"]["flow"]["still"]
    assert truth["still"]["epe"] == pytest.approx(0, abs=1e-9)
    assert truth["moving"]["epe"] > 0.5
    assert "metres" in records["kuznietsov-semi"]["depth"]
    assert "paths" not in records["kuznietsov-semi"]
    kept = {path.name for path in folders.runs.iterdir()}
    assert kept == {"cache", "self_supervised-ddvo-0", "self_supervised-geonet-0"}  # what others start from
    before = (folders.out / "ddvo.0.json").read_text()
    run("ddvo")  # done already: not again
    assert (folders.out / "ddvo.0.json").read_text() == before
    first, second = missing((0,), folders.out)
    assert "monodepth2-min" in [arm.name for arm, _ in first]
    assert [arm.name for arm, _ in second] == ["ddvo-longer", "ddvo-refined"]

    (folders.out / "notes.md").write_text("What it means.\n")
    page = self_supervised_page.write_page(folders.out, folders.out.parent / "docs" / "results" / "page.md").read_text()
    assert "What it means." in page
    assert "ddvo-longer" in page.split("Not run: ")[1].splitlines()[0]
    assert "leadline synth drive --fov 80 --count 1200 --video 40 --seed 51 --stereo" in page
    assert (folders.out.parent / "docs" / "assets" / "study-self_supervised-methods.png").is_file()


def test_every_arm_is_a_configuration_of_its_own_and_bases_lend_their_weights(tmp_path: Path) -> None:
    folders = Folders(*(tmp_path / name for name in FOLDERS))
    configs = {arm.name: config_of(arm, 2, folders) for arm in ARMS}
    assert len({config.run_dir for config in configs.values()}) == len(ARMS) == len({arm.name for arm in ARMS})
    for arm in ARMS:
        config = configs[arm.name]
        assert config.seed == 2
        assert (config.model.weights != "") == (arm.base != "")
        assert config.data.sources[0].removeprefix("video:") != str(folders.scored(arm.place)) or arm.place.real
        assert config.data.video.views == ("stereo" if arm.recipe == "kuznietsov" else "mono")
        if arm.base:
            assert config.model.weights.startswith(configs[arm.base].run_dir)
    for arm, parts in zip(ABLATED, ABLATION.values(), strict=True):
        video = configs[arm.name].video
        said = {f"video.{key}={str(getattr(video, key)).lower()}" for key in ("combination", "auto_mask", "full_resolution")}
        assert said == set(parts)
    assert configs["kuznietsov-truth"].video.alignment == configs["kuznietsov-alignment"].video.supervised == 0
    assert configs["kitchen"].data.video.offsets == (-4, 4)
    assert [arm.name for arm, _ in missing((1,), tmp_path)[0] if arm.place.real] == []  # one seed alone


def shown(world_from_camera: NDArray[np.float64]) -> Shown:
    """A wall 4 m away with a box that may move, seen from anywhere."""
    moving = np.zeros(HW, bool)
    moving[BOX] = True
    depth = DepthMap(np.full(HW, 4.0, np.float32), None, METRIC_DEPTH, CAMERA)
    picture = np.zeros((*HW, 3), np.uint8)
    return Shown("a", picture, CAMERA, depth, moving, np.where(moving, 7, 0).astype(np.uint16), world_from_camera)


def test_flow_of_what_moves_is_its_own_motion_less_the_cameras() -> None:
    here = np.eye(4)
    here[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # the camera looks along the world's x axis, its own x is the world's -z
    there = here.copy()
    there[2, 3] = -0.4  # 0.4 m to the camera's right
    motion = np.eye(4)
    motion[2, 3] = -0.6  # the box goes 0.6 m to the right
    flow, known = true_flow(shown(here), np.linalg.inv(there), {7: motion})
    wall, box = -FOCAL_PX * 0.4 / 4, FOCAL_PX * 0.2 / 4
    inside = np.zeros(HW, bool)
    inside[BOX] = True
    np.testing.assert_allclose(flow[..., 0], np.where(inside, box, wall), atol=1e-9)
    np.testing.assert_allclose(flow[..., 1], 0, atol=1e-9)
    assert not known[:, :6].any()  # these end left of the neighbour's picture
    assert known[1:-1, 7:].all()


def test_scales_are_of_the_whole_picture_also_for_what_moves() -> None:
    picture = shown(np.eye(4))
    # Twice too far everywhere but on the box, which is a quarter of the picture's pixels at most: there four times too far.
    said = np.where(picture.moving, 16.0, 8.0).astype(np.float32)
    found = score_depth(lambda _: DepthMap(said, None, METRIC_DEPTH), [picture, picture], metres=True)
    assert found["scale"] == {"median": 0.5, "spread": 0.0}
    assert found["still"]["abs_rel"] == 0
    assert found["moving"] == {"pictures": 2, "abs_rel": 1, "rmse": 4, "delta1": 0}
    share = float(np.mean(picture.moving))
    assert found["all"]["abs_rel"] == pytest.approx(share)
    assert found["metres"]["abs_rel"] == pytest.approx(1 + 2 * share)
    assert score_depth(constant_depth, [picture])["all"]["abs_rel"] == 0  # a wall is one distance


def test_motions_are_scored_up_to_one_scale_for_both_neighbours() -> None:
    true = np.tile(np.eye(4), (2, 1, 1, 1))
    true[0, 0, 2, 3], true[1, 0, 2, 3] = 1.0, -1.0
    half = true.copy()
    half[..., :3, 3] /= 2
    (right,) = snippet_errors(half, true)
    assert right == pytest.approx({"ate": 0, "rotation_deg": 0, "step": 1}, abs=1e-9)
    uneven = half.copy()
    uneven[1, 0, 2, 3] = 0.5  # forwards twice: no scale fits both
    (wrong,) = snippet_errors(uneven, true)
    assert wrong["ate"] == pytest.approx(1)
    turned = half.copy()
    turned[0, 0, :2, :2] = [[0, -1], [1, 0]]
    assert snippet_errors(turned, true)[0]["rotation_deg"] == pytest.approx(45)  # a right angle and none


def test_a_films_motions_are_those_of_its_world_and_another_world_is_refused(tmp_path: Path) -> None:
    options = job.Options("drive", seed=3, sizes=((64, 32),), video=4, fov_deg=80.0)
    world = job.make_scene(options, 0)
    settings = {key: value for key, value in vars(options).items() if key != "assets"}
    write_dataset(tmp_path, {"options": settings})
    scene = tmp_path / "drive-3-00000"
    scene.mkdir()
    views = [{"world_from_camera": view.world_from_camera.tolist()} for view in world.views]
    (scene / "camera.json").write_text(json.dumps({"views": views, "scene": 0}))
    moves = film_moves(scene)
    assert sorted(moves) == sorted(move.instance for move in world.moves)
    assert {poses.shape for poses in moves.values()} == {(4, 4, 4)}
    (scene / "camera.json").write_text(json.dumps({"views": views, "scene": 1}))
    with pytest.raises(LeadlineError, match="was rendered by another version of its world: render it again"):
        film_moves(scene)


class Told:
    """Scores by arm: AbsRel of each seed, and what else is told."""

    def __init__(self, abs_rel: dict[str, list[float]], **told: list[float]) -> None:
        self.abs_rel, self.told = abs_rel, told

    def seeds(self, *arms: SelfArm) -> list[int]:
        return list(range(min(len(self.abs_rel.get(arm.name, [])) for arm in arms)))

    def of(self, arm: SelfArm, *keys: str, seeds: Sequence[int] | None = None) -> NDArray[np.float64]:
        assert seeds is not None
        values = self.abs_rel.get(arm.name, []) if keys[0] == "depth" else self.told.get(keys[1], [])
        return np.array([values[seed] if seed < len(values) else np.nan for seed in seeds])


def test_claims_count_the_seeds_in_which_they_hold() -> None:
    names = [arm.name for arm in ABLATED]
    published = dict(zip(names, ([0.140] * 2, [0.122] * 2, [0.124] * 2, [0.124] * 2, [0.115] * 2), strict=True))
    upset = {**published, names[1]: [0.122, 0.130]}
    flows = {"full": [2.0, 3.0], "rigid": [4.0, 2.0]}
    for told, order in ((published, "yes, in 2 of 2 seeds"), (upset, "in 1 of 2 seeds")):
        rows = {row[0]: row for row in claims(Told({**told, "geonet-flow": [0.2, 0.2]}, **flows))}
        whole = next(row for claim, row in rows.items() if claim.startswith("the whole published order"))
        assert whole[2] == order
        assert rows["monodepth2, + minimum beats the baseline"][2] == "yes, in 2 of 2 seeds"
        flow = rows["GeoNet's full flow beats its rigid flow on moving objects (EPE, px)"]
        assert flow[1:] == ["-0.500 ± 2.121", "in 1 of 2 seeds"]
        assert rows["Kuznietsov, truth and alignment beats truth alone"][1:] == ["not run", "not run"]
    assert held(np.array([0.1, 0.2])) == "no, in 0 of 2 seeds"
    assert held(np.array([0.0])) == "no, in 0 of 1 seed"  # a tie is no victory


def test_a_study_without_results_and_an_unknown_arm_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"has no result: run python -m leadline.recipes.studies run self_supervised first"):
        self_supervised_page.write_page(tmp_path, tmp_path / "page.md")
    with pytest.raises(LeadlineError, match="has no arm 'other': expected one of monodepth2-baseline"):
        arm_of("other")
