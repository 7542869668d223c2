"""Furniture and fittings of glass and mirrors of the world `tom`; the held-out world has none of these."""

from __future__ import annotations

import numpy as np

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.furniture import Piece, Top
from leadline.data.synthetic.objects import extent, paint, put, random_object
from leadline.data.synthetic.opaque import matte
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.textures import random_texture, surface
from leadline.data.synthetic.tom_parts import (
    PieceMaker,
    bars,
    chrome,
    frame_look,
    pane,
    part,
    silver,
    solid_glass,
    standing,
    uniform,
)

# --- mirrors ---------------------------------------------------------------------------------------------------------


def sliding_wardrobe(rng: np.random.Generator) -> Piece:
    """A wardrobe with sliding doors, most of them mirrors, in thin frames or none."""
    w, d, h = uniform(rng, 1.2, 2.4), uniform(rng, 0.55, 0.68), uniform(rng, 1.9, 2.25)
    n, body, edge = int(rng.integers(2, 4)), surface(rng, "wood", 256), frame_look(rng)
    framed, face = rng.random() < 0.65, silver(rng)
    shell = s.scale_uv(s.box(w, d - 0.07, h, 0.002), body.repeats_per_metre)
    things = [part(shell, body.look, y=0.035), part(s.box(w, 0.07, 0.05), edge, y=-d / 2 + 0.035)]
    plain = int(rng.integers(n)) if rng.random() < 0.35 else -1
    for k in range(n):
        wide = w / n + (0.02 if k < n - 1 else 0.0)
        x, y = (k + 0.5) * w / n - w / 2, -d / 2 + (0.02 if k % 2 else 0.05)
        look = body.look if k == plain else face
        things.append(part(s.box(wide - 0.004, 0.012, h - 0.06), look, x, y, 0.055))
        if framed:
            things.append(part(bars(wide, h - 0.05, 0.03, 0.02), edge, x, y, 0.05))
    return standing(things)


def cheval_mirror(rng: np.random.Generator) -> Piece:
    """A tall rectangular mirror that hangs between two posts."""
    w, h, edge = uniform(rng, 0.4, 0.75), uniform(rng, 1.2, 1.7), uniform(rng, 0.02, 0.06)
    look = frame_look(rng)
    tilt = s.translation(0, 0, 0.12) @ s.rotation((1, 0, 0), -uniform(rng, -4, 12))
    things = [
        Thing(bars(w, h, edge, 0.03), look, tilt, 1),
        Thing(s.transformed(s.box(w - 2 * edge, 0.01, h - 2 * edge), s.translation(0, 0, edge)), silver(rng), tilt, 1),
    ]
    for x in (-1, 1):
        things.append(part(s.box(0.03, 0.04, h * 0.65), look, x * (w / 2 + 0.025)))
        things.append(part(s.box(0.04, 0.45, 0.03, 0.006), look, x * (w / 2 + 0.025)))
    return standing(things)


def wall_mirror(rng: np.random.Generator) -> Piece:
    """A rectangular mirror for the wall: small or as wide as a couch, framed or bare."""
    w, h = uniform(rng, 0.4, 2.2), uniform(rng, 0.5, 1.5)
    if rng.random() < 0.35:
        return standing([part(s.box(w, 0.006, h), silver(rng))])
    edge = uniform(rng, 0.015, 0.1)
    sheet = s.transformed(s.box(w - 2 * edge, 0.006, h - 2 * edge), s.translation(0, 0.004, edge))
    return standing([part(bars(w, h, edge, uniform(rng, 0.02, 0.05)), frame_look(rng)), part(sheet, silver(rng))])


