"""The job, on tiny worlds made here, so that it needs neither assets nor the real worlds."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.data.synthetic import job
from leadline.data.synthetic.job import Options, Report, synthesize
from leadline.data.synthetic.layout import check_folder, iter_views, read_dataset, read_view, scene_folders
from leadline.data.synthetic.path import smooth_path
from leadline.data.synthetic.scene import Look, Mesh, Scene, Sky, Thing, View, look_at
from leadline.errors import LeadlineError

SIZE = (32, 24)
HERE = f"{__name__}:"

needs_mitsuba = pytest.mark.skipif(
    not job.find_spec("mitsuba"), reason="Mitsuba is not installed (pip install 'leadline[synth]')"
)


def quiet(report: Report, count: int) -> None:
    """No progress bar in tests."""


def _box(half: float) -> Mesh:
    corners = np.array([[x, y, z] for x in (-half, half) for y in (-half, half) for z in (-half, half)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]))


def make_scene(rng: np.random.Generator, assets: Any, *, views: int) -> Scene:
    """A box on a slab under a bright sky, seen from around."""
    checks = np.where(np.indices((8, 8)).sum(0)[..., None] % 2, 220, 40).astype(np.uint8) * np.ones(3, np.uint8)
    ground = _box(3.0)
    slab = Thing(replace(ground, uv=np.asarray(ground.vertices)[:, :2]), Look(texture=checks), np.diag([1, 1, 0.01, 1.0]))
    at = np.eye(4)
    at[:3, 3] = *rng.uniform(-0.5, 0.5, 2), 0.5
    angles = rng.uniform(0, 2 * np.pi, views)
    places = [View(look_at((2.5 * np.cos(a), 2.5 * np.sin(a), 1.5), (0, 0, 0.3)), 65.0) for a in angles]
    sky = Sky(np.full((4, 8, 3), 1.0, np.float32))
    return Scene("box", (slab, Thing(_box(0.4), Look("plastic", (0.7, 0.2, 0.1)), at, 1)), (sky,), tuple(places))


def make_moody_scene(rng: np.random.Generator, assets: Any, *, views: int) -> Scene:
    """Fails in one of two scenes; the others look into the sky with their first view."""
    if rng.random() < 0.5:
        raise RuntimeError("no luck with this one")
    scene = make_scene(rng, assets, views=views)
    return replace(scene, views=(View(look_at((0, 0, 1), (0.1, 0, 5)), 60.0), *scene.views[1:]))


def make_no_scene(rng: np.random.Generator, assets: Any, *, views: int) -> Scene:
    """Always fails."""
    raise RuntimeError("never")


def make_deadly_scene(rng: np.random.Generator, assets: Any, *, views: int) -> Scene:
    """Kills its process in one of three scenes, as a crash in C++ does."""
    if rng.random() < 1 / 3:
        os._exit(11)
    return make_scene(rng, assets, views=views)


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("make_scene", "make_moody_scene", "make_no_scene"):
        monkeypatch.setitem(job.WORLDS, name.removeprefix("make_"), f"{HERE}{name}")
    monkeypatch.setattr(job, "import_module", lambda module: __import__("sys").modules[module])


def _contents(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.glob("*/**/*")) if p.is_file()}


def _run(world: str, count: int, out: Path, **options: Any) -> Report:
    return synthesize(world, count, out, **{"size": SIZE, "views_per_scene": 2, "workers": 1, "on_progress": quiet} | options)


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_a_job_writes_a_sound_folder_with_at_least_the_count(tmp_path: Path) -> None:
    report = _run("scene", 3, tmp_path)
    assert (report.views, report.scenes, report.rendered, report.failed) == (4, 2, 4, 0)
    assert check_folder(tmp_path) == []
    assert [v.image.shape for v in iter_views(tmp_path)] == [(24, 32, 3)] * 4
    assert read_dataset(tmp_path)["world"] == "scene"
    assert not any("/" in str(v) for v in read_dataset(tmp_path)["options"].values())


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_a_scene_depends_only_on_world_seed_and_number(tmp_path: Path) -> None:
    _run("scene", 4, tmp_path / "once")
    _run("scene", 2, tmp_path / "twice")
    (tmp_path / "twice" / "scene-0-00000" / "camera.json").unlink()  # as after a crash: made again
    _run("scene", 4, tmp_path / "twice")
    assert _contents(tmp_path / "once") == _contents(tmp_path / "twice")
    _run("scene", 2, tmp_path / "other", seed=1)
    other = read_view(tmp_path / "other" / "scene-1-00000", 0)
    assert (other.depth != read_view(tmp_path / "once" / "scene-0-00000", 0).depth).any()


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_a_second_run_renders_nothing_anew(tmp_path: Path) -> None:
    _run("scene", 4, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/**/*")}
    report = _run("scene", 4, tmp_path)
    assert (report.views, report.rendered) == (4, 0)
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.glob("*/**/*")}


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_failures_and_bad_views_are_counted_and_the_job_goes_on(tmp_path: Path) -> None:
    report = _run("moody_scene", 2, tmp_path)
    assert report.views == report.scenes == 2  # one view of two is left of each
    assert report.failed >= 1
    assert "RuntimeError: no luck with this one (test_job.py:" in next(iter(report.failures.values()))
    assert report.rejected == {"only sky": 2}
    assert "no luck" in str(report)
    assert "only sky" in str(report)


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_a_world_that_never_works_is_given_up(tmp_path: Path) -> None:
    report = _run("no_scene", 4, tmp_path)
    assert report.views == 0
    assert 20 <= report.failed <= 22  # those in the queue still end


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_stereo_and_mixed_sizes(tmp_path: Path) -> None:
    report = _run("scene", 8, tmp_path, stereo=True, size=[(32, 24), (24, 32)], views_per_scene=1)
    assert report.views == 8
    assert check_folder(tmp_path) == []
    views = list(iter_views(tmp_path))
    assert {v.depth.shape for v in views} == {(24, 32), (32, 24)}
    for view in views:
        assert view.right is not None
        assert view.pixel_disparity is not None
        assert view.baseline_m is not None
        disparity = view.intrinsics[0, 0] * view.baseline_m / view.depth[view.valid]
        np.testing.assert_allclose(view.pixel_disparity[view.valid], disparity, rtol=1e-4)


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_a_film_moves_smoothly_with_one_exposure(tmp_path: Path) -> None:
    _run("scene", 6, tmp_path, video=6)
    views = list(iter_views(tmp_path))
    assert len(views) == 6
    assert len({v.extra["exposure"] for v in views}) == 1
    steps = [np.linalg.norm(b.world_from_camera[:3] - a.world_from_camera[:3]) for a, b in pairwise(views)]
    assert 0 < max(steps) < 0.3


@needs_mitsuba
@pytest.mark.usefixtures("worlds")
def test_ctrl_c_leaves_whole_scenes_and_a_report(tmp_path: Path) -> None:
    def stop(report: Report, count: int) -> None:
        raise KeyboardInterrupt

    report = _run("scene", 100, tmp_path, on_progress=stop)
    assert report.interrupted
    assert len(scene_folders(tmp_path)) == 1
    assert check_folder(tmp_path) == []


@needs_mitsuba
def test_several_processes_make_what_one_makes_and_a_dying_one_costs_its_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The children import this file as a module of its own, so it has to be found by that name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(job, "_executor", _executor_with_deadly_world)
    monkeypatch.setitem(job.WORLDS, "deadly", "test_job:make_deadly_scene")
    report = _run("deadly", 3, tmp_path, workers=2, views_per_scene=1)
    assert report.views >= 3
    assert set(report.failures.values()) <= {"the process died: out of memory, or a crash in the renderer"}
    assert check_folder(tmp_path) == []


def _executor_with_deadly_world(workers: int) -> Any:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(workers, get_context("spawn"), _register_deadly_world)


def _register_deadly_world() -> None:
    job.WORLDS["deadly"] = "test_job:make_deadly_scene"


def test_the_analytic_world_needs_no_mitsuba(tmp_path: Path) -> None:
    report = _run("analytic", 2, tmp_path)
    assert report.views == 2
    assert check_folder(tmp_path) == []


def test_other_options_for_one_folder_are_refused(tmp_path: Path) -> None:
    _run("analytic", 1, tmp_path)
    with pytest.raises(LeadlineError, match="seed 0, not 3"):
        _run("analytic", 1, tmp_path, seed=3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"world": "nowhere"}, "unknown world"),
        ({"spp": 6}, "multiple of 4"),
        ({"count": 0}, "expected more"),
        ({"size": (8, 8)}, "at least 16"),
        ({"video": 5}, "no films"),
    ],
)
def test_senseless_options_are_refused_before_anything_is_written(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(LeadlineError, match=words):
        _run(**{"world": "analytic", "count": 1, "out": tmp_path / "out"} | options)
    assert not (tmp_path / "out").exists()


def test_every_world_in_the_registry_exists() -> None:
    for place in job.WORLDS.values():
        module, _, function = place.partition(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_a_path_never_passes_through_a_wall() -> None:
    """A wall at x = 1 stands between the views: the camera stops before it, or turns on the spot."""
    views = [View(look_at((x, 0.0, 1.0), (x, 5.0, 1.0)), 60.0) for x in (0.0, 2.0)]

    def first_hit(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        t = (1 - origins[:, 0]) / np.where(np.abs(directions[:, 0]) < 1e-9, 1e-9, directions[:, 0])
        return np.where(t > 0, np.minimum(t, 50.0), 50.0)

    for seed in range(10):
        x = np.array([v.world_from_camera[0, 3] for v in smooth_path(views, 200, first_hit, np.random.default_rng(seed))])
        assert (x < 1).all() or (x > 1).all()


def test_a_path_starts_and_ends_gently() -> None:
    views = [View(look_at((0.0, y, 1.0), (0.0, y + 9, 1.0)), 60.0) for y in (0.0, 4.0)]
    path = smooth_path(views, 30, lambda o, d: np.full(len(o), 20.0), np.random.default_rng(0))
    steps = np.linalg.norm(np.diff([v.world_from_camera[:3, 3] for v in path], axis=0), axis=1)
    assert steps[0] < 0.3 * steps.max()
    assert steps[-1] < 0.3 * steps.max()
    rotations = np.stack([v.world_from_camera[:3, :3] for v in path])
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-9)


def test_options_are_part_of_what_a_scene_is_named_after() -> None:
    assert job.scene_name(Options("rooms", seed=7), 12) == "rooms-7-00012"
