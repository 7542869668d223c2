"""Procedural household objects: ``maker(rng) -> list[Thing]``, standing on z = 0 around the z axis, front along -y, in metres.

`OBJECTS` groups them by what they are; `random_object` draws one. `put` places a list of things as one object of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.scene import Look, LookKind, Mesh, Thing
from leadline.data.synthetic.textures import Mood, linear, random_colour, random_texture, surface

Maker = Callable[[np.random.Generator], list[Thing]]


def put(things: Iterable[Thing], matrix: NDArray[np.float64], instance: int) -> list[Thing]:
    """Return the things moved by `matrix`, (4, 4), as one object of the given instance."""
    return [replace(t, world_from_mesh=matrix @ t.world_from_mesh, instance=instance) for t in things]


def extent(things: Iterable[Thing]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest corner in the world, each (3,), of the things' own boxes."""
    corners = []
    for t in things:
        box = np.stack(s.bounds(t.mesh))
        eight = np.stack(np.meshgrid(*box.T), -1).reshape(-1, 3)
        corners.append(eight @ t.world_from_mesh[:3, :3].T + t.world_from_mesh[:3, 3])
    every = np.vstack(corners)
    return every.min(0), every.max(0)


# --- looks -----------------------------------------------------------------------------------------------------------


def paint(rng: np.random.Generator, mood: Mood | tuple[Mood, ...] = "any", gloss: float = 0.6) -> Look:
    """Return a plain colour of a mood (or of one of several), glossy with probability `gloss`."""
    if not isinstance(mood, str):
        mood = mood[int(rng.integers(len(mood)))]
    kind: LookKind = "plastic" if rng.random() < gloss else "diffuse"
    return Look(kind, linear(random_colour(rng, mood)), roughness=float(rng.uniform(0.03, 0.35)))


def metal(rng: np.random.Generator) -> Look:
    """Return steel, brass, copper or dark iron; polished or brushed."""
    tones = ((0.75, 0.75, 0.76), (0.6, 0.6, 0.62), (0.8, 0.62, 0.3), (0.8, 0.5, 0.38), (0.25, 0.25, 0.26), (0.9, 0.9, 0.9))
    return Look(
        "metal", tones[int(rng.choice(6, p=[0.3, 0.25, 0.13, 0.07, 0.1, 0.15]))], roughness=float(rng.uniform(0.03, 0.35))
    )


def glass(rng: np.random.Generator, tinted: float = 0.25) -> Look:
    """Return solid glass, clear or (with probability `tinted`) coloured."""
    if rng.random() > tinted:
        return Look("glass", (1.0, 1.0, 1.0))
    tint = 0.35 + 0.65 * np.array(linear(random_colour(rng, "vivid")))
    return Look("glass", (float(tint[0]), float(tint[1]), float(tint[2])))


def ceramic(rng: np.random.Generator) -> Look:
    """Return glazed or raw pottery, often white."""
    if rng.random() < 0.35:
        return Look("plastic", linear((235, 232, 225)), roughness=0.05)
    if rng.random() < 0.4:
        return surface(rng, "label" if rng.random() < 0.2 else "fabric", 128).look
    return paint(rng)


def _any(rng: np.random.Generator) -> Look:
    roll = rng.random()
    if roll < 0.45:
        return paint(rng)
    if roll < 0.6:
        return metal(rng)
    return surface(rng, str(rng.choice(["furniture", "label", "fabric", "counter"])), 128).look


def _thing(mesh: Mesh, look: Look, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Thing:
    return Thing(mesh, look, s.placement(x, y, z, yaw_deg), instance=1)


def _u(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _smooth(points: Sequence[tuple[float, float]], per_span: int = 5) -> NDArray[np.float64]:
    """Return a soft curve through profile points (a monotone-parameter cubic, Catmull-Rom)."""
    p = np.asarray(points, np.float64)
    q = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, per_span, endpoint=False)[:, None]
    spans = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(q[:-3], q[1:-2], q[2:-1], q[3:], strict=True)
    ]
    curve = np.vstack([*spans, p[-1:]])
    return np.stack([np.maximum(curve[:, 0], 1e-4), np.maximum.accumulate(curve[:, 1])], 1)


# --- glass and pottery -----------------------------------------------------------------------------------------------


def _drink(rng: np.random.Generator, radius: float, low: float, high: float) -> list[Thing]:
    """A filling inside a vessel, a hair away from its wall."""
    level = low + (high - low) * _u(rng, 0.3, 0.95)
    look = glass(rng, 0.9) if rng.random() < 0.4 else paint(rng, "vivid" if rng.random() < 0.5 else "earth", 1.0)
    return [_thing(s.cylinder(radius * 0.97, level - low, segments=28), look, z=low + 0.001)]


def wine_glass(rng: np.random.Generator) -> list[Thing]:
    """A stemmed glass, sometimes with a drink."""
    r, stem, bowl = _u(rng, 0.03, 0.048), _u(rng, 0.03, 0.11), _u(rng, 0.05, 0.11)
    foot, rim = r * _u(rng, 0.75, 1.0), r * _u(rng, 0.65, 1.15)
    look = glass(rng, 0.12)
    base = s.lathe([(0, 0), (foot, 0), (foot, 0.002), (0.006, 0.008), (0.0035, 0.02), (0.0035, stem), (0.0, stem)], 28)
    outline = _smooth([(0.004, 0), (r * 0.75, bowl * 0.2), (r, bowl * 0.5), (rim, bowl)])
    things = [_thing(base, look), _thing(s.vessel(outline, 0.0016, 32), look, z=stem + 0.0002)]
    if rng.random() < 0.5:
        inner = _smooth([(0.0, 0.003), (r * 0.7, bowl * 0.22), (r * 0.93, bowl * 0.5)])
        things.append(_thing(s.lathe(np.vstack([inner, [(0, bowl * 0.5)]]), 28), paint(rng, "vivid", 1.0), z=stem + 0.001))
    return things


