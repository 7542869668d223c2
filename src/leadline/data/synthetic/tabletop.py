"""Crowded tables, desks, counters, shelves and floors seen from near: glass, food, tools, toys, and things that fill the frame.

Behind them is a real room (see `rooms`) or the open air, so that the background is as far away as it would be in a photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.furniture import FURNITURE, Top, make_kitchen, make_table
from leadline.data.synthetic.objects import OBJECTS, extent, metal, paint, put
from leadline.data.synthetic.rooms import MAX_TRIANGLES, Room, make_room
from leadline.data.synthetic.scene import Look, Scene, Thing, View, look_at
from leadline.data.synthetic.textures import random_texture, surface

# which groups of OBJECTS a setting mixes, and how likely it is
THEMES: dict[str, tuple[tuple[str, ...], float]] = {
    "meal": (("food", "food", "pottery", "glass", "kitchen"), 0.24),
    "glassware": (("glass",), 0.16),
    "kitchen": (("kitchen", "pottery", "glass", "food"), 0.15),
    "desk": (("desk", "desk", "flat", "work"), 0.13),
    "toys": (("play", "play", "decor"), 0.09),
    "workbench": (("work", "work", "kitchen"), 0.08),
    "mixed": (tuple(OBJECTS), 0.15),
}


@dataclass
class Spot:
    """What stands on the surface: a disc (x, y, r) in the surface's frame, its height, and its box in the world."""

    x: float
    y: float
    r: float
    height: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int) -> Scene:
    """Return a crowded surface in a room or outdoors with `views` near views of it."""
    names = list(THEMES)
    shares = np.array([p for _, p in THEMES.values()])
    theme = str(rng.choice(names, p=shares / shares.sum()))
    room = _open_air(rng, assets) if rng.random() < 0.18 else _indoors(rng, assets, theme)
    matrix, top = support(room, theme)
    spots = crowd(room, matrix, top, theme)
    return Scene(f"tabletop/{theme}", tuple(room.things), tuple(room.lights), near_views(room, matrix, top, spots, views))


# --- places ----------------------------------------------------------------------------------------------------------


def _indoors(rng: np.random.Generator, assets: Assets, theme: str) -> Room:
    styles = {
        "meal": ("dining", "kitchen", "cafe"),
        "kitchen": ("kitchen",),
        "desk": ("office", "bedroom"),
        "workbench": ("storage", "office"),
    }
    style = str(rng.choice(styles.get(theme, ("living", "dining", "kitchen", "office", "bedroom", "gallery"))))
    w, d = rng.uniform(3.0, 7.0, 2)
    return make_room(rng, assets, style, (float(w), float(d)), busy=False)


def _open_air(rng: np.random.Generator, assets: Assets) -> Room:
    """A place without walls: daylight, ground, and some trees, houses or hedges around."""
    from leadline.data.synthetic.outdoors import make_daylight

    room = Room(rng, assets, "terrace", (8.0, 8.0))
    room.height = 40.0
    room.build(s.quad(400, 400), surface(rng, "ground", 512), s.translation(4, 4, -0.002))
    room.build(s.quad(8, 8), surface(rng, "paving", 512), s.translation(4, 4, 0))
    room.lights += list(make_daylight(rng))
    for _ in range(int(rng.integers(2, 9))):
        a, far, roll = rng.uniform(0, 2 * np.pi), rng.uniform(5, 30), rng.random()
        x, y = 4 + far * np.cos(a), 4 + far * np.sin(a)
        if roll < 0.4:
            wall = surface(rng, "facade")
            mesh = s.scale_uv(s.box(room.uniform(3, 12), room.uniform(3, 8), room.uniform(2.5, 9)), wall.repeats_per_metre)
            room.add(
                [Thing(mesh, wall.look, instance=1)], s.placement(x + 8 * np.cos(a), y + 8 * np.sin(a), 0, room.uniform(0, 90))
            )
            continue
        model = assets.pick(rng, "tree", "plant") if room.use_models and roll < 0.7 else None
        if model is not None and room.triangles + model.triangles < MAX_TRIANGLES * 0.6:
            room.add(assets.things(model), s.placement(x, y, 0, room.uniform(0, 360)), notable=True)
            continue
        h = room.uniform(1, 6)
        crown = s.scale_uv(s.blob(rng, (h * 0.4, h * 0.4, h * 0.4), 0.3, 28), 1.5)
        room.add(
            [
                Thing(crown, surface(rng, "grass").look, s.translation(0, 0, h * 0.65), 1),
                Thing(s.cylinder(0.1, h * 0.4), paint(rng, "earth", 0), instance=1),
            ],
            s.translation(x, y, 0),
        )
    for _ in range(int(rng.integers(0, 4))):
        room.freely(room.piece("chair"))
    return room


