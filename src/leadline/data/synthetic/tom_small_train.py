"""Small glass and mirror things of the world `tom`; the held-out world has none of these (see `tom_small_held_out`)."""

from __future__ import annotations

import numpy as np

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.objects import paint, put
from leadline.data.synthetic.scene import Look, Thing
from leadline.data.synthetic.textures import random_texture
from leadline.data.synthetic.tom_parts import (
    SmallMaker,
    chrome,
    curve,
    filling,
    frame_look,
    part,
    silver,
    solid_glass,
    uniform,
)


def stem_glass(rng: np.random.Generator) -> list[Thing]:
    """A wine glass with a round bowl on a stem."""
    r, stem, bowl = uniform(rng, 0.03, 0.05), uniform(rng, 0.04, 0.1), uniform(rng, 0.06, 0.11)
    look = solid_glass(rng, 0.12)
    foot = s.lathe([(0, 0), (r * 0.9, 0), (r * 0.9, 0.002), (0.005, 0.009), (0.0035, 0.02), (0.0035, stem), (0, stem)], 28)
    outline = curve([(0.004, 0), (r * 0.8, bowl * 0.22), (r, bowl * 0.5), (r * uniform(rng, 0.7, 0.95), bowl)])
    drink = put(filling(rng, outline, 0.0016), s.translation(0, 0, stem), 1)
    return [part(foot, look), part(s.vessel(outline, 0.0016, 32), look, z=stem + 0.0002), *drink]


def straight_glass(rng: np.random.Generator) -> list[Thing]:
    """A drinking glass with straight walls and a thick base."""
    r, h, wall = uniform(rng, 0.028, 0.045), uniform(rng, 0.07, 0.17), uniform(rng, 0.0018, 0.004)
    outline = np.linspace((r, 0), (r * uniform(rng, 1.0, 1.25), h), 8)
    return [part(s.vessel(outline, wall, 32), solid_glass(rng)), *filling(rng, outline, wall)]


def wine_bottle(rng: np.random.Generator) -> list[Thing]:
    """A round bottle with a neck, often of green or brown glass, with a label or a cork."""
    r, h = uniform(rng, 0.03, 0.045), uniform(rng, 0.2, 0.34)
    shoulder, neck = h * uniform(rng, 0.5, 0.7), r * uniform(rng, 0.3, 0.45)
    outline = np.vstack(
        [[(r * 0.95, 0)], curve([(r, 0.006), (r, shoulder), (neck, shoulder + 0.35 * (h - shoulder)), (neck, h)])]
    )
    things = [part(s.vessel(outline, min(0.003, neck * 0.3), 32), solid_glass(rng, 0.6))]
    things += filling(rng, outline[outline[:, 1] < shoulder], 0.003, 0.5)
    if rng.random() < 0.5:
        band = s.fit_uv(s.lathe([(r * 1.015, 0), (r * 1.015, shoulder * 0.5)], 32))
        label = Look("diffuse", texture=random_texture(rng, "label", 128))
        things.append(part(band, label, z=shoulder * 0.25, yaw_deg=uniform(rng, 0, 360)))
    if rng.random() < 0.5:
        things.append(part(s.cylinder(neck * 1.1, h * 0.06, segments=20), paint(rng), z=h * 0.97))
    return things


def _stems(rng: np.random.Generator, mouth: float, h: float) -> list[Thing]:
    green, flower = paint(rng, "green", 0.3), paint(rng, "vivid", 0.2)
    things = []
    for _ in range(int(rng.integers(2, 9))):
        a, spread, tall = uniform(rng, 0, 6.28), uniform(rng, 0.02, 0.12), h + uniform(rng, 0.05, 0.25)
        way = np.array([np.cos(a), np.sin(a)])
        path = [(*(0.3 * mouth * way), 0.01), (*(0.7 * mouth * way), h), (*(spread * way), tall)]
        things += [part(s.tube(path, 0.002, 6), green), part(s.sphere(uniform(rng, 0.01, 0.025), 12), flower, *path[-1])]
    return things


def ball_vase(rng: np.random.Generator) -> list[Thing]:
    """A bellied vase with a narrow mouth, sometimes with flowers."""
    r, h = uniform(rng, 0.05, 0.1), uniform(rng, 0.1, 0.22)
    mouth = r * uniform(rng, 0.3, 0.6)
    outline = curve([(r * 0.5, 0), (r, h * 0.4), (r * 0.7, h * 0.75), (mouth, h * 0.9), (mouth * 1.1, h)])
    look = chrome(rng) if rng.random() < 0.15 else solid_glass(rng, 0.4)
    flowers = _stems(rng, mouth, h) if rng.random() < 0.5 else []
    return [part(s.vessel(outline, 0.004, 40), look), *filling(rng, outline, 0.004, 0.25), *flowers]


def tube_vase(rng: np.random.Generator) -> list[Thing]:
    """A tall cylinder of glass, sometimes with flowers."""
    r, h = uniform(rng, 0.025, 0.07), uniform(rng, 0.15, 0.4)
    outline = np.linspace((r, 0), (r, h), 10)
    flowers = _stems(rng, r, h) if rng.random() < 0.55 else []
    return [part(s.vessel(outline, 0.004, 36), solid_glass(rng)), *filling(rng, outline, 0.004, 0.3), *flowers]


