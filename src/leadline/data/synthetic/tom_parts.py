"""What the glass and mirror pieces of the `tom` worlds share: looks, outlines, frames, and standing them on the floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.furniture import Piece, Top
from leadline.data.synthetic.objects import extent, metal, paint
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.textures import Mood, linear, random_colour, surface

PieceMaker = Callable[[np.random.Generator], Piece]
SmallMaker = Callable[[np.random.Generator], list[Thing]]
PaneMaker = Callable[[np.random.Generator, float, float, Look], list[Thing]]  # (rng, width, height, look of the frame)

_TONES = (
    (0.62, 0.66, 0.68),
    (0.42, 0.44, 0.46),
    (0.6, 0.47, 0.33),
    (0.45, 0.62, 0.52),
    (0.45, 0.56, 0.68),
)  # as sheets are sold


# --- looks -----------------------------------------------------------------------------------------------------------


def pane(rng: np.random.Generator, frosted: float = 0.12) -> Look:
    """Return a sheet of glass: mostly clear, else tinted, or with probability `frosted` slightly to strongly rough."""
    roll = float(rng.random())
    if roll < frosted:
        return Look("frosted_glass", (0.96, 0.98, 0.97), roughness=uniform(rng, 0.03, 0.3))
    if roll < frosted + 0.2:
        r, g, b = np.array(_TONES[int(rng.integers(len(_TONES)))]) * rng.uniform(0.75, 1.25)
        return Look("tinted_glass", (float(r), float(g), float(b)))
    return Look("thin_glass", (uniform(rng, 0.93, 1.0), 1.0, uniform(rng, 0.95, 1.0)))


def solid_glass(rng: np.random.Generator, tinted: float = 0.25, frosted: float = 0.08) -> Look:
    """Return the glass of a thing with walls: clear, coloured with probability `tinted`, or frosted."""
    roll = float(rng.random())
    if roll < frosted:
        return Look("frosted_glass", linear(random_colour(rng, "pale")), roughness=uniform(rng, 0.03, 0.2))
    if roll < frosted + tinted:
        r, g, b = 0.3 + 0.7 * np.array(linear(random_colour(rng, "vivid")))
        return Look("glass", (float(r), float(g), float(b)))
    return Look("glass", (1.0, 1.0, 1.0))


def silver(rng: np.random.Generator) -> Look:
    """Return a mirror: plain, or now and then grey or bronze."""
    if rng.random() < 0.82:
        return Look("mirror")
    return Look("chrome", (0.55, 0.56, 0.57) if rng.random() < 0.5 else (0.62, 0.5, 0.4))


def chrome(rng: np.random.Generator) -> Look:
    """Return metal polished until it mirrors: chrome, steel, brass or copper."""
    tones = ((0.86, 0.87, 0.88), (0.7, 0.71, 0.73), (0.86, 0.68, 0.35), (0.86, 0.57, 0.44))
    return Look("chrome", tones[int(rng.choice(4, p=[0.45, 0.3, 0.15, 0.1]))])


def frame_look(rng: np.random.Generator) -> Look:
    """Return what frames and posts are made of: wood, paint or brushed metal; none of them mirrors."""
    roll = rng.random()
    if roll < 0.35:
        return surface(rng, "wood", 128).look
    if roll < 0.7:
        moods: tuple[Mood, ...] = ("pale", "dark", "any", "wood")
        return paint(rng, moods)
    return replace(metal(rng), roughness=uniform(rng, 0.12, 0.35))


# --- shapes ----------------------------------------------------------------------------------------------------------


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a random number between the two."""
    return float(rng.uniform(low, high))


