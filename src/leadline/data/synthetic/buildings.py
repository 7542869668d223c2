"""Buildings with windows, doors, shops, balconies and roofs. Fronts face -y, stand on z = 0 and start at x = 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.data.synthetic.blobs import xyz
from leadline.data.synthetic.outdoors import lightened, muted
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.shapes import box, make_mesh, merge, scale_uv, transformed, translation, tube
from leadline.data.synthetic.textures import Mood, Surface, linear, random_colour, random_texture, surface

_PANE = Look("plastic", (0.02, 0.025, 0.03), roughness=0.01)
_CLEAR = Look("thin_glass", (1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Style:
    """The looks that the buildings of one street draw from."""

    walls: tuple[Surface, ...]
    roofs: tuple[Surface, ...]
    trims: tuple[Look, ...]
    inside: tuple[Look, ...]


def make_style(rng: np.random.Generator) -> Style:
    """Draw the walls, roofs, trims and interiors of a street."""
    pale = [_weathered(rng, surface(rng, "facade_wall")) for _ in range(4)]
    plain = [Surface(Look("diffuse", linear_of(rng, mood)), 1.0) for mood in ("pale", "earth")]
    return Style(
        walls=(*pale, *plain),
        roofs=tuple(_weathered(rng, surface(rng, c)) for c in ("brick", "tiles", "concrete")),
        trims=(
            Look("diffuse", (0.8, 0.79, 0.76)),
            Look("diffuse", (0.04, 0.04, 0.045)),
            Look("diffuse", linear_of(rng, "earth")),
            Look("plastic", (0.25, 0.15, 0.08), roughness=0.3),
        ),
        inside=(
            Look("diffuse", texture=random_texture(rng, "picture")),
            Look("diffuse", texture=random_texture(rng, "cover")),
            Look("diffuse", (0.7, 0.65, 0.55)),
        ),
    )


def linear_of(rng: np.random.Generator, mood: Mood = "any") -> tuple[float, float, float]:
    """Return a random linear colour as `Look` wants it."""
    r, g, b = (float(c) for c in linear(random_colour(rng, mood)))
    return r, g, b


def boxes(lows: ArrayLike, highs: ArrayLike) -> Mesh:
    """Return many plain boxes as one mesh, from their lowest and highest corners, (n, 3) each; uv in metres."""
    low, high = np.asarray(lows, np.float64).reshape(-1, 3), np.asarray(highs, np.float64).reshape(-1, 3)
    unit = box(1.0, 1.0, 1.0)
    corner = np.asarray(unit.vertices, np.float64) + xyz(0.5, 0.5, 0.0)
    vertices = low[:, None] + corner * (high - low)[:, None]
    axes = np.repeat([(1, 2), (0, 2), (0, 1)], 8, axis=0)  # the axes that u and v run along on each pair of faces
    uv = np.asarray(unit.uv) * (high - low)[:, axes]
    faces = np.asarray(unit.faces)[None] + 24 * np.arange(len(low))[:, None, None]
    return make_mesh(vertices, faces, uv)


def _weathered(rng: np.random.Generator, given: Surface) -> Surface:
    """Return an outdoor surface: matt and mostly of low saturation."""
    texture = None if given.look.texture is None else lightened(rng, muted(given.look.texture, float(rng.uniform(0.2, 0.8))))
    return Surface(Look("diffuse", given.look.colour, texture), given.repeats_per_metre)


def make_house(
    rng: np.random.Generator,
    style: Style,
    width_m: float,
    floors: int,
    *,
    depth_m: float = 9.0,
    shop: bool = False,
    gable: bool | None = None,
    simple: bool = False,
) -> list[Thing]:
    """Return a building over x in 0..width, y in 0..depth, all of instance 1; its front has real window niches.

    Args:
        rng: decides what is not given. style: looks to draw from.
        width_m, floors, depth_m: size; a floor is 2.7 to 3.6 m.
        shop: glass shop windows with rooms behind them on the ground floor.
        gable: a pitched roof (ridge along x) instead of a flat one; None decides by the number of floors.
        simple: leave out frames, sills and balconies (far away, or many).
    """
    wall, roof = style.walls[int(rng.integers(len(style.walls)))], style.roofs[int(rng.integers(len(style.roofs)))]
    trim = style.trims[int(rng.integers(len(style.trims)))]
    storey = float(rng.uniform(2.7, 3.6))
    ground_h = storey * (1.2 if shop else 1.0)
    height = ground_h + storey * (floors - 1) + 0.3
    bays = max(1, round(width_m / rng.uniform(2.0, 3.6)))
    pitch = width_m / bays
    win_w, win_h = pitch * float(rng.uniform(0.35, 0.75)), storey * float(rng.uniform(0.4, 0.7))
    sill = storey * float(rng.uniform(0.2, 0.32))
    niche = float(rng.uniform(0.06, 0.25))
    door_bay = int(rng.integers(bays))
    holes: list[tuple[float, float, float, float]] = []  # x0, x1, z0, z1
    panes: list[tuple[float, float, float, float]] = []
    doors: list[tuple[float, float, float, float]] = []
    shops: list[tuple[float, float, float, float]] = []
    for floor in range(floors):
        z0 = 0.0 if floor == 0 else ground_h + storey * (floor - 1)
        for bay in range(bays):
            centre = (bay + 0.5) * pitch
            if floor == 0 and bay == door_bay:
                half = min(0.55, 0.35 * pitch)
                doors.append((centre - half, centre + half, 0.0, min(2.2, 0.85 * ground_h)))
            elif floor == 0 and shop:
                shops.append((centre - 0.46 * pitch, centre + 0.46 * pitch, 0.35, 0.8 * ground_h))
            elif rng.random() < 0.96:
                panes.append((centre - win_w / 2, centre + win_w / 2, z0 + sill, min(z0 + sill + win_h, z0 + storey - 0.15)))
    holes = [*panes, *doors, *shops]
    k = wall.repeats_per_metre
    things = [Thing(scale_uv(_front(width_m, height, holes, niche), k), wall.look, instance=1)]
    side = rng.random() < 0.3
    gable = (floors <= 2 and rng.random() < 0.75) if gable is None else gable
    things.append(Thing(scale_uv(_shell(width_m, depth_m, height), k), style.walls[0].look if side else wall.look, instance=1))
    if panes:
        things.append(Thing(_panels(panes, niche), _PANE, instance=1))
    door_look = style.trims[int(rng.integers(len(style.trims)))]
    things.append(Thing(_panels(doors, niche), door_look, instance=1))
    if shops:
        things.append(Thing(_panels(shops, 0.5 * niche), _CLEAR, instance=1))
        rooms = [transformed(_room(x1 - x0, z1 - z0 + 0.3, 2.2), translation(x0, niche, z0 - 0.25)) for x0, x1, z0, z1 in shops]
        things.append(Thing(merge(rooms), style.inside[int(rng.integers(len(style.inside)))], instance=1))
        goods = [
            transformed(
                box(float(rng.uniform(0.2, 0.6)), 0.4, float(rng.uniform(0.3, 1.4)), 0.02),
                translation(float(rng.uniform(x0 + 0.3, x1 - 0.3)), niche + 0.6, 0.1),
            )
            for x0, x1, _, _ in shops
            for _ in range(2)
        ]
        things.append(Thing(merge(goods), Look("diffuse", linear_of(rng)), instance=1))
        board = box(0.94 * width_m, 0.12, 0.16 * ground_h, 0.01)
        things.append(
            Thing(
                scale_uv(board, 0.8),
                Look("diffuse", texture=random_texture(rng, "cover"))
                if rng.random() < 0.6
                else Look("plastic", linear_of(rng)),
                translation(width_m / 2, -0.06, 0.82 * ground_h),
                1,
            )
        )
        if rng.random() < 0.4:
            reach, z = float(rng.uniform(0.8, 1.5)), 0.8 * ground_h
            awning = make_mesh(
                [(0.2, 0, z), (width_m - 0.2, 0, z), (width_m - 0.2, -reach, z - 0.5), (0.2, -reach, z - 0.5)],
                [(0, 1, 2), (0, 2, 3)],
                [(0, 1), (width_m, 1), (width_m, 0), (0, 0)],
            )
            things.append(Thing(awning, Look("diffuse", texture=random_texture(rng, "fabric")), instance=1))
    if not simple:
        things.append(
            Thing(_frames([*panes, *shops], niche, bars=rng.random() < 0.6, sills=rng.random() < 0.6), trim, instance=1)
        )
        upper = [p for p in panes if p[2] > ground_h]
        if upper and rng.random() < 0.4:
            things += _balconies(rng, upper, storey, sill, trim)
        if rng.random() < 0.6:
            bands = [
                transformed(box(width_m + 0.1, 0.25, 0.22), translation(width_m / 2, 0, z))
                for z in ([height - 0.25] if rng.random() < 0.5 else [height - 0.25, ground_h - 0.05])
            ]
            things.append(Thing(merge(bands), trim, instance=1))
        if rng.random() < 0.4:
            x = float(rng.choice([0.15, width_m - 0.15]))
            things.append(
                Thing(
                    tube([(x, -0.08, 0.0), (x, -0.08, height)], 0.06, 8),
                    Look("plastic", (0.3, 0.3, 0.3), roughness=0.3),
                    instance=1,
                )
            )
    if gable:
        rise = depth_m * float(rng.uniform(0.25, 0.5))
        things.append(
            Thing(scale_uv(_gable_roof(width_m, depth_m, height, rise), roof.repeats_per_metre), roof.look, instance=1)
        )
        things.append(Thing(scale_uv(_gable_ends(width_m, depth_m, height, rise), k), wall.look, instance=1))
        chimney = translation(float(rng.uniform(0.2, 0.8)) * width_m, 0.5 * depth_m + 0.6, height)
        things.append(Thing(scale_uv(box(0.6, 0.6, rise + 0.7), k), wall.look, chimney, 1))
    elif rng.random() < 0.4:
        tanks = [
            transformed(
                box(float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.8, 2.5))),
                translation(float(rng.uniform(0.2, 0.8)) * width_m, float(rng.uniform(0.3, 0.8)) * depth_m, height),
            )
            for _ in range(2)
        ]
        things.append(Thing(merge(tanks), Look("diffuse", (0.4, 0.4, 0.4)), instance=1))
    return things


def make_barn(rng: np.random.Generator) -> list[Thing]:
    """Return a hut, barn or shed centred at the origin, all of instance 1."""
    style = Style(
        walls=(surface(rng, "wood"), surface(rng, "facade_wall")),
        roofs=(surface(rng, "tiles"), surface(rng, "wood"), Surface(Look("diffuse", linear_of(rng)), 1.0)),
        trims=(Look("diffuse", (0.75, 0.74, 0.7)), Look("diffuse", (0.12, 0.08, 0.05))),
        inside=(Look("diffuse", (0.5, 0.45, 0.4)),),
    )
    width, depth = float(rng.uniform(3, 14)), float(rng.uniform(3, 9))
    back = translation(-width / 2, -depth / 2, 0)
    return [
        Thing(t.mesh, t.look, back @ t.world_from_mesh, 1)
        for t in make_house(rng, style, width, 1 if rng.random() < 0.8 else 2, depth_m=depth, gable=True)
    ]


def _front(width: float, height: float, holes: Sequence[tuple[float, float, float, float]], niche: float) -> Mesh:
    """Return the wall y = 0 with rectangular holes and their reveals, uv in metres."""
    xs = np.unique(np.round([0.0, width, *(h[i] for h in holes for i in (0, 1))], 4))
    zs = np.unique(np.round([0.0, height, *(h[i] for h in holes for i in (2, 3))], 4))
    cx, cz = (xs[:-1] + xs[1:]) / 2, (zs[:-1] + zs[1:]) / 2
    keep = np.ones((len(cz), len(cx)), bool)
    for x0, x1, z0, z1 in holes:
        keep &= ~(((cx > x0) & (cx < x1))[None] & ((cz > z0) & (cz < z1))[:, None])
    j, i = np.nonzero(keep)
    flat = _quads(
        np.stack([xs[i], 0 * xs[i], zs[j]], 1),
        np.stack([xs[i + 1], 0 * xs[i], zs[j]], 1),
        np.stack([xs[i + 1], 0 * xs[i], zs[j + 1]], 1),
        np.stack([xs[i], 0 * xs[i], zs[j + 1]], 1),
    )
    if not holes:
        return flat
    h = np.array(holes)
    x0, x1, z0, z1 = h.T
    o, d = 0 * x0, niche + 0 * x0

    def p(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([x, y, z], 1)

    reveals = [
        _quads(p(x0, o, z0), p(x0, o, z1), p(x0, d, z1), p(x0, d, z0)),
        _quads(p(x1, o, z0), p(x1, d, z0), p(x1, d, z1), p(x1, o, z1)),
        _quads(p(x0, o, z0), p(x0, d, z0), p(x1, d, z0), p(x1, o, z0)),
        _quads(p(x0, o, z1), p(x1, o, z1), p(x1, d, z1), p(x0, d, z1)),
    ]
    return merge([flat, *reveals])


def _quads(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]) -> Mesh:
    """Return one quad for each row of the corners, (n, 3); u runs along x and y together, v along z."""
    p = np.stack([a, b, c, d], 1).reshape(-1, 3)
    k = 4 * np.arange(len(a))[:, None]
    return make_mesh(
        p,
        np.concatenate([np.add(k, (0, 1, 2)), np.add(k, (0, 2, 3))]),
        np.stack([p[:, 0] + p[:, 1], p[:, 2] + 0.5 * p[:, 1]], 1),
    )


def _panels(holes: Sequence[tuple[float, float, float, float]], back: float) -> Mesh:
    """Return a pane in each hole, `back` metres behind the front."""
    x0, x1, z0, z1 = np.array(holes, np.float64).T
    y = back + 0 * x0
    return _quads(np.stack([x0, y, z0], 1), np.stack([x1, y, z0], 1), np.stack([x1, y, z1], 1), np.stack([x0, y, z1], 1))


def _shell(width: float, depth: float, height: float) -> Mesh:
    """Return both sides, the back and a flat roof."""
    c = np.array([(0, 0), (0, depth), (width, depth), (width, 0)], np.float64)
    parts = []
    for i in range(3):
        (xa, ya), (xb, yb) = c[i], c[i + 1]
        length = float(np.hypot(xb - xa, yb - ya))
        corners = [(xb, yb, 0), (xa, ya, 0), (xa, ya, height), (xb, yb, height)]
        parts.append(make_mesh(corners, [(0, 1, 2), (0, 2, 3)], [(0, 0), (length, 0), (length, height), (0, height)]))
    top = [(0, 0, height), (width, 0, height), (width, depth, height), (0, depth, height)]
    parts.append(make_mesh(top, [(0, 1, 2), (0, 2, 3)], [(0, 0), (width, 0), (width, depth), (0, depth)]))
    return merge(parts)


def _room(width: float, height: float, depth: float) -> Mesh:
    """Return the inside of a box open towards -y: floor, ceiling, back and sides; the picture of the back fills it once."""
    w, h, d = width, height, depth
    back = make_mesh([(0, d, 0), (w, d, 0), (w, d, h), (0, d, h)], [(0, 1, 2), (0, 2, 3)], [(0, 0), (1, 0), (1, 1), (0, 1)])
    sheets: list[list[tuple[float, float, float]]] = [
        [(0, 0, 0), (w, 0, 0), (w, d, 0), (0, d, 0)],
        [(0, 0, h), (0, d, h), (w, d, h), (w, 0, h)],
        [(0, 0, 0), (0, d, 0), (0, d, h), (0, 0, h)],
        [(w, 0, 0), (w, 0, h), (w, d, h), (w, d, 0)],
    ]
    return merge([back, *(make_mesh(s, [(0, 1, 2), (0, 2, 3)], [(0, 0), (0.3, 0), (0.3, 0.3), (0, 0.3)]) for s in sheets)])


def _frames(holes: Sequence[tuple[float, float, float, float]], niche: float, *, bars: bool, sills: bool) -> Mesh:
    """Return window frames (with glazing bars and outer sills) of all holes as one mesh."""
    if not holes:
        return box(0.1, 0.05, 0.1)
    y = niche - 0.03
    strips = []  # middle x, lowest z, width, height
    ledges = []
    for x0, x1, z0, z1 in holes:
        w, h, cx = x1 - x0, z1 - z0, (x0 + x1) / 2
        strips += [(cx, z0, w, 0.07), (cx, z1 - 0.07, w, 0.07), (x0 + 0.035, z0, 0.07, h), (x1 - 0.035, z0, 0.07, h)]
        if bars:
            strips += [(cx, z0, 0.06, h), (cx, z0 + 0.62 * h, w, 0.05)]
        if sills:
            ledges.append((cx, z0 - 0.07, w + 0.2, 0.07))
    x, z, w, h = np.array(strips + ledges).T
    front = np.r_[np.full(len(strips), y - 0.03), np.full(len(ledges), -0.14)]
    back = np.r_[np.full(len(strips), y + 0.03), np.full(len(ledges), 0.1)]
    return boxes(np.stack([x - w / 2, front, z], 1), np.stack([x + w / 2, back, z + h], 1))


def _balconies(
    rng: np.random.Generator, windows: Sequence[tuple[float, float, float, float]], storey: float, sill: float, trim: Look
) -> list[Thing]:
    """Return slabs with railings under some of the windows."""
    chosen = [w for w in windows if rng.random() < 0.6] or [windows[0]]
    reach = float(rng.uniform(0.6, 1.3))
    slabs: list[tuple[float, ...]] = []  # lowest and highest corner
    rails: list[tuple[float, ...]] = []
    solid = rng.random() < 0.4
    for x0, x1, z0, _ in chosen:
        w, cx, z = x1 - x0 + 0.7, (x0 + x1) / 2, z0 - sill
        left, right = cx - w / 2, cx + w / 2
        slabs.append((left, -reach, z, right, 0.0, z + 0.15))
        if solid:
            slabs.append((left, -reach - 0.03, z, right, -reach + 0.03, z + 0.95))
        else:
            rails.append((left, -reach - 0.02, z + 1.0, right, -reach + 0.03, z + 1.05))
            rails += [
                (float(x), -reach - 0.01, z, float(x) + 0.025, -reach + 0.015, z + 1.0) for x in np.arange(left, right, 0.16)
            ]
        rails += [(x - 0.02, -reach, z + 0.95, x + 0.02, 0.0, z + 1.0) for x in (left, right)]
    slab, rail = np.array(slabs), np.array(rails)
    return [
        Thing(boxes(slab[:, :3], slab[:, 3:]), trim, instance=1),
        Thing(boxes(rail[:, :3], rail[:, 3:]), Look("diffuse", (0.04, 0.04, 0.045)), instance=1),
    ]


def _gable_roof(width: float, depth: float, height: float, rise: float) -> Mesh:
    """Return two slopes with eaves, the ridge along x."""
    over = 0.4
    slope = float(np.hypot(depth / 2, rise))
    low = height - over * rise / (depth / 2)
    ridge_y, top = depth / 2, height + rise
    x0, x1 = -over, width + over
    parts = []
    for y in (-over, depth + over):
        corners = [(x0, y, low), (x1, y, low), (x1, ridge_y, top), (x0, ridge_y, top)]
        for lift, flip in ((0.12, False), (0.0, True)):
            p = np.array(corners) + xyz(0, 0, lift)
            order = [(0, 1, 2), (0, 2, 3)] if (y < 0) != flip else [(0, 2, 1), (0, 3, 2)]
            parts.append(make_mesh(p, order, [(0, 0), (x1 - x0, 0), (x1 - x0, slope), (0, slope)]))
        fascia = np.array([(x0, y, low), (x1, y, low), (x1, y, low + 0.12), (x0, y, low + 0.12)])
        parts.append(make_mesh(fascia, [(0, 1, 2), (0, 2, 3)], [(0, 0), (width, 0), (width, 0.1), (0, 0.1)]))
    return merge(parts)


def _gable_ends(width: float, depth: float, height: float, rise: float) -> Mesh:
    """Return the two triangles below the ridge."""
    uv = [(0, height), (depth, height), (depth / 2, height + rise)]
    left = make_mesh([(0, depth, height), (0, 0, height), (0, depth / 2, height + rise)], [(0, 1, 2)], uv)
    right = make_mesh([(width, 0, height), (width, depth, height), (width, depth / 2, height + rise)], [(0, 1, 2)], uv)
    return merge([left, right])