def tumbler(rng: np.random.Generator) -> list[Thing]:
    """A drinking glass or beaker."""
    r, h = _u(rng, 0.028, 0.045), _u(rng, 0.07, 0.17)
    top, w = r * _u(rng, 1.0, 1.25), _u(rng, 0.0018, 0.004)
    vessel = s.vessel([(r, 0), (top, h)], w, 32)
    clear = rng.random() < 0.8
    look = glass(rng) if clear else paint(rng, gloss=1.0)
    return [_thing(vessel, look)] + (_drink(rng, r - w, w, h * 0.95) if rng.random() < 0.5 else [])


def bottle(rng: np.random.Generator) -> list[Thing]:
    """A bottle of glass, plastic or metal with cap and label."""
    r, h = _u(rng, 0.025, 0.05), _u(rng, 0.14, 0.34)
    neck, shoulder = r * _u(rng, 0.28, 0.6), h * _u(rng, 0.5, 0.75)
    outline = np.vstack(
        [[(r * 0.97, 0), (r, 0.006)], _smooth([(r, 0.01), (r, shoulder), (neck, shoulder + (h - shoulder) * 0.45), (neck, h)])]
    )
    roll = rng.random()
    look = glass(rng, 0.6) if roll < 0.55 else (paint(rng) if roll < 0.9 else metal(rng))
    things = [_thing(s.vessel(outline, min(0.003, neck * 0.3), 32), look)]
    if roll < 0.55 and rng.random() < 0.5:
        things += _drink(rng, r - 0.003, 0.004, shoulder)
    if rng.random() < 0.7:
        things.append(_thing(s.cylinder(neck * 1.15, h * 0.06, segments=20), paint(rng), z=h - h * 0.03))
    if rng.random() < 0.6:
        tall = shoulder * _u(rng, 0.3, 0.7)
        band = s.fit_uv(s.lathe([(r * 1.015, 0), (r * 1.015, tall)], 32))
        things.append(
            _thing(band, Look("diffuse", texture=random_texture(rng, "label", 128)), z=shoulder * 0.15, yaw_deg=_u(rng, 0, 360))
        )
    return things


def jar(rng: np.random.Generator) -> list[Thing]:
    """A jar with a lid; glass ones hold something."""
    r, h = _u(rng, 0.03, 0.07), _u(rng, 0.06, 0.2)
    clear = rng.random() < 0.65
    outline = _smooth([(r * 0.95, 0), (r, h * 0.15), (r, h * 0.75), (r * 0.82, h)])
    things = [_thing(s.vessel(outline, 0.003, 32), glass(rng) if clear else ceramic(rng))]
    if clear and rng.random() < 0.7:
        if rng.random() < 0.5:
            things += _drink(rng, r * 0.9, 0.004, h * 0.75)
        else:
            look = paint(rng)
            size = r * 0.28
            for level in range(max(int(h * 0.7 / (2 * size)), 1)):
                for k in range(4):
                    a = k * np.pi / 2 + level
                    things.append(
                        _thing(
                            s.sphere(size, 12), look, r * 0.5 * np.cos(a), r * 0.5 * np.sin(a), 0.004 + size * (1 + 1.9 * level)
                        )
                    )
    if rng.random() < 0.7:
        things.append(_thing(s.cylinder(r * 0.9, h * 0.12), metal(rng) if rng.random() < 0.5 else paint(rng), z=h - 0.002))
    return things


def vase(rng: np.random.Generator) -> list[Thing]:
    """A vase of any outline, sometimes with stems in it."""
    h, r = _u(rng, 0.1, 0.4), _u(rng, 0.03, 0.1)
    radii = r * rng.uniform(0.35, 1.3, 5)
    radii[0] = r * _u(rng, 0.6, 1.0)
    outline = _smooth([(float(a), h * k / 4) for k, a in enumerate(radii)])
    look = glass(rng, 0.5) if rng.random() < 0.3 else (metal(rng) if rng.random() < 0.15 else ceramic(rng))
    things = [_thing(s.fit_uv(s.vessel(outline, 0.004, 36)), look)]
    if rng.random() < 0.45:
        green = paint(rng, "green", 0.3)
        flower = paint(rng, "vivid", 0.2)
        inner = float(outline[:, 0].min()) * 0.5
        for _ in range(int(rng.integers(3, 12))):
            a, spread, tall = _u(rng, 0, 6.28), _u(rng, 0.02, 0.15), h + _u(rng, 0.05, 0.3)
            tip = np.array([np.cos(a) * spread, np.sin(a) * spread, tall])
            foot = np.array([np.cos(a) * inner * 0.5, np.sin(a) * inner * 0.5, 0.01])
            neck = np.array([np.cos(a) * inner, np.sin(a) * inner, h])
            things.append(_thing(s.tube([foot, neck, (neck + tip) / 2 + (0, 0, 0.01), tip], 0.002, 6), green))
            things.append(_thing(s.blob(rng, (0.02, 0.02, 0.015), 0.3, 12), flower, *map(float, tip)))
    return things


def bowl(rng: np.random.Generator) -> list[Thing]:
    """A bowl, empty or full of food."""
    r, h = _u(rng, 0.06, 0.16), _u(rng, 0.04, 0.1)
    roll = rng.random()
    look = glass(rng) if roll < 0.15 else (metal(rng) if roll < 0.3 else ceramic(rng))
    outline = _smooth([(r * 0.4, 0), (r * 0.75, h * 0.35), (r, h)])
    things = [_thing(s.vessel(outline, 0.004, 40), look)]
    roll = rng.random()
    if roll < 0.3:
        things += _pile(rng, r * 0.8, h * 0.55, int(rng.integers(5, 14)))
    elif roll < 0.5:
        things += _noodles(rng, r * 0.72, h * 0.6)
    elif roll < 0.7:
        things.append(_thing(s.cylinder(r * 0.8, h * 0.1), paint(rng, "earth", 0.8), z=h * 0.55))
        things += _pile(rng, r * 0.6, h * 0.62, int(rng.integers(0, 7)), 0.25)
    return things


