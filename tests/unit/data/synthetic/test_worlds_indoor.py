"""Rooms and tabletops are whole, repeatable worlds, with and without assets; no renderer is needed to say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from leadline.data.synthetic import rooms, tabletop
from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.furniture import FURNITURE
from leadline.data.synthetic.objects import OBJECTS, compact, extent, put
from leadline.data.synthetic.scene import Scene
from leadline.data.synthetic.shapes import translation

World = Callable[..., Scene]
WORLDS: dict[str, World] = {"rooms": rooms.make_scene, "tabletop": tabletop.make_scene}
SEEDS = range(4)


@pytest.fixture(scope="module")
def scenes() -> dict[tuple[str, int], Scene]:
    return {
        (name, seed): make(np.random.default_rng(seed), Assets(), views=3) for name, make in WORLDS.items() for seed in SEEDS
    }


@pytest.mark.parametrize("name", WORLDS)
def test_the_same_seed_gives_the_same_scene(name: str, scenes: dict[tuple[str, int], Scene]) -> None:
    again, first = WORLDS[name](np.random.default_rng(1), Assets(), views=3), scenes[name, 1]
    assert len(again.things) == len(first.things)
    for a, b in zip(again.things, first.things, strict=True):
        np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)
        np.testing.assert_array_equal(a.world_from_mesh, b.world_from_mesh)
        assert (a.look.texture is None) == (b.look.texture is None)
        if a.look.texture is not None and b.look.texture is not None:
            np.testing.assert_array_equal(a.look.texture, b.look.texture)
    for v, w in zip(again.views, first.views, strict=True):
        np.testing.assert_array_equal(v.world_from_camera, w.world_from_camera)


def test_another_seed_gives_another_scene(scenes: dict[tuple[str, int], Scene]) -> None:
    assert len({len(scenes["rooms", seed].things) for seed in SEEDS}) > 1


def test_all_looks_and_meshes_are_valid(scenes: dict[tuple[str, int], Scene]) -> None:
    for scene in scenes.values():
        for thing in scene.things:
            mesh, look = thing.mesh, thing.look
            assert np.isfinite(mesh.vertices).all()
            assert mesh.faces.min() >= 0
            assert mesh.faces.max() < len(mesh.vertices)
            assert mesh.uv is None or (mesh.uv.shape == (len(mesh.vertices), 2) and np.isfinite(mesh.uv).all())
            assert all(np.isfinite(c) and c >= 0 for c in look.colour)
            assert look.kind == "light" or max(look.colour) <= 1
            assert 0.02 <= look.roughness <= 0.5
            if look.texture is not None:
                assert look.texture.dtype == np.uint8
                assert look.texture.ndim == 3
                assert mesh.uv is not None


def test_views_are_proper_poses_with_sane_lenses(scenes: dict[tuple[str, int], Scene]) -> None:
    for scene in scenes.values():
        assert len(scene.views) == 3
        for view in scene.views:
            turn = view.world_from_camera[:3, :3]
            np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-9)
            assert np.linalg.det(turn) == pytest.approx(1)
            assert 25 < view.fov_x_deg <= 100
            assert 0 <= view.aperture_m < 0.01
            assert view.focus_m > 0.05


def test_a_scene_is_light_enough_to_render_quickly(scenes: dict[tuple[str, int], Scene]) -> None:
    for scene in scenes.values():
        assert sum(len(t.mesh.faces) for t in scene.things) < 400_000


def test_there_is_light(scenes: dict[tuple[str, int], Scene]) -> None:
    for scene in scenes.values():
        assert scene.lights or any(t.look.kind == "light" for t in scene.things)


@pytest.mark.parametrize("style", rooms.STYLES)
def test_furniture_stays_in_the_room_and_apart(style: str) -> None:
    room = rooms.make_room(np.random.default_rng(5), Assets(), style)
    outer = np.array([room.width, room.depth, room.height])
    for low, high in room.objects:
        assert (low > -0.05).all()
        assert (high < outer + 0.05).all()


def test_cameras_stand_in_the_room_and_outside_furniture() -> None:
    room = rooms.make_room(np.random.default_rng(7), Assets(), "living")
    for view in room.views(12):
        eye = view.world_from_camera[:3, 3]
        assert (eye > 0).all()
        assert (eye < (room.width, room.depth, room.height)).all()
        assert not any((eye > low).all() and (eye < high).all() for low, high in room.boxes)


@pytest.mark.parametrize("group", OBJECTS)
def test_objects_stand_on_the_floor_plane_and_have_household_size(group: str) -> None:
    for maker in OBJECTS[group]:
        for seed in range(3):
            low, high = extent(maker(np.random.default_rng(seed)))
            assert -0.03 < low[2] < 0.02, maker.__name__
            assert 0.01 < (high - low).max() < 1.0, maker.__name__


@pytest.mark.parametrize("kind", FURNITURE)
def test_furniture_fills_the_size_it_claims(kind: str) -> None:
    piece = FURNITURE[kind](np.random.default_rng(2))
    low, high = extent(piece.things)
    np.testing.assert_allclose(high - low, piece.size, atol=1e-6)
    np.testing.assert_allclose((low + high)[:2], 0, atol=1e-6)
    assert low[2] == pytest.approx(0, abs=1e-6)
    for top in piece.tops:
        assert top.half_x <= piece.size[0] / 2
        assert top.half_y <= piece.size[1] / 2
        assert top.z <= piece.size[2] + 0.02


def test_compact_keeps_every_triangle_and_place() -> None:
    things = put(FURNITURE["shelf"](np.random.default_rng(0)).things, translation(1, 2, 3), 4)
    merged = compact(things)
    assert len(merged) < len(things)
    assert sum(len(t.mesh.faces) for t in merged) == sum(len(t.mesh.faces) for t in things)
    np.testing.assert_allclose(extent(merged), extent(things), atol=1e-5)
    assert {t.instance for t in merged} == {4}