def part(mesh: Mesh, look: Look, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Thing:
    """Return a thing that is turned about z, then moved."""
    return Thing(mesh, look, s.placement(x, y, z, yaw_deg), instance=1)


def curve(points: Sequence[tuple[float, float]], per_span: int = 6) -> NDArray[np.float64]:
    """Return (n, 2) points (r, z) of a soft profile through `points`, from the foot up; it never overshoots (PCHIP)."""
    from scipy.interpolate import PchipInterpolator

    p = np.asarray(points, np.float64)
    at = np.linspace(0, len(p) - 1, per_span * (len(p) - 1) + 1)
    out = PchipInterpolator(np.arange(len(p)), p)(at)
    return np.stack([np.maximum(out[:, 0], 1e-4), np.maximum.accumulate(out[:, 1])], 1)


def faceted(mesh: Mesh) -> Mesh:
    """Return the mesh with flat faces: cut glass, a square bottle."""
    return replace(mesh, smooth=False)


def upright(points: ArrayLike, thickness: float) -> Mesh:
    """Return the polygon `points`, (n, 2) of x and z, as a standing slab from y = -`thickness` (its face) to y = 0."""
    return s.transformed(s.extrude(points, thickness), s.rotation((1, 0, 0), 90))


def rim(points: NDArray[np.float64], radius: float) -> Mesh:
    """Return a round moulding along the closed outline `points`, (n, 2) of x and z."""
    closed = np.vstack([points, points[:1]])
    return s.tube(np.c_[closed[:, 0], np.zeros(len(closed)), closed[:, 1]], radius, 8)


def bars(width: float, height: float, edge: float, depth: float) -> Mesh:
    """Return an open rectangular frame in x and z around y = 0, of four bars `edge` wide."""
    level = [s.transformed(s.box(width, depth, edge), s.translation(0, 0, z)) for z in (0.0, height - edge)]
    side = s.box(edge, depth, height - 2 * edge)
    return s.merge([*level, *(s.transformed(side, s.translation(x * (width - edge) / 2, 0, edge)) for x in (-1, 1))])


def arc_wall(radius: float, height: float, from_deg: float, to_deg: float, segments: int = 24) -> Mesh:
    """Return a bent sheet: the part of a cylinder about z between two angles, from z = 0 to `height`."""
    a = np.deg2rad(np.linspace(from_deg, to_deg, segments + 1))
    ring = np.stack([radius * np.cos(a), radius * np.sin(a)], 1)
    low, high = np.c_[ring, np.zeros(len(a))], np.c_[ring, np.full(len(a), height)]
    k = np.arange(segments)
    n = segments + 1
    faces = np.vstack([np.stack([k, k + 1, k + 1 + n], 1), np.stack([k, k + 1 + n, k + n], 1)])
    length = radius * (a - a[0])
    uv = np.vstack([np.c_[length, 0 * length], np.c_[length, np.full(n, height)]])
    return s.make_mesh(np.vstack([low, high]), faces, uv, smooth=True)


def standing(things: Sequence[Thing], *tops: Top) -> Piece:
    """Return things as a piece of furniture, centred on z = 0, with the surfaces that carry other things."""
    low, high = extent(things)
    x, y, z = (float(c) for c in ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]))
    back = s.translation(-x, -y, -z)
    moved = tuple(replace(t, world_from_mesh=back @ t.world_from_mesh) for t in things)
    w, d, h = (float(c) for c in high - low)
    return Piece(moved, (w, d, h), tuple(replace(t, x=t.x - x, y=t.y - y, z=t.z - z) for t in tops))


def filling(rng: np.random.Generator, profile: NDArray[np.float64], wall_m: float, p: float = 0.4) -> list[Thing]:
    """Return a drink in a vessel of outside `profile`, or with probability 1 - `p` nothing."""
    if rng.random() > p:
        return []
    level = uniform(rng, 0.3, 0.85) * float(profile[-1, 1])
    inside = profile[(profile[:, 1] > 1.5 * wall_m) & (profile[:, 1] < level)]
    if len(inside) < 2:
        return []
    inner = np.c_[np.maximum(inside[:, 0] - 1.3 * wall_m, 1e-3), inside[:, 1]]
    body = np.vstack([[(0.0, inner[0, 1])], inner, [(0.0, inner[-1, 1])]])
    look = solid_glass(rng, 0.9, 0.0) if rng.random() < 0.4 else paint(rng, ("vivid", "earth", "dark"), 1.0)
    return [part(s.lathe(body, 28), look)]