def mirror_tiles(rng: np.random.Generator) -> Piece:
    """Square mirror tiles with gaps, each turned a hair, so that the picture breaks from tile to tile."""
    n, m, e = int(rng.integers(2, 6)), int(rng.integers(2, 5)), uniform(rng, 0.16, 0.35)
    gap, look = uniform(rng, 0.002, 0.02), silver(rng)
    tiles = [
        s.transformed(
            s.box(e - gap, 0.006, e - gap),
            s.translation((i + 0.5 - n / 2) * e, 0, j * e) @ s.rotation((1, 0, 0), rng.normal(0, 0.6))
            @ s.rotation((0, 0, 1), rng.normal(0, 0.6)),
        )
        for i in range(n)
        for j in range(m)
    ]  # fmt: skip
    return standing([part(s.merge(tiles), look), part(s.box(n * e, 0.004, m * e), paint(rng, "dark"), y=0.02)])


# --- glass -----------------------------------------------------------------------------------------------------------


def shower(rng: np.random.Generator) -> Piece:
    """A square shower: two sheets of glass, chrome posts, a handle, a tray and a shower head."""
    w, d, h = uniform(rng, 0.75, 1.3), uniform(rng, 0.75, 1.0), uniform(rng, 1.85, 2.05)
    look, post = pane(rng, 0.3), chrome(rng)
    framed = rng.random() < 0.6
    things = [part(s.box(w, d, 0.06, 0.01), paint(rng, "pale"))]
    things.append(part(s.wall(w - 0.02, h), look, y=-d / 2 + 0.02, z=0.06))
    for x in (-1, 1):
        things.append(part(s.wall(d - 0.03, h), look, x * (w / 2 - 0.01), 0.0, 0.06, 90))
        posts = s.box(0.03, 0.03, h + 0.02) if framed else s.box(0.03, 0.02, 0.06)
        things.append(part(posts, post, x * (w / 2 - 0.016), -d / 2 + 0.02, 0.06))
    if framed:
        things.append(part(s.box(w, 0.03, 0.03), post, y=-d / 2 + 0.02, z=h + 0.05))
    things.append(
        part(s.cylinder(0.012, uniform(rng, 0.2, 0.6), segments=12), post, uniform(rng, -0.3, 0.3) * w, -d / 2 - 0.03, 1.0)
    )
    pole = s.tube([(0, d / 2 - 0.04, 0.9), (0, d / 2 - 0.04, 1.95), (0, d / 2 - 0.25, 2.0)], 0.012, 10)
    things += [part(pole, post), part(s.cylinder(0.09, 0.02), post, y=d / 2 - 0.28, z=1.96)]
    return standing(things)


def glass_table(rng: np.random.Generator) -> Piece:
    """A rectangular table with a glass top on legs, sometimes with a shelf below."""
    low = rng.random() < 0.5
    w, d = uniform(rng, 0.8, 1.8), uniform(rng, 0.5, 0.95)
    h, t = uniform(rng, 0.33, 0.48) if low else uniform(rng, 0.7, 0.77), uniform(rng, 0.008, 0.02)
    top, legs = solid_glass(rng, 0.2), chrome(rng) if rng.random() < 0.35 else frame_look(rng)
    r = uniform(rng, 0.012, 0.035)
    things = [part(s.box(w, d, t, 0.003), top, z=h - t)]
    leg = s.cylinder(r, h - t, segments=16) if rng.random() < 0.5 else s.box(2 * r, 2 * r, h - t, 0.002)
    things += [part(leg, legs, x * (w / 2 - 2 * r), y * (d / 2 - 2 * r)) for x in (-1, 1) for y in (-1, 1)]
    if rng.random() < 0.5:
        around = s.transformed(bars(w - 2 * r, d - 2 * r, 0.03, 0.03), s.rotation((1, 0, 0), -90))
        things.append(part(around, legs, y=-d / 2 + r, z=h - t - 0.016))
    if rng.random() < 0.35:
        things.append(part(s.box(w - 4 * r, d - 4 * r, 0.008), top, z=h * 0.35))
    return standing(things, Top(0, 0, h + 0.001, 0.45 * w, 0.42 * d))


