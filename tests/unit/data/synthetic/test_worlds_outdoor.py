from __future__ import annotations

import numpy as np
import pytest

from leadline.data.synthetic import street, terrain
from leadline.data.synthetic.animals import QUADRUPEDS, make_animal
from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.blobs import blend_capsules, bounds_of, placed
from leadline.data.synthetic.buildings import boxes, make_house, make_style
from leadline.data.synthetic.outdoors import Relief, Stage, make_daylight
from leadline.data.synthetic.people import POSES, make_person
from leadline.data.synthetic.plants import PLANTS, make_plant
from leadline.data.synthetic.scene import Scene, Sky, Sun, Thing
from leadline.data.synthetic.shapes import box
from leadline.data.synthetic.vehicles import KINDS, make_boat, make_vehicle

ANIMALS = (*QUADRUPEDS, "bird", "fish", "lizard", "snake", "turtle", "insect", "spider", "snail")
WORLDS = pytest.mark.parametrize("world", [street, terrain], ids=["street", "terrain"])


def size_of(things: list[Thing]) -> np.ndarray:
    low, high = bounds_of(things)
    return high - low


def assert_sound(things: list[Thing] | tuple[Thing, ...]) -> None:
    for thing in things:
        mesh = thing.mesh
        assert np.isfinite(mesh.vertices).all()
        assert mesh.faces.min() >= 0
        assert mesh.faces.max() < len(mesh.vertices)
        assert thing.look.texture is None or mesh.uv is not None
        assert mesh.uv is None or (mesh.uv.shape == (len(mesh.vertices), 2) and np.isfinite(mesh.uv).all())
        p = mesh.vertices[mesh.faces].astype(np.float64)
        assert np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).max() > 0


@pytest.mark.parametrize("pose", POSES)
def test_a_person_stands_on_the_ground_in_human_size(pose: str) -> None:
    person = make_person(np.random.default_rng(3), pose=pose, height_m=1.75)
    assert_sound(person)
    assert bounds_of(person)[0, 2] == pytest.approx(0, abs=1e-4)
    tall = size_of(person)[2]
    assert tall < 2.4
    if pose in ("stand", "walk", "hold"):
        assert tall == pytest.approx(1.75, abs=0.14)
    if pose == "lie":
        assert tall < 0.9


def test_a_person_faces_along_x() -> None:
    shoes = make_person(np.random.default_rng(0), pose="stand")[3]
    assert shoes.mesh.vertices[:, 0].max() > -1.5 * shoes.mesh.vertices[:, 0].min()


def test_an_unknown_pose_raises() -> None:
    with pytest.raises(ValueError, match="unknown pose"):
        make_person(np.random.default_rng(0), pose="fly")


@pytest.mark.parametrize("kind", ANIMALS)
def test_an_animal_stands_on_the_ground_in_natural_size(kind: str) -> None:
    for seed in range(2):
        animal = make_animal(np.random.default_rng(seed), kind=kind)
        assert_sound(animal)
        assert bounds_of(animal)[0, 2] == pytest.approx(0, abs=1e-4)
        assert 0.003 < size_of(animal).max() < 8
    if kind in QUADRUPEDS:
        low, high = QUADRUPEDS[kind].height_m
        assert 0.4 * low < size_of(animal)[2] < 2.6 * high


@pytest.mark.parametrize("kind", PLANTS)
def test_a_plant_is_about_as_tall_as_asked(kind: str) -> None:
    asked = {"fungus": 0.1, "flower": 0.4, "grass": 0.4, "potted": 0.8, "bush": 1.2, "cactus": 1.2}.get(kind, 8.0)
    plant = make_plant(np.random.default_rng(4), asked, kind=kind)
    assert_sound(plant)
    assert 0.3 * asked < bounds_of(plant)[1, 2] < 1.8 * asked


