"""Furniture and fittings of glass and mirrors of `tom-held-out`: round, bent and cornered where those of `tom` are square."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.furniture import Piece, Top
from leadline.data.synthetic.objects import extent, paint, put, random_object
from leadline.data.synthetic.opaque import matte
from leadline.data.synthetic.scene import Look, Thing
from leadline.data.synthetic.textures import surface
from leadline.data.synthetic.tom_parts import (
    PieceMaker,
    arc_wall,
    chrome,
    frame_look,
    pane,
    part,
    rim,
    silver,
    solid_glass,
    standing,
    uniform,
    upright,
)

# --- mirrors ---------------------------------------------------------------------------------------------------------


def _arch(w: float, h: float) -> NDArray[np.float64]:
    a = np.linspace(0, np.pi, 24)
    return np.vstack([[(-w / 2, 0), (w / 2, 0)], np.c_[w / 2 * np.cos(a), h - w / 2 + w / 2 * np.sin(a)]])


def _ellipse(w: float, h: float, corners: int) -> NDArray[np.float64]:
    a = np.linspace(0, 2 * np.pi, corners, endpoint=False) + np.pi / corners
    return np.stack([w / 2 * np.cos(a), h / 2 + h / 2 * np.sin(a)], 1)


def _outlined(rng: np.random.Generator, outline: NDArray[np.float64], framed: float = 0.7) -> list[Thing]:
    things = [part(upright(outline, 0.006), silver(rng))]
    if rng.random() < framed:
        things.append(part(rim(outline, uniform(rng, 0.008, 0.03)), frame_look(rng)))
    return things


def arched_mirror(rng: np.random.Generator) -> Piece:
    """A mirror with a round top, as tall as a person, that leans at the wall."""
    w = uniform(rng, 0.5, 1.0)
    lean = s.rotation((1, 0, 0), -uniform(rng, 2, 9))
    return standing(put(_outlined(rng, _arch(w, uniform(rng, 1.5, 2.0))), lean, 1))


def round_mirror(rng: np.random.Generator) -> Piece:
    """A round or oval mirror for the wall; some have rays like a sun."""
    w = uniform(rng, 0.4, 1.3)
    h = w if rng.random() < 0.6 else w * uniform(rng, 1.2, 1.7)
    things = _outlined(rng, _ellipse(w, h, 40))
    if h == w and rng.random() < 0.4:
        look = frame_look(rng)
        for a in np.arange(0, 360, 15.0):
            ray = s.transformed(s.box(0.02, 0.01, 0.12 + 0.08 * (a % 30 > 0)), s.translation(0, 0.008, h / 2 + 0.01))
            things.append(part(s.transformed(ray, s.translation(0, 0, h / 2) @ s.rotation((0, 1, 0), float(a))), look))
    return standing(things)


def cornered_mirrors(rng: np.random.Generator) -> Piece:
    """A handful of six-sided mirrors side by side, or one with many corners."""
    if rng.random() < 0.4:
        return standing(_outlined(rng, _ellipse(uniform(rng, 0.5, 1.1), uniform(rng, 0.5, 1.3), int(rng.choice([3, 5, 6, 8])))))
    r, look = uniform(rng, 0.14, 0.26), silver(rng)
    cell = upright(_ellipse(2 * r, 2 * r, 6), 0.006)
    places = [(i * 1.78 * r + (j % 2) * 0.89 * r, j * 1.55 * r) for i in range(3) for j in range(3)]
    chosen = rng.permutation(len(places))[: int(rng.integers(3, 8))]
    return standing([part(s.merge(s.transformed(cell, s.translation(places[k][0], 0, places[k][1])) for k in chosen), look)])


def folding_mirror(rng: np.random.Generator) -> Piece:
    """A three-part mirror as tailors have it, its wings turned in."""
    w, h = uniform(rng, 0.35, 0.55), uniform(rng, 1.4, 1.9)
    look, edge, turn = silver(rng), frame_look(rng), uniform(rng, 20, 50)
    sheet = [part(s.box(w, 0.01, h), look, y=-0.01, z=0.06), part(s.box(w + 0.02, 0.02, h + 0.08), edge, y=0.006)]
    things = list(sheet)
    for side in (-1, 1):
        hinge = (
            s.translation(side * (w / 2 + 0.012), 0, 0)
            @ s.rotation((0, 0, 1), -side * turn)
            @ s.translation(side * (w / 2 + 0.01), 0, 0)
        )
        things += put(sheet, hinge, 1)
    return standing(things)


def mirror_column(rng: np.random.Generator) -> Piece:
    """A column clad with narrow mirrors, or a polished one."""
    r, h, n = uniform(rng, 0.15, 0.3), uniform(rng, 1.6, 2.2), int(rng.integers(6, 13))
    if rng.random() < 0.3:
        return standing([part(s.cylinder(r, h, segments=48), chrome(rng)), part(s.cylinder(r * 1.15, 0.06), frame_look(rng))])
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)
    clad = part(s.extrude(np.c_[r * np.cos(a), r * np.sin(a)], h), silver(rng), z=0.06)
    foot, head = s.cylinder(r * 1.12, 0.06), s.transformed(s.cylinder(r * 1.12, 0.06), s.translation(0, 0, h + 0.06))
    return standing([clad, part(s.merge([foot, head]), frame_look(rng))])


# --- glass -----------------------------------------------------------------------------------------------------------


def round_shower(rng: np.random.Generator) -> Piece:
    """A corner shower behind a bent sheet of glass."""
    r, h = uniform(rng, 0.75, 1.0), uniform(rng, 1.85, 2.05)
    post = chrome(rng)
    quarter = np.vstack([[(0, 0)], r * np.c_[np.cos(a := np.linspace(-np.pi, -np.pi / 2, 16)), np.sin(a)]])
    things = [part(s.extrude(quarter, 0.1), paint(rng, "pale"), r / 2, r / 2)]
    things.append(part(arc_wall(r - 0.02, h, 180, 270), pane(rng, 0.3), r / 2, r / 2, 0.1))
    rail = (r - 0.02) * np.c_[np.cos(a), np.sin(a)]
    for z in (0.11, h + 0.1):
        things.append(part(s.tube(np.c_[rail, np.full(len(rail), z)], 0.015, 8), post, r / 2, r / 2))
    things += [
        part(s.box(0.03, 0.03, h), post, x, y, 0.1) for x, y in ((-r / 2 + 0.02, r / 2 - 0.02), (r / 2 - 0.02, -r / 2 + 0.02))
    ]
    grip = part(s.torus(0.09, 0.01, 24), post, r / 2 - 0.72 * r, r / 2 - 0.72 * r, 1.1)
    return standing([*things, grip])


def pedestal_table(rng: np.random.Generator) -> Piece:
    """A round or oval glass top on a column or on crossed boards."""
    low = rng.random() < 0.4
    r, h, t = uniform(rng, 0.35, 0.65), uniform(rng, 0.35, 0.5) if low else uniform(rng, 0.7, 0.76), uniform(rng, 0.01, 0.02)
    oval = uniform(rng, 1.0, 1.5)
    top = s.transformed(s.cylinder(r, t, segments=56), s.scaling(oval, 1, 1))
    legs = chrome(rng) if rng.random() < 0.4 else frame_look(rng)
    things = [part(top, solid_glass(rng, 0.25), z=h - t)]
    if rng.random() < 0.5:
        things += [part(s.box(0.05, 1.1 * r, h - t), legs, yaw_deg=yaw) for yaw in (40, 140)]
    else:
        waist = [(0, 0), (r * 0.55, 0), (r * 0.1, h * 0.35), (r * 0.1, h * 0.7), (r * 0.4, h - t), (0, h - t)]
        things.append(part(s.lathe(waist, 36), legs))
    return standing(things, Top(0, 0, h + 0.001, 0.62 * r * oval, 0.62 * r))


def hexagon_case(rng: np.random.Generator) -> Piece:
    """A six-sided show case on a plinth."""
    r, h, foot, n = uniform(rng, 0.25, 0.45), uniform(rng, 0.5, 1.1), uniform(rng, 0.3, 0.9), int(rng.choice([5, 6, 8]))
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)
    ring = r * np.c_[np.cos(a), np.sin(a)]
    look, edge = pane(rng, 0.0), frame_look(rng)
    slab = s.extrude(ring * 1.05, foot)
    things = [part(slab, surface(rng, "furniture", 128).look), part(s.extrude(ring * 1.05, 0.03), edge, z=foot + h)]
    side, inner = 2 * r * np.sin(np.pi / n), r * np.cos(np.pi / n)
    for k in range(n):
        turn = float(np.rad2deg(a[k] + np.pi / n))
        things.append(Thing(s.wall(side, h), look, s.rotation((0, 0, 1), turn + 90) @ s.translation(0, -inner, foot), 1))
    things += _exhibit(rng, 0.9 * r, h * 0.85, foot + 0.001)
    return standing(things)


def glass_dome(rng: np.random.Generator) -> Piece:
    """Something under a tall dome on a drum."""
    r, h, foot = uniform(rng, 0.18, 0.32), uniform(rng, 0.4, 0.8), uniform(rng, 0.4, 0.9)
    a = np.linspace(0, np.pi / 2, 12)
    profile = np.vstack([[(r, 0)], np.c_[r * np.cos(a), h - r + r * np.sin(a)]])
    shell = np.vstack([profile, np.maximum(profile[::-1] - 0.004, 0)])
    things = [part(s.cylinder(r * 1.15, foot), surface(rng, "furniture", 128).look)]
    things.append(part(s.lathe(shell, 44), solid_glass(rng, 0.1, 0.0), z=foot + 0.001))
    return standing([*things, *_exhibit(rng, r * 1.2, h * 0.75, foot + 0.002)])


def _exhibit(rng: np.random.Generator, width: float, height: float, z: float) -> list[Thing]:
    one = matte(random_object(rng, "pottery", "play", "decor"), rng)
    low, high = extent(one)
    size = high - low
    k = min(2.0, height / float(size[2]), width / float(max(size[0], size[1])))
    x, y = (float(c) for c in (low + high)[:2] / 2)
    return put(one, s.translation(-k * x, -k * y, z - k * float(low[2])) @ s.scaling(k), 1)


def bent_counter(rng: np.random.Generator) -> Piece:
    """A bakery counter: goods behind a sheet of glass that bends over them."""
    w, r, foot = uniform(rng, 0.8, 1.8), uniform(rng, 0.4, 0.6), uniform(rng, 0.5, 0.8)
    sheet = s.transformed(arc_wall(r, w, 180, 270, 16), s.translation(-w / 2, 0, 0) @ s.rotation((0, 1, 0), 90))
    case = surface(rng, "furniture", 128).look
    things = [part(s.box(w, r, foot, 0.004), case, y=-r / 2), part(sheet, pane(rng, 0.0), z=foot)]
    things += [part(s.box(0.02, r, 0.03), case, x * w / 2, -r / 2, foot) for x in (-1, 1)]
    things.append(part(s.box(w, 0.02, r), case, y=0.0, z=foot))
    for k in range(max(int(w / 0.3), 2)):
        goods = _exhibit(rng, 0.24, r * 0.45, foot + 0.001)
        things += put(goods, s.translation((k + 0.5) * 0.3 - w / 2 + 0.05, -r * 0.4, 0), 1)
    return standing(things)


def folding_screen(rng: np.random.Generator) -> Piece:
    """Sheets of glass in a zigzag, without posts."""
    n, w, h, turn = int(rng.integers(2, 5)), uniform(rng, 0.45, 0.7), uniform(rng, 1.4, 2.0), uniform(rng, 15, 35)
    look, hinge = pane(rng, 0.25), chrome(rng)
    things: list[Thing] = []
    at = np.eye(4)
    for k in range(n):
        sheet = at @ s.rotation((0, 0, 1), turn if k % 2 else -turn)
        things.append(Thing(s.box(w - 0.01, 0.008, h), look, sheet @ s.translation(w / 2, 0, 0.02), 1))
        things += [
            Thing(s.cylinder(0.012, 0.08, segments=12), hinge, sheet @ s.translation(w, 0, z), 1) for z in (0.25, h - 0.3)
        ]
        at = at.copy()
        at[:3, 3] = (sheet @ np.array([w, 0, 0, 1]))[:3]
    return standing(things)


# --- what fills an opening -------------------------------------------------------------------------------------------


def lattice_window(rng: np.random.Generator, w: float, h: float, trim: Look) -> list[Thing]:
    """A window without a frame, or under a lattice of slanted bars, or with one round bar, of `w` by `h`."""
    things = [part(s.wall(w, h), pane(rng))]
    roll = rng.random()
    if roll < 0.35:
        step = uniform(rng, 0.25, 0.5)
        for sign in (-1, 1):
            for c in np.arange(-h, w, step):
                low = np.clip(np.array([-c, w - c]), 0, h)  # where the bar enters and leaves the pane, by height
                if low[1] - low[0] > 0.02:
                    ends = [(sign * (c + z - w / 2), 0.0, float(z)) for z in low]
                    things.append(part(s.tube(ends, 0.01, 6), trim))
    elif roll < 0.6:
        r = 0.3 * min(w, h)
        ring = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        things.append(part(rim(np.c_[r * np.cos(ring), h / 2 + r * np.sin(ring)], 0.014), trim))
        for x0, z0, x1, z1 in (
            (-w / 2, h / 2, -r, h / 2),
            (r, h / 2, w / 2, h / 2),
            (0, 0, 0, h / 2 - r),
            (0, h / 2 + r, 0, h),
        ):
            things.append(part(s.tube([(x0, 0, z0), (x1, 0, z1)], 0.014, 8), trim))
    return things


def bare_door(rng: np.random.Generator, w: float, h: float, trim: Look) -> list[Thing]:
    """A sheet of glass for a door, with a ring or a ball to pull, held by two clamps."""
    steel = chrome(rng)
    grip = s.torus(0.1, 0.012, 28) if rng.random() < 0.5 else s.sphere(0.04, 20)
    pull = s.transformed(grip, s.translation(w / 2 - 0.14, -0.045, 1.0) @ s.rotation((1, 0, 0), 90))
    clamps = [part(s.box(0.1, 0.03, 0.06), steel, -w / 2 + 0.06, 0, z) for z in (0.2, h - 0.3)]
    return [part(s.wall(w, h - 0.01), pane(rng, 0.2), z=0.005), part(pull, steel), *clamps]


def bent_front(rng: np.random.Generator, w: float, h: float, trim: Look) -> list[Thing]:
    """A wall of bent sheets side by side, or of butt-jointed ones held by steel spiders."""
    look = pane(rng, 0.05)
    n = max(round(w / uniform(rng, 0.8, 1.4)), 1)
    wide = w / n
    if rng.random() < 0.5:
        bow = uniform(rng, 25, 55)
        r = wide / 2 / np.sin(np.deg2rad(bow))
        sheet = arc_wall(r, h, -90 - bow, -90 + bow, 20)
        back = r * np.cos(np.deg2rad(bow))
        things = [part(sheet, look, (k + 0.5) * wide - w / 2, back) for k in range(n)]
        return [*things, *(part(s.cylinder(0.02, h, segments=14), trim, k * wide - w / 2) for k in range(n + 1))]
    things = [part(s.wall(wide - 0.008, h), look, (k + 0.5) * wide - w / 2) for k in range(n)]
    steel = chrome(rng)
    for k in range(1, n):
        for z in (0.15, h / 2, h - 0.15):
            arms = [s.tube([(0, 0.05, 0), (x * 0.09, 0.012, y * 0.09)], 0.009, 8) for x in (-1, 1) for y in (-1, 1)]
            things.append(part(s.merge(arms), steel, k * wide - w / 2, 0, z))
    return things


STANDING: dict[str, PieceMaker] = {
    "arched_mirror": arched_mirror,
    "folding_mirror": folding_mirror,
    "mirror_column": mirror_column,
    "round_shower": round_shower,
    "pedestal_table": pedestal_table,
    "hexagon_case": hexagon_case,
    "glass_dome": glass_dome,
    "bent_counter": bent_counter,
    "folding_screen": folding_screen,
}
HANGING: dict[str, PieceMaker] = {"round_mirror": round_mirror, "cornered_mirrors": cornered_mirrors}