def support(room: Room, theme: str) -> tuple[NDArray[np.float64], Top]:
    """Return the surface that the view is about: (world_from_piece, top). A table, desk, counter, cabinet or floor."""
    roll = room.rng.random()
    known = len(room.tops)
    middle = (room.width * 0.5, room.depth * 0.5)
    if roll < 0.09:
        x, y = room.uniform(1, room.width - 1), room.uniform(1, room.depth - 1)
        for _ in range(20):
            if room.free(np.array([x - 0.5, y - 0.5, 0.0]), np.array([x + 0.5, y + 0.5, 0.5])):
                return s.translation(x, y, 0), Top(0, 0, 0.002, 0.55, 0.55)
            x, y = room.uniform(1, room.width - 1), room.uniform(1, room.depth - 1)
    if roll < 0.3 and theme in ("kitchen", "meal", "mixed") and room.walls:
        wall = max(room.walls, key=lambda w: w.length)
        room.against_wall(make_kitchen(room.rng, length=room.uniform(1.2, 2.4)), tries=30, wall=wall)
    elif roll < 0.5:
        room.freely(room.piece("desk" if theme in ("desk", "workbench") else "table"), near=middle, spread=0.8, tries=40)
    elif roll < 0.62:
        room.freely(FURNITURE["coffee_table" if roll < 0.56 else "cabinet"](room.rng), near=middle, spread=0.8, tries=40)
    if len(room.tops) == known:
        table = make_table(room.rng, width=room.uniform(0.8, 1.8))
        for spread in (0.5, 1.0, 2.0):
            if room.freely(table, near=middle, spread=spread, tries=40):
                break
        else:  # a full room: the table goes on top of what is there, which then is under or in it and hardly seen
            room.add(table.things, s.translation(*middle, 0))
            room.tops.append((s.translation(*middle, 0), table.tops[0]))
    return room.tops[-1]


# --- what stands there -----------------------------------------------------------------------------------------------


def crowd(room: Room, matrix: NDArray[np.float64], top: Top, theme: str) -> list[Spot]:
    """Fill the surface around a random centre; things may stand in two tiers (on books, boxes, trays)."""
    rng = room.rng
    groups = THEMES[theme][0]
    if len(groups) > 4 and rng.random() < 0.5:
        groups = tuple(str(g) for g in rng.choice(groups, 3, replace=False))
    reach = room.uniform(0.2, 0.5)  # half the side of the crowded part
    half_x, half_y = min(top.half_x, reach * 1.3), min(top.half_y, reach)
    cx = room.uniform(-1, 1) * (top.half_x - half_x) * 0.7
    cy = room.uniform(-1, 1) * (top.half_y - half_y) * 0.7
    spots: list[Spot] = []
    for layer in _cover(rng, half_x, half_y):
        room.add([layer], matrix @ s.translation(top.x + cx, top.y + cy, top.z))
    wanted = int(rng.choice([3, 8, 14, 24, 36, 55], p=[0.06, 0.14, 0.22, 0.26, 0.2, 0.12]))
    alike = room.small(*groups) if rng.random() < 0.2 else None  # a set: the same glass many times
    for _ in range(wanted):
        thing = alike if alike is not None and rng.random() < 0.7 else _object(room, groups)
        low, high = extent(thing)
        size = high - low
        r = 0.5 * float(np.hypot(size[0], size[1])) * 0.88
        if r > 1.2 * min(half_x, half_y) or size[2] > top.room_above:
            continue
        for _ in range(14):
            x, y = cx + room.uniform(-1, 1) * max(half_x - 0.7 * r, 0), cy + room.uniform(-1, 1) * max(half_y - 0.7 * r, 0)
            if all((x - o.x) ** 2 + (y - o.y) ** 2 > (r + o.r) ** 2 * 0.95 for o in spots):
                _stand(room, matrix, top, thing, x, y, top.z + 0.004, spots, r)
                break
    for under in list(spots):  # a second tier, on things that are flat and wide
        if under.height < 0.09 and under.r > 0.08 and rng.random() < 0.15:
            thing = _object(room, ("glass", "pottery", "food"))
            size = extent(thing)[1] - extent(thing)[0]
            r = 0.5 * float(np.hypot(size[0], size[1]))
            if r < 0.55 * under.r:
                _stand(room, matrix, top, thing, under.x, under.y, top.z + 0.004 + under.height, spots, r)
    return spots