def carafe(rng: np.random.Generator) -> list[Thing]:
    """A wide-bodied water jug with a waist."""
    r, h = uniform(rng, 0.045, 0.065), uniform(rng, 0.18, 0.28)
    outline = curve([(r * 0.9, 0), (r, h * 0.25), (r * 0.5, h * 0.65), (r * 0.42, h * 0.8), (r * 0.62, h)])
    return [part(s.vessel(outline, 0.003, 36), solid_glass(rng, 0.15)), *filling(rng, outline, 0.003, 0.6)]


def glass_bowl(rng: np.random.Generator) -> list[Thing]:
    """A salad bowl of glass with coloured balls in it."""
    r, h = uniform(rng, 0.07, 0.15), uniform(rng, 0.05, 0.1)
    outline = curve([(r * 0.4, 0), (r * 0.8, h * 0.4), (r, h)])
    things = [part(s.vessel(outline, 0.004, 40), solid_glass(rng))]
    size = r * 0.24
    for k in range(int(rng.integers(0, 6))):
        a = 2 * np.pi * k / 5
        things.append(part(s.sphere(size, 16), paint(rng, "vivid"), r * 0.4 * np.cos(a), r * 0.4 * np.sin(a), h * 0.4 + size))
    return things


def storage_jar(rng: np.random.Generator) -> list[Thing]:
    """A jar with straight walls and a lid that shows what it holds."""
    r, h = uniform(rng, 0.035, 0.07), uniform(rng, 0.08, 0.2)
    outline = curve([(r * 0.95, 0), (r, h * 0.12), (r, h * 0.8), (r * 0.82, h)])
    things = [part(s.vessel(outline, 0.003, 32), solid_glass(rng, 0.15)), *filling(rng, outline, 0.003, 0.6)]
    if rng.random() < 0.7:
        things.append(part(s.cylinder(r * 0.9, h * 0.12), chrome(rng) if rng.random() < 0.4 else paint(rng), z=h - 0.002))
    return things


def kettle(rng: np.random.Generator) -> list[Thing]:
    """A polished kettle with a spout and a bow handle."""
    r, h = uniform(rng, 0.07, 0.1), uniform(rng, 0.1, 0.16)
    look, dark = chrome(rng), paint(rng, "dark")
    body = s.lathe(np.vstack([[(0, 0)], curve([(r, 0), (r, h * 0.4), (r * 0.6, h * 0.9)]), [(0.0, h)]]), 40)
    spout = s.tube([(r * 0.8, 0, h * 0.35), (r * 1.3, 0, h * 0.7), (r * 1.55, 0, h * 0.95)], [0.018, 0.013, 0.01], 12)
    a = np.linspace(0.15, np.pi - 0.15, 14)
    bow = s.tube(np.c_[r * 0.8 * np.cos(a), 0 * a, h * 0.75 + h * 0.75 * np.sin(a)], 0.006, 10)
    return [part(body, look), part(spout, look), part(bow, dark), part(s.sphere(0.012, 14), dark, z=h + 0.01)]


def mirror_tray(rng: np.random.Generator) -> list[Thing]:
    """A rectangular tray with a mirror for a bottom."""
    w, d = uniform(rng, 0.2, 0.4), uniform(rng, 0.15, 0.3)
    edge = uniform(rng, 0.004, 0.015)
    sides = [s.transformed(s.box(w, edge, 0.02), s.translation(0, y * (d - edge) / 2, 0)) for y in (-1, 1)]
    sides += [s.transformed(s.box(edge, d - 2 * edge, 0.02), s.translation(x * (w - edge) / 2, 0, 0)) for x in (-1, 1)]
    return [part(s.box(w - 2 * edge, d - 2 * edge, 0.006), silver(rng)), part(s.merge(sides), frame_look(rng))]


def glass_cube(rng: np.random.Generator) -> list[Thing]:
    """A block of solid glass."""
    e = uniform(rng, 0.04, 0.1)
    return [part(s.box(e, e, e * uniform(rng, 0.5, 1.5), 0.002), solid_glass(rng, 0.3))]


def table_mirror(rng: np.random.Generator) -> list[Thing]:
    """A square mirror on a foot."""
    w, h, lift = uniform(rng, 0.12, 0.25), uniform(rng, 0.15, 0.3), uniform(rng, 0.03, 0.08)
    look = frame_look(rng)
    tilt = s.translation(0, 0, lift) @ s.rotation((1, 0, 0), -uniform(rng, 0, 20))
    return [
        Thing(s.box(w, 0.012, h), look, tilt, 1),
        Thing(s.transformed(s.wall(w * 0.9, h * 0.93), s.translation(0, -0.0068, h * 0.035)), silver(rng), tilt, 1),
        part(s.box(w * 0.7, 0.08, 0.012, 0.003), look),
        part(s.box(0.02, 0.012, lift + 0.02), look, y=0.01),
    ]


SMALL: dict[str, SmallMaker] = {
    "stem_glass": stem_glass,
    "straight_glass": straight_glass,
    "wine_bottle": wine_bottle,
    "ball_vase": ball_vase,
    "tube_vase": tube_vase,
    "carafe": carafe,
    "glass_bowl": glass_bowl,
    "storage_jar": storage_jar,
    "kettle": kettle,
    "mirror_tray": mirror_tray,
    "glass_cube": glass_cube,
    "table_mirror": table_mirror,
}