def plate(rng: np.random.Generator) -> list[Thing]:
    """A plate, empty or served."""
    r = _u(rng, 0.08, 0.16)
    outline = [(r * 0.55, 0), (r * 0.6, 0.003), (r * 0.72, 0.01), (r, 0.02)]
    look = ceramic(rng) if rng.random() < 0.85 else (glass(rng) if rng.random() < 0.5 else metal(rng))
    things = [_thing(s.vessel(outline, 0.004, 40), look)]
    if rng.random() < 0.7:
        for meal in _meal(rng, r * 0.6):
            things.append(replace(meal, world_from_mesh=s.translation(0, 0, 0.006) @ meal.world_from_mesh))
    return things


def cup(rng: np.random.Generator) -> list[Thing]:
    """A cup or mug with a handle, sometimes on a saucer."""
    r, h = _u(rng, 0.03, 0.048), _u(rng, 0.055, 0.12)
    look = ceramic(rng) if rng.random() < 0.85 else (glass(rng) if rng.random() < 0.5 else metal(rng))
    outline = _smooth([(r * _u(rng, 0.6, 1), 0), (r, h * 0.4), (r * _u(rng, 0.95, 1.15), h)])
    a = np.linspace(-1.35, 1.35, 12)
    handle = s.tube(np.c_[r * 0.9 + h * 0.3 * np.cos(a), 0 * a, h * 0.5 + h * 0.32 * np.sin(a)], r * 0.13, 8)
    lift = 0.0
    things: list[Thing] = []
    if rng.random() < 0.35:
        things.append(_thing(s.vessel([(r * 0.8, 0), (r * 1.7, 0.014)], 0.003), look))
        lift = 0.004
    things += [_thing(s.fit_uv(s.vessel(outline, 0.003, 32)), look, z=lift), _thing(handle, look, z=lift)]
    if rng.random() < 0.6:
        things.append(_thing(s.cylinder(r * 0.9, 0.002), paint(rng, "earth", 1.0), z=lift + h * 0.8))
    return things


def pot(rng: np.random.Generator) -> list[Thing]:
    """A cooking pot or pan."""
    r, h = _u(rng, 0.08, 0.15), _u(rng, 0.04, 0.18)
    look = metal(rng) if rng.random() < 0.7 else paint(rng)
    things = [_thing(s.vessel([(r, 0), (r * 1.03, h)], 0.003, 40), look)]
    dark = paint(rng, "dark")
    if h < 0.08 or rng.random() < 0.3:
        handle = s.tube([(r, 0, h * 0.8), (r * 1.6, 0, h * 0.95), (r * 2.4, 0, h)], 0.009, 8)
        things.append(_thing(handle, dark))
    else:
        for side in (1, -1):
            a = np.linspace(-1.4, 1.4, 9)
            loop = np.c_[side * (r + 0.03 * np.cos(a)), 0.035 * np.sin(a), np.full(9, h * 0.8)]
            things.append(_thing(s.tube(loop, 0.005, 8), dark))
    if rng.random() < 0.4:
        lid = _smooth([(r * 1.03, 0), (r * 0.6, 0.02), (0.001, 0.03)])
        clear = rng.random() < 0.4
        things.append(
            _thing(
                s.lathe(np.vstack([[(0, -0.001)], [(r * 1.03, -0.001)], lid])), glass(rng, 0) if clear else look, z=h + 0.001
            )
        )
        things.append(_thing(s.sphere(0.014, 16), dark, z=h + 0.042))
    elif rng.random() < 0.5:
        things.append(_thing(s.cylinder(r * 0.95, h * 0.4), paint(rng, "earth", 0.7), z=0.004))
        things += _pile(rng, r * 0.6, h * 0.45, 5, 0.2)
    return things


# --- food ------------------------------------------------------------------------------------------------------------


def fruit(rng: np.random.Generator) -> list[Thing]:
    """An apple, orange, pear, banana, tomato, grapes, egg, or vegetable."""
    kind = int(rng.integers(8))
    if kind <= 1:
        r = _u(rng, 0.025, 0.05)
        look = Look(
            "plastic", linear(random_colour(rng, "vivid" if rng.random() < 0.7 else "green")), roughness=_u(rng, 0.1, 0.4)
        )
        stem = s.tube([(0, 0, 1.75 * r), (0.001, 0, 2.1 * r), (0.006, 0, 2.3 * r)], 0.0016, 6)
        body = s.lathe(_smooth([(0.0, r * 0.15), (r * 0.6, 0), (r, r * 0.9), (r * 0.7, r * 1.75), (0.0, r * 1.76)]), 28)
        return [_thing(body, look), _thing(stem, paint(rng, "earth", 0))]
    if kind == 2:
        r = _u(rng, 0.03, 0.06)
        return [_thing(s.blob(rng, (r, r, r * 0.95), 0.03), paint(rng, "vivid", 0.7), z=r * 0.95)]
    if kind == 3:
        a = np.linspace(-0.8, 0.8, 14)
        ring = _u(rng, 0.09, 0.13)
        radius = 0.018 * np.clip(1.15 - np.abs(a / 0.8) ** 3, 0.25, 1)
        path = np.c_[ring * np.sin(a), ring * (1 - np.cos(a)), np.full(14, 0.018)]
        return [_thing(s.tube(path, radius, 10), Look("plastic", linear((232, 200, 60)), roughness=0.3))]
    if kind == 4:
        look = glass(rng, 1.0) if rng.random() < 0.3 else paint(rng, "vivid", 1.0)
        spots = [(x, y, 0.011) for x in (-0.02, 0, 0.02) for y in (-0.02, 0, 0.02)] + [
            (x, y, 0.026) for x in (-0.01, 0.01) for y in (-0.01, 0.01)
        ]
        return [_thing(s.sphere(0.0115, 14), look, x, y, z) for x, y, z in spots]
    if kind == 5:
        h = _u(rng, 0.08, 0.12)
        body = s.lathe(_smooth([(0.0, 0), (h * 0.36, h * 0.25), (h * 0.25, h * 0.6), (h * 0.12, h * 0.92), (0.0, h)]), 28)
        return [_thing(body, paint(rng, "green" if rng.random() < 0.5 else "vivid", 0.5))]
    if kind == 6:
        n, length = 10, _u(rng, 0.1, 0.22)
        radii = np.linspace(_u(rng, 0.012, 0.025), _u(rng, 0.004, 0.02), n)
        look = paint(rng, ("vivid", "green", "earth"), 0.5)
        return [
            _thing(
                s.tube(np.c_[np.linspace(-length / 2, length / 2, n), 0.008 * np.sin(np.linspace(0, 3, n)), radii], radii, 12),
                look,
            )
        ]
    r = _u(rng, 0.05, 0.12)
    look = surface(rng, "leaf", 128).look
    return [_thing(s.blob(rng, (r, r, r * 0.85), 0.12, 32), look, z=r * 0.85)]


