"""Procedural furniture: ``maker(rng) -> Piece``, standing on z = 0 around the z axis, front along -y, in metres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.objects import extent, frame_mesh, metal, paint, put, random_object
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.textures import Surface, random_texture, surface


@dataclass(frozen=True)
class Top:
    """A level rectangle that carries things: centre (x, y), height z, half sizes, and the free height above it."""

    x: float
    y: float
    z: float
    half_x: float
    half_y: float
    room_above: float = 1.0


@dataclass(frozen=True)
class Piece:
    """A piece of furniture: its things, its size (width x, depth y, height z) and the surfaces that carry things."""

    things: tuple[Thing, ...]
    size: tuple[float, float, float]
    tops: tuple[Top, ...] = ()


Maker = Callable[[np.random.Generator], Piece]


def _u(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _at(mesh: Mesh, look: Look | Surface, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Thing:
    if isinstance(look, Surface):
        mesh, look = s.scale_uv(mesh, look.repeats_per_metre), look.look
    return Thing(mesh, look, s.placement(x, y, z, yaw_deg), instance=1)


def _piece(things: list[Thing], *tops: Top) -> Piece:
    low, high = extent(things)
    centre = (low + high) / 2
    back = s.translation(-centre[0], -centre[1], -low[2])
    moved = tuple(replace(t, world_from_mesh=back @ t.world_from_mesh) for t in things)
    w, d, h = (float(x) for x in high - low)
    shifted = tuple(replace(t, x=t.x - float(centre[0]), y=t.y - float(centre[1]), z=t.z - float(low[2])) for t in tops)
    return Piece(moved, (w, d, h), shifted)


def _board(rng: np.random.Generator) -> Surface:
    return surface(rng, "furniture" if rng.random() < 0.8 else "counter")


def _legs(rng: np.random.Generator, w: float, d: float, h: float, look: Look | Surface, r: float) -> list[Thing]:
    x, y = w / 2 - 1.5 * r, d / 2 - 1.5 * r
    round_leg = rng.random() < 0.5
    splay = _u(rng, 0.6, 1.0)
    mesh = s.cylinder(r * splay, h, top_radius=r, segments=16) if round_leg else s.box(2 * r, 2 * r, h, 0.003)
    return [_at(mesh, look, sx * x, sy * y) for sx in (-1, 1) for sy in (-1, 1)]


def make_table(
    rng: np.random.Generator, *, low: bool = False, width: float | None = None, height: float | None = None
) -> Piece:
    """A table: rectangular or round, on legs or a foot, of wood, stone, metal or glass."""
    h = height or (_u(rng, 0.32, 0.5) if low else _u(rng, 0.68, 0.8))
    w = width or (_u(rng, 0.6, 1.3) if low else _u(rng, 0.7, 2.2))
    d = min(w, _u(rng, 0.45, 1.1))
    t = _u(rng, 0.015, 0.05)
    round_top = rng.random() < 0.3
    clear = rng.random() < 0.09
    look: Look | Surface = Look("thin_glass" if t < 0.02 else "glass", (1.0, 1.0, 1.0)) if clear else _board(rng)
    under: Look | Surface = metal(rng) if rng.random() < 0.4 else (look if isinstance(look, Surface) else paint(rng))
    if round_top:
        d = w = min(w, 1.4)
        top = s.cylinder(w / 2, t, segments=48)
    else:
        top = s.box(w, d, t, _u(rng, 0.0, 0.012))
    things = [_at(top, look, z=h - t)]
    if round_top or rng.random() < 0.15:
        things += [_at(s.cylinder(_u(rng, 0.02, 0.06), h - t - 0.02), under, z=0.02), _at(s.cylinder(w * 0.28, 0.02), under)]
    else:
        things += _legs(rng, w, d, h - t, under, _u(rng, 0.015, 0.045))
        if rng.random() < 0.5 and not clear:
            things.append(_at(s.box(w * 0.86, d * 0.8, 0.07), under, z=h - t - 0.0705))
    if not clear and rng.random() < 0.2:
        cloth = surface(rng, "fabric")
        things.append(
            _at(
                s.box((w + 0.01) * (0.7 if round_top else 1), d * _u(rng, 0.3, 1.0) * (0.65 if round_top else 1), 0.004),
                cloth,
                z=h + 0.0005,
            )
        )
    k = 0.68 if round_top else 0.93
    return _piece(things, Top(0, 0, h + 0.005, k * w / 2, k * d / 2))


def make_chair(rng: np.random.Generator) -> Piece:
    """A chair, armchair-like seat or stool."""
    w, d, seat = _u(rng, 0.38, 0.52), _u(rng, 0.38, 0.5), _u(rng, 0.42, 0.48)
    frame: Look | Surface = metal(rng) if rng.random() < 0.4 else _board(rng)
    pad: Look | Surface = surface(rng, "fabric" if rng.random() < 0.6 else "leather") if rng.random() < 0.6 else frame
    t = _u(rng, 0.02, 0.07)
    things = [_at(s.box(w, d, t, 0.01), pad, z=seat - t), *_legs(rng, w, d, seat - t, frame, _u(rng, 0.01, 0.022))]
    if rng.random() < 0.85:
        h = _u(rng, 0.3, 0.55)
        lean = s.translation(0, d / 2 - 0.015, seat - 0.02) @ s.rotation((1, 0, 0), -_u(rng, 3, 14))
        style = rng.random()
        if style < 0.5:
            things.append(Thing(s.box(w * 0.96, 0.03, h, 0.008), pad.look if isinstance(pad, Surface) else pad, lean, 1))
        else:
            bars = [
                s.transformed(s.box(0.025, 0.025, h), s.translation(x, 0, 0))
                for x in np.linspace(-w / 2 + 0.02, w / 2 - 0.02, int(rng.integers(2, 7)))
            ]
            bars.append(s.transformed(s.box(w, 0.028, _u(rng, 0.04, 0.15), 0.004), s.translation(0, 0, h - 0.04)))
            things.append(Thing(s.merge(bars), frame.look if isinstance(frame, Surface) else frame, lean, 1))
        if rng.random() < 0.25:
            for side in (-1, 1):
                things.append(_at(s.box(0.04, d * 0.9, 0.025, 0.005), frame, side * (w / 2 + 0.01), 0, seat + 0.2))
                things.append(_at(s.box(0.03, 0.03, 0.2), frame, side * (w / 2 + 0.01), -d * 0.35, seat))
    return _piece(things)


def make_sofa(rng: np.random.Generator, *, seats: int | None = None) -> Piece:
    """A sofa or armchair with cushions."""
    n = seats or int(rng.integers(1, 4))
    cover = surface(rng, "fabric" if rng.random() < 0.7 else "leather")
    if rng.random() < 0.5:
        cover = Surface(paint(rng, gloss=0.2), 1.0)
    arm, seat_w, d, base, back = (
        _u(rng, 0.08, 0.22),
        _u(rng, 0.5, 0.7),
        _u(rng, 0.75, 0.95),
        _u(rng, 0.22, 0.3),
        _u(rng, 0.65, 0.9),
    )
    w = n * seat_w + 2 * arm
    foot = 0.08
    t = _u(rng, 0.1, 0.18)
    things = [
        _at(s.box(w, d, base - foot + 0.02, 0.02), cover, z=foot),
        _at(s.box(w - 2 * arm + 0.02, 0.2, back - foot, 0.05), cover, y=d / 2 - 0.1, z=foot),
        *_legs(rng, w, d, foot, paint(rng, "dark"), 0.025),
    ]
    for side in (-1, 1):
        things.append(_at(s.box(arm, d, _u(rng, 0.5, 0.65) - foot, 0.04), cover, side * (w - arm) / 2, 0, foot))
    for k in range(n):
        x = (k - (n - 1) / 2) * seat_w
        things.append(_at(s.box(seat_w - 0.01, d - 0.2, t, 0.045), cover, x, -0.1, base))
    for _ in range(int(rng.integers(0, 2 * n))):
        pillow = s.transformed(s.blob(rng, (0.2, 0.09, 0.2), 0.04, 20), s.rotation((1, 0, 0), -25))
        things.append(
            _at(pillow, surface(rng, "fabric", 128), _u(rng, -1, 1) * (w / 2 - arm - 0.2), d / 2 - 0.3, base + t + 0.16)
        )
    return _piece(things, Top(0, -0.12, base + t, (w / 2 - arm) * 0.9, d * 0.25, 0.5))


def make_bed(rng: np.random.Generator) -> Piece:
    """A bed with mattress, pillows and cover; its head is at +y."""
    w, d, h = _u(rng, 0.8, 1.9), _u(rng, 1.85, 2.1), _u(rng, 0.2, 0.4)
    frame, sheet, cover = _board(rng), paint(rng, "pale", 0), surface(rng, "fabric", 384)
    t = _u(rng, 0.15, 0.25)
    spread = _u(rng, 0.5, 0.95)
    things = [
        _at(s.box(w + 0.06, d + 0.06, h - 0.08, 0.01), frame, z=0.08),
        _at(s.box(w, d, t, 0.05), sheet, z=h - 0.02),
        _at(s.box(w + 0.05, d * spread, t * 0.9, 0.05), cover, 0, -d * (1 - spread) / 2 - 0.02, h + 0.02),
        *_legs(rng, w, d, 0.09, frame, 0.03),
    ]
    if rng.random() < 0.8:
        things.append(
            _at(
                s.box(w + 0.06, 0.05, _u(rng, 0.5, 1.2), 0.01),
                frame if rng.random() < 0.6 else surface(rng, "fabric"),
                y=d / 2 + 0.05,
            )
        )
    for x in [-0.25 * w, 0.25 * w] if w > 1.2 else [0.0]:
        things.append(
            _at(
                s.blob(rng, (min(0.22 * w, 0.35), 0.2, 0.08), 0.05, 24),
                sheet if rng.random() < 0.5 else surface(rng, "fabric", 128),
                x,
                d / 2 - 0.28,
                h + t + 0.05,
            )
        )
    return _piece(things, Top(0, -0.2, h + t + 0.02, w * 0.4, d * 0.3))


def make_cabinet(rng: np.random.Generator, *, kind: str | None = None) -> Piece:
    """A closed cabinet, chest, wardrobe or sideboard with doors or drawers; wardrobes may have mirrors."""
    kind = kind or str(rng.choice(["wardrobe", "chest", "sideboard", "locker"]))
    w, d, h = {
        "wardrobe": (_u(rng, 0.8, 2.4), _u(rng, 0.5, 0.65), _u(rng, 1.8, 2.3)),
        "chest": (_u(rng, 0.5, 1.2), _u(rng, 0.35, 0.5), _u(rng, 0.6, 1.2)),
        "sideboard": (_u(rng, 1.0, 2.0), _u(rng, 0.35, 0.5), _u(rng, 0.45, 0.9)),
        "locker": (_u(rng, 0.3, 0.6), _u(rng, 0.3, 0.5), _u(rng, 0.5, 2.0)),
    }[kind]
    body = _board(rng)
    front: Look | Surface = body if rng.random() < 0.6 else (Surface(paint(rng), 1.0) if rng.random() < 0.6 else _board(rng))
    cols, rows = max(round(w / 0.55), 1), 1 if kind in ("wardrobe", "locker") else int(rng.integers(1, 5))
    mirrored = kind == "wardrobe" and rng.random() < 0.45
    knob = metal(rng)
    gap, things = 0.004, [_at(s.box(w, d - 0.02, h, 0.002), body, y=0.01)]
    for i in range(cols):
        for j in range(rows):
            cw, ch = w / cols - 2 * gap, (h - 0.06) / rows - 2 * gap
            x, z = (i + 0.5) * w / cols - w / 2, 0.06 + j * (h - 0.06) / rows + gap
            face: Look | Surface = Look("mirror") if mirrored and (i % 2 == 0 or rng.random() < 0.5) else front
            things.append(_at(s.box(cw, 0.018, ch, 0.002), face, x, -d / 2 + 0.009, z))
            kx = x + (cw / 2 - 0.05) * (1 if i % 2 == 0 else -1) if rows == 1 else x
            handle = s.box(0.012, 0.025, 0.14, 0.003) if rows == 1 else s.box(0.12, 0.025, 0.012, 0.003)
            things.append(_at(handle, knob, kx, -d / 2 - 0.012, z + ch * 0.5))
    tops = (Top(0, 0, h, w / 2 * 0.9, d / 2 * 0.8),) if h < 1.5 else ()
    return _piece(things, *tops)


def make_shelf(rng: np.random.Generator, *, filled: bool = True) -> Piece:
    """An open shelf full of books and things, sometimes with glass doors."""
    w, d, h, t = _u(rng, 0.5, 1.8), _u(rng, 0.22, 0.4), _u(rng, 0.7, 2.2), 0.02
    look = _board(rng)
    levels = max(int(h / _u(rng, 0.28, 0.45)), 2)
    step = (h - t) / levels
    frame = [_at(s.box(t, d, h), look, sx * (w / 2 - t / 2)) for sx in (-1, 1)]
    frame += [_at(s.box(w - 2 * t, d, t), look, z=k * step) for k in range(levels + 1)]
    if rng.random() < 0.8:
        frame.append(_at(s.box(w - 2 * t, 0.008, h), look, y=d / 2 - 0.004))
    things = frame
    for k in range(levels):
        if filled and rng.random() < 0.85:
            things += _shelf_filling(rng, w - 2 * t - 0.02, d - 0.03, step - t, k * step + t)
    if rng.random() < 0.12:
        things.append(_at(s.box(w, 0.006, h - 0.02), Look("thin_glass", (1.0, 1.0, 1.0)), y=-d / 2 - 0.006, z=0.01))
    return _piece(things, Top(0, 0, h, w * 0.45, d * 0.4))


def _shelf_filling(rng: np.random.Generator, w: float, d: float, free: float, z: float) -> list[Thing]:
    if rng.random() < 0.6:  # a row of books with a few lookalikes, merged by colour to keep the scene small
        looks = [Surface(paint(rng), 1.0) if rng.random() < 0.6 else surface(rng, "label", 64) for _ in range(4)]
        groups: list[list[Mesh]] = [[] for _ in looks]
        x, end, base = -w / 2, -w / 2 + w * _u(rng, 0.4, 1.0), free * _u(rng, 0.5, 0.85)
        while True:
            t = _u(rng, 0.012, 0.05)
            if x + t > end:
                break
            height, depth = min(base * _u(rng, 0.8, 1.15), free * 0.97), d * _u(rng, 0.6, 0.9)
            groups[int(rng.integers(4))].append(
                s.transformed(
                    s.fit_uv(s.box(t, depth, height)), s.translation(x + t / 2, (d - depth) / 2 - _u(rng, 0, 0.02), z)
                )
            )
            x += t + 0.001
        return [Thing(s.merge(g), k.look, instance=1) for g, k in zip(groups, looks, strict=True) if g]
    things: list[Thing] = []
    x = -w / 2
    while x < w / 2 - 0.08:
        one = random_object(rng, "glass", "pottery", "work", "play")
        low, high = extent(one)
        size = high - low
        k = min(1.0, 0.95 * free / float(size[2]), d / float(size[1]))
        width = float(size[0]) * k
        if x + width > w / 2:
            break
        centre = (low + high) / 2 * k
        things += put(one, s.translation(x + width / 2 - centre[0], -centre[1], z - float(low[2]) * k) @ s.scaling(k), 1)
        x += width + _u(rng, 0.01, 0.12)
    return things


def make_desk(rng: np.random.Generator) -> Piece:
    """A desk with drawers on one side."""
    w, d, h = _u(rng, 1.0, 1.8), _u(rng, 0.55, 0.8), _u(rng, 0.71, 0.76)
    look, under = _board(rng), _board(rng)
    things = [
        _at(s.box(w, d, 0.03, 0.003), look, z=h - 0.03),
        *_legs(rng, w, d, h - 0.03, metal(rng) if rng.random() < 0.5 else under, 0.025),
    ]
    if rng.random() < 0.7:
        side = 1 if rng.random() < 0.5 else -1
        n = int(rng.integers(2, 5))
        for k in range(n):
            things.append(
                _at(
                    s.box(0.4, d - 0.08, (h - 0.1) / n - 0.006, 0.003),
                    under,
                    side * (w / 2 - 0.27),
                    0,
                    0.05 + k * (h - 0.1) / n,
                )
            )
            things.append(
                _at(s.box(0.1, 0.02, 0.012), metal(rng), side * (w / 2 - 0.27), -d / 2 + 0.03, 0.05 + (k + 0.6) * (h - 0.1) / n)
            )
    return _piece(things, Top(0, 0, h, w * 0.46, d * 0.44))


def make_kitchen(rng: np.random.Generator, *, length: float | None = None) -> Piece:
    """A run of kitchen units: doors, drawers, worktop, sink, hob, sometimes an oven and wall cupboards."""
    unit = 0.6
    n = max(int((length or _u(rng, 1.2, 3.6)) / unit), 1)
    w, d, h = n * unit, 0.6, _u(rng, 0.85, 0.92)
    front = Surface(paint(rng, "pale" if rng.random() < 0.5 else "any"), 1.0) if rng.random() < 0.6 else surface(rng, "wood")
    top, knob = surface(rng, "counter"), metal(rng)
    things = [
        _at(s.box(w, d - 0.06, 0.1), Surface(paint(rng, "dark"), 1.0), y=0.03),
        _at(s.box(w, d - 0.02, h - 0.14), front, y=0.01, z=0.1),
        _at(s.box(w + 0.02, d + 0.03, 0.04, 0.004), top, y=-0.005, z=h - 0.04),
    ]
    oven = int(rng.integers(n)) if rng.random() < 0.6 else -1
    for k in range(n):
        x = (k + 0.5) * unit - w / 2
        if k == oven:
            things.append(_at(s.box(unit - 0.01, 0.02, h - 0.16, 0.003), metal(rng), x, -d / 2 + 0.01, 0.11))
            things.append(
                _at(
                    s.box(unit - 0.1, 0.006, h * 0.45),
                    Look("plastic", (0.01, 0.01, 0.012), roughness=0.04),
                    x,
                    -d / 2 - 0.003,
                    0.18,
                )
            )
            things.append(_at(s.box(unit * 0.7, 0.03, 0.02, 0.004), knob, x, -d / 2 - 0.015, h * 0.72))
            things.append(
                _at(s.box(unit * 0.9, d * 0.8, 0.006), Look("plastic", (0.01, 0.01, 0.012), roughness=0.05), x, 0, h + 0.0005)
            )
            continue
        rows = int(rng.choice([1, 1, 3]))
        for j in range(rows):
            ch = (h - 0.15) / rows
            things.append(_at(s.box(unit - 0.008, 0.02, ch - 0.006, 0.002), front, x, -d / 2 + 0.01, 0.105 + j * ch))
            things.append(_at(s.box(0.16, 0.025, 0.012, 0.003), knob, x, -d / 2 - 0.012, 0.105 + (j + 0.8) * ch))
    if n > 2 and rng.random() < 0.8:
        k = int(rng.choice([i for i in range(n) if i != oven]))
        x = (k + 0.5) * unit - w / 2
        steel = metal(rng)
        things.append(
            _at(
                s.merge([s.box(0.5, 0.42, 0.004), s.transformed(s.box(0.02, 0.02, 0.01), s.translation(0, 0.17, 0))]),
                steel,
                x,
                0,
                h + 0.0005,
            )
        )
        a = np.linspace(0, np.pi, 12)
        tap = s.tube(np.vstack([[(0, 0.19, 0)], np.c_[0 * a, 0.11 + 0.08 * np.cos(a), 0.2 + 0.08 * np.sin(a)]]), 0.012, 10)
        things.append(_at(tap, steel, x, 0, h))
    if rng.random() < 0.6:
        z0, hh, dd = h + _u(rng, 0.45, 0.65), _u(rng, 0.5, 0.75), 0.34
        skip = int(rng.integers(-2, n))
        for k in range(n):
            if k == skip:
                continue
            x = (k + 0.5) * unit - w / 2
            things.append(_at(s.box(unit - 0.004, dd, hh, 0.002), front, x, d / 2 - dd / 2, z0))
            things.append(_at(s.box(0.012, 0.02, 0.12), knob, x + 0.24, d / 2 - dd - 0.01, z0 + 0.06))
    return _piece(things, Top(0, -0.05, h + 0.001, w * 0.47, d * 0.32, 0.42))


def make_floor_lamp(rng: np.random.Generator) -> Piece:
    """A standing lamp, lit or not."""
    h, r = _u(rng, 1.3, 1.9), _u(rng, 0.12, 0.28)
    stem = metal(rng)
    lit = rng.random() < 0.5
    warm = np.array((1.0, 0.82, 0.6)) * rng.uniform(2, 7)
    shade = Look("light", (float(warm[0]), float(warm[1]), float(warm[2]))) if lit else paint(rng, "pale", 0)
    profile = [(r, 0), (r * 0.7, 0.28), (r * 0.7 - 0.002, 0.28), (r - 0.002, 0), (r, 0)]
    return _piece(
        [_at(s.cylinder(0.14, 0.02), stem), _at(s.cylinder(0.012, h), stem), _at(s.lathe(profile, 32), shade, z=h - 0.2)]
    )


def make_glass_case(rng: np.random.Generator) -> Piece:
    """A glass case or aquarium with things in it."""
    w, d, h, foot = _u(rng, 0.4, 1.2), _u(rng, 0.3, 0.5), _u(rng, 0.35, 1.3), _u(rng, 0.3, 0.8)
    base = _board(rng)
    pane = Look("thin_glass", (1.0, 1.0, 1.0))
    things = [_at(s.box(w, d, foot, 0.004), base), _at(s.box(w, d, 0.02, 0.003), base, z=foot + h)]
    things += [_at(s.wall(w - 0.02, h), pane, 0, y, foot) for y in (-d / 2 + 0.01, d / 2 - 0.01)]
    things += [_at(s.wall(d - 0.02, h), pane, x, 0, foot, 90) for x in (-w / 2 + 0.01, w / 2 - 0.01)]
    things += [
        _at(s.box(0.015, 0.015, h), metal(rng), sx * (w / 2 - 0.008), sy * (d / 2 - 0.008), foot)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    for k in range(int(rng.integers(1, 4))):
        one = random_object(rng, "pottery", "play", "decor")
        low, high = extent(one)
        size = min(1.0, 0.8 * h / float(high[2] - low[2]), 0.8 * d / float(max(high[:2] - low[:2])))
        things += put(one, s.translation((k - 1) * w * 0.28, 0, foot + 0.001 - float(low[2]) * size) @ s.scaling(size), 1)
    return _piece(things)


def make_standing_mirror(rng: np.random.Generator) -> Piece:
    """A tall framed mirror that leans back."""
    w, h, edge = _u(rng, 0.35, 0.8), _u(rng, 1.2, 1.9), _u(rng, 0.02, 0.06)
    lean = s.rotation((1, 0, 0), -_u(rng, 4, 12))
    look = _board(rng).look
    face = s.transformed(s.wall(w - 2 * edge, h - 2 * edge), s.translation(0, -0.005, edge))
    return _piece([Thing(frame_mesh(w, h, edge, 0.03), look, lean, 1), Thing(face, Look("mirror"), lean, 1)])


def make_plinth(rng: np.random.Generator) -> Piece:
    """A box, drum or crate one can put something on."""
    h = _u(rng, 0.3, 1.1)
    w = _u(rng, 0.3, 0.7)
    mesh = s.box(w, _u(rng, 0.3, 0.7), h, 0.005) if rng.random() < 0.6 else s.cylinder(w / 2, h)
    return _piece([_at(mesh, surface(rng))], Top(0, 0, h, w * 0.33, 0.12))


def make_screen(rng: np.random.Generator) -> Piece:
    """A television on a low stand."""
    stand = make_cabinet(rng, kind="sideboard")
    w, z = min(_u(rng, 0.7, 1.4), stand.size[0]), stand.size[2]
    face = Look("plastic", texture=random_texture(rng, "screen" if rng.random() < 0.3 else "picture", 256), roughness=0.04)
    dark = Look("plastic", (0.006, 0.006, 0.008), roughness=0.03)
    things = [
        *stand.things,
        _at(s.box(w * 0.3, 0.2, 0.02), dark, z=z),
        _at(s.box(w, 0.05, w * 0.57, 0.004), dark, z=z + 0.04),
        _at(s.fit_uv(s.wall(w * 0.97, w * 0.545)), face if rng.random() < 0.5 else dark, y=-0.0255, z=z + 0.05),
    ]
    return _piece(things)


FURNITURE: dict[str, Maker] = {
    "table": make_table,
    "coffee_table": lambda rng: make_table(rng, low=True),
    "chair": make_chair,
    "armchair": lambda rng: make_sofa(rng, seats=1),
    "sofa": make_sofa,
    "bed": make_bed,
    "bedside": lambda rng: make_cabinet(rng, kind="chest"),
    "cabinet": lambda rng: (make_cabinet if rng.random() < 0.5 else make_shelf)(rng),
    "shelf": make_shelf,
    "desk": make_desk,
    "kitchen": make_kitchen,
    "floor_lamp": make_floor_lamp,
    "glass_case": make_glass_case,
    "mirror": make_standing_mirror,
    "standing": make_plinth,
    "tv": make_screen,
}
