"""What stands along streets: lamps, signs, lights, benches, bins, fences, hedges, shelters, boxes and wires.

Every maker returns things of instance 1 at the origin on z = 0; what has a front shows it to -y.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leadline.data.synthetic.buildings import boxes, linear_of
from leadline.data.synthetic.people import make_person
from leadline.data.synthetic.plants import leaf_look, leaves, make_plant
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.shapes import (
    box,
    cone,
    cylinder,
    disc,
    fit_uv,
    lathe,
    merge,
    rotation,
    scale_uv,
    sphere,
    transformed,
    translation,
    tube,
    wall,
)
from leadline.data.synthetic.textures import random_texture, surface

Maker = Callable[[np.random.Generator], list[Thing]]

_STEEL = Look("metal", (0.6, 0.6, 0.62), roughness=0.3)
_IRON = Look("plastic", (0.03, 0.035, 0.035), roughness=0.3)


def _put(mesh: Mesh, look: Look, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Thing:
    return Thing(mesh, look, translation(x, y, z) @ rotation((0, 0, 1), yaw_deg), 1)


def make_lamp_post(rng: np.random.Generator) -> list[Thing]:
    """Return a street lamp 3 to 9 m tall whose arm, if any, reaches to -y."""
    post = _IRON if rng.random() < 0.5 else _STEEL
    if rng.random() < 0.4:  # a lantern
        h = float(rng.uniform(2.8, 4.2))
        return [
            _put(cylinder(0.06, h, 0.04, 12), post),
            _put(sphere(0.2, 18), Look("diffuse", (0.85, 0.84, 0.8)), 0, 0, h + 0.15),
            _put(cone(0.25, 0.15, 14), post, 0, 0, h + 0.3),
        ]
    h, arm = float(rng.uniform(5, 9)), float(rng.uniform(0.8, 2.4))
    path = [(0, 0, 0), (0, 0, h - 0.6), (0, -0.15, h - 0.2), (0, -0.5 * arm, h), (0, -arm, h + 0.05)]
    return [_put(tube(path, [0.09, 0.06, 0.05, 0.045, 0.04], 9), post), _put(box(0.22, 0.6, 0.1, 0.03), post, 0, -arm - 0.2, h)]


def make_sign(rng: np.random.Generator) -> list[Thing]:
    """Return a traffic sign: a disc, triangle, square or board on a pole."""
    h = float(rng.uniform(1.9, 2.6))
    kind = rng.choice(["disc", "triangle", "square", "board"])
    r = float(rng.uniform(0.28, 0.42))
    parts = [_put(cylinder(0.03, h + r, segments=10), _STEEL)]
    colours = [(0.75, 0.02, 0.02), (0.02, 0.1, 0.5), (0.85, 0.6, 0.02), (0.02, 0.3, 0.12), (0.8, 0.8, 0.8)]
    colour = Look("plastic", colours[int(rng.integers(5))], roughness=0.2)
    inner = Look("plastic", (0.8, 0.8, 0.8), roughness=0.2)
    if kind in ("disc", "triangle"):
        n = 28 if kind == "disc" else 3
        for radius, y, look in ((r, -0.04, colour), (0.76 * r, -0.046, inner), (0.25 * r, -0.052, _IRON)):
            turn = rotation((1, 0, 0), 90) @ rotation((0, 0, 1), 90)
            parts.append(Thing(cylinder(radius, 0.012, segments=n), look, translation(0, y, h) @ turn, 1))
    else:
        w, t = (1.6 * r, 1.6 * r) if kind == "square" else (float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.25, 0.6)))
        parts.append(_put(box(w, 0.02, t, 0.005), colour, 0, -0.045, h - t / 2))
        picture = fit_uv(wall(0.9 * w, 0.8 * t))
        parts.append(_put(picture, Look("diffuse", texture=random_texture(rng, "label")), 0, -0.06, h - 0.4 * t))
    return parts


def make_traffic_light(rng: np.random.Generator) -> list[Thing]:
    """Return a traffic light on a pole."""
    h = float(rng.uniform(2.6, 3.2))
    on = int(rng.integers(3))
    parts = [_put(cylinder(0.06, h, segments=12), _STEEL), _put(box(0.3, 0.22, 0.9, 0.04), _IRON, 0, -0.05, h - 0.3)]
    for i, colour in enumerate([(0.02, 0.9, 0.3), (1.0, 0.6, 0.05), (1.0, 0.04, 0.02)]):
        lit = Look("light", tuple(2.0 * c for c in colour)) if i == on else Look("plastic", tuple(0.08 * c for c in colour))  # type: ignore[arg-type]
        parts.append(
            Thing(
                cylinder(0.09, 0.03, segments=16), lit, translation(0, -0.16, h - 0.15 + 0.28 * i) @ rotation((1, 0, 0), 90), 1
            )
        )
    return parts


def make_bench(rng: np.random.Generator) -> list[Thing]:
    """Return a park bench that looks to -y."""
    wood = surface(rng, "wood")
    w = float(rng.uniform(1.2, 2.0))
    slats = [transformed(box(w, 0.1, 0.035), translation(0, -0.16 + 0.12 * i, 0.42)) for i in range(4)]
    slats += (
        [transformed(box(w, 0.03, 0.1), translation(0, 0.28 + 0.02 * i, 0.52 + 0.13 * i)) for i in range(3)]
        if rng.random() < 0.8
        else []
    )
    legs = [transformed(box(0.06, 0.5, 0.42), translation(x, 0.03, 0)) for x in (-0.42 * w, 0.42 * w)]
    legs += [transformed(box(0.05, 0.04, 0.85), translation(x, 0.31, 0)) for x in (-0.42 * w, 0.42 * w)]
    return [_put(scale_uv(merge(slats), wood.repeats_per_metre), wood.look), _put(merge(legs), _IRON)]


def make_bin(rng: np.random.Generator) -> list[Thing]:
    """Return a litter bin, wheelie bin or skip."""
    colour = Look("plastic", linear_of(rng), roughness=0.3)
    kind = rng.choice(["round", "wheelie", "skip"], p=[0.45, 0.45, 0.1])
    if kind == "round":
        h = float(rng.uniform(0.7, 1.0))
        return [
            _put(cylinder(0.2, h, 0.25, 20), colour),
            _put(lathe([(0, h), (0.27, h), (0.27, h + 0.05), (0.1, h + 0.15), (0, h + 0.15)], 20), _IRON),
        ]
    if kind == "wheelie":
        h = float(rng.uniform(0.9, 1.2))
        return [_put(box(0.55, 0.65, h, 0.04), colour), _put(box(0.6, 0.72, 0.06, 0.02), _IRON, 0, -0.02, h)]
    return [_put(box(3.0, 1.6, 1.3, 0.03), colour), _put(box(3.1, 0.1, 0.1), _IRON, 0, -0.8, 1.2)]


def make_bollard(rng: np.random.Generator) -> list[Thing]:
    """Return a bollard, hydrant or cone."""
    kind = rng.choice(["bollard", "hydrant", "cone"])
    if kind == "bollard":
        return [_put(cylinder(0.08, float(rng.uniform(0.6, 1.0)), 0.07, 14), Look("diffuse", linear_of(rng)))]
    if kind == "hydrant":
        red = Look("plastic", (0.6, 0.05, 0.02), roughness=0.3)
        arms = Thing(cylinder(0.06, 0.34, segments=12), red, translation(-0.17, 0, 0.45) @ rotation((0, 1, 0), 90), 1)
        return [
            _put(
                lathe([(0, 0), (0.15, 0), (0.15, 0.05), (0.1, 0.08), (0.1, 0.55), (0.13, 0.57), (0.1, 0.68), (0, 0.74)], 20),
                red,
            ),
            arms,
        ]
    return [
        _put(cone(0.16, 0.6, 18), Look("diffuse", (0.9, 0.2, 0.02)), 0, 0, 0.03),
        _put(box(0.4, 0.4, 0.03), _IRON),
        _put(cylinder(0.115, 0.12, 0.082, 18), Look("diffuse", (0.85, 0.85, 0.85)), 0, 0, 0.2),
    ]


def make_planter(rng: np.random.Generator) -> list[Thing]:
    """Return a planted trough or tub."""
    w, d, h = float(rng.uniform(0.5, 1.8)), float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.35, 0.6))
    stone = surface(rng, "concrete")
    parts = [_put(scale_uv(box(w, d, h, 0.02), stone.repeats_per_metre), stone.look)]
    for x in np.arange(-w / 2 + 0.25, w / 2, 0.45):
        plant = make_plant(rng, float(rng.uniform(0.25, 0.7)), kind=str(rng.choice(["bush", "flower", "grass"])), detail=0.35)
        parts += [Thing(t.mesh, t.look, translation(float(x), 0, h - 0.02) @ t.world_from_mesh, 1) for t in plant]
    return parts


def make_shelter(rng: np.random.Generator) -> list[Thing]:
    """Return a glazed bus shelter open to -y with a bench inside."""
    w, d, h = float(rng.uniform(2.5, 4.5)), 1.4, 2.4
    posts = [transformed(box(0.07, 0.07, h), translation(x, y, 0)) for x in (-w / 2, w / 2) for y in (-d / 2, d / 2)]
    panes = [
        transformed(box(w - 0.1, 0.015, 1.8), translation(0, d / 2, 0.3)),
        transformed(box(0.015, d - 0.1, 1.8), translation(-w / 2, 0, 0.3)),
    ]
    poster = fit_uv(wall(1.1, 1.6))
    return [
        _put(merge([*posts, transformed(box(w + 0.4, d + 0.4, 0.12), translation(0, 0, h))]), _IRON),
        _put(merge(panes), Look("thin_glass", (1.0, 1.0, 1.0))),
        _put(box(0.6 * w, 0.35, 0.05), _STEEL, 0, 0.35, 0.45),
        _put(box(0.5 * w, 0.06, 0.45), _IRON, 0, 0.35, 0),
        Thing(
            poster,
            Look("diffuse", texture=random_texture(rng, "cover")),
            translation(w / 2 + 0.04, 0, 0.5) @ rotation((0, 0, 1), -90),
            1,
        ),
        _put(box(0.06, 1.2, 1.8), _IRON, w / 2, 0, 0.4),
    ]


def make_boxes(rng: np.random.Generator) -> list[Thing]:
    """Return a few crates, cartons or pallets in a heap."""
    parts = []
    for i in range(int(rng.integers(1, 5))):
        look = surface(rng, str(rng.choice(["wood", "concrete"]))) if rng.random() < 0.5 else None
        size = rng.uniform(0.3, 0.9, 3)
        mesh = box(float(size[0]), float(size[1]), float(size[2]), 0.01)
        parts.append(
            _put(
                scale_uv(mesh, look.repeats_per_metre) if look else mesh,
                look.look if look else Look("diffuse", (0.45, 0.3, 0.16)),
                float(rng.normal(0, 0.15)) + 0.95 * (i % 2),
                float(rng.normal(0, 0.2)) + 0.9 * (i // 2),
                0,
                float(rng.uniform(-25, 25)),
            )
        )
    return parts


def make_statue(rng: np.random.Generator) -> list[Thing]:
    """Return a stone or bronze figure on a plinth."""
    stone = surface(rng, "stone")
    look = (
        Look("diffuse", stone.look.colour, stone.look.texture)
        if rng.random() < 0.5
        else Look("metal", (0.25, 0.2, 0.12), roughness=0.35)
    )
    plain = Look("diffuse", (0.5, 0.48, 0.45)) if look.kind == "diffuse" else look
    h = float(rng.uniform(0.6, 2.2))
    figure = make_person(rng, pose=str(rng.choice(["stand", "wave", "arms_up", "hold"])), height_m=float(rng.uniform(1.6, 2.6)))
    up = translation(0, 0, h)
    base = scale_uv(box(1.2, 1.2, h, 0.05), stone.repeats_per_metre)
    return [
        _put(base, Look("diffuse", stone.look.colour, stone.look.texture)),
        *(Thing(t.mesh, plain, up @ t.world_from_mesh, 1) for t in figure),
    ]


def make_stall(rng: np.random.Generator) -> list[Thing]:
    """Return a market stall: a table with goods under a striped roof."""
    w = float(rng.uniform(1.8, 3.0))
    wood = surface(rng, "wood")
    posts = [
        transformed(box(0.05, 0.05, 2.2 + (0.4 if y > 0 else 0)), translation(x, y, 0))
        for x in (-w / 2, w / 2)
        for y in (-0.8, 0.8)
    ]
    roof = transformed(box(w + 0.3, 2.1, 0.04), translation(0, 0, 2.42) @ rotation((1, 0, 0), 14))
    goods = [
        _put(
            sphere(0.09, 12) if rng.random() < 0.6 else box(0.2, 0.15, 0.18, 0.01),
            Look("plastic", linear_of(rng), roughness=0.2),
            float(rng.uniform(-0.45, 0.45)) * w,
            float(rng.uniform(-0.3, 0.3)),
            0.97,
        )
        for _ in range(9)
    ]
    return [
        _put(merge(posts), wood.look),
        _put(roof, Look("diffuse", texture=random_texture(rng, "fabric"))),
        _put(scale_uv(box(w, 0.9, 0.88, 0.01), wood.repeats_per_metre), wood.look),
        *goods,
    ]


def make_parasol_table(rng: np.random.Generator) -> list[Thing]:
    """Return a café table with chairs, sometimes under a parasol."""
    top, r = Look("plastic", linear_of(rng), roughness=0.15), float(rng.uniform(0.3, 0.5))
    parts = [
        _put(cylinder(r, 0.03, segments=24), top, 0, 0, 0.72),
        _put(cylinder(0.03, 0.72, segments=10), _IRON),
        _put(cylinder(0.22, 0.02, segments=20), _IRON),
    ]
    chair = Look("plastic", linear_of(rng), roughness=0.3)
    for a in np.linspace(0, 2 * np.pi, int(rng.integers(2, 5)), endpoint=False) + rng.uniform(0, 6):
        seat = [
            transformed(box(0.42, 0.42, 0.03, 0.01), translation(0, 0, 0.44)),
            transformed(box(0.42, 0.03, 0.4, 0.01), translation(0, 0.21, 0.5)),
        ]
        seat += [transformed(box(0.03, 0.03, 0.46), translation(x, y, 0)) for x in (-0.19, 0.19) for y in (-0.19, 0.19)]
        place = rotation((0, 0, 1), float(np.rad2deg(a))) @ translation(0, r + 0.3, 0)
        parts.append(Thing(merge(seat), chair, place, 1))
    if rng.random() < 0.6:
        parts += [
            _put(cylinder(0.025, 2.3, segments=8), _STEEL),
            _put(
                lathe([(0, 2.45), (0.8, 2.2), (1.3, 1.95), (0.8, 2.23), (0, 2.48)], 10),
                Look("diffuse", texture=random_texture(rng, "fabric")),
            ),
        ]
    return parts


def make_wires(rng: np.random.Generator, ends: list[tuple[tuple[float, float, float], tuple[float, float, float]]]) -> Mesh:
    """Return sagging wires between pairs of points."""
    t = np.linspace(0, 1, 13)[:, None]
    wires = []
    for a, b in ends:
        p, q = np.asarray(a), np.asarray(b)
        sag = float(rng.uniform(0.01, 0.03)) * float(np.linalg.norm(q - p))
        wires.append(tube(p + t * (q - p) - 4 * sag * t * (1 - t) * np.array([0, 0, 1.0]), float(rng.uniform(0.008, 0.02)), 4))
    return merge(wires)


def make_hedge(rng: np.random.Generator, length_m: float, height_m: float) -> list[Thing]:
    """Return a clipped hedge along x, 0 to `length_m`: a leafy box."""
    deep = float(rng.uniform(0.4, 0.9))
    n = int(min(250 * length_m * (height_m + deep), 4500))
    p = rng.random((n, 3)) * [length_m, deep, height_m]
    face = rng.integers(0, 3, n)
    p[face == 0, 2] = height_m
    p[face == 1, 1] = 0.0
    p[face == 2, 1] = deep
    p += rng.normal(0, 0.025, (n, 3))
    look = leaf_look(rng, autumn=False)
    core = scale_uv(transformed(box(length_m, deep - 0.06, height_m - 0.05), translation(length_m / 2, deep / 2, 0)), 3.0)
    return [Thing(core, look, instance=1), Thing(leaves(rng, p, float(rng.uniform(0.08, 0.12)), slender=0.6), look, instance=1)]


def make_fence(rng: np.random.Generator, length_m: float) -> list[Thing]:
    """Return a fence along x, 0 to `length_m`: pickets, boards, bars or a low wall."""
    h = float(rng.uniform(0.8, 1.8))
    kind = rng.choice(["pickets", "boards", "bars", "wall"])
    if kind == "wall":
        stone = surface(rng, "facade_wall")
        return [
            _put(
                scale_uv(transformed(box(length_m, 0.25, 0.7 * h), translation(length_m / 2, 0, 0)), stone.repeats_per_metre),
                stone.look,
            )
        ]
    if kind == "boards":
        wood = surface(rng, "wood")
        return [
            _put(
                scale_uv(transformed(box(length_m, 0.04, h), translation(length_m / 2, 0, 0.05)), wood.repeats_per_metre),
                wood.look,
            )
        ]
    step, thick = (0.16, 0.09) if kind == "pickets" else (0.14, 0.02)
    slats = [(float(x), 0.0, 0.03, float(x) + thick, 0.02, h) for x in np.arange(step / 2, length_m - thick, step)]
    slats += [(0.0, 0.02, z, length_m, 0.06, z + 0.05) for z in (0.25 * h, 0.85 * h)]
    corners = np.array(slats)
    look = Look("diffuse", (0.75, 0.74, 0.7) if rng.random() < 0.6 else linear_of(rng)) if kind == "pickets" else _IRON
    return [_put(boxes(corners[:, :3], corners[:, 3:]), look)]


def make_pool(rng: np.random.Generator) -> list[Thing]:
    """Return a round fountain with water in it."""
    r = float(rng.uniform(1.2, 3.0))
    stone = surface(rng, "stone")
    rim = lathe([(r - 0.3, 0), (r, 0), (r, 0.5), (r - 0.3, 0.5), (r - 0.3, 0)], 40)
    column = lathe(
        [(0, 0), (0.3, 0), (0.15, 0.3), (0.15, 1.2), (0.7, 1.5), (0.65, 1.55), (0.1, 1.35), (0.1, 1.9), (0, 1.95)], 28
    )
    pale = Look("diffuse", stone.look.colour, stone.look.texture)
    return [
        _put(scale_uv(rim, stone.repeats_per_metre), pale),
        _put(scale_uv(column, stone.repeats_per_metre), pale),
        _put(disc(r - 0.28), Look("plastic", (0.03, 0.07, 0.08), roughness=0.02), 0, 0, 0.38),
    ]


PAVEMENT: tuple[Maker, ...] = (
    make_bench,
    make_bin,
    make_bollard,
    make_planter,
    make_boxes,
    make_sign,
    make_bin,
    make_parasol_table,
)
SQUARE: tuple[Maker, ...] = (make_statue, make_stall, make_parasol_table, make_bench, make_planter, make_pool, make_boxes)