def bread(rng: np.random.Generator) -> list[Thing]:
    """A loaf, roll or slices."""
    crust = surface(rng, "soil", 128).look
    tone = np.array((0.5, 0.27, 0.1)) * rng.uniform(0.5, 1.5)
    look = Look("diffuse", (float(tone[0]), float(tone[1]), float(tone[2]))) if rng.random() < 0.7 else crust
    if rng.random() < 0.6:
        a, b, c = _u(rng, 0.05, 0.16), _u(rng, 0.04, 0.07), _u(rng, 0.025, 0.05)
        return [_thing(s.blob(rng, (a, b, c), 0.08), look, z=c * 0.9)]
    slices = int(rng.integers(1, 5))
    crumb = Look("diffuse", linear((240, 220, 180)))
    return [
        _thing(
            s.box(0.11, 0.1, 0.014, 0.004),
            crumb if rng.random() < 0.7 else look,
            _u(rng, -0.01, 0.01),
            _u(rng, -0.01, 0.01),
            0.0145 * k,
            _u(rng, -20, 20),
        )
        for k in range(slices)
    ]


def cake(rng: np.random.Generator) -> list[Thing]:
    """A round or square cake in layers, with toppings."""
    r, layers = _u(rng, 0.05, 0.13), int(rng.integers(1, 5))
    looks = [paint(rng, ("pale", "earth", "vivid"), 0.3) for _ in range(2)]
    h = _u(rng, 0.012, 0.035)
    square = rng.random() < 0.35
    things: list[Thing] = []
    for k in range(layers):
        body = (
            s.box(1.6 * r, _u(rng, 0.6, 1.6) * r if k == 0 else 1.6 * r, h, 0.002) if square else s.cylinder(r, h, segments=40)
        )
        things.append(_thing(body if k == 0 or not square else things[0].mesh, looks[k % 2], z=h * k))
    top = h * layers
    count = int(rng.integers(0, 10))
    look = paint(rng, "vivid")
    for k in range(count):
        a = 2 * np.pi * k / count
        things.append(
            _thing(
                s.sphere(0.01, 14),
                look,
                0.7 * r * np.cos(a) * (0.7 if square else 1),
                0.7 * r * np.sin(a) * (0.5 if square else 1),
                top + 0.008,
            )
        )
    return things


def burger(rng: np.random.Generator) -> list[Thing]:
    """A stack between two halves of a bun."""
    r = _u(rng, 0.04, 0.06)
    bun = Look("plastic", linear((200, 140, 70)), roughness=0.3)
    things = [_thing(s.cylinder(r, 0.014), bun)]
    z = 0.014
    for _ in range(int(rng.integers(1, 5))):
        h = _u(rng, 0.003, 0.014)
        things.append(
            _thing(
                s.cylinder(r * _u(rng, 0.95, 1.12), h, segments=24),
                paint(rng, ("green", "earth", "vivid", "wood")),
                z=z,
            )
        )
        z += h
    dome = _smooth([(r, 0), (r * 0.95, r * 0.3), (r * 0.5, r * 0.6), (0.001, r * 0.66)])
    things.append(_thing(s.lathe(np.vstack([[(0, 0)], dome])), bun, z=z))
    return things


def pizza(rng: np.random.Generator) -> list[Thing]:
    """A flat round bake with toppings: pizza, tart, pie."""
    r = _u(rng, 0.09, 0.16)
    crust = Look("diffuse", linear((205, 150, 85)))
    things = [
        _thing(s.cylinder(r, 0.008, segments=48), crust),
        _thing(s.torus(r * 0.96, 0.009, 48), crust, z=0.009),
        _thing(s.cylinder(r * 0.92, 0.003, segments=40), paint(rng, "vivid", 0.5), z=0.008),
    ]
    return things + _pile(rng, r * 0.85, 0.011, int(rng.integers(4, 22)), 0.12, flat=True)


def _meal(rng: np.random.Generator, r: float) -> list[Thing]:
    roll = rng.random()
    if roll < 0.2:
        return _noodles(rng, r, 0.02)
    if roll < 0.55:
        return _pile(rng, r, 0.0, int(rng.integers(2, 12)), _u(rng, 0.15, 0.4))
    made = (bread, cake, burger)[int(rng.integers(3))](rng)
    low, high = extent(made)
    size = min(1.0, 1.6 * r / float((high - low)[:2].max()))
    return put(made, s.scaling(size), 1)


def _pile(rng: np.random.Generator, r: float, z: float, count: int, size: float = 0.3, flat: bool = False) -> list[Thing]:
    """Lumps spread over a disc of radius `r` at height `z`: food of two or three sorts."""
    looks = [paint(rng, ("vivid", "earth", "green", "pale"), 0.6) for _ in range(3)]
    things = []
    for _ in range(count):
        a, d = _u(rng, 0, 6.28), r * float(np.sqrt(rng.random())) * 0.85
        half = r * size * rng.uniform(0.6, 1.2, 3)
        half[2] = min(half[2], 0.006) if flat else half[2]
        x, y, h = (float(c) for c in half)
        lift = h * (0.8 if rng.random() < 0.7 else 1.6)
        if rng.random() < 0.7:
            mesh = s.blob(rng, (x, y, h), 0.15, 12)
        else:
            mesh, lift = s.box(1.4 * x, 1.4 * y, 1.4 * h, 0.1 * h), lift - 0.8 * h
        things.append(_thing(mesh, looks[int(rng.integers(3))], d * np.cos(a), d * np.sin(a), z + lift, np.rad2deg(a)))
    return things