def _object(room: Room, groups: tuple[str, ...]) -> tuple[Thing, ...]:
    if room.rng.random() < 0.04:
        return tuple(_hand_mirror(room.rng))
    if room.use_models and room.rng.random() < 0.05:  # furniture as a toy or ornament
        model = room.assets.pick(room.rng, "chair", "sofa", "car", "animal", "person", "plant", "bike", "lamp")
        if model is not None and room.triangles + model.triangles < MAX_TRIANGLES * 0.8:
            k = room.uniform(0.08, 0.3) / max(model.size)
            return tuple(put(room.assets.things(model), s.scaling(k), 1))
    return room.small(*groups)


def _stand(
    room: Room,
    matrix: NDArray[np.float64],
    top: Top,
    thing: tuple[Thing, ...],
    x: float,
    y: float,
    z: float,
    spots: list[Spot],
    r: float,
) -> None:
    low, high = extent(thing)
    centre = (low + high) / 2
    yaw = room.uniform(0, 360)
    seat = s.placement(top.x + x, top.y + y, z - float(low[2]) + 0.0005, yaw) @ s.translation(
        -float(centre[0]), -float(centre[1]), 0
    )
    world = matrix @ seat
    room.add(thing, world)
    box = extent(put(thing, world, 1))
    spots.append(Spot(x, y, r, float(high[2] - low[2]), *box))


def _cover(rng: np.random.Generator, half_x: float, half_y: float) -> list[Thing]:
    """Return a cloth, mat, paper or mirror that lies under the things, or nothing."""
    roll = rng.random()
    w, d = 2 * half_x * rng.uniform(0.5, 1.0), 2 * half_y * rng.uniform(0.5, 1.0)
    if roll < 0.16:
        cloth = surface(rng, "fabric", 384)
        return [Thing(s.scale_uv(s.box(w, d, 0.002), cloth.repeats_per_metre), cloth.look, instance=1)]
    if roll < 0.22:
        return [Thing(s.fit_uv(s.box(w, d, 0.001)), Look("diffuse", texture=random_texture(rng, "page", 512)), instance=1)]
    if roll < 0.28:
        return [Thing(s.box(w, d, 0.003), Look("mirror") if rng.random() < 0.5 else metal(rng), instance=1)]
    if roll < 0.33:
        return [Thing(s.box(w, d, 0.0035), surface(rng, "counter").look, instance=1)]
    return []


def _hand_mirror(rng: np.random.Generator) -> list[Thing]:
    """A round mirror on a foot, or one lying down."""
    r = float(rng.uniform(0.05, 0.14))
    rim = metal(rng)
    disc = [
        Thing(s.disc(r, 40), Look("mirror"), s.translation(0, 0, 0.0062), 1),
        Thing(s.cylinder(r * 1.05, 0.006, segments=40), rim, instance=1),
    ]
    if rng.random() < 0.35:
        return disc
    lift = r * 1.6
    tilt = s.translation(0, 0, lift) @ s.rotation((1, 0, 0), float(rng.uniform(70, 105)))
    foot = [
        Thing(s.cylinder(r * 0.6, 0.01), rim, instance=1),
        Thing(s.cylinder(0.006, lift - r * 0.8), rim, s.translation(0, 0.02, 0), 1),
    ]
    return put(disc, tilt, 1) + foot


# --- views -----------------------------------------------------------------------------------------------------------


def near_views(room: Room, matrix: NDArray[np.float64], top: Top, spots: list[Spot], count: int) -> tuple[View, ...]:
    """Return `count` views of the surface and what stands on it, from near."""
    out: list[View] = []
    relax = 1.0
    while len(out) < count:
        view = _near_view(room, matrix, top, spots, relax)
        if view is not None:
            out.append(view)
        relax *= 0.97
        if relax < 1e-4:  # no place is left for a camera but high above
            eye = (*(matrix @ np.array([top.x, top.y, 0, 1]))[:3], 0.05, 0.05, 0)
            high = min(room.height - 0.15, top.z + 1.5)
            out.append(
                View(look_at((float(eye[0]), float(eye[1]), high), (float(eye[0]) - 0.05, float(eye[1]) - 0.04, top.z)), 60.0)
            )
    return tuple(out)


