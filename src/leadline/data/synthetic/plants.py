"""Plants: trees, bushes, pot plants, grass, flowers, cacti and fungi, rooted at the origin on z = 0."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.blobs import Capsule, blend_capsules, chain, random_cloth_colour, srgb, xyz
from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.shapes import cylinder, lathe, merge, tube, vessel

Array = NDArray[np.float64]


def make_plant(rng: np.random.Generator, height_m: float, *, kind: str | None = None, detail: float = 1.0) -> list[Thing]:
    """Return a plant about `height_m` tall at the origin on z = 0, all of instance 1.

    Args:
        rng: decides everything not given.
        height_m: metres; without `kind` it also decides the kind: trees from 2.5 m, flowers and fungi below 0.6 m.
        kind: one of `PLANTS`.
        detail: multiplies the number of leaves (1: up to 12k triangles a tree).

    Raises:
        KeyError: unknown kind.
    """
    if kind is None:
        if height_m > 2.5:
            kind = str(rng.choice(["broadleaf", "conifer", "palm", "poplar", "bare"], p=[0.5, 0.22, 0.1, 0.1, 0.08]))
        elif height_m > 0.6:
            kind = str(
                rng.choice(["bush", "potted", "grass", "cactus", "broadleaf", "flower"], p=[0.35, 0.25, 0.12, 0.08, 0.12, 0.08])
            )
        else:
            kind = str(
                rng.choice(["flower", "grass", "fungus", "potted", "bush", "cactus"], p=[0.3, 0.2, 0.15, 0.15, 0.12, 0.08])
            )
    return PLANTS[kind](rng, height_m, detail)


def leaf_look(rng: np.random.Generator, *, autumn: bool | None = None) -> Look:
    """Return a mottled leaf colour: mostly greens; autumn reds and yellows now and then."""
    if autumn is None:
        autumn = rng.random() < 0.12
    hue = rng.uniform(0.02, 0.15) if autumn else rng.uniform(0.17, 0.32)
    base = np.array(colorsys.hsv_to_rgb(float(hue), float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.3, 0.65))))
    shade = rng.uniform(0.55, 1.35, (32, 32, 1)) * rng.uniform(0.93, 1.07, (32, 32, 3))
    return Look("diffuse", texture=(np.clip(base * shade, 0, 1) * 255).astype(np.uint8))


def bark_look(rng: np.random.Generator) -> Look:
    """Return bark: vertical streaks of brown or grey."""
    base = np.array([[0.38, 0.28, 0.2], [0.45, 0.42, 0.38], [0.25, 0.2, 0.16], [0.75, 0.73, 0.68]])[rng.integers(4)]
    streak = rng.uniform(0.5, 1.3, (1, 48)).repeat(48, 0) * rng.uniform(0.75, 1.2, (12, 48)).repeat(4, 0)
    return Look("diffuse", texture=(np.clip(base * streak[..., None], 0, 1) * 255).astype(np.uint8))


def leaves(rng: np.random.Generator, centres: Array, size_m: float, *, hang: float = 0.0, slender: float = 0.5) -> Mesh:
    """Return one diamond leaf (two triangles, folded) at each of `centres`, (n, 3), of length `size_m`, turned at random.

    `hang` pulls the tips down (0..1); `slender` is width over length. The uv of each leaf picks one place of the texture.
    """
    n = len(centres)
    along = rng.normal(size=(n, 3))
    along[:, 2] -= 2.5 * hang
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, rng.normal(size=(n, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    fold = np.cross(along, across)
    length = size_m * rng.uniform(0.6, 1.3, (n, 1))
    wide = slender * length / 2
    p = np.stack(
        [
            centres - along * length / 2,
            centres + across * wide + fold * 0.15 * length,
            centres + along * length / 2,
            centres - across * wide + fold * 0.15 * length,
        ],
        1,
    )
    uv = rng.random((n, 1, 2)) + rng.random((1, 4, 2)) * 0.04
    k = 4 * np.arange(n)[:, None]
    faces = np.concatenate([np.add(k, (0, 1, 2)), np.add(k, (0, 2, 3))])
    return Mesh(
        p.reshape(-1, 3).astype(np.float32),
        faces.astype(np.int32),
        np.broadcast_to(uv, (n, 4, 2)).reshape(-1, 2).astype(np.float32),
    )


def blades(
    rng: np.random.Generator, roots: Array, heights: Array, width_m: float, *, bend: float = 0.5, steps: int = 4
) -> Mesh:
    """Return tapering, bent strips, one from each of `roots`, (n, 3), `heights` (n,) metres long: grass, fronds, petals."""
    n = len(roots)
    heading = rng.uniform(0, 2 * np.pi, n)
    out = np.stack([np.cos(heading), np.sin(heading), np.zeros(n)], 1)
    side = np.stack([-np.sin(heading), np.cos(heading), np.zeros(n)], 1)
    t = np.linspace(0, 1, steps + 1)
    curve = (bend * rng.uniform(0.2, 1.6, n))[:, None]
    reach = heights[:, None] * np.clip(curve, 0, 1.6) * t**2 * 0.75
    lift = heights[:, None] * (t - 0.5 * np.clip(curve, 0, 1.6) * t**2 * 0.8)
    middle = roots[:, None] + reach[..., None] * out[:, None] + lift[..., None] * np.array([0, 0, 1.0])
    half = 0.5 * width_m * (np.sin(np.pi * (0.35 + 0.65 * t)) + 0.02)
    left, right = middle - half[:, None] * side[:, None], middle + half[:, None] * side[:, None]
    vertices = np.stack([left, right], 2).reshape(-1, 3)
    uv = np.broadcast_to(rng.random((n, 1, 1, 2)), (n, steps + 1, 2, 2)) + np.stack(
        np.broadcast_arrays(t[:, None] * 0.1, [0.0, 0.02]), -1
    )
    k = (2 * np.arange(steps)[None, :] + 2 * (steps + 1) * np.arange(n)[:, None]).reshape(-1, 1)
    faces = np.concatenate([np.add(k, (0, 1, 3)), np.add(k, (0, 3, 2))])
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32), uv.reshape(-1, 2).astype(np.float32))


def _on_ball(rng: np.random.Generator, n: int, inner: float = 0.55) -> Array:
    """Return (n, 3) points in a unit ball, mostly near its surface."""
    p = rng.normal(size=(n, 3))
    return np.asarray(p / np.linalg.norm(p, axis=1, keepdims=True) * rng.uniform(inner, 1.0, (n, 1)) ** 0.6)


def _branches(
    rng: np.random.Generator, root: Array, heading: Array, length: float, radius: float, depth: int
) -> tuple[list[Mesh], list[Array]]:
    """Return tubes of a branch with its side branches, and the tips where leaves grow."""
    n = 5
    path = [root]
    turn = heading
    for _ in range(n - 1):
        turn = turn + rng.normal(0, 0.12, 3) + xyz(0, 0, 0.05)
        turn = turn / np.linalg.norm(turn)
        path.append(path[-1] + turn * length / (n - 1))
    meshes = [tube(np.array(path), np.linspace(radius, 0.55 * radius, n), 7 if depth > 1 else 4)]
    if depth == 0:
        return meshes, [path[-1], path[-2]]
    tips: list[Array] = []
    for k in range(int(rng.integers(3, 5))):
        at = path[min(n - 1, 2 + k // 2 + int(rng.integers(2)))]
        spread = rng.normal(size=3)
        spread -= turn * (spread @ turn)
        spread /= np.linalg.norm(spread) + 1e-9
        child = turn * rng.uniform(0.35, 0.9) + spread * rng.uniform(0.5, 1.0)
        child[2] = max(child[2], -0.1)
        m, tip = _branches(rng, at, child / np.linalg.norm(child), length * rng.uniform(0.5, 0.75), 0.5 * radius, depth - 1)
        meshes += m
        tips += tip
    return meshes, tips


def _tree_branches(rng: np.random.Generator, height: float, depth: int) -> tuple[Mesh, Array]:
    lean = np.array([rng.normal(0, 0.06), rng.normal(0, 0.06), 1.0])
    meshes, tips = _branches(
        rng,
        np.array([0, 0, -0.02 * height]),
        lean / np.linalg.norm(lean),
        0.5 * height,
        height * rng.uniform(0.018, 0.04),
        depth,
    )
    points = np.array(tips)
    grow = height / max(float(points[:, 2].max()), 0.1) * 0.93
    wood = merge(meshes)
    uv = np.asarray(wood.uv) * np.array([4 / height, 1.5 / height], np.float32)
    return Mesh(wood.vertices * np.float32(grow), wood.faces, uv.astype(np.float32), True), points * grow


def _broadleaf(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    wood, tips = _tree_branches(rng, height, 2)
    n = int(rng.uniform(3500, 5500) * detail)
    spread = rng.uniform(0.13, 0.22) * height
    size = height * rng.uniform(0.03, 0.05) / max(np.sqrt(detail), 0.5)
    centres = tips[rng.integers(len(tips), size=n)] + _on_ball(rng, n, 0.3) * spread * [1, 1, 0.75]
    return [Thing(wood, bark_look(rng), instance=1), Thing(leaves(rng, centres, size, slender=0.6), leaf_look(rng), instance=1)]


def _bare(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    wood, _ = _tree_branches(rng, height, 3)
    return [Thing(wood, bark_look(rng), instance=1)]


def _conifer(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    trunk = cylinder(0.02 * height, height * 0.97, 0.002 * height, 10)
    n = int(rng.uniform(2500, 4500) * detail)
    t = 1 - np.sqrt(rng.random(n)) * rng.uniform(0.88, 0.96)
    tiers = rng.uniform(8, 14)
    wave = 0.75 + 0.25 * ((t * tiers) % 1)
    r = rng.uniform(0.16, 0.28) * height * (1 - t) * (1.6 - wave) * rng.uniform(0.25, 1.0, n) ** 0.5
    a = rng.uniform(0, 2 * np.pi, n)
    centres = np.stack([r * np.cos(a), r * np.sin(a), height * t - 0.25 * r], 1)
    needles = leaves(rng, centres, height * 0.045 / max(np.sqrt(detail), 0.5), hang=0.25, slender=0.35)
    hue, value = rng.uniform(0.25, 0.42), rng.uniform(0.2, 0.42)
    shade = rng.uniform(0.5, 1.4, (32, 32, 1)) * np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.3, 0.6), value))
    return [
        Thing(trunk, bark_look(rng), instance=1),
        Thing(needles, Look("diffuse", texture=(np.clip(shade, 0, 1) * 255).astype(np.uint8)), instance=1),
    ]


def _poplar(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    trunk = cylinder(0.018 * height, 0.9 * height, 0.004 * height, 10)
    n = int(rng.uniform(2500, 4500) * detail)
    ball = _on_ball(rng, n, 0.4)
    wide = rng.uniform(0.1, 0.22)
    centres = ball * np.array([wide, wide, 0.43]) * height + xyz(0, 0, 0.56 * height)
    return [
        Thing(trunk, bark_look(rng), instance=1),
        Thing(leaves(rng, centres, 0.035 * height / max(np.sqrt(detail), 0.5)), leaf_look(rng), instance=1),
    ]


def _palm(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    t = np.linspace(0, 1, 7)
    bow = rng.normal(0, 0.12) * height
    path = np.stack([bow * t**2, 0 * t, 0.8 * height * t], 1)
    trunk = tube(path, height * np.linspace(0.026, 0.016, 7), 9)
    count = int(rng.integers(12, 22))
    roots = np.tile(path[-1], (count, 1))
    fronds = []
    for k in range(count):  # a bent rib with leaflets on both sides
        a, rise = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.9)
        s = np.linspace(0, 1, 14)
        length = 0.36 * height * rng.uniform(0.8, 1.2)
        out = length * s * np.cos(0.6 * rise)
        up = length * (rise * s - 0.75 * s**2)
        rib = roots[k] + np.stack([out * np.cos(a), out * np.sin(a), up], 1)
        side = np.array([-np.sin(a), np.cos(a), 0.0])
        ahead = np.array([np.cos(a), np.sin(a), -0.4])
        for sign in (-1.0, 1.0):
            leaflet = 0.3 * length * np.sin(np.pi * (0.12 + 0.85 * s[1:]))[:, None]
            tip = rib[1:] + leaflet * (0.75 * sign * side + 0.55 * ahead)
            p = np.stack([rib[:-1], rib[1:], tip], 1).reshape(-1, 3).astype(np.float32)
            fronds.append(
                Mesh(
                    p,
                    np.arange(len(p), dtype=np.int32).reshape(-1, 3),
                    (rng.random((1, 2)) + np.zeros((len(p), 2))).astype(np.float32),
                )
            )
    return [Thing(trunk, bark_look(rng), instance=1), Thing(merge(fronds), leaf_look(rng, autumn=False), instance=1)]


def _bush(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    n = int(rng.uniform(1500, 3000) * detail)
    lumps = rng.normal(0, 0.22, (6, 3)) * [1.2, 1.2, 0.5] + xyz(0, 0, 0.5)
    size = rng.uniform(0.3, 0.42)
    centres = (lumps[rng.integers(6, size=n)] + size * _on_ball(rng, n, 0.4)) * height
    centres[:, 2] = np.abs(centres[:, 2]) * 0.98
    leaf = float(np.clip(height * rng.uniform(0.05, 0.09), 0.012, 0.12))
    things = [
        Thing(leaves(rng, centres, max(leaf, 0.045 * height), slender=rng.uniform(0.35, 0.8)), leaf_look(rng), instance=1)
    ]
    twigs = [
        tube([(0, 0, 0), 0.5 * c * [1, 1, 1.1], c], height * np.array([0.02, 0.012, 0.004]), 5)
        for c in centres[:: max(n // 12, 1)]
    ]
    things.append(Thing(merge(twigs), bark_look(rng), instance=1))
    if rng.random() < 0.3:  # blossom
        bloom = colorsys.hsv_to_rgb(rng.choice([0.0, 0.9, 0.15, 0.75]), rng.uniform(0.0, 0.8), 0.95)
        some = centres[rng.random(n) < 0.15] * 1.03
        things.append(Thing(leaves(rng, some, 0.9 * leaf, slender=1.0), Look("diffuse", srgb(*bloom)), instance=1))
    return things


def _grass(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    n = int(rng.uniform(80, 260) * detail)
    roots = np.zeros((n, 3))
    roots[:, :2] = rng.normal(0, rng.uniform(0.08, 0.25) * height, (n, 2))
    mesh = blades(
        rng, roots, height * rng.uniform(0.5, 1.15, n), height * rng.uniform(0.02, 0.06), bend=rng.uniform(0.3, 0.9), steps=5
    )
    return [Thing(mesh, leaf_look(rng), instance=1)]


def _flower(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    stems, heads, hearts, greens = [], [], [], []
    count = int(rng.integers(1, 7))
    petals = int(rng.integers(5, 15))
    size = height * rng.uniform(0.1, 0.22)
    cup = rng.uniform(-0.2, 0.9)
    for k in range(count):
        base = np.r_[rng.normal(0, 0.1 * height * (k > 0), 2), 0.0]
        tall = height * (1.0 if k == 0 else rng.uniform(0.5, 0.95)) - 0.3 * size
        lean = np.r_[rng.normal(0, 0.15 * tall, 2), 0.0]
        t = np.linspace(0, 1, 6)[:, None]
        path = base + t * [0, 0, tall] + t**2 * lean
        stems.append(tube(path, 0.012 * height, 6))
        top, axis = path[-1], path[-1] - path[-2] + np.r_[rng.normal(0, 0.15 * tall, 2), 0]
        axis = axis / np.linalg.norm(axis)
        u = np.cross(axis, [1.0, 0.2, 0.1])
        u /= np.linalg.norm(u)
        v = np.cross(axis, u)
        for a in np.linspace(0, 2 * np.pi, petals, endpoint=False) + rng.normal(0, 0.05, petals):
            out, side = np.cos(a) * u + np.sin(a) * v, -np.sin(a) * u + np.cos(a) * v
            s = np.linspace(0, 1, 5)[:, None]
            rib = top + size * (s * out * (1 - 0.25 * cup * s) + cup * s**1.5 * axis * 0.8)
            wide = size * 2.4 / petals * np.sin(np.pi * (0.12 + 0.8 * s))
            p = np.concatenate([rib - wide * side, rib + wide * side]).astype(np.float32)
            i = np.arange(4)[:, None]
            heads.append(
                Mesh(
                    p,
                    np.concatenate([np.add(i, (0, 5, 6)), np.add(i, (0, 6, 1))]).astype(np.int32),
                    np.tile(np.linspace(0, 0.9, 5)[:, None], (2, 2)).astype(np.float32),
                )
            )
        hearts.append(blend_capsules([(top, top + 0.04 * size * axis, 0.26 * size, 0.22 * size)], 0.09 * size))
        greens.append(blades(rng, np.tile(base, (4, 1)), tall * rng.uniform(0.3, 0.7, 4), 0.09 * height, bend=0.9, steps=6))
    inside, outside = (
        np.array(colorsys.hsv_to_rgb(rng.random() if rng.random() < 0.6 else 0.13, rng.uniform(0, 0.95), rng.uniform(0.7, 1)))
        for _ in range(2)
    )
    fade = np.linspace(0, 1, 32)[:, None, None] ** 0.5
    petal = np.broadcast_to((1 - fade) * inside + fade * outside, (32, 32, 3)) * rng.uniform(0.9, 1.05, (1, 32, 1))
    green = leaf_look(rng, autumn=False)
    return [
        Thing(merge(stems), green, instance=1),
        Thing(merge(greens), green, instance=1),
        Thing(merge(heads), Look("diffuse", texture=(np.clip(petal[::-1], 0, 1) * 255).astype(np.uint8)), instance=1),
        Thing(
            merge(hearts),
            Look("diffuse", srgb(*rng.choice([[0.85, 0.65, 0.1], [0.25, 0.15, 0.08], [0.7, 0.75, 0.3]]))),
            instance=1,
        ),
    ]


def _potted(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    pot_h = height * rng.uniform(0.2, 0.4)
    r = pot_h * rng.uniform(0.4, 0.7)
    pot = vessel([(0.7 * r, 0), (0.9 * r, 0.55 * pot_h), (r, pot_h)], 0.08 * r, 24)
    tone = random_cloth_colour(rng) if rng.random() < 0.6 else np.array([0.7, 0.38, 0.25])
    things = [Thing(pot, Look("plastic", srgb(*tone), roughness=0.25), instance=1)]
    soil = lathe([(0, 0.82 * pot_h), (0.9 * r, 0.82 * pot_h), (0, 0.86 * pot_h)], 16)
    things.append(Thing(soil, Look("diffuse", (0.05, 0.035, 0.025)), instance=1))
    inner = rng.choice(["grass", "bush", "flower", "broadleaf", "cactus", "blades"])
    if inner == "blades":
        n = int(rng.integers(10, 26))
        roots = np.c_[rng.normal(0, 0.25 * r, (n, 2)), np.zeros(n)]
        plant = [
            Thing(
                blades(
                    rng, roots, (height - pot_h) * rng.uniform(0.6, 1.2, n), 0.12 * height, bend=rng.uniform(0.3, 1.0), steps=7
                ),
                leaf_look(rng, autumn=False),
                instance=1,
            )
        ]
    else:
        plant = PLANTS[str(inner)](rng, height - 0.85 * pot_h, 0.5 * detail)
    up = np.eye(4)
    up[2, 3] = 0.84 * pot_h
    return things + [Thing(t.mesh, t.look, up @ t.world_from_mesh, 1) for t in plant]


def _cactus(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    r = height * rng.uniform(0.09, 0.16)
    body: list[Capsule] = [((0, 0, -0.5 * r), (0, 0, height - r), r, 0.85 * r)]
    for _ in range(int(rng.integers(0, 4))):
        turn, fork = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.6) * height
        out = np.array([np.cos(turn), np.sin(turn), 0]) * 2.3 * r
        elbow = out + xyz(0, 0, fork + 0.04 * height)
        body += chain(
            [xyz(0, 0, fork), elbow, elbow + xyz(0, 0, rng.uniform(0.12, 0.3) * height)], [0.5 * r, 0.55 * r, 0.5 * r]
        )
    mesh = blend_capsules(body, height / 45)
    a = np.arctan2(mesh.vertices[:, 1], mesh.vertices[:, 0])
    z = mesh.vertices[:, 2]
    stripes = (0.75 + 0.25 * np.cos(np.linspace(0, 2 * np.pi, 32, endpoint=False)))[None, :, None] * np.array(
        colorsys.hsv_to_rgb(rng.uniform(0.25, 0.4), 0.5, rng.uniform(0.35, 0.6))
    )
    texture = (np.clip(np.repeat(stripes, 8, 0) * rng.uniform(0.9, 1.1, (8, 32, 1)), 0, 1) * 255).astype(np.uint8)
    keep = mesh.vertices[mesh.faces][:, :, 2].max(1) > -0.02 * height
    uv = np.stack([8 * np.cos(a / 2), z / height], 1).astype(np.float32)
    return [Thing(Mesh(mesh.vertices, mesh.faces[keep], uv, True), Look("diffuse", texture=texture), instance=1)]


def _fungus(rng: np.random.Generator, height: float, detail: float) -> list[Thing]:
    caps: list[Mesh] = []
    stems: list[Mesh] = []
    open_ = rng.uniform(0.4, 1.2)
    for k in range(int(rng.integers(1, 6))):
        h = height * (1.0 if k == 0 else rng.uniform(0.35, 0.8))
        at = np.r_[rng.normal(0, 0.35 * height * (k > 0), 2), 0]
        r, stem = h * 0.42 * open_, h * rng.uniform(0.07, 0.12)
        thick = h * rng.uniform(0.2, 0.4)
        a = np.linspace(0, np.pi / 2, 8)
        cap = lathe(np.vstack([[(stem, h - thick), (r, h - thick)], np.c_[r * np.cos(a), h - thick + thick * np.sin(a)]]), 24)
        foot = lathe([(1.3 * stem, -0.02 * h), (stem, 0.3 * h), (0.8 * stem, h - 0.8 * thick)], 14)
        for mesh, into in ((cap, caps), (foot, stems)):
            into.append(Mesh(mesh.vertices + at.astype(np.float32), mesh.faces, mesh.uv, True))
    tone = np.array([[0.7, 0.12, 0.08], [0.55, 0.38, 0.22], [0.85, 0.75, 0.55], [0.9, 0.55, 0.15], [0.45, 0.35, 0.3]])[
        rng.integers(5)
    ]
    return [
        Thing(merge(caps), Look("plastic", srgb(*tone), roughness=0.3), instance=1),
        Thing(merge(stems), Look("diffuse", srgb(0.88, 0.84, 0.74)), instance=1),
    ]


PLANTS: dict[str, Callable[[np.random.Generator, float, float], list[Thing]]] = {
    "broadleaf": _broadleaf,
    "conifer": _conifer,
    "poplar": _poplar,
    "palm": _palm,
    "bare": _bare,
    "bush": _bush,
    "grass": _grass,
    "flower": _flower,
    "potted": _potted,
    "cactus": _cactus,
    "fungus": _fungus,
}
