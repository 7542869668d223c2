"""The worlds of glass and mirrors: two splits that share no shape, an opaque twin, and masks that lie on the surfaces."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.leadline_folder import DATASET
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.synthetic import job, rooms, tom
from leadline.data.synthetic.assets import Assets, ModelInfo, TextureInfo
from leadline.data.synthetic.job import Options, synthesize
from leadline.data.synthetic.layout import check_folder, iter_views, read_dataset, write_dataset
from leadline.data.synthetic.objects import extent
from leadline.data.synthetic.opaque import opaque_twin
from leadline.data.synthetic.scene import Look, LookKind, Material, Scene, Sky, Thing, View, look_at
from leadline.data.synthetic.shapes import box, translation, wall
from leadline.errors import LeadlineError

SIZE = (32, 24)
KITS = {"tom": tom.TRAIN, "tom-held-out": tom.HELD_OUT}
Array = NDArray[np.float64]

needs_mitsuba = pytest.mark.skipif(not find_spec("mitsuba"), reason="Mitsuba is not installed (pip install 'leadline[synth]')")


@pytest.fixture(scope="module")
def scenes() -> dict[tuple[str, int], Scene]:
    make = {"tom": tom.make_scene, "tom-held-out": tom.make_held_out_scene}
    return {(name, seed): f(np.random.default_rng(seed), Assets(), views=2) for name, f in make.items() for seed in range(3)}


def quiet(report: job.Report, count: int) -> None:
    """No progress bar in tests."""


# --- the splits ------------------------------------------------------------------------------------------------------


def test_the_splits_share_no_maker_and_no_style_of_room() -> None:
    assert not tom.TRAIN.makers & tom.HELD_OUT.makers
    assert not set(tom.TRAIN.styles) & set(tom.HELD_OUT.styles)
    assert {*tom.TRAIN.styles, *tom.HELD_OUT.styles} <= set(rooms.STYLES)
    functions = [
        {*k.standing.values(), *k.hanging.values(), *k.small.values(), k.window, k.door, k.front} for k in KITS.values()
    ]
    assert not functions[0] & functions[1]


def test_each_asset_belongs_to_one_split_whatever_else_is_there() -> None:
    models = tuple(ModelInfo(f"m{i}", "", "chair", "", (1, 1, 1), 0, None, 1, "", "", "", "") for i in range(40))
    textures = tuple(TextureInfo(f"t{i}", "wall", "", "", "", "") for i in range(40))
    halves = [tom._half(Assets(None, models, textures), odd=odd) for odd in (False, True)]
    assert {*halves[0].models, *halves[1].models} == set(models)
    assert not set(halves[0].models) & set(halves[1].models)
    assert not set(halves[0].textures) & set(halves[1].textures)
    fewer = tom._half(Assets(None, models[:20], textures), odd=True)
    assert set(fewer.models) == set(halves[1].models) & set(models[:20])


def test_the_same_seed_gives_the_same_scene(scenes: dict[tuple[str, int], Scene]) -> None:
    again, first = tom.make_scene(np.random.default_rng(1), Assets(), views=2), scenes["tom", 1]
    assert len(again.things) == len(first.things)
    for a, b in zip(again.things, first.things, strict=True):
        np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)
        assert a.look.kind == b.look.kind
    for v, w in zip(again.views, first.views, strict=True):
        np.testing.assert_array_equal(v.world_from_camera, w.world_from_camera)


def test_every_scene_holds_glass_or_mirrors_and_each_belongs_to_an_object(scenes: dict[tuple[str, int], Scene]) -> None:
    for scene in scenes.values():
        numbers = [t.instance for t in scene.things if t.look.material != Material.OPAQUE]
        assert numbers
        assert min(numbers) > 0
        assert sum(len(t.mesh.faces) for t in scene.things) < 400_000


def test_all_looks_and_meshes_are_valid(scenes: dict[tuple[str, int], Scene]) -> None:
    for thing in (t for scene in scenes.values() for t in scene.things):
        mesh, look = thing.mesh, thing.look
        assert np.isfinite(mesh.vertices).all()
        assert mesh.faces.max() < len(mesh.vertices)
        assert look.kind == "light" or max(look.colour) <= 1
        assert 0.02 <= look.roughness <= 0.5
        assert look.texture is None or mesh.uv is not None


@pytest.mark.parametrize("split", KITS)
def test_pieces_have_glass_or_mirrors_and_stand_centred_on_the_floor(split: str) -> None:
    kit = KITS[split]
    for name, make in {**kit.standing, **kit.hanging}.items():
        piece = make(np.random.default_rng(3))
        low, high = extent(piece.things)
        np.testing.assert_allclose(high - low, piece.size, atol=1e-6)
        np.testing.assert_allclose([*(low + high)[:2], low[2]], 0, atol=1e-6)
        assert any(t.look.material for t in piece.things), name
        assert all(top.z <= piece.size[2] + 0.02 for top in piece.tops), name


@pytest.mark.parametrize("split", KITS)
def test_small_things_have_glass_or_mirrors_and_household_size(split: str) -> None:
    for name, make in KITS[split].small.items():
        for seed in range(3):
            things = make(np.random.default_rng(seed))
            low, high = extent(things)
            assert any(t.look.material for t in things), name
            assert -0.03 < low[2] < 0.02, name
            assert 0.03 < (high - low).max() < 0.8, name


def test_glass_of_other_makers_is_matte_in_these_worlds() -> None:
    room = tom.GlassRoom(np.random.default_rng(0), Assets(), "living", tom.TRAIN)
    foreign = Thing(box(1, 1, 1), Look("mirror"), instance=1)
    room.add([foreign], np.eye(4))
    assert room.things[0].look.material == Material.OPAQUE
    room.raise_walls()
    count = len(room.things)
    assert any(room.furnish("wall_mirror") for _ in range(5))
    assert any(t.look.material == Material.MIRROR for t in room.things[count:])


# --- the opaque twin -------------------------------------------------------------------------------------------------


def test_an_opaque_twin_differs_in_looks_alone(scenes: dict[tuple[str, int], Scene]) -> None:
    scene = scenes["tom", 0]
    twin = opaque_twin(scene, np.random.default_rng(0))
    assert any(t.look.material for t in scene.things)
    assert not any(t.look.material for t in twin.things)
    assert twin.views is scene.views
    assert twin.lights is scene.lights
    for a, b in zip(scene.things, twin.things, strict=True):
        assert a.mesh is b.mesh
        assert a.instance == b.instance
        np.testing.assert_array_equal(a.world_from_mesh, b.world_from_mesh)
        assert (a.look is b.look) == (a.look.material == Material.OPAQUE)


def test_a_job_for_the_twin_makes_the_same_scene() -> None:
    plain, twin = (job.make_scene(Options("tom", views_per_scene=1, opaque=opaque), 2) for opaque in (False, True))
    np.testing.assert_array_equal(plain.views[0].world_from_camera, twin.views[0].world_from_camera)
    assert [t.instance for t in plain.things] == [t.instance for t in twin.things]


def test_the_analytic_world_has_no_twin(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="no opaque twin"):
        synthesize("analytic", 1, tmp_path / "x", opaque=True)


def test_a_folder_from_before_there_were_twins_can_be_extended(tmp_path: Path) -> None:
    synthesize("analytic", 1, tmp_path, size=SIZE, views_per_scene=1, workers=1, on_progress=quiet)
    about = read_dataset(tmp_path)
    del about["options"]["opaque"], about["format"]
    write_dataset(tmp_path, about)
    assert synthesize("analytic", 2, tmp_path, size=SIZE, views_per_scene=1, workers=1, on_progress=quiet).views == 2


# --- truth at glass and mirrors --------------------------------------------------------------------------------------


def make_still_life(rng: np.random.Generator, assets: Assets, *, views: int) -> Scene:
    """One of each transparent and mirroring look as a sheet 2 m away, before a wall at 4 m, with a box behind the camera."""
    kinds: tuple[LookKind, ...] = ("thin_glass", "tinted_glass", "frosted_glass", "glass", "mirror", "chrome")
    sheets = [
        Thing(box(0.4, 0.02, 1.0) if kind == "glass" else wall(0.4, 1.0), Look(kind, (0.5, 0.6, 0.7)), at, 1 + k)
        for k, kind in enumerate(kinds)
        for at in [translation((k - 2.5) * 0.45, 2.0 + 0.01 * (kind == "glass"), 0.5)]
    ]
    checks = np.where(np.indices((8, 8)).sum(0)[..., None] % 2, 220, 40).astype(np.uint8) * np.ones(3, np.uint8)
    behind = Thing(wall(12, 8), Look(texture=checks), translation(0, 4, -3))
    opposite = Thing(box(2, 0.1, 2), Look(colour=(0.7, 0.1, 0.1)), translation(0, -1.5, 0), 9)
    view = View(look_at((0, 0, 1.0), (0, 1, 1.0)), 80.0)
    return Scene("still", (*sheets, behind, opposite), (Sky(np.ones((4, 8, 3), np.float32)),), (view,) * views)


@pytest.fixture(scope="module")
def stereo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stereo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(job.WORLDS, "still", f"{__name__}:make_still_life")
        patch.setattr(job, "import_module", lambda module: __import__("sys").modules[module])
        report = synthesize(
            "still", 1, out, size=(64, 48), views_per_scene=1, workers=1, stereo=True, on_progress=quiet
        )  # fmt: skip
    assert report.views == 1, report
    return out


@needs_mitsuba
def test_depth_is_that_of_the_sheet_for_every_kind_of_glass_and_mirror(stereo_folder: Path) -> None:
    """Neither the wall behind the glass (4 m) nor the reflected box (3.5 m and more)."""
    (view,) = iter_views(stereo_folder)
    expected = [Material.TRANSPARENT] * 4 + [Material.MIRROR] * 2
    for number, material in enumerate(expected, start=1):
        on = view.instance == number
        assert on.sum() > 20
        np.testing.assert_allclose(view.depth[on], 2.0, atol=1e-4)
        assert (view.material[on] == material).all()
    assert ((view.material != Material.OPAQUE) == np.isin(view.instance, range(1, 7))).all()


@needs_mitsuba
def test_the_stereo_disparity_at_glass_and_mirrors_is_their_own(stereo_folder: Path) -> None:
    assert check_folder(stereo_folder) == []
    (view,) = iter_views(stereo_folder)
    assert view.pixel_disparity is not None
    assert view.baseline_m is not None
    assert view.right is not None
    tom_pixels = view.material != Material.OPAQUE
    np.testing.assert_allclose(view.pixel_disparity[tom_pixels], view.intrinsics[0, 0] * view.baseline_m / 2.0, rtol=1e-4)
    assert (view.right != view.image).any()


@needs_mitsuba
def test_the_reader_gives_a_stereo_pair_with_the_masks_of_its_left_view(stereo_folder: Path) -> None:
    (sample,) = DATASET.iter_samples(stereo_folder)
    (view,) = iter_views(stereo_folder)
    assert isinstance(sample, StereoPair)
    np.testing.assert_array_equal(sample.right, view.right)
    assert sample.baseline_m == view.baseline_m
    np.testing.assert_array_equal(sample.masks["material"], view.material)
    np.testing.assert_array_equal(sample.masks["instance"], view.instance)
    assert isinstance(sample.camera, Camera)


@needs_mitsuba
def test_masked_pixels_lie_on_glass_or_mirrors_of_their_object(scenes: dict[tuple[str, int], Scene]) -> None:
    """Back in the world by depth and camera, each such pixel is on a triangle of its object, and each other pixel on none."""
    from leadline.data.synthetic.render import Renderer

    scene = scenes["tom-held-out", 1]
    (view,) = Renderer(threads=1).load(scene).truth(scene.views[:1], SIZE)
    assert (view.material != Material.OPAQUE).mean() > 0.02
    y, x = np.nonzero(view.valid)
    k = view.intrinsics
    rays = np.stack([(x + 0.5 - k[0, 2]) / k[0, 0], (y + 0.5 - k[1, 2]) / k[1, 1], np.ones(len(x))], 1)
    points = rays * view.depth[y, x][:, None] @ view.world_from_camera[:3, :3].T + view.world_from_camera[:3, 3]
    for material in (Material.TRANSPARENT, Material.MIRROR):
        things = [t for t in scene.things if t.look.material == material]
        for number in np.unique([t.instance for t in things]):
            on = (view.material[y, x] == material) & (view.instance[y, x] == number)
            triangles = np.concatenate([_triangles(t) for t in things if t.instance == number])
            assert _distance(points[on], triangles).max(initial=0) < 2e-3
            others = ~on & (view.instance[y, x] == number)
            assert _distance(points[others], triangles).min(initial=1) > 1e-6


def _triangles(thing: Thing) -> Array:
    vertices = thing.mesh.vertices @ thing.world_from_mesh[:3, :3].T + thing.world_from_mesh[:3, 3]
    return np.asarray(vertices[thing.mesh.faces], np.float64)


def _distance(points: Array, triangles: Array) -> Array:
    """(n,) distance of each point to the nearest of (m, 3, 3) triangles: off its plane inside, to its edges outside."""
    a, b, c = (triangles[:, i] for i in range(3))
    normal = np.cross(b - a, c - a)
    keep = np.linalg.norm(normal, axis=1) > 1e-12
    a, b, c, normal = a[keep], b[keep], c[keep], normal[keep]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    best = np.full(len(points), np.inf)
    for i, p in enumerate(points):
        off = np.sum((p - a) * normal, axis=1)
        foot = p - off[:, None] * normal
        inside = np.ones(len(a), bool)
        edge = np.full(len(a), np.inf)
        for u, v in ((a, b), (b, c), (c, a)):
            inside &= np.sum(np.cross(v - u, foot - u) * normal, axis=1) >= 0
            t = np.clip(np.sum((p - u) * (v - u), 1) / np.maximum(np.sum((v - u) ** 2, 1), 1e-18), 0, 1)
            edge = np.minimum(edge, np.linalg.norm(p - u - t[:, None] * (v - u), axis=1))
        best[i] = np.where(inside, np.abs(off), edge).min()
    return best


def test_the_distance_used_here_is_right() -> None:
    triangle = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    np.testing.assert_allclose(_distance(np.array([[0.2, 0.2, 0.3], [2.0, 0, 0], [-0.3, -0.4, 0]]), triangle), [0.3, 1.0, 0.5])