def vitrine(rng: np.random.Generator) -> Piece:
    """A tall case with glass on three sides, glass shelves and things on them."""
    w, d, h, foot = uniform(rng, 0.5, 1.2), uniform(rng, 0.32, 0.5), uniform(rng, 0.9, 1.5), uniform(rng, 0.15, 0.7)
    look, edge, case = pane(rng, 0.0), frame_look(rng), surface(rng, "furniture", 128).look
    back = silver(rng) if rng.random() < 0.2 else case
    things = [
        part(s.box(w, d, foot), case),
        part(s.box(w, d, 0.03), case, z=foot + h),
        part(s.box(w, 0.01, h), back, y=d / 2 - 0.006, z=foot),
    ]
    things += [part(s.wall(w - 0.02, h), look, y=-d / 2 + 0.01, z=foot)]
    things += [part(s.wall(d - 0.02, h), look, x * (w / 2 - 0.01), 0, foot, 90) for x in (-1, 1)]
    things += [part(s.box(0.02, 0.02, h), edge, x * (w / 2 - 0.01), -d / 2 + 0.01, foot) for x in (-1, 1)]
    n = int(rng.integers(1, 4))
    for k in range(n):
        z = foot + 0.002 + k * h / n
        if k:
            things.append(part(s.box(w - 0.04, d - 0.04, 0.006), solid_glass(rng, 0.0, 0.0), z=z - 0.006))
        things += shown(rng, w - 0.1, d - 0.1, h / n - 0.03, z + 0.001)
    return standing(things)


def shown(rng: np.random.Generator, width: float, depth: float, room_above: float, z: float) -> list[Thing]:
    """Return opaque things in a row, as they stand behind glass."""
    things: list[Thing] = []
    x = -width / 2
    for _ in range(6):
        one = matte(random_object(rng, "pottery", "play", "decor", "food"), rng)
        low, high = extent(one)
        k = min(1.0, 0.95 * room_above / float(high[2] - low[2]), depth / float(high[1] - low[1]))
        wide = k * float(high[0] - low[0])
        if x + wide > width / 2:
            break
        seat = s.translation(x - k * float(low[0]), -k * float(low[1] + high[1]) / 2, z - k * float(low[2])) @ s.scaling(k)
        things += put(one, seat, 1)
        x += wide + uniform(rng, 0.01, 0.1)
    return things


def balustrade(rng: np.random.Generator) -> Piece:
    """A railing: panes between posts, with or without a rail on top."""
    n, wide, h = int(rng.integers(1, 4)), uniform(rng, 0.6, 1.1), uniform(rng, 0.85, 1.15)
    look, post = pane(rng, 0.15), chrome(rng) if rng.random() < 0.4 else frame_look(rng)
    things = [part(s.wall(wide - 0.06, h - 0.12), look, (k + 0.5 - n / 2) * wide, 0, 0.08) for k in range(n)]
    things += [part(s.box(0.04, 0.04, h), post, (k - n / 2) * wide) for k in range(n + 1)]
    if rng.random() < 0.6:
        things.append(part(s.box(n * wide + 0.05, 0.06, 0.04, 0.01), post, z=h))
    return standing(things)


def aquarium(rng: np.random.Generator) -> Piece:
    """A tank on a stand, with gravel, plants and stones."""
    w, d, h, foot = uniform(rng, 0.6, 1.2), uniform(rng, 0.3, 0.45), uniform(rng, 0.35, 0.55), uniform(rng, 0.5, 0.8)
    look, wood = pane(rng, 0.0), surface(rng, "furniture", 128).look
    things = [part(s.box(w, d, foot), wood), part(s.box(w - 0.01, d - 0.01, 0.05), surface(rng, "gravel", 128).look, z=foot)]
    things += [part(s.wall(w, h), look, y=y * d / 2, z=foot) for y in (-1, 1)]
    things += [part(s.wall(d, h), look, x * w / 2, 0, foot, 90) for x in (-1, 1)]
    if rng.random() < 0.5:
        things.append(part(s.box(w + 0.01, d + 0.01, 0.05), paint(rng, "dark"), z=foot + h))
    for _ in range(int(rng.integers(2, 8))):
        r = uniform(rng, 0.03, 0.09)
        stone = s.blob(rng, (r, r * 0.8, r * uniform(rng, 0.7, 2.0)), 0.3, 18)
        at = uniform(rng, -0.42, 0.42) * w, uniform(rng, -0.25, 0.25) * d, foot + 0.05 + r
        things.append(part(stone, paint(rng, ("green", "vivid", "earth")), *at))
    return standing(things)


