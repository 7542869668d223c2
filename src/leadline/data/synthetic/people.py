"""People: smooth bodies in clothes, in everyday poses, standing at the origin and facing +x."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.blobs import (
    Capsule,
    Point,
    blend_capsules,
    bounds_of,
    chain,
    cloth_look,
    front_uv,
    grounded,
    placed,
    random_cloth_colour,
    srgb,
)
from leadline.data.synthetic.scene import Look, Thing
from leadline.data.synthetic.shapes import box, merge, translation

POSES = ("stand", "walk", "run", "wave", "arms_up", "hold", "sit", "sit_ground", "crouch", "bend", "lie")


@dataclass
class _Pose:
    """Joint angles in degrees; lists are (left, right); a swing is forward, a spread is outwards."""

    lean: float = 0.0
    thigh: list[float] = field(default_factory=lambda: [0.0, 0.0])
    knee: list[float] = field(default_factory=lambda: [4.0, 4.0])
    leg_spread: float = 3.0
    arm: list[float] = field(default_factory=lambda: [0.0, 0.0])
    elbow: list[float] = field(default_factory=lambda: [12.0, 12.0])
    arm_spread: list[float] = field(default_factory=lambda: [8.0, 8.0])


def _pose(rng: np.random.Generator, name: str) -> _Pose:
    def jitter(scale: float) -> float:
        return float(rng.normal(0.0, scale))

    p = _Pose(lean=jitter(3))
    p.arm = [jitter(8), jitter(8)]
    p.elbow = [float(rng.uniform(5, 35)), float(rng.uniform(5, 35))]
    p.arm_spread = [float(rng.uniform(5, 18)), float(rng.uniform(5, 18))]
    p.leg_spread = float(rng.uniform(2, 9))
    side = int(rng.integers(2))
    if name in ("walk", "run"):
        run = name == "run"
        s = float(rng.uniform(32, 45) if run else rng.uniform(14, 27)) * (1 if side else -1)
        p.thigh = [s, -0.8 * s]
        back = 60.0 if run else 25.0
        p.knee = [8.0 if s > 0 else back, back if s > 0 else 8.0]
        p.arm = [-s, s]
        p.elbow = [80.0, 80.0] if run else [20.0, 20.0]
        p.lean = 12.0 if run else 3.0
        p.leg_spread = 2.0
    elif name == "wave":
        p.arm[side], p.arm_spread[side], p.elbow[side] = 20.0, float(rng.uniform(90, 150)), float(rng.uniform(0, 50))
    elif name == "arms_up":
        p.arm_spread = [float(rng.uniform(100, 165))] * 2
        p.arm = [10.0, 10.0]
        p.leg_spread = float(rng.uniform(3, 18))
    elif name == "hold":
        p.arm = [float(rng.uniform(15, 60)), float(rng.uniform(15, 60))]
        p.elbow = [float(rng.uniform(40, 100)), float(rng.uniform(40, 100))]
        p.arm_spread = [4.0, 4.0]
    elif name == "sit":
        p.lean = float(rng.uniform(-15, 20))
        p.thigh, p.knee = [87.0 + jitter(4), 87.0 + jitter(4)], [88.0 + jitter(10), 88.0 + jitter(10)]
        p.arm, p.elbow = [35.0, 30.0], [55.0, 60.0]
    elif name == "sit_ground":
        p.lean = float(rng.uniform(-20, 15))
        raise_knee = float(rng.uniform(0, 50))
        p.thigh, p.knee = [88.0 + raise_knee, 88.0 + raise_knee * 0.8], [2.2 * raise_knee, 1.9 * raise_knee]
        p.leg_spread = float(rng.uniform(4, 20))
        p.arm, p.elbow = [40.0, 20.0], [30.0, 30.0]
    elif name == "crouch":
        p.lean = float(rng.uniform(15, 40))
        p.thigh, p.knee = [105.0, 95.0], [135.0, 125.0]
        p.arm, p.elbow = [50.0, 50.0], [40.0, 40.0]
    elif name == "bend":
        p.lean = float(rng.uniform(40, 90))
        p.thigh, p.knee = [8.0, 3.0], [25.0, 20.0]
        p.arm = [p.lean * 0.8, p.lean * 0.9]
    return p


def _direction(swing_deg: float, spread_deg: float, side: float) -> NDArray[np.float64]:
    """Return the unit direction of a limb that hangs down, swung forward and spread to `side` (+1 left)."""
    a, b = np.deg2rad([swing_deg, spread_deg])
    return np.array([np.sin(a) * np.cos(b), side * np.sin(b), -np.cos(a) * np.cos(b)])


def make_person(
    rng: np.random.Generator, *, pose: str | None = None, height_m: float | None = None, detail: float = 1.0
) -> list[Thing]:
    """Return a dressed person at the origin on z = 0, facing +x, all of instance 1.

    Args:
        rng: decides everything not given.
        pose: one of `POSES`; "sit" brings a stool. None draws one, mostly standing and walking.
        height_m: stature, metres; None draws an adult or (one in five) a child.
        detail: mesh resolution; 1 gives about 15k triangles, 0.6 a third of that.

    Raises:
        ValueError: unknown pose.
    """
    if pose is None:
        pose = str(rng.choice(POSES, p=[0.3, 0.2, 0.06, 0.06, 0.05, 0.1, 0.08, 0.05, 0.04, 0.03, 0.03]))
    if pose not in POSES:
        raise ValueError(f"unknown pose {pose!r}; one of {POSES}")
    if height_m is None:
        height_m = float(rng.uniform(0.85, 1.45)) if rng.random() < 0.2 else float(np.clip(rng.normal(1.7, 0.1), 1.45, 2.0))
    p = _pose(rng, pose)
    h = height_m
    child = max(0.0, (1.5 - h) / 0.65)
    build = float(np.clip(rng.normal(1.0, 0.12), 0.8, 1.4))
    head = h * (1.0 + 0.35 * child)  # children have larger heads
    short_sleeves, shorts = rng.random() < 0.35, rng.random() < 0.25
    skirt = rng.random() < 0.18 and pose in ("stand", "walk", "wave", "arms_up", "hold")
    coat = not skirt and rng.random() < 0.15 and pose in ("stand", "walk", "hold")
    if skirt or coat:  # the cloth hangs straight, so keep the legs inside it
        p.thigh, p.knee = [0.45 * a for a in p.thigh], [0.45 * a for a in p.knee]

    up = np.array([np.sin(np.deg2rad(p.lean)), 0.0, np.cos(np.deg2rad(p.lean))])
    left = np.array([0.0, 1.0, 0.0])
    ahead = np.cross(left, up)
    pelvis = np.array([0.0, 0.0, 0.53 * h])
    chest, neck = pelvis + 0.25 * h * up, pelvis + 0.30 * h * up
    gaze = np.deg2rad(0.5 * p.lean if pose not in ("lie",) else 0.0)
    up_head = np.array([np.sin(gaze), 0.0, np.cos(gaze)])
    ahead_head = np.cross(left, up_head)
    skull = neck + 0.045 * h * up + 0.068 * head * up_head + 0.012 * head * ahead_head

    top: list[Capsule] = []
    for s in (-1.0, 1.0):
        top += chain(
            [pelvis + 0.045 * h * s * left, pelvis + 0.12 * h * up + 0.035 * h * s * left, chest + 0.052 * h * s * left],
            [0.062 * h * build, 0.055 * h * build, 0.064 * h * (0.5 + 0.5 * build)],
        )
    if build > 1.1:
        belly = pelvis + 0.08 * h * up + 0.03 * h * ahead
        top.append((belly, belly, 0.07 * h * build, 0.07 * h * build))
    top.append((chest + 0.03 * h * up - 0.095 * h * left, chest + 0.03 * h * up + 0.095 * h * left, 0.042 * h, 0.042 * h))
    bottom: list[Capsule] = [
        (pelvis - 0.045 * h * left, pelvis + 0.045 * h * left, 0.07 * h * build, 0.07 * h * build),
    ]
    skin: list[list[Capsule]] = []
    shoes: list[list[Capsule]] = []
    for i, s in enumerate((1.0, -1.0)):
        hip = pelvis + 0.052 * h * s * left - [0, 0, 0.01 * h]
        knee = hip + 0.245 * h * _direction(p.thigh[i], p.leg_spread, s)
        shin_deg = p.thigh[i] - p.knee[i]
        ankle = knee + 0.235 * h * _direction(shin_deg, 0.5 * p.leg_spread, s)
        r = np.array([0.058, 0.038, 0.026]) * h * (0.5 + 0.5 * build)
        cloth = 1.0 if shorts or skirt else 1.12
        thigh, shin = chain([hip, knee], r[:2] * cloth), chain([knee, ankle], r[1:] * cloth)
        bottom += thigh
        if shorts or skirt:
            skin.append([*chain([hip + 0.8 * (knee - hip), knee], [0.04 * h, 0.035 * h]), *shin])
        else:
            bottom += shin
        foot_deg = np.deg2rad(shin_deg if pose in ("lie", "sit_ground") else 0.35 * shin_deg)
        toe = np.array([np.cos(foot_deg), 0.12 * s, np.sin(foot_deg)])
        sole = ankle - [0, 0, 0.02 * h] if pose not in ("lie", "sit_ground") else ankle
        shoes.append(
            [
                (sole - 0.02 * h * toe, sole + 0.095 * h * toe - [0, 0, 0.006 * h], 0.026 * h, 0.02 * h),
                (ankle, sole, 0.026 * h, 0.028 * h),
            ]
        )
        shoulder = chest + 0.03 * h * up + 0.115 * h * s * left
        elbow = shoulder + 0.165 * h * _direction(p.arm[i], p.arm_spread[i], s)
        inward = p.arm_spread[i] * 0.6 if p.arm_spread[i] < 60 else p.arm_spread[i] + rng.uniform(-30, 25)
        wrist = elbow + 0.145 * h * _direction(p.arm[i] + p.elbow[i], inward, s)
        along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        sleeve = 1.0 if short_sleeves else 1.2
        ra = np.array([0.032, 0.025, 0.018]) * h * (0.6 + 0.4 * build) * sleeve
        top += chain([shoulder, elbow], ra[:2] * 1.05)
        hand: list[Capsule] = [
            (wrist, wrist + 0.045 * h * along, 0.017 * h, 0.021 * h),
            (wrist + 0.045 * h * along, wrist + 0.085 * h * along, 0.02 * h, 0.012 * h),
            (wrist + 0.02 * h * along, wrist + 0.05 * h * along + 0.025 * h * ahead, 0.012 * h, 0.01 * h),
        ]
        if short_sleeves:
            skin.append([*chain([elbow - 0.3 * (elbow - shoulder), elbow, wrist], [ra[1], ra[1], ra[2]]), *hand])
        else:
            top += chain([elbow, wrist], ra[1:])
            skin.append(hand)
    if skirt or coat:
        hem = pelvis - np.array([0, 0, float(rng.uniform(0.16, 0.42)) * h])
        flare = float(rng.uniform(0.09, 0.15)) * h if skirt else 0.1 * h
        (bottom if skirt and rng.random() < 0.5 else top).extend(
            (pelvis + 0.03 * h * s * left, hem + 0.04 * h * s * left, 0.075 * h, flare) for s in (-1.0, 1.0)
        )
    skin.append(
        [
            (neck - 0.02 * h * up, skull - 0.03 * head * up_head, 0.034 * h, 0.034 * h),
            (skull, skull - 0.006 * head * ahead_head, 0.056 * head, 0.056 * head),
            (
                skull - 0.02 * head * up_head,
                skull - 0.055 * head * up_head + 0.018 * head * ahead_head,
                0.045 * head,
                0.028 * head,
            ),
            (
                skull - 0.012 * head * up_head + 0.055 * head * ahead_head,
                skull - 0.026 * head * up_head + 0.066 * head * ahead_head,
                0.008 * head,
                0.011 * head,
            ),
            (
                skull - 0.056 * head * left - 0.01 * head * up_head,
                skull + 0.056 * head * left - 0.01 * head * up_head,
                0.012 * head,
                0.012 * head,
            ),
        ]
    )
    hair = _hair(rng, skull, up_head, ahead_head, left, head)

    tone = np.array([0.95, 0.78, 0.68]) * (1 - (d := rng.random() ** 1.3)) + np.array([0.3, 0.19, 0.13]) * d
    skin_look = Look("plastic", srgb(*tone), roughness=0.4)
    shoe_look = Look("plastic", srgb(*(random_cloth_colour(rng) * 0.7)), roughness=0.3)
    top_look, bottom_look = cloth_look(rng), Look("diffuse", srgb(*(random_cloth_colour(rng) * 0.75)))
    fine, coarse = h / (108 * detail), h / (72 * detail)
    things = [
        Thing(front_uv(blend_capsules(top, coarse, 0.012 * h), 0.3), top_look, instance=1),
        Thing(front_uv(blend_capsules(bottom, coarse, 0.012 * h), 0.3), bottom_look, instance=1),
        Thing(merge(blend_capsules(part, fine, 0.008 * h) for part in skin), skin_look, instance=1),
        Thing(merge(blend_capsules(part, fine, 0.008 * h) for part in shoes), shoe_look, instance=1),
    ]
    if hair:
        hair_tone = np.array([0.08, 0.06, 0.05]) + rng.random() ** 2 * np.array([0.65, 0.5, 0.3]) * rng.uniform(0.3, 1.1)
        things.append(Thing(blend_capsules(hair, fine, 0.008 * head), Look("diffuse", srgb(*hair_tone)), instance=1))
    eyes = [skull + 0.021 * head * s * left + 0.052 * head * ahead_head + 0.001 * head * up_head for s in (-1.0, 1.0)]
    eyeballs = [blend_capsules([(eye, eye, 0.0075 * head, 0.0075 * head)], 0.005 * head) for eye in eyes]
    things.append(Thing(merge(eyeballs), Look("plastic", (0.02, 0.015, 0.01)), instance=1))
    if pose in ("stand", "walk", "wave") and rng.random() < 0.2:
        pack = [
            (
                neck - 0.06 * h * up - 0.1 * h * ahead + 0.04 * h * s * left,
                pelvis + 0.03 * h * up - 0.1 * h * ahead + 0.04 * h * s * left,
                0.045 * h,
                0.06 * h,
            )
            for s in (-1.0, 1.0)
        ]
        things.append(Thing(front_uv(blend_capsules(pack, coarse), 0.3), cloth_look(rng), instance=1))
    if pose == "sit":
        things.append(_seat(rng, things[1]))
    if pose == "lie":
        things = placed(things, pitch_deg=float(rng.choice([-90, 90])))
        low, high = bounds_of(things)
        things = placed(things, (-float(low[0] + high[0]) / 2, 0.0, 0.0))
    return grounded(things)


def _hair(
    rng: np.random.Generator, skull: NDArray[np.float64], up: Point, ahead: Point, left: Point, head: float
) -> list[Capsule]:
    """Return the capsules of a hair style or a hat (about one person in twelve is bald)."""
    up, ahead, left = np.asarray(up), np.asarray(ahead), np.asarray(left)
    style = rng.choice(["bald", "short", "bob", "long", "bun", "hat"], p=[0.08, 0.42, 0.14, 0.16, 0.08, 0.12])
    if style == "bald":
        return []
    crown = skull + 0.014 * head * up - 0.012 * head * ahead
    hair: list[Capsule] = [(crown, crown - 0.012 * head * ahead, 0.055 * head, 0.053 * head)]
    back = skull - 0.03 * head * ahead
    if style in ("bob", "long"):
        drop = 0.09 if style == "bob" else float(rng.uniform(0.14, 0.24))
        for s in (-1.0, 0.0, 1.0):
            hair.append(
                (
                    back + 0.034 * head * s * left,
                    back - drop * head * up + 0.03 * head * s * left - 0.02 * head * ahead,
                    0.032 * head,
                    0.024 * head,
                )
            )
    elif style == "bun":
        bun = crown - 0.06 * head * ahead + 0.02 * head * up
        hair.append((bun, bun, 0.026 * head, 0.026 * head))
    elif style == "hat":
        hair.append((skull + 0.035 * head * up, skull + 0.05 * head * up, 0.058 * head, 0.05 * head))
        brim = skull + 0.028 * head * up + 0.05 * head * ahead
        hair += [
            (brim + 0.03 * head * s * left, brim + 0.045 * head * ahead + 0.02 * head * s * left, 0.012 * head, 0.01 * head)
            for s in (-1.0, 0.0, 1.0)
        ]
    return hair


def _seat(rng: np.random.Generator, trousers: Thing) -> Thing:
    """Return a stool or block below the seat of a seated person's trousers."""
    p = trousers.mesh.vertices
    under = float(p[p[:, 0] < p[:, 0].min() + 0.25][:, 2].min())  # the lowest point near the back of the hips
    size = float(rng.uniform(0.32, 0.5))
    height = under + 0.015
    foot_level = float(p[:, 2].min()) - 0.06
    block = box(size, float(rng.uniform(0.35, 1.6)), height - foot_level, 0.02)
    colour = Look("diffuse", srgb(*random_cloth_colour(rng)))
    return Thing(block, colour, translation(0.3 * size - 0.12, 0.0, foot_level), instance=1)