def _noodles(rng: np.random.Generator, r: float, z: float) -> list[Thing]:
    strands = []
    for _ in range(int(rng.integers(8, 18))):
        t = np.linspace(0, _u(rng, 4, 12), 40)
        wave = r * (0.55 + 0.35 * np.sin(t * rng.uniform(0.3, 1.1) + rng.uniform(0, 6)))
        height = (
            z + 0.006 + r * 0.25 * (0.5 + 0.5 * np.sin(t * rng.uniform(0.5, 1.5) + rng.uniform(0, 6))) * (1 - wave / r * 0.8)
        )
        strands.append(s.tube(np.c_[wave * np.cos(t), wave * np.sin(t), height], 0.0028, 6))
    look = Look("plastic", linear((235, 205, 130)), roughness=0.25) if rng.random() < 0.7 else paint(rng, "earth", 1)
    base = s.cylinder(r * 0.8, 0.006, segments=24)
    return [
        _thing(s.merge(strands), look),
        _thing(base, paint(rng, "earth"), z=z),
        *_pile(rng, r * 0.6, z + 0.012, int(rng.integers(0, 6)), 0.2),
    ]


# --- hard things -----------------------------------------------------------------------------------------------------


def can(rng: np.random.Generator) -> list[Thing]:
    """A tin or drinks can."""
    r, h = _u(rng, 0.025, 0.055), _u(rng, 0.05, 0.17)
    side = s.fit_uv(s.lathe([(r, 0.004), (r, h - 0.004)], 32))
    look = metal(rng) if rng.random() < 0.3 else Look("plastic", texture=random_texture(rng, "label", 128), roughness=0.1)
    body = s.lathe(
        [(0, 0), (r * 0.9, 0), (r * 0.995, 0.004), (r * 0.995, h - 0.004), (r * 0.9, h), (r * 0.85, h - 0.003), (0, h - 0.003)],
        32,
    )
    return [_thing(body, metal(rng)), _thing(side, look, yaw_deg=_u(rng, 0, 360))]


def carton(rng: np.random.Generator) -> list[Thing]:
    """A box: cardboard, plastic, a packet with print."""
    w, d, h = (float(x) for x in rng.uniform((0.05, 0.03, 0.03), (0.3, 0.22, 0.3)))
    mesh = s.box(w, d, h, min(0.003, w / 10))
    roll = rng.random()
    if roll < 0.5:
        return [_thing(s.fit_uv(mesh), Look("plastic", texture=random_texture(rng, "cover", 192), roughness=0.2))]
    return [_thing(mesh, Look("diffuse", linear((185, 140, 95))) if roll < 0.7 else paint(rng))]


def tub(rng: np.random.Generator) -> list[Thing]:
    """An open or lidded plastic box, clear or coloured, sometimes with things inside."""
    w, d, h, t = _u(rng, 0.1, 0.3), _u(rng, 0.08, 0.25), _u(rng, 0.04, 0.15), 0.003
    look = Look("thin_glass", (1, 1, 1)) if rng.random() < 0.4 else paint(rng)
    sides = [s.transformed(s.box(w, t, h), s.translation(0, y, 0)) for y in (-d / 2 + t / 2, d / 2 - t / 2)] + [
        s.transformed(s.box(t, d - 2 * t, h), s.translation(x, 0, 0)) for x in (-w / 2 + t / 2, w / 2 - t / 2)
    ]
    things = [_thing(s.merge([*sides, s.box(w - 2 * t, d - 2 * t, t)]), look)]
    if rng.random() < 0.6:
        things += _pile(rng, min(w, d) * 0.45, t, int(rng.integers(3, 10)), 0.25)
    if rng.random() < 0.3:
        things.append(_thing(s.box(w + 0.006, d + 0.006, 0.008, 0.002), paint(rng), z=h + 0.0005))
    return things


def book(rng: np.random.Generator) -> list[Thing]:
    """A closed book lying down."""
    w, d, h = _u(rng, 0.1, 0.22), _u(rng, 0.14, 0.3), _u(rng, 0.008, 0.05)
    cover = Look("plastic", texture=random_texture(rng, "cover", 192), roughness=0.25)
    board = s.fit_uv(s.quad(w, d))
    spine = paint(rng)
    t = 0.002
    return [
        _thing(s.box(w, d, t), spine),
        _thing(s.box(w, d, t), spine, z=h - t),
        _thing(s.box(t, d, h), spine, x=-w / 2 + t / 2),
        _thing(board, cover, z=h + 0.0004),
        _thing(s.box(w - 0.008, d - 0.008, h - 2 * t), Look("diffuse", linear((238, 232, 215))), z=t),
    ]


def book_pile(rng: np.random.Generator) -> list[Thing]:
    """Books stacked flat, turned a little."""
    things: list[Thing] = []
    z = 0.0
    for _ in range(int(rng.integers(2, 7))):
        one = book(rng)
        things += put(one, s.placement(_u(rng, -0.01, 0.01), _u(rng, -0.01, 0.01), z, _u(rng, -15, 15)), 1)
        z += float(extent(one)[1][2]) + 0.0005
    return things


def open_book(rng: np.random.Generator) -> list[Thing]:
    """A book lying open, pages curved."""
    w, d = _u(rng, 0.12, 0.2), _u(rng, 0.18, 0.28)
    x = np.linspace(-1, 1, 33)
    rise = 0.02 * np.sqrt(np.abs(x)) * (1.15 - np.abs(x)) + 0.004
    pages = s.fit_uv(s.heightfield(np.tile(rise, (2, 1)), 2 * w, d))
    texture = np.hstack([random_texture(rng, "page", 256), random_texture(rng, "page", 256)])
    return [_thing(pages, Look("diffuse", texture=texture)), _thing(s.box(2 * w + 0.01, d + 0.01, 0.003), paint(rng))]