@pytest.mark.parametrize("kind", KINDS)
def test_a_vehicle_stands_on_its_wheels_and_is_longer_than_wide(kind: str) -> None:
    vehicle = make_vehicle(np.random.default_rng(5), kind=kind)
    assert_sound(vehicle)
    length, width, height = size_of(vehicle)
    assert bounds_of(vehicle)[0, 2] == pytest.approx(0, abs=1e-4)
    assert length > width
    assert 1.3 < length < 14
    assert 0.8 < height < 4.2


def test_cars_have_glass_that_one_can_see_through() -> None:
    kinds = {t.look.kind for seed in range(6) for t in make_vehicle(np.random.default_rng(seed), kind="sedan")}
    assert "thin_glass" in kinds


def test_a_boat_floats_around_the_water_line() -> None:
    low, high = bounds_of(make_boat(np.random.default_rng(0)))
    assert low[2] < 0 < high[2]


def test_a_single_capsule_is_a_sphere_of_its_radius() -> None:
    ball = blend_capsules([((1.0, 2.0, 3.0), (1.0, 2.0, 3.0), 0.5, 0.5)], 0.04)
    radius = np.linalg.norm(ball.vertices - [1.0, 2.0, 3.0], axis=1)
    np.testing.assert_allclose(radius, 0.5, atol=0.01)
    p = ball.vertices[ball.faces]
    outward = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    assert (np.einsum("nd,nd->n", outward, p.mean(1) - [1.0, 2.0, 3.0]) > 0).all()


def test_no_capsules_raise() -> None:
    with pytest.raises(ValueError, match="no capsules"):
        blend_capsules([], 0.1)


def test_boxes_equal_single_boxes() -> None:
    both = boxes([(0, 0, 0), (5, 5, 5)], [(1, 2, 3), (6, 6, 6)])
    one = box(1, 2, 3)
    np.testing.assert_allclose(both.vertices[:24], one.vertices + np.float32([0.5, 1, 0]), atol=1e-6)
    np.testing.assert_array_equal(both.faces[:12], one.faces)
    np.testing.assert_allclose(both.uv[:24], one.uv, atol=1e-6)


def test_placing_turns_counter_clockwise_then_moves() -> None:
    moved = placed([Thing(box(2, 1, 1), _grey())], (10, 0, 0), 90.0, instance=7)
    low, high = bounds_of(moved)
    np.testing.assert_allclose(high - low, [1, 2, 1], atol=1e-6)
    np.testing.assert_allclose((low + high)[:2] / 2, [10, 0], atol=1e-6)
    assert moved[0].instance == 7


def _grey():  # type: ignore[no-untyped-def]
    from leadline.data.synthetic.scene import Look

    return Look()


def test_a_house_covers_its_plot_and_has_niches() -> None:
    rng = np.random.default_rng(1)
    house = make_house(rng, make_style(rng), 10.0, 3, depth_m=8.0, shop=True, gable=False)
    assert_sound(house)
    low, high = bounds_of(house)
    assert low[0] == pytest.approx(0, abs=0.1)
    assert high[0] == pytest.approx(10, abs=0.1)
    assert 8 < high[2] < 16
    assert "thin_glass" in {t.look.kind for t in house}


def test_relief_is_calm_near_the_origin_and_the_same_everywhere_it_is_asked() -> None:
    relief = Relief(np.random.default_rng(0), (50.0,), (10.0,), calm_m=(5.0, 20.0))
    assert relief(0.0, 3.0) == 0
    x, y = np.meshgrid(np.linspace(-90, 90, 40), np.linspace(-90, 90, 40))
    grid = relief(x, y)
    assert 1 < np.abs(grid).max() <= 10
    assert relief(x[7, 9], y[7, 9]) == grid[7, 9]