def _near_view(room: Room, matrix: NDArray[np.float64], top: Top, spots: list[Spot], relax: float) -> View | None:
    """Return a view of the crowd, of one thing in it, or from above; None where the camera has no place."""
    rng = room.rng
    plane = float((matrix @ np.array([0, 0, top.z, 1]))[2])
    centre = (matrix @ np.array([top.x, top.y, top.z, 1]))[:3]
    if spots:
        centre = np.mean([(o.low + o.high) / 2 for o in spots], axis=0)
    roll = rng.random()
    if spots and roll < 0.3:  # one thing fills the frame
        one = spots[int(rng.integers(len(spots)))]
        target = (one.low + one.high) / 2
        size = float(np.linalg.norm(one.high - one.low))
        fov = room.uniform(30, 60)
        far = max(size * room.uniform(0.8, 1.8) / (2 * np.tan(np.deg2rad(fov) / 2)), 0.16)
        pitch = room.uniform(-3, 45)
    elif roll < 0.45:  # from above, as food is photographed
        target = centre + np.array([*rng.normal(0, 0.08, 2), 0.0])
        fov, far, pitch = room.uniform(40, 75), room.uniform(0.35, 1.3), room.uniform(60, 88)
    else:
        target = centre + rng.normal(0, 0.1, 3) * (1, 1, 0.3)
        fov, far = room.uniform(38, 85), room.uniform(0.3, 1.3) if rng.random() < 0.86 else room.uniform(1.2, 2.6)
        pitch = room.uniform(2, 50)
    low, high = np.deg2rad(pitch), room.uniform(0, 2 * np.pi)
    eye = target + far * np.array([np.cos(high) * np.cos(low), np.sin(high) * np.cos(low), np.sin(low)])
    eye[2] = max(eye[2], plane + 0.03)
    if not _has_place(room, eye, target, fov, spots, 0.1 + 0.1 * relax, plane):
        return None
    angle = float(rng.normal(0, 3)) if rng.random() < 0.75 else float(rng.normal(0, 20))
    focus = float(np.linalg.norm(eye - target)) * (room.uniform(0.9, 1.1) if rng.random() < 0.93 else room.uniform(0.5, 2))
    aperture = room.uniform(0.0006, 0.0045) if rng.random() < 0.12 else 0.0
    pose = look_at(
        (float(eye[0]), float(eye[1]), float(eye[2])), (float(target[0]), float(target[1]), float(target[2]) + 1e-3), angle
    )
    return View(pose, fov, aperture, max(focus, 0.1))


def _has_place(
    room: Room,
    eye: NDArray[np.float64],
    target: NDArray[np.float64],
    fov: float,
    spots: list[Spot],
    nearest: float,
    plane: float,
) -> bool:
    """Return whether nothing stands round the camera or closer than `nearest` in the middle of its picture."""
    if room.walls and not (0.08 < eye[0] < room.width - 0.08 and 0.08 < eye[1] < room.depth - 0.08):
        return False
    if not 0.06 < eye[2] < room.height - 0.1:
        return False
    near = [(o.low, o.high) for o in spots]
    inside = [b for b in room.boxes if b[1][2] > plane + 0.03 or eye[2] < plane]  # the table itself ends below the plane
    if any((eye > b[0] - 0.05).all() and (eye < b[1] + 0.05).all() for b in [*inside, *near]):
        return False
    pose = look_at((float(eye[0]), float(eye[1]), float(eye[2])), (float(target[0]), float(target[1]), float(target[2]) + 1e-3))
    t = np.tan(np.deg2rad(fov) / 2) * 0.7
    grid = np.array([(x * t, y * t * 0.75, 1.0) for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, -0.4, 0.2, 0.8)])
    rays = grid / np.linalg.norm(grid, axis=1, keepdims=True) @ pose[:3, :3].T
    boxes = room.boxes
    room.boxes = [*inside, *near]
    try:
        reach, _ = room.clear_distance(eye, rays)
    finally:
        room.boxes = boxes
    return bool(reach.min() > nearest and np.median(reach) > 1.2 * nearest)
