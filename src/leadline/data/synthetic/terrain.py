"""Open country under a sky: fields, hills, mountains, dunes, shores, snow and woods, with one creature or thing near the eye.

Views range from 0.1 m above the ground to 30 m in the air; most show one subject large, its surroundings far and blurred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.buildings import linear_of, make_barn
from leadline.data.synthetic.outdoors import (
    HORIZON_M,
    Array,
    Ground,
    Relief,
    Stage,
    collect_views,
    draped,
    glance_view,
    ground_grid,
    make_daylight,
    mixed_texture,
    passer_by,
    portrait_view,
    stray_animal,
)
from leadline.data.synthetic.plants import bark_look, blades, leaf_look
from leadline.data.synthetic.scene import Look, Mesh, Scene, Thing, View
from leadline.data.synthetic.shapes import blob, box, cylinder, merge, scale_uv, translation, tube
from leadline.data.synthetic.subjects import make_animal, make_boat, make_person, make_plant, make_vehicle
from leadline.data.synthetic.textures import random_texture, surface


@dataclass(frozen=True)
class _Biome:
    """What a stretch of country is made of.

    Attributes:
        ground: texture categories. relief: roughness near the eye in metres. hills, mountains: heights far away, metres.
        trees: kinds and how many. grass: share of scenes with standing grass. rocks: how many.
        tint: linear RGB that the ground texture is pulled towards (snow, sand), with weight.
    """

    ground: tuple[str, ...]
    relief: float = 0.15
    hills: float = 20.0
    mountains: float = 0.0
    trees: tuple[str, ...] = ("broadleaf", "broadleaf", "conifer", "poplar", "bush")
    tree_count: int = 22
    grass: float = 0.7
    rocks: int = 6
    tint: tuple[float, float, float] | None = None
    water: bool = False


BIOMES: dict[str, _Biome] = {
    "meadow": _Biome(("grass",), 0.12, 12),
    "park": _Biome(("grass",), 0.05, 5, tree_count=30, rocks=2, grass=0.5),
    "hills": _Biome(("grass", "soil"), 0.4, 60, 0),
    "mountains": _Biome(("grass", "gravel", "soil"), 0.5, 60, 700, ("conifer", "conifer", "bush"), 25, 0.5, 25),
    "forest": _Biome(("soil", "grass"), 0.3, 10, 0, ("broadleaf", "conifer", "conifer", "bare"), 48, 0.5, 10),
    "field": _Biome(("soil", "grass"), 0.06, 8, 0, ("broadleaf", "poplar"), 10, 0.5, 2),
    "dunes": _Biome(("soil",), 0.3, 25, 0, ("palm", "cactus", "bush"), 6, 0.25, 4, (0.62, 0.45, 0.26)),
    "steppe": _Biome(("soil", "gravel"), 0.2, 30, 350, ("cactus", "bush", "bare", "broadleaf"), 12, 0.5, 25, (0.45, 0.3, 0.18)),
    "snow": _Biome(("soil",), 0.2, 25, 500, ("conifer", "conifer", "bare"), 22, 0.1, 8, (0.8, 0.83, 0.88)),
    "shore": _Biome(("soil", "gravel"), 0.1, 20, 0, ("palm", "bush", "broadleaf"), 10, 0.3, 14, (0.55, 0.45, 0.32), True),
    "lake": _Biome(("grass", "soil"), 0.2, 25, 400, ("conifer", "broadleaf", "bush"), 24, 0.7, 10, None, True),
    "yard": _Biome(("gravel", "asphalt", "soil"), 0.03, 6, 0, ("broadleaf", "bush", "poplar"), 14, 0.15, 2),
}


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int = 8) -> Scene:
    """Return open country with `views` views; see the module. `assets` may be empty."""
    name = str(rng.choice(list(BIOMES)))
    biome = BIOMES[name]
    land, water_z = _land(rng, biome)
    ground: Ground = land if water_z is None else (lambda x, y: np.maximum(land(x, y), water_z))
    stage = Stage(ground)
    _lay_ground(rng, stage, biome, land, water_z)
    spots = _spots(rng, land, water_z)
    wide, small = _populate(rng, stage, biome, spots, land, water_z, assets)
    _scatter(rng, stage, biome, land, water_z, spots)
    lights = make_daylight(rng)

    def portrait(of: list[int]) -> Callable[[], View | None]:
        return lambda: portrait_view(rng, stage, of[int(rng.integers(len(of)))]) if of else None

    def landscape() -> View | None:
        x, y = rng.normal(0, 10, 2)
        z = float(ground(x, y)) + float(np.exp(rng.uniform(np.log(0.5), np.log(4))))
        inward = np.rad2deg(np.arctan2(-y, -x)) + rng.normal(0, 30)  # towards what stands there
        heading = inward if rng.random() < 0.75 else rng.uniform(0, 360)
        return glance_view(rng, stage, (x, y, z), heading, rng.normal(-4, 6), rng.uniform(45, 95))

    def at_the_feet() -> View | None:
        x, y = rng.normal(0, 6, 2)
        z = float(ground(x, y)) + float(rng.uniform(0.25, 2.2))
        return glance_view(rng, stage, (x, y, z), rng.uniform(0, 360), rng.uniform(-85, -25), rng.uniform(40, 80), margin=0.1)

    def from_the_air() -> View | None:
        x, y = rng.normal(0, 20, 2)
        z = float(ground(x, y)) + float(rng.uniform(5, 30))
        return glance_view(
            rng, stage, (x, y, z), np.rad2deg(np.arctan2(-y, -x)) + rng.normal(0, 40), rng.uniform(-60, -8), rng.uniform(45, 85)
        )

    def upwards() -> View | None:
        x, y = rng.normal(0, 8, 2)
        return glance_view(
            rng, stage, (x, y, float(ground(x, y)) + 1.5), rng.uniform(0, 360), rng.uniform(8, 35), rng.uniform(50, 85)
        )

    recipes = [portrait(wide), portrait(small), landscape, at_the_feet, from_the_air, upwards]
    taken = collect_views(rng, recipes, [0.48, 0.12, 0.22, 0.06, 0.08, 0.04], views)
    return Scene(f"terrain/{name}", tuple(stage.things), lights, taken)


# --- land ------------------------------------------------------------------------------------------------------------


def _land(rng: np.random.Generator, biome: _Biome) -> tuple[Ground, float | None]:
    """Return the height of the land and, where there is water, its level."""
    near = Relief(rng, (1.3, 4.0, 13.0), np.array([0.12, 0.3, 1.0]) * biome.relief)
    hills = Relief(rng, (120.0, 310.0), np.array([0.35, 1.0]) * biome.hills * rng.uniform(0.3, 1.2), calm_m=(15.0, 220.0))
    peaks = Relief(
        rng,
        (1900.0, 800.0, 330.0),
        np.array([1.0, 0.4, 0.15]) * biome.mountains * rng.uniform(0.6, 1.2),
        ridged=True,
        calm_m=(250.0, 1800.0),
    )
    if not biome.water:
        return (lambda x, y: near(x, y) + hills(x, y) + peaks(x, y)), None
    way = rng.uniform(0, 2 * np.pi)
    wiggle = Relief(rng, (45.0, 16.0), (10.0, 3.0))
    far_shore = rng.uniform(150, 900) if biome.mountains else 2 * HORIZON_M
    strand = float(rng.uniform(3, 9))

    def land(x: object, y: object) -> Array:
        px, py = np.asarray(x, np.float64), np.asarray(y, np.float64)
        out = px * np.cos(way) + py * np.sin(way) + wiggle(px, py) - strand  # metres beyond the water's edge
        inland = np.maximum(-out, out - far_shore)
        slope = np.where(inland > 0, 0.05 * np.minimum(inland, 25), np.maximum(0.09 * inland, -6.0))
        dry = np.clip(inland / 40.0, 0, 1)
        return np.asarray(
            slope + near(px, py) * np.clip(inland / 4 + 0.3, 0.1, 1) + (np.abs(hills(px, py)) + peaks(px, py)) * dry
        )

    return land, -0.05


def _lay_ground(rng: np.random.Generator, stage: Stage, biome: _Biome, land: Ground, water_z: float | None) -> None:
    """Add the ground (split by steepness, height and distance), water and perhaps a path."""
    vertices, faces = ground_grid(rng, land)
    texture = mixed_texture(rng, biome.ground, 1024)
    if biome.tint is not None:
        weight = float(rng.uniform(0.65, 0.93))
        toward = 255 * np.array(biome.tint) ** (1 / 2.2)
        texture = np.clip(texture * (1 - weight) + toward * rng.uniform(0.85, 1.1) * weight, 0, 255).astype(np.uint8)
    span = float(rng.uniform(4.5, 9.0))  # metres of one repeat
    bend = Relief(rng, (18.0, 60.0), (0.25, 1.2)), Relief(rng, (18.0, 60.0), (0.25, 1.2))  # so that repeats form no grid
    x, y = vertices[:, 0], vertices[:, 1]
    uv = np.stack([x / span + bend[0](x, y), y / span + bend[1](x, y)], 1).astype(np.float32)
    p = vertices[faces]
    centre = p.mean(1)
    normal = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    steep = normal[:, 2] / np.linalg.norm(normal, axis=1)
    far = np.hypot(centre[:, 0], centre[:, 1])
    mean = (texture.reshape(-1, 3).mean(0) / 255) ** 2.2
    haze = np.array([0.42, 0.5, 0.6])
    part = np.zeros(len(faces), int)
    part[far > 260] = 1
    part[far > 900] = 2
    part[far > 2200] = 3
    wobble = Relief(rng, (90.0,), (0.12,))(centre[:, 0], centre[:, 1])
    if biome.mountains:
        part[(steep + wobble < 0.8) & (far > 40)] += 4
        snow_line = biome.mountains * rng.uniform(0.25, 1.4)
        part[(centre[:, 2] + 200 * wobble > snow_line) & (part != 0)] = 8
    rock = np.array([0.2, 0.18, 0.16]) * rng.uniform(0.8, 1.4)
    looks = {0: Look("diffuse", texture=texture), 8: Look("diffuse", (0.8, 0.83, 0.88))}
    for band, weight in ((1, 0.12), (2, 0.3), (3, 0.6)):
        looks[band] = Look("diffuse", _rgb(mean * (1 - weight) + haze * weight * 0.6))
        looks[band + 4] = Look("diffuse", _rgb(rock * (1 - weight) + haze * weight * 0.6))
    looks[4] = Look("diffuse", texture=random_texture(rng, "stone"))
    looks[1] = looks[0]
    for k in np.unique(part):
        used, index = np.unique(faces[part == k], return_inverse=True)
        mesh = Mesh(vertices[used].astype(np.float32), index.reshape(-1, 3).astype(np.int32), uv[used], True)
        stage.structure(mesh, looks[int(k)])
    if water_z is not None:
        waves = Relief(rng, (0.7, 1.9, 5.0), np.array([0.3, 0.5, 1.0]) * rng.uniform(0.005, 0.05))
        lake, sheet = ground_grid(
            rng, lambda x, y: water_z + waves(x, y) * np.exp(-np.hypot(x, y) / 45.0), cells=130, fine_m=0.3
        )
        deep = np.array([[0.02, 0.05, 0.06], [0.02, 0.07, 0.08], [0.05, 0.07, 0.05], [0.03, 0.04, 0.05]])[rng.integers(4)]
        stage.structure(
            Mesh(lake.astype(np.float32), sheet, None, True),
            Look("plastic", _rgb(deep), roughness=float(rng.uniform(0.005, 0.05))),
        )
    elif rng.random() < 0.45:
        turn, side = rng.uniform(0, 2 * np.pi), rng.normal(0, 4)
        bow = rng.uniform(10, 40)

        def outline(s: Array) -> tuple[Array, Array]:
            off = side + bow * np.sin(s / 60.0) * np.clip(np.abs(s) / 60, 0, 1)
            return s * np.cos(turn) - off * np.sin(turn), s * np.sin(turn) + off * np.cos(turn)

        stations = np.sinh(np.linspace(-5.2, 5.2, 220)) * 2.6
        kind = surface(rng, str(rng.choice(["gravel", "soil", "paving", "asphalt"])))
        strip = draped(land, outline, stations, float(rng.uniform(0.5, 2.6)), 0.05, kind.repeats_per_metre)
        stage.structure(strip, replace(kind.look, kind="diffuse"))


def _rgb(values: Array) -> tuple[float, float, float]:
    r, g, b = (float(v) for v in np.clip(values, 0, 1))
    return r, g, b


# --- what stands there -----------------------------------------------------------------------------------------------


def _spots(rng: np.random.Generator, land: Ground, water_z: float | None) -> list[tuple[float, float]]:
    """Return places within about 25 m of the origin, at least 3 m apart and dry, for the things that views are of."""
    spots: list[tuple[float, float]] = []
    for _ in range(200):
        r, a = 22 * np.sqrt(rng.random()) + 0.5, rng.uniform(0, 2 * np.pi)
        x, y = float(r * np.cos(a)), float(r * np.sin(a))
        dry = water_z is None or float(land(x, y)) > water_z + 0.08
        if dry and all(np.hypot(x - p, y - q) > 3.2 for p, q in spots):
            spots.append((x, y))
        if len(spots) == 12:
            break
    return spots


def _populate(
    rng: np.random.Generator,
    stage: Stage,
    biome: _Biome,
    spots: list[tuple[float, float]],
    land: Ground,
    water_z: float | None,
    assets: Assets,
) -> tuple[list[int], list[int]]:
    """Stand the subjects on the spots; return the indices of those of ordinary size and of the tiny ones."""
    wide: list[int] = []
    small: list[int] = []
    left = list(spots)
    for _ in range(int(rng.integers(4, 7))):
        if not left:
            break
        at = left.pop()
        kind = rng.choice(
            ["animal", "person", "plant", "vehicle", "rock", "thing", "perch", "hut"],
            p=[0.38, 0.2, 0.1, 0.1, 0.05, 0.07, 0.06, 0.04],
        )
        yaw = float(rng.uniform(0, 360))
        if kind == "animal":
            wide.append(stage.add(make_animal(rng), at, yaw, sink=0.01))
        elif kind == "person":
            wide.append(stage.add(make_person(rng), at, yaw, sink=0.01))
        elif kind == "plant":
            wide.append(stage.add(make_plant(rng, float(rng.uniform(0.3, 4))), at, yaw, sink=0.01))
        elif kind == "vehicle":
            wide.append(stage.add(make_vehicle(rng), at, yaw, sink=0.03))
        elif kind == "rock":
            wide.append(stage.add(_rock(rng, float(rng.uniform(0.3, 1.8))), at, yaw))
        elif kind == "perch":
            wide += _perch(rng, stage, at)
        elif kind == "hut":
            wide.append(stage.add(make_barn(rng), at, yaw, sink=0.1))
        else:
            wide.append(stage.add(_thing(rng, assets), at, yaw))
    for at in left[:2]:
        tiny = rng.random()
        if tiny < 0.35:
            parts = make_animal(
                rng, kind=str(rng.choice(["insect", "spider", "snail", "mouse", "lizard", "turtle", "bird", "snake"]))
            )
        elif tiny < 0.9:
            parts = make_plant(
                rng, float(rng.uniform(0.05, 0.4)), kind=str(rng.choice(["flower", "fungus", "grass", "flower", "cactus"]))
            )
        else:
            parts = _rock(rng, 0.1)
        small.append(stage.add(parts, at, float(rng.uniform(0, 360)), sink=0.002))
    if water_z is not None:
        for _ in range(int(rng.integers(1, 4))):
            for _ in range(30):
                x, y = (float(v) for v in rng.normal(0, 22, 2))
                if float(land(x, y)) < water_z - 0.3 and stage.vacant((x, y), 3.0):
                    boat = stage.add(make_boat(rng), (x, y), float(rng.uniform(0, 360)), z=water_z)
                    wide.append(boat)
                    break
    herd = str(rng.choice(["cow", "sheep", "horse", "goat", "deer", "bird", "dog", "elephant", "zebra"]))
    for _ in range(int(rng.integers(0, 7))):
        x, y = (float(v) for v in rng.normal(0, 30, 2))
        if np.hypot(x, y) > 9 and (water_z is None or float(land(x, y)) > water_z + 0.05) and stage.vacant((x, y), 2.0):
            other = stray_animal(rng, herd) if rng.random() < 0.65 else passer_by(rng)
            stage.add(other, (x, y), float(rng.uniform(0, 360)), sink=0.01)
    return wide, small


def _rock(rng: np.random.Generator, size: float) -> list[Thing]:
    """Return a boulder about `size` metres wide, sunk a little."""
    radii = size * rng.uniform(0.35, 0.65, 3) * [1, 1, 0.8]
    mesh = blob(rng, (float(radii[0]), float(radii[1]), float(radii[2])), float(rng.uniform(0.1, 0.3)), 36)
    stone = Look("diffuse", texture=random_texture(rng, "stone"))
    return [Thing(scale_uv(mesh, 1.5 / size), stone, translation(0, 0, 0.5 * float(radii[2])), 1)]


def _perch(rng: np.random.Generator, stage: Stage, at: tuple[float, float]) -> list[int]:
    """Stand a post or a bough with a bird on it."""
    height = float(rng.uniform(0.7, 2.6))
    if rng.random() < 0.5:
        post = [Thing(cylinder(0.06, height, 0.05, 14), bark_look(rng), instance=1)]
    else:
        reach = float(rng.uniform(0.5, 1.4))
        path = np.array(
            [
                (-reach, 0.1, height - 0.35),
                (-0.4 * reach, 0.03, height - 0.1),
                (0, 0, height - 0.03),
                (0.5 * reach, 0.02, height),
                (reach, 0.15, height + 0.1),
            ]
        )
        trunk = tube([(-reach, 0.1, -0.1), (-reach, 0.12, 0.5 * height), (-1.05 * reach, 0.1, height + 0.6)], [0.12, 0.1, 0.05])
        post = [
            Thing(tube(path, np.array([0.06, 0.05, 0.03, 0.024, 0.012])), bark_look(rng), instance=1),
            Thing(trunk, bark_look(rng), instance=1),
        ]
    stage.add(post, at, solid=False)
    z = float(stage.ground(*at)) + height - 0.012
    return [stage.add(make_animal(rng, kind="bird"), at, float(rng.uniform(0, 360)), z=z)]


def _thing(rng: np.random.Generator, assets: Assets) -> list[Thing]:
    """Return a model from the assets, or a crate, barrel, ball or tent."""
    model = assets.pick(rng, "chair", "table", "sofa", "bike", "lamp", "plant", "decoration", "appliance", "box", "shelf")
    if model is not None and rng.random() < 0.7:
        return list(assets.things(model))
    kind = rng.choice(["crate", "barrel", "ball", "tent", "bench"])
    look = surface(rng, str(rng.choice(["wood", "metal", "fabric"])))
    k = look.repeats_per_metre
    if kind == "crate":
        w, d, h = (float(v) for v in rng.uniform(0.3, 1.0, 3))
        return [Thing(scale_uv(box(w, d, h, 0.01), k), look.look, instance=1)]
    if kind == "barrel":
        return [Thing(scale_uv(cylinder(0.29, 0.88), k), look.look, instance=1)]
    if kind == "ball":
        r = float(rng.uniform(0.08, 0.4))
        return [
            Thing(blob(rng, (r, r, r), 0.0), Look("plastic", texture=random_texture(rng, "fabric")), translation(0, 0, r), 1)
        ]
    if kind == "tent":
        w, h, d = (float(v) for v in rng.uniform((1.2, 1.0, 1.8), (2.6, 1.8, 3.2)))
        p = np.array(
            [(-w / 2, -d / 2, 0), (w / 2, -d / 2, 0), (0, -d / 2, h), (-w / 2, d / 2, 0), (w / 2, d / 2, 0), (0, d / 2, h)],
            np.float32,
        )
        f = np.array([(0, 1, 2), (4, 3, 5), (0, 2, 5), (0, 5, 3), (1, 4, 5), (1, 5, 2)], np.int32)
        flat = p[f].reshape(-1, 3)
        return [
            Thing(
                Mesh(flat, np.arange(18, dtype=np.int32).reshape(-1, 3), (flat[:, 1:] + flat[:, :1]) * np.float32(0.5)),
                Look("diffuse", linear_of(rng)),
                instance=1,
            )
        ]
    wood = surface(rng, "wood")
    slats = [translation(0, 0.13 * i, 0.42) for i in range(3)] + [translation(0, 0.36, 0.5 + 0.13 * i) for i in range(3)]
    parts = [
        Thing(scale_uv(box(1.5, 0.1, 0.03) if i < 3 else box(1.5, 0.03, 0.1), wood.repeats_per_metre), wood.look, m, 1)
        for i, m in enumerate(slats)
    ]
    return [
        *parts,
        *(Thing(box(0.06, 0.45, 0.42), Look("diffuse", (0.05, 0.05, 0.05)), translation(x, 0.15, 0), 1) for x in (-0.6, 0.6)),
    ]


def _scatter(
    rng: np.random.Generator, stage: Stage, biome: _Biome, land: Ground, water_z: float | None, spots: list[tuple[float, float]]
) -> None:
    """Add trees, rocks, standing grass and a fence around the subjects."""

    def dry(x: float, y: float) -> bool:
        return water_z is None or float(land(x, y)) > water_z + 0.1

    designs = []
    for _ in range(3):
        kind = str(biome.trees[int(rng.integers(len(biome.trees)))])
        low, high = {"bush": (0.6, 2.0), "cactus": (0.8, 3.5)}.get(kind, (4.0, 16.0))
        height = float(rng.uniform(low, high))
        designs.append((make_plant(rng, height, kind=kind, detail=0.5), height))
    reach = 60.0 if biome.tree_count > 40 else 120.0
    for _ in range(int(rng.uniform(0.5, 1.4) * biome.tree_count)):
        parts, height = designs[int(rng.integers(3))]
        r, a = 6 + reach * rng.random() ** 1.8, rng.uniform(0, 2 * np.pi)
        x, y = float(r * np.cos(a)), float(r * np.sin(a))
        if dry(x, y) and stage.vacant((x, y), 0.2 * height if r < 40 else 0.5):
            stage.add(parts, (x, y), float(rng.uniform(0, 360)), scale=float(rng.uniform(0.7, 1.25)), sink=0.05)
    for _ in range(int(rng.uniform(0, 1.0) * biome.rocks)):
        x, y = (float(v) for v in rng.normal(0, 14, 2))
        size = float(np.exp(rng.uniform(np.log(0.1), np.log(1.6))))
        if stage.vacant((x, y), size):
            stage.add(_rock(rng, size), (x, y), float(rng.uniform(0, 360)))
    if rng.random() < biome.grass:
        _grow_grass(rng, stage, spots, land, water_z)
    if rng.random() < 0.3:
        _fence(rng, stage, land, water_z)


def _grow_grass(
    rng: np.random.Generator, stage: Stage, spots: list[tuple[float, float]], land: Ground, water_z: float | None
) -> None:
    """Add blades of grass in tufts over the near ground, thickest around the subjects."""
    tufts = int(rng.uniform(150, 420))
    centres = rng.normal(0, 10, (tufts, 2))
    around = np.array(spots)[rng.integers(len(spots), size=tufts // 2)] if spots else np.zeros((tufts // 2, 2))
    centres[: tufts // 2] = around + rng.normal(0, 1.1, (tufts // 2, 2))
    each = 14
    tall = float(np.exp(rng.uniform(np.log(0.05), np.log(0.4))))
    xy = (centres[:, None] + rng.normal(0, 0.35 * tall + 0.03, (tufts, each, 2))).reshape(-1, 2)
    z = land(xy[:, 0], xy[:, 1])
    kept = np.ones(len(xy), bool) if water_z is None else z > water_z
    roots = np.c_[xy, z - 0.01][kept]
    if len(roots):
        mesh = blades(
            rng,
            roots,
            tall * rng.uniform(0.4, 1.3, len(roots)),
            0.006 + 0.02 * tall,
            bend=float(rng.uniform(0.2, 0.8)),
            steps=3,
        )
        stage.structure(mesh, leaf_look(rng))
    if rng.random() < 0.4:
        flower = make_plant(rng, tall * float(rng.uniform(0.8, 1.8)), kind="flower")
        for _ in range(20):
            x, y = (float(v) for v in rng.normal(0, 6, 2))
            if water_z is None or float(land(x, y)) > water_z + 0.05:
                stage.add(
                    flower, (x, y), float(rng.uniform(0, 360)), scale=float(rng.uniform(0.7, 1.2)), sink=0.005, solid=False
                )


def _fence(rng: np.random.Generator, stage: Stage, land: Ground, water_z: float | None) -> None:
    """Add a fence of posts with rails or wires along a straight line some metres away."""
    turn, off = rng.uniform(0, 2 * np.pi), rng.uniform(5, 14)
    s = np.arange(-40, 40.1, rng.uniform(1.8, 3.2))
    x, y = s * np.cos(turn) - off * np.sin(turn), s * np.sin(turn) + off * np.cos(turn)
    z = land(x, y)
    if water_z is not None and np.any(z < water_z):
        return
    tall, thick = float(rng.uniform(0.8, 1.5)), float(rng.uniform(0.03, 0.07))
    posts = [tube([(x[i], y[i], z[i] - 0.1), (x[i], y[i], z[i] + tall)], thick, 7) for i in range(len(s))]
    wire = 0.006 if rng.random() < 0.4 else 0.04
    rails = [tube(np.stack([x, y, z + tall * k], 1), wire, 5) for k in (0.45, 0.9)]
    look = surface(rng, "wood").look
    stage.structure(merge(posts), look)
    stage.structure(merge(rails), look if wire > 0.01 else Look("metal", (0.6, 0.6, 0.6), roughness=0.3))
