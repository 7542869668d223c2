"""Vehicles: cars, pickups, vans, lorries, buses, bicycles, motorbikes and boats, standing at the origin, facing +x."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.data.synthetic.blobs import blend_capsules, chain, grounded, random_cloth_colour, srgb, without_slivers, xyz
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.shapes import box, cylinder, make_mesh, merge, rotation, torus, transformed, translation, tube

KINDS = ("sedan", "hatchback", "estate", "suv", "pickup", "van", "lorry", "bus", "bicycle", "motorbike", "tractor")

_GLASS = Look("thin_glass", (0.9, 0.95, 0.95))
_DARK_GLASS = Look("plastic", (0.015, 0.018, 0.022), roughness=0.03)
_RUBBER = Look("diffuse", (0.02, 0.02, 0.021))
_TRIM = Look("plastic", (0.03, 0.03, 0.03), roughness=0.3)


def make_vehicle(rng: np.random.Generator, *, kind: str | None = None) -> list[Thing]:
    """Return a vehicle of real size at the origin on z = 0, facing +x, all of instance 1.

    Args:
        rng: decides everything not given.
        kind: one of `KINDS`; None draws one, mostly passenger cars.

    Raises:
        ValueError: unknown kind.
    """
    if kind is None:
        kind = str(rng.choice(KINDS, p=[0.19, 0.19, 0.12, 0.15, 0.06, 0.08, 0.05, 0.04, 0.05, 0.05, 0.02]))
    if kind in _CARS:
        return grounded(_car(rng, kind))
    if kind in ("van", "bus", "lorry"):
        return grounded(_boxy(rng, kind))
    if kind in ("bicycle", "motorbike"):
        return grounded(_two_wheeler(rng, kind == "motorbike"))
    if kind == "tractor":
        return grounded(_tractor(rng))
    raise ValueError(f"unknown kind {kind!r}; one of {KINDS}")


def make_boat(rng: np.random.Generator) -> list[Thing]:
    """Return a rowing boat, motor boat or sailing boat whose water line is z = 0, facing +x, all of instance 1."""
    length = float(rng.uniform(2.5, 9.0))
    wide, deep = length * rng.uniform(0.13, 0.2), length * rng.uniform(0.07, 0.11)
    x = np.linspace(-0.5, 0.5, 15)
    beam = wide * (1 - np.clip(x * 2, 0, 1) ** 2.2) * (1 - 0.25 * np.clip(-2 * x, 0, 1) ** 2)
    a = np.linspace(0, np.pi, 11)
    sheer = deep * (1 + 0.5 * (2 * x) ** 2)
    rows = np.stack(
        [
            np.broadcast_to(x[:, None] * length, (15, 11)),
            beam[:, None] * np.cos(a),
            sheer[:, None] - (sheer + 0.6 * deep)[:, None] * np.sin(a) ** 0.7,
        ],
        -1,
    )
    hull = _sheet(rows)
    deck_z = 0.45 * deep
    deck = _sheet(
        np.stack(
            [
                np.broadcast_to(x[:, None] * length, (15, 2)),
                0.97 * beam[:, None] * np.array([1.0, -1.0]),
                np.full((15, 2), deck_z),
            ],
            -1,
        )[:, ::-1]
    )
    paint = _paint(rng)
    wood = Look("diffuse", srgb(0.55, 0.4, 0.25))
    things = [Thing(hull, paint, instance=1), Thing(deck, wood, instance=1)]
    things += [
        Thing(box(0.06 * length, 1.7 * float(beam[i]), 0.03), wood, translation(float(x[i]) * length, 0, 0.9 * deep), 1)
        for i in (4, 8)
    ]
    kind = rng.choice(["row", "motor", "sail"])
    if kind == "motor":
        cabin = box(0.28 * length, 1.2 * wide, 1.1, 0.1)
        things.append(Thing(cabin, Look("plastic", srgb(0.9, 0.9, 0.88)), translation(0.05 * length, 0, deck_z), 1))
        things.append(
            Thing(box(0.2 * length, 1.22 * wide, 0.35, 0.02), _DARK_GLASS, translation(0.07 * length, 0, deck_z + 0.6), 1)
        )
    elif kind == "sail":
        tall = length * rng.uniform(1.0, 1.4)
        things.append(
            Thing(
                tube([(0.1 * length, 0, 0), (0.1 * length, 0, tall)], 0.012 * length),
                Look("metal", (0.8, 0.8, 0.8), roughness=0.3),
                instance=1,
            )
        )
        u, v = np.meshgrid(np.linspace(0, 1, 8), np.linspace(0, 1, 10))
        belly = 0.1 * length * np.sin(np.pi * u) * (1 - v)
        sail = np.stack([0.08 * length - u * (1 - v) * 0.5 * length, belly, 0.12 * tall + v * 0.85 * tall], -1)
        jib = np.stack([0.12 * length + u * (1 - v) * 0.36 * length, 0.7 * belly, 0.1 * tall + v * 0.75 * tall], -1)
        cloth = Look("diffuse", srgb(*(random_cloth_colour(rng) if rng.random() < 0.3 else np.array([0.92, 0.9, 0.85]))))
        things += [Thing(_sheet(sail), cloth, instance=1), Thing(_sheet(jib), cloth, instance=1)]
    return things


def _paint(rng: np.random.Generator) -> Look:
    """Return a car paint: half of them white, grey, silver or black."""
    if rng.random() < 0.55:
        value = float(rng.choice([0.03, 0.06, 0.2, 0.45, 0.65, 0.85]))
        colour = (value, value, value * 1.03)
    else:
        colour = srgb(
            *colorsys.hsv_to_rgb(
                float(rng.choice([0.0, 0.6, 0.62, 0.35, 0.12, 0.05])) + rng.normal(0, 0.02),
                float(rng.uniform(0.5, 0.95)),
                float(rng.uniform(0.3, 0.9)),
            )
        )
    return Look("plastic", colour, roughness=float(rng.uniform(0.03, 0.12)))


def _sheet(points: ArrayLike) -> Mesh:
    """Return the smooth surface through a (rows, columns, 3) grid of points, uv 0..1."""
    p = np.asarray(points, np.float64)
    rows, cols = p.shape[:2]
    a = (np.arange(rows - 1)[:, None] * cols + np.arange(cols - 1)).reshape(-1, 1)
    faces = np.concatenate([np.add(a, (0, 1, cols + 1)), np.add(a, (0, cols + 1, cols))], 1).reshape(-1, 3)
    uv = np.stack(np.meshgrid(np.linspace(0, 1, cols), np.linspace(0, 1, rows)), -1)
    return make_mesh(p, faces, uv, smooth=True)


def _loft(
    x: NDArray[np.float64], half: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], power: float
) -> Mesh:
    """Return a closed smooth hull: at each x a superellipse section of half width `half` between `low` and `high`."""
    a = np.linspace(0, 2 * np.pi, 33)
    c, s = np.cos(a), np.sin(a)
    y = np.sign(c) * np.abs(c) ** (2 / power)
    z = np.sign(s) * np.abs(s) ** (2 / power)
    middle, tall = (low + high) / 2, (high - low) / 2
    rings = np.stack([np.broadcast_to(x[:, None], (len(x), 33)), half[:, None] * y, middle[:, None] + tall[:, None] * z], -1)
    rings[0, :, 1:] = rings[0, :, 1:].mean(0) * [0, 1]
    rings[-1, :, 1:] = rings[-1, :, 1:].mean(0) * [0, 1]
    return without_slivers(_sheet(rings))


_CARS: dict[str, tuple[float, float, float, NDArray[np.float64], NDArray[np.float64]]] = {
    # length, width, height; relief of the waist line (x from rear -0.5 to front 0.5, share of height); x of the four
    # corners of the cabin's side: rear foot, rear roof, front roof, front foot
    "sedan": (4.6, 1.8, 1.45, np.array([0.56, 0.66, 0.68, 0.68, 0.65, 0.5]), np.array([-0.36, -0.2, 0.08, 0.24])),
    "hatchback": (3.9, 1.72, 1.5, np.array([0.58, 0.66, 0.66, 0.66, 0.63, 0.48]), np.array([-0.47, -0.38, 0.08, 0.27])),
    "estate": (4.7, 1.82, 1.5, np.array([0.58, 0.66, 0.66, 0.66, 0.62, 0.48]), np.array([-0.48, -0.41, 0.06, 0.24])),
    "suv": (4.6, 1.9, 1.75, np.array([0.56, 0.63, 0.63, 0.63, 0.61, 0.5]), np.array([-0.48, -0.42, 0.06, 0.22])),
    "pickup": (5.2, 1.9, 1.8, np.array([0.53, 0.56, 0.56, 0.6, 0.6, 0.52]), np.array([-0.12, -0.09, 0.1, 0.22])),
}


def _wheels(rng: np.random.Generator, xs: list[float], half: float, radius: float, width: float) -> list[Thing]:
    """Return tyres and hubs at each of `xs` on both sides, `half` from the middle to their outer faces."""
    tyres, hubs = [], []
    for x in xs:
        for s in (-1.0, 1.0):
            turn = rotation((1, 0, 0), 90.0 if s < 0 else -90.0)
            place = translation(x, s * (half - width), radius) @ turn
            tyre = cylinder(radius, width, segments=28)
            tyres.append(transformed(tyre, place))
            hubs.append(transformed(cylinder(0.62 * radius, width + 0.012, 0.55 * radius, 20), place))
    hub = Look("metal", (0.7, 0.7, 0.72), roughness=0.25) if rng.random() < 0.7 else Look("plastic", (0.05, 0.05, 0.05))
    return [Thing(merge(tyres), _RUBBER, instance=1), Thing(merge(hubs), hub, instance=1)]


def _lights(x_front: float, x_rear: float, half: float, z_front: float, z_rear: float, size: float) -> list[Thing]:
    """Return head lamps, tail lamps and two number plates (plain boxes half sunk into the body)."""
    heads = [transformed(box(0.12, 1.6 * size, size, 0.03), translation(x_front, s * half, z_front)) for s in (-1, 1)]
    tails = [transformed(box(0.1, 1.2 * size, 1.2 * size, 0.03), translation(x_rear, s * half, z_rear)) for s in (-1, 1)]
    plates = [transformed(box(0.03, 0.5, 0.11), translation(x, 0, 0.72 * z_front)) for x in (x_front + 0.06, x_rear - 0.06)]
    return [
        Thing(merge(heads), Look("plastic", (0.75, 0.77, 0.8), roughness=0.05), instance=1),
        Thing(merge(tails), Look("plastic", (0.4, 0.01, 0.01), roughness=0.05), instance=1),
        Thing(merge(plates), Look("plastic", srgb(0.9, 0.88, 0.8)), instance=1),
    ]


def _car(rng: np.random.Generator, kind: str) -> list[Thing]:
    length, width, height, waist, cabin = _CARS[kind]
    length, width, height = length * rng.uniform(0.93, 1.07), width * rng.uniform(0.96, 1.04), height * rng.uniform(0.96, 1.06)
    cabin = (cabin + rng.normal(0, 0.01, 4)) * length
    paint, radius = _paint(rng), height * rng.uniform(0.2, 0.235)
    x = np.concatenate([[-0.5, -0.495, -0.48], np.linspace(-0.45, 0.43, 16), [0.47, 0.49, 0.5]])
    nose = np.clip((np.abs(x) - 0.38) / 0.12, 0, 1)
    half = width / 2 * (1 - 0.22 * nose**2.2)
    high = height * np.interp(x, np.linspace(-0.5, 0.5, 6), waist) * (1 - 0.1 * nose**3)
    low = height * (0.13 + 0.08 * nose**2)
    things = [Thing(_loft(x * length, half, low, high, 5.0), paint, instance=1)]
    belt = float(height * waist[2]) - 0.03
    roof_half, belt_half = 0.36 * width, 0.46 * width
    foot_rear, roof_rear, roof_front, foot_front = (float(v) for v in cabin)
    roof_z = height - 0.03
    n = 7
    u = np.linspace(-1, 1, n)
    xs = np.linspace(roof_rear, roof_front, n)
    arch = 0.035 * (1 - np.linspace(-1, 1, n) ** 2)
    for dz, thing_look in ((0.0, paint), (-0.035, Look("diffuse", (0.25, 0.24, 0.22)))):
        roof = np.stack(
            [
                np.broadcast_to(xs[:, None], (n, n)),
                np.broadcast_to(u * (roof_half + 0.02), (n, n)),
                roof_z + arch[:, None] - 0.04 * u[None] ** 2 + dz,
            ],
            -1,
        )
        things.append(Thing(_sheet(roof[:, ::1]), thing_look, instance=1))
    belts = np.array([[foot_front, belt_half, belt], [foot_rear, belt_half, belt]])
    tops = np.array([[roof_front, roof_half, roof_z - 0.03], [roof_rear, roof_half, roof_z - 0.03]])
    pillars, glass = [], []
    mid = (roof_rear + roof_front) / 2 + 0.02 * length
    flip = np.array([1, -1, 1])
    for side in (np.ones(3), flip):
        for low_end, top_end in zip(belts, tops, strict=True):
            pillars.append(tube([low_end * side, top_end * side], [0.05, 0.04], 6))
        pillars.append(
            tube([np.array([mid, belt_half, belt]) * side, np.array([mid, roof_half, roof_z - 0.02]) * side], 0.04, 6)
        )
        pillars.append(tube([tops[0] * side, tops[1] * side], 0.04, 6))
        panel = np.array([[belts[1] * side, belts[0] * side], [tops[1] * side, tops[0] * side]])
        glass.append(_sheet(panel if side[1] < 0 else panel[:, ::-1]))
    for k in (0, 1):
        panel = np.array([[belts[k] * flip, belts[k]], [tops[k] * flip, tops[k]]])
        glass.append(_sheet(panel if k == 0 else panel[:, ::-1]))
    things.append(Thing(merge(pillars), paint if rng.random() < 0.6 else _TRIM, instance=1))
    things.append(Thing(merge(glass), _GLASS if rng.random() < 0.75 else _DARK_GLASS, instance=1))
    seats = [
        transformed(box(0.2, 0.45, height * 0.3, 0.06), translation(xx, s * 0.22 * width, belt - 0.12 * height))
        for xx in (mid - 0.05 * length, mid - 0.05 * length - 0.9)
        for s in (-1, 1)
        if xx > foot_rear + 0.2
    ]
    seats.append(transformed(box(0.3, 0.8 * width, 0.1, 0.04), translation(foot_front - 0.25, 0, belt - 0.06)))
    things.append(Thing(merge(seats), Look("diffuse", (0.06, 0.055, 0.05)), instance=1))
    axle = 0.31 * length
    arches = [
        transformed(
            cylinder(1.13 * radius, width + 0.005, segments=28),
            translation(xx, width / 2 + 0.0025, radius) @ rotation((1, 0, 0), 90),
        )
        for xx in (-axle, axle)
    ]
    things.append(Thing(merge(arches), _TRIM, instance=1))
    things += _wheels(rng, [-axle, axle], width / 2 + 0.03, radius, 0.22)
    things += _lights(0.475 * length, -0.485 * length, 0.33 * width, 0.4 * height, 0.47 * height, 0.085 * height)
    grille = box(0.1, 0.9, 0.12 * height, 0.03)
    things.append(Thing(grille, _TRIM, translation(0.48 * length, 0, 0.24 * height), 1))
    mirrors = [
        transformed(box(0.1, 0.2, 0.14, 0.04), translation(foot_front - 0.3, s * (belt_half + 0.12), belt)) for s in (-1, 1)
    ]
    things.append(Thing(merge(mirrors), paint, instance=1))
    if kind == "pickup":
        bed = box(0.33 * length, 0.8 * width, 0.02)
        things.append(Thing(bed, _TRIM, translation(-0.3 * length, 0, float(height * waist[1]) + 0.005), 1))
    return things


def _boxy(rng: np.random.Generator, kind: str) -> list[Thing]:
    length, width, height = {"van": (5.0, 2.0, 2.3), "bus": (11.0, 2.5, 3.1), "lorry": (8.0, 2.5, 3.6)}[kind]
    length, width, height = length * rng.uniform(0.85, 1.15), width * rng.uniform(0.96, 1.02), height * rng.uniform(0.9, 1.1)
    paint = _paint(rng)
    radius = {"van": 0.34, "bus": 0.48, "lorry": 0.48}[kind]
    things: list[Thing] = []
    base = 0.8 * radius

    def put(mesh: Mesh, look: Look, x: float, y: float, z: float) -> None:
        things.append(Thing(mesh, look, translation(x, y, z), 1))

    if kind == "lorry":
        cab = min(2.2, 0.28 * length)
        cab_h = height * rng.uniform(0.72, 0.95)
        put(box(cab, width, cab_h - base, 0.14), paint, length / 2 - cab / 2, 0, base)
        cargo = length - cab - 0.25
        put(box(length - 0.4, 0.6 * width, 0.35), _TRIM, -0.1, 0, base)
        style = rng.choice(["box", "flat", "tank"])
        tone = Look("plastic", srgb(*(random_cloth_colour(rng) if rng.random() < 0.6 else np.full(3, 0.9))), roughness=0.3)
        if style == "box":
            put(box(cargo, width, height - base - 0.4, 0.03), tone, -length / 2 + cargo / 2, 0, base + 0.4)
        elif style == "flat":
            put(box(cargo, width, 0.5), tone, -length / 2 + cargo / 2, 0, base + 0.35)
        else:
            tank = transformed(cylinder(0.45 * width, cargo), rotation((0, 1, 0), 90))
            put(tank, Look("metal", (0.75, 0.75, 0.77), roughness=0.2), -length / 2, 0, base + 0.4 + 0.45 * width)
        put(box(0.06, 0.86 * width, 0.38 * cab_h, 0.02), _DARK_GLASS, length / 2 + 0.005, 0, 0.52 * cab_h)
        put(box(0.45 * cab, width + 0.02, 0.3 * cab_h, 0.01), _DARK_GLASS, length / 2 - 0.42 * cab, 0, 0.56 * cab_h)
    else:
        sloped = kind == "van"
        x = np.concatenate([[-0.5, -0.498, -0.49], np.linspace(-0.48, 0.3, 8), [0.36, 0.42, 0.46, 0.485, 0.497, 0.5]]) * length
        u = x / length
        high = (
            np.interp(u, [-0.5, 0.2, 0.36, 0.44, 0.5], [1, 1, 0.8, 0.55, 0.42]) * height if sloped else np.full(len(x), height)
        )
        half = width / 2 * (1 - 0.12 * np.clip((np.abs(u) - 0.4) / 0.1, 0, 1) ** 3)
        put(_loft(x, half, np.full(len(x), base), high, 9.0), paint, 0, 0, 0)
        sill, tall = (0.55 * height, 0.3 * height) if kind == "van" else (0.42 * height, 0.36 * height)
        if kind == "bus":
            put(box(0.88 * length, width + 0.03, tall, 0.01), _DARK_GLASS, -0.01 * length, 0, sill)
            posts = [
                transformed(box(0.12, width + 0.05, tall), translation(float(xx), 0, sill))
                for xx in np.arange(-0.42, 0.43, 0.14) * length
            ]
            put(merge(posts), paint, 0, 0, 0)
            put(box(0.06, 0.84 * width, 0.48 * height, 0.02), _DARK_GLASS, 0.5 * length - 0.01, 0, 0.38 * height)
            put(box(0.06, 0.84 * width, 0.3 * height, 0.02), _DARK_GLASS, -0.5 * length + 0.01, 0, 0.5 * height)
        else:
            many = rng.random() < 0.5
            reach = 0.72 if many else 0.2
            put(box(reach * length, 1.006 * width, tall, 0.02), _DARK_GLASS, (0.3 - reach / 2) * length, 0, sill)
            screen = np.array([[[0.445, -0.4, 0.56], [0.445, 0.4, 0.56]], [[0.3, -0.36, 0.9], [0.3, 0.36, 0.9]]]) * [
                length,
                width,
                height,
            ] + xyz(0.045, 0, 0.03)
            put(_sheet(screen), _DARK_GLASS, 0, 0, 0)
    axles = {"van": [-0.3, 0.3], "bus": [-0.27, 0.32], "lorry": [-0.36, -0.22, 0.37]}[kind]
    things += _wheels(rng, [a * length for a in axles], width / 2 + 0.01, radius, 0.26)
    things += _lights(0.495 * length, -0.497 * length, 0.38 * width, 0.25 * height, 0.28 * height, 0.14)
    mirrors = [
        transformed(box(0.1, 0.22, 0.35, 0.04), translation(0.42 * length, s * (width / 2 + 0.15), 0.6 * height))
        for s in (-1, 1)
    ]
    put(merge(mirrors), _TRIM, 0, 0, 0)
    return things


def _two_wheeler(rng: np.random.Generator, motor: bool) -> list[Thing]:
    radius = 0.31 if motor else rng.uniform(0.25, 0.35)
    base = 1.4 if motor else 3.1 * radius
    lie_y = rotation((1, 0, 0), 90)
    fat = 0.06 if motor else 0.018
    rear, front = np.array([-base / 2, 0, radius]), np.array([base / 2, 0, radius])
    rings = [transformed(torus(radius - fat, fat, 32), translation(*p) @ lie_y) for p in (rear, front)]
    spokes = []
    for p in (rear, front):
        for a in np.linspace(0, np.pi, 5 if motor else 7, endpoint=False):
            d = (radius - fat) * np.array([np.cos(a), 0, np.sin(a)])
            spokes.append(tube([p - d, p + d], 0.012 if motor else 0.003, 4))
    paint = _paint(rng)
    steel = Look("metal", (0.7, 0.7, 0.72), roughness=0.2)
    things = [Thing(merge(rings), _RUBBER, instance=1), Thing(merge(spokes), steel, instance=1)]
    head = front + xyz(-0.28 * base * 0.7, 0, 0.55)
    bars = [
        tube([head + xyz(-0.02, s * 0.06, 0.08), head + xyz(-0.02, s * 0.2, 0.12), head + xyz(-0.12, s * 0.3, 0.1)], 0.013, 6)
        for s in (-1, 1)
    ]
    fork = [
        tube([front + xyz(0, s * (fat + 0.02), 0), head + xyz(0, s * 0.04, 0.02)], 0.022 if motor else 0.012, 6)
        for s in (-1, 1)
    ]
    if motor:
        body = [
            *chain([head + xyz(-0.1, 0, -0.05), (0.05, 0, 0.72), (-0.2, 0, 0.7)], [0.09, 0.15, 0.1]),
            *chain([(-0.15, 0, 0.72), (-0.5, 0, 0.76), (-0.75, 0, 0.82)], [0.1, 0.13, 0.07]),
        ]
        engine = [((0.1, 0, 0.42), (-0.15, 0, 0.4), 0.17, 0.16), ((0.2, 0, 0.5), (0.1, 0, 0.62), 0.12, 0.1)]
        things += [
            Thing(blend_capsules(body, 0.034), paint, instance=1),
            Thing(
                blend_capsules(
                    [*engine, ((-0.1, 0, 0.35), tuple(rear), 0.06, 0.05), ((0, -0.15, 0.3), (-0.8, -0.2, 0.38), 0.045, 0.06)],
                    0.025,
                ),
                Look("metal", (0.3, 0.3, 0.32), roughness=0.3),
                instance=1,
            ),
            Thing(blend_capsules([((-0.2, 0, 0.83), (-0.6, 0, 0.88), 0.09, 0.1)], 0.034), _TRIM, instance=1),
            Thing(
                blend_capsules([(head + xyz(0.08, 0, -0.02), head + xyz(0.12, 0, -0.02), 0.1, 0.09)], 0.02),
                Look("plastic", (0.7, 0.7, 0.7), roughness=0.05),
                instance=1,
            ),
        ]
    else:
        crank, saddle = np.array([-0.05, 0, radius * 0.95]), np.array([-0.22, 0, 0.88])
        frame = [(crank, saddle), (crank, head), (saddle - [0, 0, 0.15], head), (rear, crank), (rear, saddle - [0, 0, 0.15])]
        things.append(Thing(merge([tube([a, b], 0.016, 7) for a, b in frame]), paint, instance=1))
        things.append(
            Thing(blend_capsules([(saddle - [0.08, 0, 0], saddle + xyz(0.12, 0, 0.01), 0.07, 0.03)], 0.018), _TRIM, instance=1)
        )
        pedals = [
            tube([crank, crank + xyz(0.12 * s, 0.08 * s, -0.1 * s), crank + xyz(0.12 * s, 0.18 * s, -0.1 * s)], 0.012, 5)
            for s in (-1, 1)
        ]
        things.append(Thing(merge(pedals), steel, instance=1))
    things.append(Thing(merge([*bars, *fork]), steel if rng.random() < 0.6 else _TRIM, instance=1))
    return things


def _tractor(rng: np.random.Generator) -> list[Thing]:
    paint = Look(
        "plastic", srgb(*np.array([[0.1, 0.4, 0.12], [0.7, 0.1, 0.08], [0.12, 0.25, 0.6], [0.85, 0.5, 0.1]])[rng.integers(4)])
    )
    posts = [transformed(box(0.08, 0.08, 1.3), translation(x, y, 1.2)) for x in (-1.2, 0.0) for y in (-0.65, 0.65)]
    panes = [transformed(box(1.1, 0.02, 1.0), translation(-0.6, y, 1.4)) for y in (-0.66, 0.66)] + [
        transformed(box(0.02, 1.2, 1.0), translation(x, 0, 1.4)) for x in (-1.22, 0.02)
    ]
    return [
        Thing(box(1.9, 0.75, 0.75, 0.12), paint, translation(0.95, 0, 0.75), 1),
        Thing(box(1.5, 1.0, 0.6, 0.08), paint, translation(-0.5, 0, 0.7), 1),
        Thing(merge([*posts, transformed(box(1.5, 1.5, 0.12, 0.05), translation(-0.6, 0, 2.5))]), paint, instance=1),
        Thing(merge(panes), _GLASS, instance=1),
        Thing(cylinder(0.04, 0.9, segments=10), _TRIM, translation(1.2, 0.2, 1.45), 1),
        *_wheels(rng, [-0.75], 1.0, 0.85, 0.45),
        *_wheels(rng, [1.4], 0.85, 0.5, 0.3),
    ]
