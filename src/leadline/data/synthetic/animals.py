"""Animals: four-legged ones of many proportions, birds, fish, reptiles and insects, standing at the origin, facing +x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.blobs import Capsule, blend_capsules, chain, grounded, placed, side_uv, srgb, xyz
from leadline.data.synthetic.scene import Look, Mesh, Thing


@dataclass(frozen=True)
class _Quadruped:
    """Proportions relative to the shoulder height: lengths of trunk, neck, head, tail and ears, radii of trunk and legs."""

    height_m: tuple[float, float]
    trunk: float = 1.0
    girth: float = 0.24
    leg: float = 0.06
    neck: float = 0.35
    neck_deg: float = 45.0  # above the horizon
    head: float = 0.3
    snout: float = 0.5  # tip radius relative to the skull
    tail: float = 0.4
    tail_deg: float = -50.0
    ear: float = 0.12
    horn: float = 0.0
    trunk_nose: float = 0.0
    coats: tuple[str, ...] = ("plain", "patches", "two_tone", "brindle")
    tones: tuple[tuple[float, float, float], ...] = ((0.45, 0.3, 0.18), (0.15, 0.12, 0.1), (0.85, 0.8, 0.72), (0.7, 0.5, 0.3))


_GREY = ((0.5, 0.48, 0.46), (0.38, 0.36, 0.35))
_WHITE = ((0.9, 0.88, 0.82), (0.8, 0.75, 0.66))
QUADRUPEDS: dict[str, _Quadruped] = {
    "dog": _Quadruped((0.3, 0.75), 1.05, 0.2, 0.055, 0.3, 55, 0.36, 0.55, 0.5, 20, 0.16),
    "terrier": _Quadruped((0.22, 0.35), 1.3, 0.27, 0.08, 0.3, 60, 0.5, 0.6, 0.35, 50, 0.2),
    "dachshund": _Quadruped((0.18, 0.26), 2.0, 0.33, 0.1, 0.4, 50, 0.65, 0.45, 0.6, 10, 0.28),
    "cat": _Quadruped((0.22, 0.3), 1.35, 0.22, 0.06, 0.22, 45, 0.34, 0.75, 0.9, 30, 0.17),
    "lion": _Quadruped(
        (0.9, 1.15),
        1.45,
        0.25,
        0.085,
        0.3,
        35,
        0.38,
        0.65,
        0.8,
        -60,
        0.1,
        coats=("plain", "stripes", "spots"),
        tones=((0.75, 0.55, 0.32),),
    ),
    "horse": _Quadruped((1.1, 1.7), 1.05, 0.2, 0.045, 0.5, 45, 0.36, 0.6, 0.45, -70, 0.1),
    "zebra": _Quadruped((1.2, 1.4), 1.05, 0.2, 0.045, 0.42, 45, 0.36, 0.6, 0.4, -75, 0.12, coats=("stripes",), tones=_WHITE),
    "cow": _Quadruped((1.2, 1.6), 1.25, 0.27, 0.055, 0.28, 15, 0.38, 0.7, 0.5, -80, 0.13, 0.16),
    "sheep": _Quadruped((0.55, 0.8), 1.2, 0.33, 0.05, 0.28, 35, 0.34, 0.6, 0.15, -70, 0.14, coats=("plain",), tones=_WHITE),
    "goat": _Quadruped((0.5, 0.8), 1.1, 0.25, 0.05, 0.36, 50, 0.32, 0.55, 0.15, 30, 0.16, 0.3),
    "deer": _Quadruped(
        (0.8, 1.3),
        1.0,
        0.19,
        0.035,
        0.48,
        60,
        0.3,
        0.45,
        0.12,
        -40,
        0.16,
        0.5,
        coats=("plain", "spots", "two_tone"),
        tones=((0.55, 0.36, 0.2),),
    ),
    "pig": _Quadruped(
        (0.5, 0.85),
        1.5,
        0.34,
        0.08,
        0.15,
        10,
        0.42,
        0.7,
        0.15,
        20,
        0.14,
        coats=("plain", "patches"),
        tones=((0.88, 0.65, 0.6), (0.3, 0.25, 0.22)),
    ),
    "bear": _Quadruped(
        (0.8, 1.4),
        1.35,
        0.34,
        0.12,
        0.22,
        15,
        0.38,
        0.5,
        0.08,
        -30,
        0.09,
        coats=("plain",),
        tones=((0.25, 0.16, 0.1), (0.06, 0.05, 0.05), (0.9, 0.88, 0.8)),
    ),
    "elephant": _Quadruped(
        (2.2, 3.2), 1.15, 0.32, 0.11, 0.15, 25, 0.32, 0.9, 0.35, -80, 0.32, 0.0, 0.75, coats=("plain",), tones=_GREY
    ),
    "rhino": _Quadruped((1.4, 1.8), 1.5, 0.34, 0.1, 0.22, -5, 0.45, 0.75, 0.3, -80, 0.12, 0.18, coats=("plain",), tones=_GREY),
    "giraffe": _Quadruped(
        (2.5, 3.2),
        0.7,
        0.17,
        0.04,
        0.85,
        65,
        0.22,
        0.5,
        0.3,
        -80,
        0.07,
        0.06,
        coats=("patches", "spots"),
        tones=((0.85, 0.72, 0.5),),
    ),
    "rabbit": _Quadruped((0.16, 0.24), 1.3, 0.38, 0.1, 0.2, 45, 0.45, 0.7, 0.12, 40, 0.55),
    "mouse": _Quadruped((0.035, 0.09), 1.6, 0.42, 0.09, 0.1, 15, 0.6, 0.35, 1.6, -5, 0.3, tones=_GREY),
}


def make_animal(rng: np.random.Generator, *, kind: str | None = None, detail: float = 1.0) -> list[Thing]:
    """Return an animal of natural size at the origin on z = 0, facing +x, all of instance 1.

    Args:
        rng: decides everything not given.
        kind: a key of `QUADRUPEDS`, or "bird", "fish", "lizard", "snake", "turtle", "insect", "spider" or "snail".

        detail: mesh resolution of four-legged animals; 1 gives about 20k triangles, 0.6 a third of that.

    Raises:
        KeyError: unknown kind.
    """
    others = _OTHERS
    if kind is None:
        kind = str(rng.choice([*QUADRUPEDS, *others])) if rng.random() < 0.8 else "bird"
    if kind in others:
        return grounded(others[kind](rng))
    return grounded(_quadruped(rng, QUADRUPEDS[kind], detail))


def _coat(rng: np.random.Generator, kind: str, tone: NDArray[np.float64]) -> Look:
    """Return a fur-like look: noisy hair over a plain, patched, spotted, striped, brindle or two-tone ground."""
    n = 128
    noise = np.zeros((n, n))
    for cells, weight in ((4, 1.0), (8, 0.6), (16, 0.3)):  # periodic value noise
        grid = rng.random((cells, cells))
        at = np.arange(n) * cells / n
        i, t = at.astype(int), at % 1
        t = t * t * (3 - 2 * t)
        rows = grid[i] * (1 - t[:, None]) + grid[(i + 1) % cells] * t[:, None]
        noise += weight * (rows[:, i] * (1 - t) + rows[:, (i + 1) % cells] * t)
    noise = (noise - noise.mean()) / noise.std()
    v, u = np.mgrid[0:n, 0:n] / n
    other = np.array([0.12, 0.09, 0.07]) if tone.mean() > 0.35 else np.array([0.85, 0.8, 0.72])
    if kind == "patches":
        mask = np.clip(4 * (noise - rng.uniform(-0.3, 0.6)), 0, 1)
    elif kind == "spots":
        k = int(rng.integers(8, 14))
        mask = np.clip(3 * (np.sin(2 * np.pi * k * u + noise) * np.sin(2 * np.pi * k * v + noise) - 0.25), 0, 1)
    elif kind == "stripes":
        mask = np.clip(3 * np.sin(2 * np.pi * int(rng.integers(8, 13)) * u + 1.2 * noise) + 0.3, 0, 1)
    elif kind == "brindle":
        mask = 0.5 * np.clip(np.sin(2 * np.pi * 16 * u + 3 * noise), 0, 1)
    elif kind == "two_tone":
        mask = np.clip(np.abs(2 * v - 1) * 3 - 1.4 + 0.3 * noise, 0, 1)
    else:
        mask = np.zeros_like(noise)
    image = tone + mask[..., None] * (other - tone)
    hair = rng.normal(0, 0.09, (n // 4, n)).repeat(4, 0) + rng.normal(0, 0.05, (n, n)) + 0.06 * noise
    return Look("diffuse", texture=(np.clip(image * (1 + hair[..., None]), 0, 1) * 255).astype(np.uint8))


def _eye(at: NDArray[np.float64], radius: float) -> Thing:
    mesh = blend_capsules([(at, at, radius, radius)], radius * 0.6)
    return Thing(mesh, Look("plastic", (0.015, 0.012, 0.01), roughness=0.05), instance=1)


def _squeezed(mesh: Mesh, across: float) -> Mesh:
    """Return `mesh` with its y extent multiplied by `across`."""
    return Mesh(mesh.vertices * np.array([1, across, 1], np.float32), mesh.faces, mesh.uv, mesh.smooth)


def _quadruped(rng: np.random.Generator, q: _Quadruped, detail: float) -> list[Thing]:
    h = float(rng.uniform(*q.height_m))
    vary = rng.normal(1.0, 0.08, 6).clip(0.8, 1.25)
    length, girth, leg = q.trunk * h * vary[0], q.girth * h * vary[1], q.leg * h * vary[2]
    sitting = q.height_m[1] < 1.2 and rng.random() < 0.2
    lying = not sitting and rng.random() < 0.15
    grazing = not sitting and rng.random() < 0.2
    turn = float(rng.normal(0, 22))  # the head looks aside
    back = h - girth
    tilt = -35.0 if sitting else 0.0
    rump, shoulder = np.array([-0.42 * length, 0, back]), np.array([0.42 * length, 0, back])
    rear_z = back - 0.3 * h if sitting else back
    rump[2] = rear_z
    if sitting:
        rump[0] *= 0.7
    middle = (rump + shoulder) / 2 - [0, 0, 0.04 * h]
    body: list[Capsule] = chain([rump, middle, shoulder], [0.88 * girth, girth, 0.95 * girth])
    lift = np.deg2rad(-35 if grazing else q.neck_deg * vary[3] + tilt * 0)
    neck_root = shoulder + xyz(0.4 * girth, 0, 0.25 * girth)
    toward = np.array([np.cos(lift) * np.cos(np.deg2rad(0.5 * turn)), np.sin(np.deg2rad(0.5 * turn)), np.sin(lift)])
    poll = neck_root + (q.neck * h * vary[4]) * toward
    skull_r = max(0.32 * q.head * h, 0.35 * girth * min(q.head / 0.35, 1.0))
    body += chain([shoulder + xyz(0, 0, 0.15 * girth), neck_root, poll], [0.8 * girth, 0.62 * girth, 0.8 * skull_r])
    nod = np.deg2rad(-60.0 if grazing else rng.uniform(-35, -5))
    t = np.deg2rad(turn)
    face = np.array([np.cos(nod) * np.cos(t), np.cos(nod) * np.sin(t), np.sin(nod)])
    side = np.array([-np.sin(t), np.cos(t), 0.0])
    crown = np.cross(face, side)
    muzzle = poll + 0.75 * q.head * h * face
    body += [(poll, poll + 0.1 * q.head * h * face, skull_r, skull_r)]
    body += [
        (
            poll + 0.15 * q.head * h * face - 0.1 * skull_r * crown,
            muzzle - 0.25 * skull_r * crown,
            0.75 * skull_r,
            q.snout * skull_r,
        )
    ]
    details: list[Thing] = []
    horns: list[Capsule] = []
    for s in (-1.0, 1.0):
        root = poll + s * 0.62 * skull_r * side + 0.7 * skull_r * crown - 0.1 * skull_r * face
        droop = 0.6 if q.ear < 0.3 else -0.2
        tip = root + q.ear * h * (0.75 * crown + droop * s * side - 0.15 * face)
        body.append((root, tip, 0.28 * q.ear * h + 0.006 * h, 0.12 * q.ear * h))
        if q.trunk_nose:  # an elephant's ear is a broad sheet
            body += [(root, root + xyz(-0.1 * h, 0.1 * s * h, -0.02 * h * k), 0.05 * h, 0.04 * h) for k in (0, 5, 10)]
        if q.horn and rng.random() < 0.8:
            top = root + q.horn * h * (0.7 * crown + 0.45 * s * side + 0.1 * face)
            horns += chain([root, (root + top) / 2 + 0.12 * q.horn * h * s * side, top], [0.03 * h, 0.022 * h, 0.008 * h])
            if q.horn > 0.4:
                horns.append(((root + top) / 2, (root + top) / 2 + 0.2 * h * face, 0.018 * h, 0.008 * h))
        details.append(
            _eye(poll + 0.3 * q.head * h * face + 0.66 * skull_r * s * side + 0.35 * skull_r * crown, 0.13 * skull_r)
        )
    if q.trunk_nose:
        swing = float(rng.uniform(-0.1, 0.35))
        body += chain(
            [muzzle, muzzle + xyz(0.12 * h, 0, -0.3 * h), muzzle + xyz((0.1 + swing) * h, 0, -q.trunk_nose * h)],
            [0.55 * skull_r, 0.09 * h, 0.045 * h],
        )
    walk = float(rng.uniform(0, 24)) if not (sitting or lying) else 0.0
    phase = rng.choice([-1.0, 1.0])
    for front in (True, False):
        root = shoulder if front else rump
        for i, s in enumerate((-1.0, 1.0)):
            hip = root + xyz((-0.1 if front else 0.05) * girth, s * 0.55 * girth, -0.25 * girth)
            swing = np.deg2rad(walk * phase * (1 if (i == 0) == front else -1))
            if lying:
                knee, foot = (
                    hip + xyz(0.25 * h, 0.1 * s * h, -0.5 * girth),
                    hip + xyz(0.5 * h if front else 0.1 * h, 0.12 * s * h, -0.62 * girth),
                )
            elif sitting and not front:
                knee, foot = (
                    hip + xyz(0.3 * h, 0.14 * s * h, 0.05 * h),
                    np.array([hip[0] + 0.18 * h, hip[1] + 0.16 * s * h, leg]),
                )
            else:
                reach = float(hip[2])
                bend = 0.05 * h if front else -0.09 * h
                knee = hip + xyz(np.sin(swing) * 0.5 * reach + (0.02 * h if front else 0.05 * h), 0, -0.5 * reach)
                foot = np.array([hip[0] + np.sin(swing) * 0.95 * reach + 0.0 * bend, hip[1], leg * 0.9])
                if not front:
                    knee, hock = (
                        hip + xyz(0.07 * h + np.sin(swing) * 0.35 * reach, 0, -0.42 * reach),
                        foot + xyz(-0.08 * h, 0, 0.26 * reach),
                    )
                    body += chain([knee, hock], [1.3 * leg, leg])
                    knee = hock
            body += chain(
                [hip, knee] if front or sitting or lying else [hip, hip + xyz(0.07 * h, 0, -0.42 * hip[2])],
                [0.55 * girth, 1.35 * leg],
            )
            body += [(knee, foot, 1.15 * leg, 0.9 * leg), (foot, foot + xyz(1.0 * leg, 0, 0), 1.05 * leg, 0.8 * leg)]
    down = np.deg2rad(q.tail_deg + rng.normal(0, 15))
    tail_root = rump + xyz(-0.75 * girth, 0, 0.4 * girth)
    mid_tail = tail_root + 0.5 * q.tail * h * np.array([-np.cos(down), 0.1 * rng.normal(), np.sin(down)])
    end_tail = mid_tail + 0.5 * q.tail * h * np.array([-np.cos(down + 0.4), 0.2 * rng.normal(), np.sin(down + 0.4)])
    body += chain([tail_root, mid_tail, end_tail], [0.55 * leg + 0.012 * h, 0.45 * leg + 0.008 * h, 0.35 * leg + 0.006 * h])
    extent = max(length + 2 * girth + q.neck * h, 1.3 * h)
    tone = np.array(q.tones[int(rng.integers(len(q.tones)))]) * rng.uniform(0.8, 1.15)
    coat = _coat(rng, str(rng.choice(q.coats)), tone)
    mesh = blend_capsules(body, extent / (88 * detail), extent / 60)
    things = [Thing(side_uv(mesh, 1.6 * h), coat, instance=1), *details]
    nose = muzzle + 0.8 * q.snout * skull_r * face
    if not q.trunk_nose:
        things.append(
            Thing(
                blend_capsules([(nose, nose, 0.3 * q.snout * skull_r, 0.3 * q.snout * skull_r)], 0.2 * q.snout * skull_r),
                Look("plastic", (0.03, 0.02, 0.02), roughness=0.2),
                instance=1,
            )
        )
    if horns:
        things.append(Thing(blend_capsules(horns, 0.011 * h), Look("plastic", srgb(0.7, 0.62, 0.5), roughness=0.4), instance=1))
    return things


def _bird(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.choice([rng.uniform(0.1, 0.2), rng.uniform(0.2, 0.5), rng.uniform(0.5, 1.1)]))  # body length, metres
    kind = rng.choice(["song", "hen", "wader", "duck", "owl"])
    leg = size * {"song": 0.2, "hen": 0.3, "wader": 1.1, "duck": 0.1, "owl": 0.08}[str(kind)] * rng.uniform(0.8, 1.2)
    neck = size * {"song": 0.12, "hen": 0.3, "wader": 0.8, "duck": 0.38, "owl": 0.1}[str(kind)]
    beak = size * {"song": 0.12, "hen": 0.1, "wader": 0.4, "duck": 0.2, "owl": 0.07}[str(kind)]
    pitch = np.deg2rad(70 if kind == "owl" else rng.uniform(5, 45))
    fat = size * rng.uniform(0.2, 0.27)
    along = np.array([np.cos(pitch), 0, np.sin(pitch)])
    centre = np.array([0.0, 0.0, leg + fat])
    chest, rear = centre + 0.22 * size * along, centre - 0.3 * size * along
    throat = chest + xyz(0.1 * size, 0, 0.6 * neck)
    turn = np.deg2rad(rng.normal(0, 35))
    look = np.array([np.cos(turn), np.sin(turn), -0.1])
    skull = throat + xyz(0.04 * size, 0, 0.5 * neck + 0.05 * size)
    r = size * (0.19 if kind == "owl" else 0.115)
    body: list[Capsule] = [
        *chain([rear, centre, chest], [0.5 * fat, fat, 0.85 * fat]),
        *chain([chest, throat, skull], [0.7 * fat, max(0.3 * fat, 0.75 * r), r]),
    ]
    tail = rear - rng.uniform(0.2, 0.5) * size * along
    body += [(rear, tail + xyz(0, s * 0.04 * size, 0), 0.35 * fat, 0.12 * fat) for s in (-1.0, 1.0)]
    hue = rng.choice([0.1, 0.08, 0.6, 0.0, 0.3, 0.13])
    import colorsys

    tone = np.array(colorsys.hsv_to_rgb(float(hue), float(rng.uniform(0, 0.8)), float(rng.uniform(0.15, 0.95))))
    wings: list[Capsule] = []
    for s in (-1.0, 1.0):
        root = chest + xyz(0, s * 0.8 * fat, 0.15 * fat)
        wings += chain(
            [root, centre + xyz(-0.1 * size, s * 0.98 * fat, 0), tail * 0.6 + rear * 0.4 + xyz(0, s * 0.3 * fat, 0.1 * fat)],
            [0.35 * fat, 0.45 * fat, 0.15 * fat],
        )
    extent = size * 1.5 + neck
    things = [
        Thing(
            side_uv(blend_capsules(body, extent / 75, extent / 60), 1.3 * size),
            _coat(rng, str(rng.choice(["plain", "spots", "two_tone", "patches"])), tone),
            instance=1,
        ),
        Thing(
            side_uv(blend_capsules(wings, extent / 75), size), _coat(rng, "brindle", tone * rng.uniform(0.4, 1.0)), instance=1
        ),
    ]
    horny = Look("plastic", srgb(*rng.choice([[0.85, 0.6, 0.15], [0.25, 0.22, 0.2], [0.8, 0.35, 0.15]])), roughness=0.3)
    feet: list[Capsule] = [(skull + 0.7 * r * look, skull + (r + beak) * look, 0.35 * r, 0.08 * r)]
    for s in (-1.0, 1.0):
        hip, foot = centre + xyz(0, 0.4 * s * fat, -0.6 * fat), np.array([0.03 * size, 0.45 * s * fat, 0.02 * size])
        feet += [
            (hip, foot, 0.03 * size, 0.022 * size),
            (foot - [0.06 * size, 0, 0], foot + xyz(0.12 * size, 0, 0), 0.018 * size, 0.012 * size),
        ]
        feet += [(foot, foot + xyz(0.1 * size, 0.06 * size * k, 0), 0.016 * size, 0.012 * size) for k in (-1, 1)]
        side = np.array([-np.sin(turn), np.cos(turn), 0.0])
        things.append(_eye(skull + 0.5 * r * look + 0.72 * r * s * side + xyz(0, 0, 0.3 * r), 0.17 * r))
    things.append(Thing(blend_capsules(feet, max(extent / 110, 0.02 * size)), horny, instance=1))
    return things


def _fish(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.uniform(0.08, 1.0))
    deep = size * rng.uniform(0.1, 0.24)
    body: list[Capsule] = chain(
        [(0.5 * size, 0, 0), (0.15 * size, 0, 0.02 * size), (-0.2 * size, 0, 0), (-0.42 * size, 0, 0)],
        [0.3 * deep, deep, 0.75 * deep, 0.2 * deep],
    )
    fins: list[Capsule] = [
        ((-0.4 * size, 0, 0), (-0.58 * size, 0, s * 0.8 * deep), 0.12 * deep, 0.1 * deep) for s in (-1, 0.5, 1)
    ]
    fins += [
        ((x * size, 0, 0.8 * deep), ((x - 0.12) * size, 0, 1.45 * deep), 0.2 * deep, 0.12 * deep) for x in (0.1, 0.02, -0.08)
    ]
    mesh = _squeezed(blend_capsules([*body, *fins], size / 70), float(rng.uniform(0.4, 0.7)))
    tone = rng.choice([[0.9, 0.45, 0.1], [0.6, 0.62, 0.65], [0.25, 0.35, 0.3], [0.85, 0.75, 0.2], [0.2, 0.4, 0.8]])
    look = _coat(rng, str(rng.choice(["plain", "stripes", "spots", "two_tone"])), np.asarray(tone))
    things = [Thing(side_uv(mesh, size), Look("plastic", texture=look.texture, roughness=0.2), instance=1)]
    things += [_eye(np.array([0.4 * size, s * 0.28 * deep, 0.1 * deep]), 0.1 * deep) for s in (-1.0, 1.0)]
    return placed(things, roll_deg=float(rng.choice([0, 80])))


def _lizard(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.choice([rng.uniform(0.15, 0.4), rng.uniform(1.5, 3.5)]))  # gecko or crocodile
    fat, bend = size * rng.uniform(0.045, 0.08), float(rng.normal(0, 0.06))
    x = np.linspace(0.5, -0.55, 9) * size
    y = size * bend * np.sin(np.linspace(0, 2 * np.pi, 9))
    radii = fat * np.array([0.35, 0.75, 0.65, 1.0, 1.05, 0.8, 0.5, 0.3, 0.12])
    spine = np.stack([x, y, np.full(9, 1.25 * fat)], 1)
    spine[6:, 2] -= fat * np.array([0.3, 0.7, 1.0])
    body = chain(list(spine), list(radii))
    for i in (3, 5):
        for s in (-1.0, 1.0):
            knee = spine[i] + xyz(0.02 * size * rng.normal(), s * 2.0 * fat, 0.1 * fat)
            foot = np.array([knee[0] + 0.06 * size, knee[1] + 0.8 * s * fat, 0.25 * fat])
            body += chain(
                [spine[i] + xyz(0, s * 0.6 * fat, 0), knee, foot, foot + xyz(0.05 * size, 0, 0)],
                [0.4 * fat, 0.32 * fat, 0.25 * fat, 0.2 * fat],
            )
    tone = np.array([[0.35, 0.4, 0.2], [0.45, 0.38, 0.28], [0.25, 0.5, 0.2], [0.3, 0.3, 0.28]])[rng.integers(4)]
    things = [
        Thing(
            side_uv(blend_capsules(body, size / 110), 0.6 * size),
            _coat(rng, str(rng.choice(["brindle", "spots", "plain", "stripes"])), tone),
            instance=1,
        )
    ]
    return things + [_eye(spine[1] + xyz(0.2 * fat, s * 0.5 * fat, 0.55 * fat), 0.14 * fat) for s in (-1.0, 1.0)]


def _snake(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.uniform(0.4, 2.0))
    t = np.linspace(0, 1, 30)
    fat = size * rng.uniform(0.018, 0.035)
    if rng.random() < 0.5:
        path = np.stack([size * (0.35 - 0.7 * t), 0.1 * size * np.sin(t * rng.uniform(8, 14)), np.full(30, fat)], 1)
    else:  # coiled
        a = 2 * np.pi * 2.2 * t
        path = np.stack([(0.22 - 0.13 * t) * size * np.cos(a), (0.22 - 0.13 * t) * size * np.sin(a), fat * (1 + 1.5 * t)], 1)[
            ::-1
        ]
    path[:3, 2] += fat * np.array([2.0, 1.2, 0.4])
    radii = fat * np.clip(np.minimum(0.7 + 3 * t, 6 * (1 - t)), 0.15, 1.0)
    radii[0] = fat
    body = chain(list(path), list(radii))
    tone = np.array([[0.5, 0.4, 0.2], [0.2, 0.35, 0.15], [0.6, 0.25, 0.15], [0.2, 0.18, 0.16]])[rng.integers(4)]
    look = _coat(rng, str(rng.choice(["spots", "stripes", "brindle"])), tone)
    return [
        Thing(
            side_uv(blend_capsules(body, max(0.5 * fat, size / 150)), 0.4 * size),
            Look("plastic", texture=look.texture, roughness=0.3),
            instance=1,
        )
    ]


def _turtle(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.uniform(0.12, 1.0))
    shell: list[Capsule] = [
        ((x, 0, 0.16 * size), (x * 0.8, 0, 0.2 * size), r * size, r * size)
        for x, r in ((0.12 * size, 0.25), (-0.12 * size, 0.25), (0.0, 0.28))
    ]
    mesh = blend_capsules(shell, size / 40)
    mesh = Mesh(mesh.vertices * np.array([1, 1, 0.75], np.float32), mesh.faces, None, True)
    limbs: list[Capsule] = chain(
        [(0.2 * size, 0, 0.12 * size), (0.42 * size, 0, 0.2 * size), (0.5 * size, 0, 0.2 * size)],
        [0.06 * size, 0.05 * size, 0.06 * size],
    )
    for x in (-1.0, 1.0):
        for s in (-1.0, 1.0):
            limbs += chain(
                [(0.15 * x * size, 0.15 * s * size, 0.12 * size), (0.28 * x * size, 0.27 * s * size, 0.045 * size)],
                [0.07 * size, 0.045 * size],
            )
    tone = np.array([0.35, 0.33, 0.18])
    return [
        Thing(side_uv(mesh, 0.5 * size), _coat(rng, "patches", tone), instance=1),
        Thing(side_uv(blend_capsules(limbs, size / 60), 0.3 * size), _coat(rng, "spots", tone * 1.2), instance=1),
        *(_eye(np.array([0.52 * size, s * 0.04 * size, 0.23 * size]), 0.01 * size) for s in (-1.0, 1.0)),
    ]


def _insect(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.uniform(0.01, 0.06))
    fat = size * rng.uniform(0.12, 0.26)
    z = fat + 0.08 * size
    body: list[Capsule] = [
        ((-0.35 * size, 0, z), (-0.05 * size, 0, z), 0.7 * fat, fat),
        ((0.1 * size, 0, z), (0.18 * size, 0, z), 0.75 * fat, 0.7 * fat),
        ((0.36 * size, 0, z - 0.1 * fat), (0.38 * size, 0, z - 0.1 * fat), 0.5 * fat, 0.5 * fat),
    ]
    legs: list[Capsule] = [
        ((0.4 * size, 0.2 * s * fat, z), (0.6 * size, s * 0.2 * size, z + 0.2 * size), 0.01 * size, 0.008 * size)
        for s in (-1.0, 1.0)
    ]
    for x in (-0.1, 0.1, 0.22):
        for s in (-1.0, 1.0):
            knee = ((1.8 * x - 0.05) * size, s * (fat + 0.2 * size), z + 0.12 * size)
            legs += chain(
                [(x * size, s * 0.5 * fat, z), knee, ((2.2 * x - 0.08) * size, s * (fat + 0.35 * size), 0.0)],
                [0.022 * size, 0.016 * size, 0.012 * size],
            )
    import colorsys

    tone = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.3, 1), rng.uniform(0.15, 0.9)))
    look = _coat(rng, str(rng.choice(["plain", "spots", "stripes", "patches"])), tone)
    things = [
        Thing(
            side_uv(blend_capsules(body, size / 55), 0.6 * size),
            Look("plastic", texture=look.texture, roughness=0.15),
            instance=1,
        ),
        Thing(blend_capsules(legs, size / 95, 0.006 * size), Look("plastic", (0.03, 0.025, 0.02), roughness=0.3), instance=1),
    ]
    if rng.random() < 0.4:  # wings spread, a butterfly's or a dragonfly's
        colour = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.3, 1), rng.uniform(0.5, 1))
        lift = rng.uniform(0.1, 1.2)
        for s in (-1.0, 1.0):
            a = np.linspace(0, np.pi, 12)
            for x, scale in ((0.22, 0.9), (-0.02, 0.65)):
                reach = scale * size * np.sin(a) ** 0.6
                out = np.stack(
                    [
                        x * size + 0.5 * scale * size * np.cos(a) * np.sin(a) ** 0.3 + (x - 0.1) * reach,
                        s * reach * np.cos(lift),
                        z + 0.6 * fat + reach * np.sin(lift),
                    ],
                    1,
                )
                vertices = np.vstack([[(x * size, 0, z + 0.6 * fat)], out]).astype(np.float32)
                k = np.arange(1, 12)
                mesh = Mesh(
                    vertices, np.stack([0 * k, k, k + 1], 1).astype(np.int32), (vertices[:, :2] / size).astype(np.float32)
                )
                things.append(Thing(mesh, _coat(rng, "spots", np.array(colour)), instance=1))
    return things


def _spider(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.uniform(0.008, 0.06))
    z = 0.35 * size
    body: list[Capsule] = [
        ((-0.3 * size, 0, z), (-0.2 * size, 0, z), 0.2 * size, 0.22 * size),
        ((0.08 * size, 0, z), (0.14 * size, 0, z), 0.13 * size, 0.12 * size),
    ]
    legs: list[Capsule] = []
    for k in range(4):
        for s in (-1.0, 1.0):
            a = np.deg2rad(35 + 37 * k)
            out = np.array([np.cos(a), s * np.sin(a), 0.0]) * size
            legs += chain(
                [np.array([0.1 * size, 0, z]), 0.45 * out + xyz(0.05 * size, 0, z + 0.4 * size), out + xyz(0.05 * size, 0, 0)],
                [0.04 * size, 0.03 * size, 0.015 * size],
            )
    tone = np.array([[0.25, 0.18, 0.12], [0.1, 0.09, 0.08], [0.55, 0.42, 0.2]])[rng.integers(3)]
    return [
        Thing(
            side_uv(blend_capsules(body, size / 45), 0.5 * size),
            _coat(rng, str(rng.choice(["spots", "plain", "stripes"])), tone),
            instance=1,
        ),
        Thing(blend_capsules(legs, size / 55, 0.012 * size), Look("diffuse", srgb(*(0.8 * tone))), instance=1),
    ]


def _snail(rng: np.random.Generator) -> list[Thing]:
    size = float(rng.uniform(0.02, 0.08))
    body: list[Capsule] = chain(
        [(-0.55 * size, 0, 0.06 * size), (0.2 * size, 0, 0.12 * size), (0.5 * size, 0, 0.25 * size)],
        [0.04 * size, 0.12 * size, 0.1 * size],
    )
    body += [
        ((0.5 * size, 0, 0.3 * size), (0.62 * size, 0.12 * s * size, 0.55 * size), 0.025 * size, 0.03 * size)
        for s in (-1.0, 1.0)
    ]
    a = np.linspace(0, 2 * np.pi * 2.2, 26)
    r = 0.32 * size * np.exp(-0.13 * a)
    path = np.stack([-0.1 * size + r * np.sin(a), 0.012 * size * a, 0.42 * size - r * np.cos(a)], 1)
    tone = np.array([[0.6, 0.45, 0.25], [0.35, 0.25, 0.18], [0.8, 0.7, 0.4]])[rng.integers(3)]
    look = _coat(rng, str(rng.choice(["stripes", "brindle", "spots"])), tone)
    return [
        Thing(
            side_uv(blend_capsules(chain(list(path), list(0.5 * r)), size / 45), 0.4 * size),
            Look("plastic", texture=look.texture, roughness=0.2),
            instance=1,
        ),
        Thing(blend_capsules(body, size / 55), Look("plastic", srgb(*(tone * 0.7 + 0.1)), roughness=0.3), instance=1),
    ]


_OTHERS: dict[str, Callable[[np.random.Generator], list[Thing]]] = {
    "bird": _bird,
    "fish": _fish,
    "lizard": _lizard,
    "snake": _snake,
    "turtle": _turtle,
    "insect": _insect,
    "spider": _spider,
    "snail": _snail,
}