def papers(rng: np.random.Generator) -> list[Thing]:
    """Loose printed sheets or photos."""
    things = []
    for k in range(int(rng.integers(1, 5))):
        size = _u(rng, 0.1, 0.21)
        mesh = s.fit_uv(s.box(size, size * 1.41, 0.0006))
        look = Look("diffuse", texture=random_texture(rng, "page" if rng.random() < 0.6 else "picture", 192))
        things.append(_thing(mesh, look, _u(rng, -0.04, 0.04), _u(rng, -0.04, 0.04), 0.0007 * k, _u(rng, -40, 40)))
    return things


def cutlery(rng: np.random.Generator) -> list[Thing]:
    """A knife, fork or spoon, or several side by side."""
    look = metal(rng)
    things = []
    for k in range(int(rng.integers(1, 4))):
        length = _u(rng, 0.15, 0.23)
        handle = s.extrude(
            [
                (-0.004, -length / 2),
                (0.004, -length / 2),
                (0.006, -length / 2 + 0.03),
                (0.003, length * 0.2),
                (-0.003, length * 0.2),
                (-0.006, -length / 2 + 0.03),
            ],
            0.002,
        )
        kind = int(rng.integers(3))
        if kind == 0:
            head = s.extrude(
                [(-0.008, length * 0.2), (0.006, length * 0.2), (0.009, length * 0.4), (-0.002, length / 2)], 0.0015
            )
        elif kind == 1:
            tines = [
                s.transformed(s.box(0.0025, length * 0.16, 0.0015), s.translation(x, length * 0.42, 0.0))
                for x in (-0.009, -0.003, 0.003, 0.009)
            ]
            head = s.merge([s.transformed(s.box(0.021, length * 0.14, 0.002), s.translation(0, length * 0.27, 0)), *tines])
        else:
            dish = s.lathe(np.c_[np.linspace(0.0, 0.02, 6), 0.006 * np.linspace(0, 1, 6) ** 2 + 0.001], 24)
            head = s.transformed(dish, s.translation(0, length * 0.32, 0) @ s.scaling(1, 1.5, 1))
        things += [_thing(m, look, x=0.03 * k) for m in (handle, head)]
    return things


def candle(rng: np.random.Generator) -> list[Thing]:
    """A candle, alone or on a stick."""
    r, h = _u(rng, 0.01, 0.04), _u(rng, 0.05, 0.2)
    stick = _u(rng, 0.03, 0.15) if rng.random() < 0.4 else 0.0
    things = [
        _thing(s.cylinder(r, h, segments=24), paint(rng, "pale"), z=stick),
        _thing(s.cylinder(0.001, 0.01, segments=6), paint(rng, "dark"), z=stick + h),
    ]
    if stick:
        profile = _smooth([(0.04, 0), (0.012, stick * 0.3), (0.01, stick * 0.7), (r * 1.3, stick)])
        things.append(_thing(s.lathe(np.vstack([[(0, 0)], profile, [(0, stick)]])), metal(rng)))
    return things


def table_lamp(rng: np.random.Generator) -> list[Thing]:
    """A lamp with a shade, lit or not."""
    h, r = _u(rng, 0.25, 0.6), _u(rng, 0.08, 0.2)
    foot = _smooth([(r * 0.6, 0), (r * _u(rng, 0.1, 0.6), h * 0.2), (r * _u(rng, 0.08, 0.5), h * 0.45), (0.008, h * 0.65)])
    body = s.lathe(np.vstack([[(0, 0)], foot, [(0, h * 0.65)]]), 28)
    top = r * _u(rng, 0.5, 1.0)
    ring = s.lathe([(r, 0), (top, h * 0.38), (top - 0.002, h * 0.38), (r - 0.002, 0), (r, 0)], 36)
    warm = np.array((1.0, 0.8, 0.55)) * rng.uniform(2, 8)
    look = (
        Look("light", (float(warm[0]), float(warm[1]), float(warm[2])))
        if rng.random() < 0.4
        else (paint(rng, "pale", 0) if rng.random() < 0.5 else surface(rng, "fabric", 128).look)
    )
    return [_thing(body, metal(rng) if rng.random() < 0.4 else ceramic(rng)), _thing(ring, look, z=h * 0.62)]


def picture_frame(rng: np.random.Generator) -> list[Thing]:
    """A standing frame with a picture or mirror, leaning back a little."""
    w, h = _u(rng, 0.08, 0.3), _u(rng, 0.1, 0.35)
    lean = s.rotation((1, 0, 0), -_u(rng, 6, 18))
    face = (
        Look("mirror") if rng.random() < 0.4 else Look("plastic", texture=random_texture(rng, "picture", 192), roughness=0.05)
    )
    edge = _u(rng, 0.006, 0.025)
    frame = frame_mesh(w, h, edge, 0.015)
    prop = s.box(w * 0.2, 0.004, h * 0.75)
    look = _any(rng)
    return [
        Thing(frame, look, lean, 1),
        Thing(s.fit_uv(s.transformed(s.wall(w - 2 * edge, h - 2 * edge), s.translation(0, -0.004, edge))), face, lean, 1),
        Thing(prop, look, s.translation(0, h * 0.18, 0) @ s.rotation((1, 0, 0), 10), 1),
    ]


def frame_mesh(width: float, height: float, edge: float, depth: float) -> Mesh:
    """Return a rectangular frame of bars `edge` wide, standing in x and z, its back plate at y = `depth`/2."""
    bars = [s.transformed(s.box(width, depth, edge), s.translation(0, 0, z)) for z in (0.0, height - edge)] + [
        s.transformed(s.box(edge, depth, height - 2 * edge), s.translation(x, 0, edge))
        for x in (-(width - edge) / 2, (width - edge) / 2)
    ]
    back = s.transformed(s.box(width - edge, depth * 0.3, height - edge), s.translation(0, depth * 0.34, edge / 2))
    return s.merge([*bars, back])