def test_the_brightest_part_of_the_sky_is_where_the_sun_stands() -> None:
    seen = 0
    for seed in range(12):
        lights = make_daylight(np.random.default_rng(seed))
        sky = next(light for light in lights if isinstance(light, Sky)).radiance
        assert np.isfinite(sky).all()
        assert sky.min() > 0
        for sun in (light for light in lights if isinstance(light, Sun)):
            row, column = np.unravel_index(sky.sum(2).argmax(), sky.shape[:2])
            polar, around = (row + 0.5) / len(sky) * np.pi, (column + 0.5) / sky.shape[1] * 2 * np.pi
            toward = np.array([np.sin(polar) * np.sin(around), np.sin(polar) * np.cos(around), np.cos(polar)])
            assert toward @ -np.array(sun.direction) > 0.98
            assert sun.direction[2] < 0
            seen += 1
    assert seen > 4


def test_a_stage_keeps_cameras_out_of_things_and_sees_what_is_free() -> None:
    stage = Stage(lambda x, y: 0.0 * np.asarray(x) * np.asarray(y))
    stage.add([Thing(box(1, 1, 2), _grey(), instance=1)], (3.0, 0.0))
    assert not stage.free((3.0, 0.0, 1.0), 0.1)
    assert not stage.free((0.0, 0.0, -0.5), 0.1)
    assert stage.free((0.0, 0.0, 1.0), 0.1)
    assert not stage.sees((0.0, 0.0, 1.0), (6.0, 0.0, 1.0))
    assert stage.sees((0.0, 0.0, 1.0), (6.0, 0.0, 1.0), ignore=0)


def make(world, seed: int) -> Scene:  # type: ignore[no-untyped-def]
    return world.make_scene(np.random.default_rng(seed), Assets(), views=4)


@WORLDS
def test_a_world_is_the_same_for_the_same_seed(world) -> None:  # type: ignore[no-untyped-def]
    a, b, c = make(world, 1), make(world, 1), make(world, 2)
    assert a.name == b.name
    assert len(a.things) == len(b.things)
    for s, t in zip(a.things, b.things, strict=True):
        np.testing.assert_array_equal(s.mesh.vertices, t.mesh.vertices)
        np.testing.assert_array_equal(s.world_from_mesh, t.world_from_mesh)
        np.testing.assert_array_equal(s.look.texture, t.look.texture)
    for v, w in zip(a.views, b.views, strict=True):
        np.testing.assert_array_equal(v.world_from_camera, w.world_from_camera)
    assert len(a.things) != len(c.things) or not np.array_equal(a.views[0].world_from_camera, c.views[0].world_from_camera)


@WORLDS
def test_a_world_is_sound_lit_and_of_bearable_size(world) -> None:  # type: ignore[no-untyped-def]
    for seed in range(4):
        scene = make(world, seed)
        assert_sound(scene.things)
        assert len(scene.views) == 4
        assert any(isinstance(light, Sky) for light in scene.lights)
        assert sum(len(t.mesh.faces) for t in scene.things) < 500_000
        assert max(t.instance for t in scene.things) < 65_536
        reach = max(float(np.abs(t.mesh.vertices).max()) for t in scene.things if t.instance == 0)
        assert reach > 1000  # the ground goes on to the horizon
        for view in scene.views:
            pose = view.world_from_camera
            np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-9)
            assert np.linalg.norm(pose[:2, 3]) < 150
            assert 20 < view.fov_x_deg < 100
            assert view.aperture_m < 0.05
            assert view.focus_m > 0


@WORLDS
def test_no_camera_stands_inside_a_thing(world) -> None:  # type: ignore[no-untyped-def]
    scene = make(world, 6)
    boxes_by_instance: dict[int, list[Thing]] = {}
    for thing in scene.things:
        if thing.instance:
            boxes_by_instance.setdefault(thing.instance, []).append(thing)
    for view in scene.views:
        eye = view.world_from_camera[:3, 3]
        for parts in boxes_by_instance.values():
            low, high = bounds_of(parts)
            if (high - low).max() > 1.0:
                assert not ((eye > low) & (eye < high)).all()