# --- what fills an opening -------------------------------------------------------------------------------------------


def casement(rng: np.random.Generator, w: float, h: float, trim: Look) -> list[Thing]:
    """A window of upright rectangles in a frame, of `w` by `h`, standing on z = 0 in the plane y = 0."""
    edge, look = uniform(rng, 0.03, 0.07), pane(rng)
    cols, rows = max(round(w / uniform(rng, 0.5, 1.4)), 1), int(rng.choice([1, 1, 1, 2, 3]))
    meshes: list[Mesh] = [bars(w, h, edge, 0.05)]
    meshes += [s.transformed(s.box(edge, 0.045, h), s.translation(k * w / cols - w / 2, 0, 0)) for k in range(1, cols)]
    meshes += [s.transformed(s.box(w, 0.04, edge), s.translation(0, 0, k * h / rows)) for k in range(1, rows)]
    return [part(s.merge(meshes), trim), part(s.wall(w - edge, h - edge), look, z=edge / 2)]


def stile_door(rng: np.random.Generator, w: float, h: float, trim: Look) -> list[Thing]:
    """A glass door in a frame with a bar for a handle; sometimes a sticker at eye height."""
    edge = uniform(rng, 0.04, 0.12)
    grip = part(s.cylinder(0.012, 0.4, segments=12), chrome(rng), w / 2 - edge - 0.03, -0.05, 0.9)
    things = [part(bars(w, h, edge, 0.04), trim), part(s.wall(w - edge, h - edge), pane(rng, 0.2), z=edge / 2), grip]
    if rng.random() < 0.3:
        things.append(
            part(s.box(w - 2 * edge, 0.002, 0.05), paint(rng, ("pale", "vivid"), 0), y=-0.004, z=uniform(rng, 1.1, 1.5))
        )
    return things


def shop_front(rng: np.random.Generator, w: float, h: float, trim: Look) -> list[Thing]:
    """A wall of wide panes between slim posts, on a plinth, with a sign above or letters on the glass."""
    n, foot = max(round(w / uniform(rng, 1.0, 1.8)), 1), uniform(rng, 0.02, 0.5) if rng.random() < 0.5 else 0.02
    head = uniform(rng, 0.2, 0.5) if rng.random() < 0.5 else 0.04
    things = [part(s.wall(w, h - foot - head), pane(rng, 0.05), z=foot)]
    posts = [s.transformed(s.box(0.05, 0.06, h), s.translation((k / n - 0.5) * w, 0, 0)) for k in range(n + 1)]
    things.append(
        part(s.merge([*posts, s.box(w, 0.06, foot), s.transformed(s.box(w, 0.07, head), s.translation(0, 0, h - head))]), trim)
    )
    if rng.random() < 0.4:
        sign = s.fit_uv(s.box(min(w / n, 1.2) * 0.6, 0.002, 0.3))
        look = Look("diffuse", texture=random_texture(rng, "label", 128))
        things.append(part(sign, look, (0.5 / n - 0.5) * w, -0.003, foot + uniform(rng, 0.3, 0.9)))
    return things


STANDING: dict[str, PieceMaker] = {
    "sliding_wardrobe": sliding_wardrobe,
    "cheval_mirror": cheval_mirror,
    "shower": shower,
    "glass_table": glass_table,
    "vitrine": vitrine,
    "balustrade": balustrade,
    "aquarium": aquarium,
}
HANGING: dict[str, PieceMaker] = {"wall_mirror": wall_mirror, "mirror_tiles": mirror_tiles}