def tray(rng: np.random.Generator) -> list[Thing]:
    """A tray or board, shiny or wooden, round or square."""
    r = _u(rng, 0.12, 0.25)
    roll = rng.random()
    look = Look("mirror") if roll < 0.25 else (metal(rng) if roll < 0.5 else surface(rng, "wood", 192).look)
    if rng.random() < 0.5:
        return [_thing(s.box(2 * r, 1.3 * r, _u(rng, 0.006, 0.03), 0.003), look)]
    return [_thing(s.vessel([(r * 0.95, 0), (r, 0.02)], 0.004, 48), look)]


def glass_block(rng: np.random.Generator) -> list[Thing]:
    """A ball, cube or prism of solid glass, or a mirror ball."""
    r = _u(rng, 0.025, 0.08)
    look = Look("mirror") if rng.random() < 0.25 else glass(rng, 0.4)
    kind = int(rng.integers(3))
    if kind == 0:
        return [_thing(s.sphere(r, 40), look, z=r)]
    if kind == 1:
        return [_thing(s.box(2 * r, 2 * r, 2 * r * _u(rng, 0.4, 1.6)), look)]
    a = np.linspace(0, 2 * np.pi, int(rng.integers(3, 8)), endpoint=False)
    return [_thing(s.extrude(np.c_[r * np.cos(a), r * np.sin(a)], r * _u(rng, 0.5, 3)), look)]


def laptop(rng: np.random.Generator) -> list[Thing]:
    """An open laptop."""
    w, d = _u(rng, 0.28, 0.38), _u(rng, 0.19, 0.26)
    shell = metal(rng) if rng.random() < 0.5 else paint(rng, "dark")
    tilt = s.translation(0, d / 2, 0.016) @ s.rotation((1, 0, 0), -_u(rng, 0, 35))
    shine = Look("plastic", texture=random_texture(rng, "screen", 256), roughness=0.05)
    keys = [
        s.transformed(s.box(w * 0.055, d * 0.07, 0.002), s.translation(w * (-0.41 + 0.063 * i), d * (0.3 - 0.1 * j), 0.016))
        for i in range(14)
        for j in range(4)
    ]
    return [
        _thing(s.box(w, d, 0.016, 0.003), shell),
        _thing(s.merge(keys), paint(rng, "dark")),
        Thing(s.transformed(s.box(w, 0.006, d), s.translation(0, 0.004, 0)), shell, tilt, 1),
        Thing(s.fit_uv(s.transformed(s.wall(w * 0.95, d * 0.9), s.translation(0, -0.0005, d * 0.05))), shine, tilt, 1),
    ]


def monitor(rng: np.random.Generator) -> list[Thing]:
    """A screen on a foot; its picture may glow."""
    w = _u(rng, 0.35, 0.75)
    h, lift = w * _u(rng, 0.5, 0.65), _u(rng, 0.06, 0.15)
    shell = paint(rng, "dark")
    shine = (
        Look("plastic", texture=random_texture(rng, "screen", 256), roughness=0.05)
        if rng.random() < 0.7
        else Look("plastic", (0.01, 0.01, 0.012), roughness=0.04)
    )
    return [
        _thing(s.box(w * 0.4, 0.18, 0.012, 0.003), shell),
        _thing(s.box(0.05, 0.02, lift + h * 0.3), shell, y=0.03),
        _thing(s.box(w, 0.03, h, 0.004), shell, z=lift),
        _thing(s.fit_uv(s.wall(w * 0.96, h * 0.93)), shine, y=-0.0155, z=lift + h * 0.035),
    ]


def phone(rng: np.random.Generator) -> list[Thing]:
    """A phone or tablet lying flat."""
    w = _u(rng, 0.065, 0.18)
    d = w * _u(rng, 1.35, 2.1)
    face = s.transformed(s.fit_uv(s.quad(w * 0.93, d * 0.95)), s.translation(0, 0, 0.0084))
    shine = (
        Look("plastic", texture=random_texture(rng, "screen", 192), roughness=0.04)
        if rng.random() < 0.5
        else Look("plastic", (0.008, 0.008, 0.01), roughness=0.04)
    )
    return [_thing(s.box(w, d, 0.008, 0.003), paint(rng)), _thing(face, shine)]


def toy(rng: np.random.Generator) -> list[Thing]:
    """Blocks, a ball, a car or a figure."""
    kind = int(rng.integers(4))
    if kind == 0:
        things, z = [], 0.0
        for _ in range(int(rng.integers(1, 6))):
            e = _u(rng, 0.03, 0.05)
            look = (
                paint(rng, "vivid")
                if rng.random() < 0.7
                else Look("plastic", texture=random_texture(rng, "cover", 64), roughness=0.2)
            )
            things.append(
                _thing(s.fit_uv(s.box(e, e, e, 0.002)), look, _u(rng, -0.006, 0.006), _u(rng, -0.006, 0.006), z, _u(rng, 0, 90))
            )
            z += e
        return things
    if kind == 1:
        r = _u(rng, 0.02, 0.12)
        look = (
            paint(rng, "vivid")
            if rng.random() < 0.5
            else Look("plastic", texture=random_texture(rng, "fabric", 128), roughness=0.3)
        )
        return [_thing(s.scale_uv(s.sphere(r, 32), 4), look, z=r)]
    if kind == 2:
        length = _u(rng, 0.08, 0.25)
        look, dark = paint(rng, "vivid", 1.0), paint(rng, "dark")
        wheel = s.transformed(s.cylinder(length * 0.11, length * 0.07, segments=20), s.rotation((1, 0, 0), 90))
        wheels = [
            _thing(wheel, dark, length * x, length * (0.22 if y > 0 else -0.15), length * 0.11)
            for x in (-0.3, 0.3)
            for y in (-1, 1)
        ]
        return [
            _thing(s.box(length, length * 0.4, length * 0.18, length * 0.05), look, z=length * 0.07),
            _thing(
                s.box(length * 0.5, length * 0.34, length * 0.17, length * 0.05),
                look if rng.random() < 0.5 else paint(rng, "dark", 1.0),
                z=length * 0.24,
            ),
            *wheels,
        ]
    h = _u(rng, 0.08, 0.3)
    body, skin = paint(rng, "vivid"), paint(rng, "earth")
    return [
        _thing(s.lathe(_smooth([(0.0, 0), (h * 0.22, 0.0), (h * 0.25, h * 0.3), (h * 0.12, h * 0.6), (0.0, h * 0.62)])), body),
        _thing(s.sphere(h * 0.17, 24), skin, z=h * 0.78),
        *[_thing(s.sphere(h * 0.07, 16), skin, sx * h * 0.13, 0, h * 0.94) for sx in (-1, 1)],
        *[
            _thing(s.sphere(h * 0.02, 10), Look("plastic", (0.01, 0.01, 0.01)), sx * h * 0.06, -h * 0.155, h * 0.82)
            for sx in (-1, 1)
        ],
    ]


