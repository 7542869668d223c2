"""Streets: urban, suburban, alleys, highways and squares, seen by drivers and walkers, from balconies and from close by.

The road runs along +x; it may bend. Driver's views are KITTI-like: eye 1.2 to 2 m above the lane, looking along the road.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.buildings import Style, linear_of, make_house, make_style
from leadline.data.synthetic.outdoors import (
    Array,
    Ground,
    Relief,
    Stage,
    collect_views,
    glance_view,
    ground_grid,
    make_daylight,
    mixed_texture,
    passer_by,
    portrait_view,
    stray_animal,
)
from leadline.data.synthetic.scene import Look, Mesh, Scene, Thing, View
from leadline.data.synthetic.shapes import box, disc, merge, quad, rotation, scale_uv, transformed, translation, tube
from leadline.data.synthetic.street_furniture import (
    PAVEMENT,
    SQUARE,
    make_fence,
    make_hedge,
    make_lamp_post,
    make_shelter,
    make_sign,
    make_traffic_light,
    make_wires,
)
from leadline.data.synthetic.subjects import make_animal, make_person, make_plant, make_vehicle
from leadline.data.synthetic.textures import surface

KINDS = ("urban", "suburban", "alley", "highway", "square")
_KERB = 0.12
REACH = 150.0  # metres of road to either side of the origin that carry things


@dataclass(frozen=True)
class Plan:
    """The cross-section and course of a street, metres: half widths of road and pavement, bend of the centre line."""

    kind: str
    lanes: int  # each way
    lane: float
    parking: float
    pavement: float
    set_back: float  # from the pavement to the fronts
    bend: float  # 1/m: y = bend x^2 / 2, straightened beyond 90 m

    @property
    def road(self) -> float:
        """Half width of the carriageway with its parking strips."""
        return self.lanes * self.lane + self.parking

    @property
    def front(self) -> float:
        """Distance of the building line from the centre line."""
        return self.road + self.pavement + self.set_back

    def centre(self, x: ArrayLike) -> Array:
        """Return y of the centre line."""
        a = np.minimum(np.abs(np.asarray(x, np.float64)), 90.0)
        beyond = np.abs(np.asarray(x, np.float64)) - a
        return np.asarray(self.bend * (0.5 * a**2 + 90.0 * beyond))

    def at(self, x: float, offset: float) -> tuple[float, float, float]:
        """Return (x, y, yaw in degrees) of a place `offset` to the left of the centre line."""
        slope = self.bend * float(np.clip(abs(x), 0, 90)) * float(np.sign(x))
        a = float(np.arctan(slope))
        return x - offset * float(np.sin(a)), float(self.centre(x)) + offset * float(np.cos(a)), float(np.rad2deg(a))


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int = 8) -> Scene:
    """Return a street with `views` views; see the module. `assets` may be empty."""
    kind = str(rng.choice(KINDS, p=[0.38, 0.24, 0.1, 0.13, 0.15]))
    plan = draw_plan(rng, kind)
    level = make_level(plan)
    stage = Stage(level)
    lay_ground(rng, stage, plan)
    if kind != "highway":
        line_with_houses(rng, stage, plan)
    subjects = furnish(rng, stage, plan, assets)
    lights = make_daylight(rng)

    def driver() -> View | None:
        side = -1.0 if rng.random() < 0.85 else 1.0
        ahead = 0.0 if rng.random() < 0.7 else 180.0
        lane = (int(rng.integers(plan.lanes)) + 0.5) * plan.lane * (side if ahead == 0.0 else -side)
        x, y, yaw = plan.at(float(rng.uniform(-35, 35)), lane + float(rng.normal(0, 0.4)))
        return glance_view(
            rng,
            stage,
            (x, y, rng.uniform(1.2, 2.0)),
            yaw + ahead + rng.normal(0, 4),
            rng.normal(-1, 2.5),
            rng.uniform(50, 95),
            roll_deg=0.6,
            margin=0.5,
        )

    def walker() -> View | None:
        off = float(rng.choice([-1, 1])) * (plan.road + rng.uniform(0.1, 0.9) * max(plan.pavement, 1.0))
        x, y, yaw = plan.at(float(rng.uniform(-35, 35)), off)
        turn = rng.choice([rng.normal(0, 25), 180 + rng.normal(0, 25), rng.uniform(0, 360)])
        return glance_view(
            rng, stage, (x, y, level(x, y) + rng.uniform(0.9, 1.8)), yaw + turn, rng.normal(-2, 7), rng.uniform(42, 85)
        )

    def across() -> View | None:
        side = float(rng.choice([-1, 1]))
        x, y, yaw = plan.at(float(rng.uniform(-30, 30)), side * rng.uniform(0, plan.road + plan.pavement))
        return glance_view(
            rng,
            stage,
            (x, y, level(x, y) + rng.uniform(1.0, 1.9)),
            yaw - 90 * side + rng.normal(0, 22),
            rng.normal(3, 6),
            rng.uniform(45, 80),
        )

    def upwards() -> View | None:
        side = float(rng.choice([-1, 1]))
        x, y, yaw = plan.at(float(rng.uniform(-30, 30)), side * rng.uniform(0, plan.road + 0.7 * plan.pavement))
        return glance_view(
            rng, stage, (x, y, level(x, y) + 1.5), yaw - side * rng.uniform(20, 120), rng.uniform(12, 45), rng.uniform(50, 85)
        )

    def from_above() -> View | None:
        off = float(rng.uniform(-1, 1)) * (plan.front - 0.8)
        x, y, yaw = plan.at(float(rng.uniform(-40, 40)), off)
        turn = 90.0 if off < 0 else -90.0
        heading = yaw + (turn + rng.normal(0, 35) if rng.random() < 0.5 else float(rng.choice([0, 180])) + rng.normal(0, 20))
        return glance_view(rng, stage, (x, y, rng.uniform(3.5, 16)), heading, rng.uniform(-55, -10), rng.uniform(45, 80))

    def downwards() -> View | None:
        x, y, _ = plan.at(float(rng.uniform(-20, 20)), float(rng.uniform(-1, 1)) * (plan.road + plan.pavement))
        return glance_view(
            rng,
            stage,
            (x, y, level(x, y) + rng.uniform(0.5, 1.8)),
            rng.uniform(0, 360),
            rng.uniform(-80, -25),
            rng.uniform(45, 75),
            margin=0.15,
        )

    def portrait() -> View | None:
        return portrait_view(rng, stage, subjects[int(rng.integers(len(subjects)))]) if subjects else None

    weights = [0.3, 0.14, 0.1, 0.06, 0.08, 0.04, 0.28] if kind != "square" else [0.05, 0.27, 0.12, 0.08, 0.1, 0.04, 0.34]
    taken = collect_views(rng, [driver, walker, across, upwards, from_above, downwards, portrait], weights, views)
    return Scene(f"street/{kind}", tuple(stage.things), lights, taken)


def make_level(plan: Plan) -> Ground:
    """Return the height of the street at any (x, y): pavements lie a kerb above the road."""
    base = plan.road if plan.kind != "square" else 0.0

    def level(x: ArrayLike, y: ArrayLike) -> Array:
        off = np.abs(np.asarray(y, np.float64) - plan.centre(x))
        raised = (off > base) & (off < base + plan.pavement)
        return np.asarray(np.where(raised & (plan.kind not in ("highway", "square")), _KERB, 0.0) + 0.0 * off)

    return level


def draw_plan(rng: np.random.Generator, kind: str) -> Plan:
    """Return a street of one of `KINDS`."""
    bend = float(rng.choice([0.0, rng.normal(0, 0.003)]))
    u = rng.uniform
    match kind:
        case "urban":
            return Plan(kind, int(rng.integers(1, 3)), u(2.9, 3.5), float(rng.choice([0.0, 2.1])), u(1.8, 5.0), 0.0, bend)
        case "suburban":
            return Plan(kind, 1, u(2.8, 3.6), float(rng.choice([0.0, 2.0])), u(1.3, 2.2), u(4, 12), bend)
        case "alley":
            return Plan(kind, 1, u(1.0, 1.9), 0.0, u(0.3, 1.0), 0.0, 0.5 * bend)
        case "highway":
            return Plan(kind, int(rng.integers(1, 4)), u(3.4, 3.75), u(1.0, 2.8), 1.5, u(10, 25), 0.7 * bend)
        case _:
            return Plan(kind, 1, u(2.0, 6.0), 0.0, u(8, 18), 0.0, 0.0)


def _strip(plan: Plan, one: float, other: float, z: float, repeats_per_metre: float) -> Mesh:
    """Return a flat ribbon between two offsets (left positive, in any order) from the centre line."""
    low, high = min(one, other), max(one, other)
    x = np.concatenate([-np.geomspace(1500, REACH, 8), np.linspace(-REACH + 10, REACH - 10, 40), np.geomspace(REACH, 1500, 8)])
    p = np.array([[plan.at(float(v), low)[:2], plan.at(float(v), high)[:2]] for v in x])
    q = np.concatenate([p, np.full((*p.shape[:2], 1), z)], -1).reshape(-1, 3)
    k = 2 * np.arange(len(x) - 1)[:, None]
    faces = np.concatenate([np.add(k, (0, 2, 3)), np.add(k, (0, 3, 1))])
    uv = np.stack([np.repeat(x, 2), np.tile([low, high], len(x))], 1) * repeats_per_metre
    return Mesh(q.astype(np.float32), faces.astype(np.int32), uv.astype(np.float32))


def lay_ground(rng: np.random.Generator, stage: Stage, plan: Plan) -> None:
    """Add the road with its markings, the pavements and the land beyond."""
    wet = rng.random() < 0.12

    def look(categories: tuple[str, ...], shade: float = 1.0) -> Look:
        texture = (mixed_texture(rng, categories) * shade).astype(np.uint8)
        return (
            Look("plastic", texture=(texture * 0.7).astype(np.uint8), roughness=float(rng.uniform(0.02, 0.12)))
            if wet
            else Look("diffuse", texture=texture)
        )

    country = rng.random() < 0.6
    hills = Relief(rng, (400.0, 150.0), np.array([1.0, 0.4]) * rng.uniform(2, 60), calm_m=(170.0, 600.0))

    def land(x: ArrayLike, y: ArrayLike) -> Array:
        rise = hills(x, y)
        return -0.03 + (np.abs(rise) if country else 0.0 * rise) * np.clip(
            (np.abs(np.asarray(y) - plan.centre(x)) - 30) / 80, 0, 1
        )

    vertices, faces = ground_grid(rng, land, cells=90, fine_m=1.5)
    green = ("grass",) if plan.kind in ("suburban", "highway") else ("paving", "soil", "gravel")
    stage.structure(Mesh(vertices.astype(np.float32), faces, (vertices[:, :2] / 4).astype(np.float32), True), look(green))
    if plan.kind == "square":
        stage.structure(_strip(plan, -plan.front, plan.front, 0.0, 1 / float(rng.uniform(1.5, 3))), look(("paving",)))
        return
    grey = float(rng.uniform(0.7, 1.15))
    road = look(("asphalt",), min(grey, 1.0)) if plan.kind != "alley" or rng.random() < 0.4 else look(("paving",))
    stage.structure(_strip(plan, -plan.road, plan.road, 0.0, 1 / float(rng.uniform(4, 9))), road)
    _mark(rng, stage, plan)
    if plan.kind == "highway":
        gravel = look(("gravel", "soil"))
        for s in (-1.0, 1.0):
            stage.structure(_strip(plan, s * plan.road, s * (plan.road + 1.2), -0.005, 0.3), gravel)
        return
    paving, kerb = look(("paving",)), Look("diffuse", (float(rng.uniform(0.3, 0.5)),) * 3)
    scale = 1 / float(rng.uniform(1.3, 2.8))
    for s in (-1.0, 1.0):
        inner, outer = s * plan.road, s * (plan.road + plan.pavement)
        stage.structure(_strip(plan, inner + s * 0.15, outer, _KERB, scale), paving)
        stage.structure(_strip(plan, inner, inner + s * 0.152, _KERB + 0.002, 1.0), kerb)
        face = _strip(plan, inner, inner, 0.0, 1.0)
        face.vertices[1::2, 2] = _KERB + 0.002
        stage.structure(face, kerb)
        if plan.set_back and rng.random() < 0.7:
            stage.structure(_strip(plan, outer, s * (plan.front + 0.5), 0.02, 0.25), look(("grass",)))


def _mark(rng: np.random.Generator, stage: Stage, plan: Plan) -> None:
    """Add lane lines, crossings and manholes a few millimetres above the road."""
    if plan.kind == "alley":
        return
    paint = Look("diffuse", (0.75, 0.75, 0.72) if rng.random() < 0.85 else (0.75, 0.55, 0.08))
    z = 0.006
    lines: list[Mesh] = []

    def patch(x: float, offset: float, length: float, width: float) -> None:
        px, py, yaw = plan.at(x, offset)
        lines.append(transformed(quad(length, width), translation(px, py, z) @ rotation((0, 0, 1), yaw)))

    dash, gap = float(rng.uniform(1.5, 4)), float(rng.uniform(2, 6))
    offsets = [k * plan.lane for k in range(-plan.lanes + 1, plan.lanes)]
    if rng.random() < 0.85:
        for off in offsets:
            for x in np.arange(-REACH, REACH, dash + gap):
                patch(float(x), off, dash, 0.12)
    for s in (-1.0, 1.0):
        if plan.parking or rng.random() < 0.3:
            lines.append(_strip(plan, s * plan.lanes * plan.lane, s * plan.lanes * plan.lane + 0.12, z, 1.0))
    if plan.kind != "highway":
        for _ in range(int(rng.integers(0, 3))):
            x = float(rng.uniform(-60, 60))
            for off in np.arange(-plan.road + 0.4, plan.road - 0.3, 1.0):
                patch(x, float(off), 3.0, 0.5)
        lids = [
            transformed(
                disc(0.32, 20),
                translation(*plan.at(float(rng.uniform(-40, 40)), float(rng.uniform(-1, 1)) * (plan.road - 0.6))[:2], 0.004),
            )
            for _ in range(4)
        ]
        stage.structure(merge(lids), Look("plastic", (0.05, 0.05, 0.05), roughness=0.4))
    if lines:
        stage.structure(merge(lines), paint)


def line_with_houses(rng: np.random.Generator, stage: Stage, plan: Plan) -> None:
    """Add buildings on both sides, with gaps, gardens and an end to the street."""
    style = make_style(rng)
    loose = plan.kind == "suburban"
    tall = int(rng.integers(1, 3)) if loose else int(rng.integers(2, 7))
    gap = float(rng.uniform(0.05, 0.2)) if not loose else 1.0
    span = 110.0 if plan.kind != "square" else plan.front + float(rng.uniform(-2, 10))
    for side in (-1.0, 1.0):
        x = -span + float(rng.uniform(0, 8))
        while x < span:
            width = float(rng.uniform(7, 14) if loose else rng.uniform(5, 20))
            if rng.random() < gap * (0.15 if loose else 0.6):
                x += float(rng.uniform(6, 14))
                continue
            floors = max(1, tall + int(rng.integers(-1, 2)))
            shop = not loose and rng.random() < 0.45
            house = make_house(rng, style, width, floors, shop=shop, simple=abs(x + width / 2) > 55)
            _stand(rng, stage, plan, house, x, side, width)
            if loose:
                _garden(rng, stage, plan, x, side, width)
            x += width + (float(rng.uniform(3, 10)) if loose else 0.0)
    if plan.kind == "square" or (rng.random() < 0.3 and not plan.bend):
        for end in (-1.0, 1.0):
            _close(rng, stage, plan, style, end * (span + 3 if plan.kind == "square" else 112.0), tall)


def _stand(rng: np.random.Generator, stage: Stage, plan: Plan, house: list[Thing], x: float, side: float, width: float) -> None:
    """Stand a building with its front on the building line; on the right it starts at x, on the left it is turned round."""
    jut = float(rng.uniform(-0.4, 0.8)) if plan.set_back else 0.0
    if side > 0:  # left: the front faces -y already
        px, py, yaw = plan.at(x, plan.front + jut)
        stage.add(house, (px, py), yaw, z=-0.02)
    else:
        px, py, yaw = plan.at(x + width, -plan.front - jut)
        stage.add(house, (px, py), yaw + 180, z=-0.02)


def _close(rng: np.random.Generator, stage: Stage, plan: Plan, style: Style, x: float, floors: int) -> None:
    """Close the street or square at x with buildings across."""
    y = -plan.front - 4
    while y < plan.front + 4:
        width = float(rng.uniform(7, 16))
        house = make_house(
            rng, style, width, max(1, floors + int(rng.integers(-1, 2))), shop=rng.random() < 0.4, simple=abs(x) > 60
        )
        if x > 0:  # fronts look to -x
            stage.add(house, (x, y + width), -90, z=-0.02)
        else:
            stage.add(house, (x, y), 90, z=-0.02)
        y += width


def _garden(rng: np.random.Generator, stage: Stage, plan: Plan, x: float, side: float, width: float) -> None:
    """Add a fence or hedge, bushes and a tree between pavement and house."""
    edge = plan.road + plan.pavement + 0.3
    if abs(x) < 70 and rng.random() < 0.6:
        px, py, yaw = plan.at(x, side * edge)
        line = (
            make_hedge(rng, 0.7 * width, float(rng.uniform(0.6, 1.6))) if rng.random() < 0.4 else make_fence(rng, 0.7 * width)
        )
        stage.add(line, (px, py), yaw, z=0.0)
    for _ in range(int(rng.integers(0, 3))):
        off = side * (edge + float(rng.uniform(0.8, max(plan.set_back - 1.5, 1.0))))
        px, py, _ = plan.at(x + float(rng.uniform(0, 1.2 * width)), off)
        if stage.vacant((px, py), 0.8):
            stage.add(
                make_plant(rng, float(rng.choice([rng.uniform(0.5, 1.8), rng.uniform(3, 7)])), detail=0.25),
                (px, py),
                float(rng.uniform(0, 360)),
            )


def furnish(rng: np.random.Generator, stage: Stage, plan: Plan, assets: Assets, *, traffic: bool = True) -> list[int]:
    """Add vehicles, people, animals, trees, lamps and other furniture; return the indices worth a portrait.

    Without `traffic` the carriageway stays empty: vehicles park and people keep to the pavement.
    """
    subjects: list[int] = []

    def put(
        parts: list[Thing] | tuple[Thing, ...], x: float, offset: float, turn: float, gap: float, *, show: bool = True
    ) -> None:
        px, py, yaw = plan.at(x, offset)
        if stage.vacant((px, py), gap):
            index = stage.add(list(parts), (px, py), yaw + turn)
            if show and abs(x) < 45:
                subjects.append(index)

    busy = float(rng.uniform(0.2, 1.0))
    if plan.kind != "square":
        fleet = [make_vehicle(rng) for _ in range(6)]
        model = assets.pick(rng, "car", "bike")
        if model is not None and model.triangles < 12_000:  # it may park many times
            fleet.append([Thing(t.mesh, t.look, rotation((0, 0, 1), 90) @ t.world_from_mesh, 1) for t in assets.things(model)])
        if plan.parking and plan.kind != "highway":
            for side in (-1.0, 1.0):
                for x in np.arange(-60, 75, float(rng.uniform(6, 9))):
                    if rng.random() < busy:
                        put(
                            fleet[int(rng.integers(len(fleet)))],
                            float(x + rng.normal(0, 0.4)),
                            side * (plan.road - 0.5 * plan.parking),
                            0 if side < 0 else 180,
                            0.9,
                        )
        for _ in range(int(rng.uniform(1, 16 if plan.kind != "alley" else 2)) if traffic else 0):
            side = float(rng.choice([-1, 1]))
            lane = (int(rng.integers(plan.lanes)) + 0.5) * plan.lane
            put(fleet[int(rng.integers(len(fleet)))], float(rng.normal(0, 45)), side * lane, 0 if side < 0 else 180, 2.2)
    if plan.kind == "highway":
        _highway_sides(rng, stage, plan)
    inner, outer = plan.road + 0.5, max(plan.road + plan.pavement - 0.7, plan.road + 0.6)
    if plan.kind == "square":
        inner, outer = 0.5, plan.front - 2.0
    lamp, spacing = make_lamp_post(rng), float(rng.uniform(15, 32))
    if rng.random() < 0.8 and plan.kind != "alley":
        for side in (-1.0, 1.0) if rng.random() < 0.6 else (1.0,):
            off = plan.road + 0.5 if plan.kind != "square" else 0.6 * plan.front
            for x in np.arange(-90, 90, spacing) + rng.uniform(0, spacing):
                put(lamp, float(x), side * off, 0 if side > 0 else 180, 0.3, show=rng.random() < 0.2)
    if rng.random() < 0.6 and plan.kind not in ("alley",) and plan.pavement > 1.5:
        trees = [
            make_plant(
                rng,
                float(rng.uniform(4, 10)),
                kind=str(rng.choice(["broadleaf", "broadleaf", "poplar", "palm", "bare"])),
                detail=0.35,
            )
            for _ in range(2)
        ]
        step = float(rng.uniform(7, 16))
        far = 90 if plan.kind != "square" else plan.front
        for side in (-1.0, 1.0):
            for x in np.arange(-far, far, step) + rng.uniform(0, step):
                off = plan.road + min(1.0, 0.5 * plan.pavement) if plan.kind != "highway" else plan.road + 4 + 6 * rng.random()
                put(trees[int(rng.integers(2))], float(x), side * off, float(rng.uniform(0, 360)), 0.6, show=False)
    makers = SQUARE if plan.kind == "square" else PAVEMENT
    for _ in range(int(rng.uniform(3, 12)) if plan.kind != "highway" else 0):
        side, off = float(rng.choice([-1, 1])), float(rng.uniform(inner, outer))
        put(makers[int(rng.integers(len(makers)))](rng), float(rng.uniform(-40, 40)), side * off, 0 if side > 0 else 180, 0.7)
    if plan.kind in ("urban", "suburban") and rng.random() < 0.5:
        for side in (-1.0, 1.0):
            put(make_traffic_light(rng), float(rng.uniform(8, 40)), side * (plan.road + 0.4), 90 if side > 0 else -90, 0.3)
    if plan.pavement > 2.5 and plan.kind == "urban" and rng.random() < 0.3:
        put(make_shelter(rng), float(rng.uniform(-25, 25)), plan.road + 1.4, 0, 1.2)
    for _ in range(int(rng.integers(1, 4))):
        side = float(rng.choice([-1, 1]))
        put(make_sign(rng), float(rng.uniform(-40, 60)), side * (plan.road + 0.4), float(rng.choice([90, -90])), 0.3)
    crowd = int(rng.uniform(2, 14)) if plan.kind != "highway" else 0
    for i in range(crowd):
        side = float(rng.choice([-1, 1]))
        off = (
            side * float(rng.uniform(inner, outer))
            if not traffic or rng.random() < 0.85
            else float(rng.uniform(-1, 1)) * plan.road
        )
        who = make_person(rng) if i < 3 else passer_by(rng, str(rng.choice(["walk", "stand", "walk", "hold"])))
        put(
            who,
            float(rng.uniform(-20, 20) if i < 3 else rng.normal(0, 35)),
            off,
            float(rng.choice([0, 180])) + float(rng.normal(0, 40)),
            0.4,
            show=i < 8,
        )
    for i in range(int(rng.integers(0, 4)) if plan.kind != "highway" else 0):
        side = float(rng.choice([-1, 1]))
        pet = (
            make_animal(rng, kind=str(rng.choice(["dog", "cat", "bird", "terrier", "dachshund"])))
            if i == 0
            else stray_animal(rng, "dog", "bird", "cat", "horse")
        )
        put(pet, float(rng.uniform(-25, 25)), side * float(rng.uniform(inner, outer)), float(rng.uniform(0, 360)), 0.3)
    if plan.kind in ("alley", "suburban", "urban") and rng.random() < 0.45:
        _string_wires(rng, stage, plan)
    return subjects


def _highway_sides(rng: np.random.Generator, stage: Stage, plan: Plan) -> None:
    """Add guard rails, a gantry, bushes and trees beyond the verge."""
    steel = Look("metal", (0.6, 0.6, 0.62), roughness=0.35)
    x = np.arange(-140, 141, 4.0)
    for off in (-(plan.road + 0.7), plan.road + 0.7, *([0.0] if plan.lanes > 1 else [])):
        if rng.random() < 0.75:
            places = [plan.at(float(v), off) for v in x]
            rail = tube([(p[0], p[1], 0.62) for p in places], 0.09, 6)
            posts = [transformed(box(0.08, 0.08, 0.62), translation(p[0], p[1], 0)) for p in places]
            stage.structure(merge(posts), steel)
            stage.structure(rail, steel)
    if rng.random() < 0.4:
        gx, gy, yaw = plan.at(float(rng.uniform(25, 60)), 0.0)
        wide = 2 * plan.road + 3
        beam = [box(0.3, wide, 0.4), *(transformed(box(0.3, 0.3, 6.2), translation(0, s * wide / 2, 0)) for s in (-1, 1))]
        beam[0] = transformed(beam[0], translation(0, 0, 6.0))
        parts = [Thing(merge(beam), steel, instance=1)]
        parts += [
            Thing(
                box(0.1, 0.35 * wide, 1.8),
                Look("plastic", (0.02, 0.12, 0.45) if rng.random() < 0.5 else (0.02, 0.25, 0.1), roughness=0.3),
                translation(-0.25, s * wide / 4, 5.4),
                1,
            )
            for s in (-1, 1)
        ]
        stage.add(parts, (gx, gy), yaw, z=0.0, solid=False)
    designs = [make_plant(rng, float(rng.uniform(1, 12)), detail=0.4) for _ in range(3)]
    for _ in range(int(rng.uniform(8, 36))):
        side = float(rng.choice([-1, 1]))
        px, py, _ = plan.at(float(rng.uniform(-150, 150)), side * (plan.road + 5 + 45 * float(rng.random()) ** 2))
        stage.add(designs[int(rng.integers(3))], (px, py), float(rng.uniform(0, 360)), scale=float(rng.uniform(0.7, 1.3)))
    if rng.random() < 0.25:
        wall = surface(rng, "facade_wall")
        for v in np.arange(-120, 120, 8.0):
            px, py, yaw = plan.at(float(v), plan.road + 3.0)
            stage.structure(
                scale_uv(box(8.1, 0.3, 3.0), wall.repeats_per_metre),
                wall.look,
                translation(px, py, 0) @ rotation((0, 0, 1), yaw),
                blocks=True,
            )


def _string_wires(rng: np.random.Generator, stage: Stage, plan: Plan) -> None:
    """Add poles with wires along the street, or lines across an alley (with washing)."""
    black = Look("diffuse", (0.03, 0.03, 0.03))
    if plan.kind == "alley":
        for x in rng.uniform(-25, 25, 4):
            z = float(rng.uniform(3.5, 6.5))
            a, b = plan.at(float(x), plan.front), plan.at(float(x) + float(rng.normal(0, 1)), -plan.front)
            stage.structure(make_wires(rng, [((a[0], a[1], z), (b[0], b[1], z))]), black)
            for t in np.linspace(0.2, 0.8, int(rng.integers(0, 5))):
                cx, cy = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
                stage.structure(box(0.03, 0.5, 0.8), Look("diffuse", linear_of(rng)), translation(cx, cy, z - 0.9))
        return
    off, step = float(rng.choice([-1, 1])) * (plan.road + 0.5), float(rng.uniform(22, 35))
    pole, tops = surface(rng, "wood").look, []
    for x in np.arange(-95, 96, step):
        px, py, yaw = plan.at(float(x), off)
        tops.append((px, py))
        mesh = merge([tube([(0, 0, 0), (0, 0, 7.5)], [0.14, 0.1], 10), transformed(box(0.1, 1.6, 0.1), translation(0, 0, 7.0))])
        stage.add([Thing(mesh, pole, instance=1)], (px, py), yaw, z=0.0)
    ends = [((*tops[i], 7.1), (*tops[i + 1], 7.1)) for i in range(len(tops) - 1)]
    spread = [(((a[0], a[1] + d, a[2]), (b[0], b[1] + d, b[2]))) for a, b in ends for d in (-0.7, 0.0, 0.7)]
    stage.structure(make_wires(rng, spread), black)