def tool(rng: np.random.Generator) -> list[Thing]:
    """A hammer, screwdriver, pen, brush or scissors-like thing, lying down."""
    length = _u(rng, 0.12, 0.3)
    r = _u(rng, 0.005, 0.016)
    grip = s.tube([(-length / 2, 0, r), (0, 0, r), (length * 0.1, 0, r)], [r, r * 0.85, r], 12)
    shaft = s.tube([(length * 0.1, 0, r), (length / 2, 0, r)], r * _u(rng, 0.3, 0.9), 10)
    things = [_thing(grip, paint(rng, "vivid" if rng.random() < 0.6 else "wood")), _thing(shaft, metal(rng))]
    if rng.random() < 0.4:
        head = s.box(r * 2.2, length * 0.4, r * 2, r * 0.3)
        things.append(_thing(head, metal(rng), x=length / 2))
    return things


def cloth(rng: np.random.Generator) -> list[Thing]:
    """A crumpled cloth or napkin."""
    w, d = _u(rng, 0.15, 0.4), _u(rng, 0.15, 0.4)
    n = 28
    y, x = np.mgrid[0:1:28j, 0:1:28j]
    folds = sum(np.sin(2 * np.pi * (rng.normal(0, 1.3) * x + rng.normal(0, 1.3) * y) + rng.uniform(0, 6)) for _ in range(5)) / 5
    z = 0.004 + _u(rng, 0.004, 0.03) * (folds - folds.min())
    fabric = surface(rng, "fabric", 192)
    mesh = s.heightfield(z.reshape(n, n), w, d)
    return [_thing(s.scale_uv(mesh, fabric.repeats_per_metre), fabric.look)]


def basket(rng: np.random.Generator) -> list[Thing]:
    """A round basket or bin."""
    r, h = _u(rng, 0.08, 0.2), _u(rng, 0.1, 0.4)
    weave = surface(rng, "fabric" if rng.random() < 0.6 else "wood", 128)
    mesh = s.scale_uv(s.vessel([(r * 0.8, 0), (r, h)], 0.006), weave.repeats_per_metre)
    return [_thing(mesh, weave.look)] + (
        [*_pile(rng, r * 0.8, h * 0.6, 6), _thing(s.cylinder(r * 0.75, h * 0.6), paint(rng))] if rng.random() < 0.4 else []
    )


def clutter_blob(rng: np.random.Generator) -> list[Thing]:
    """A stone, cushion-like lump or shapeless thing."""
    b = rng.uniform(0.03, 0.12, 3)
    return [_thing(s.blob(rng, (float(b[0]), float(b[1]), float(b[2])), 0.2), _any(rng), z=float(b[2]) * 0.9)]


def solid(rng: np.random.Generator) -> list[Thing]:
    """A plain geometric body of any material."""
    r, kind = _u(rng, 0.02, 0.1), int(rng.integers(5))
    mesh = (
        s.cylinder(r, r * _u(rng, 0.5, 4)),
        s.cone(r, r * _u(rng, 1, 4)),
        s.transformed(s.torus(r, r * _u(rng, 0.15, 0.4)), s.translation(0, 0, r * 0.35)),
        s.box(r, r * _u(rng, 0.5, 3), r * _u(rng, 0.3, 3), 0.004),
        s.capsule(r * 0.5, r * _u(rng, 1.2, 4)),
    )[kind]
    return [_thing(s.scale_uv(mesh, 4), _any(rng))]


OBJECTS: dict[str, tuple[Maker, ...]] = {
    "glass": (wine_glass, wine_glass, tumbler, tumbler, bottle, jar, vase, glass_block),
    "pottery": (cup, bowl, plate, vase, jar),
    "food": (fruit, fruit, fruit, bread, cake, burger, pizza, plate, plate, bowl, bowl),
    "kitchen": (pot, pot, cup, can, tub, bottle, cutlery, tray, carton, jar),
    "desk": (book, book_pile, open_book, papers, laptop, monitor, phone, cup, tool, picture_frame, table_lamp),
    "decor": (vase, candle, picture_frame, table_lamp, glass_block, book_pile, basket, tray),
    "play": (toy, toy, toy, solid, clutter_blob, carton, basket),
    "work": (tool, tool, can, tub, carton, solid, bottle, jar),
    "bath": (bottle, bottle, tub, candle, cloth, tumbler, picture_frame),
    "flat": (papers, cloth, phone, cutlery, tray, book),
}


def random_object(rng: np.random.Generator, *groups: str) -> list[Thing]:
    """Return an object of one of the groups of `OBJECTS`, or of any. Raises KeyError for an unknown group."""
    group = str(rng.choice(list(groups or OBJECTS)))
    makers = OBJECTS[group]
    return makers[int(rng.integers(len(makers)))](rng)


def compact(things: Sequence[Thing]) -> list[Thing]:
    """Return the same world in fewer things: those of one object with one look become one mesh in world coordinates."""
    groups: dict[tuple[int, int, bool, bool], list[Thing]] = {}
    for t in things:
        groups.setdefault((t.instance, id(t.look), t.mesh.smooth, t.mesh.uv is None), []).append(t)
    out = []
    for same in groups.values():
        if len(same) == 1:
            out.append(same[0])
        else:
            mesh = s.merge(s.transformed(t.mesh, t.world_from_mesh) for t in same)
            out.append(Thing(mesh, same[0].look, instance=same[0].instance))
    return out
