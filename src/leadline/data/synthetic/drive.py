"""Drives: films through the windscreen of a car that follows a street, among others that drive, walk and park.

The camera sits at car height in a lane and moves on at a steady speed of a few metres per second, round the street's bend,
sometimes into the next lane. Other cars come towards it, drive along and overtake; people walk on the pavements and cross the
road. Two times in three a car leads, mostly at exactly the camera's speed, so that its picture stands still while it moves: the
case for which self-supervised methods mask pixels that don't change (monodepth2, arXiv 1806.01260, section 3.3).
Figures keep their pose: legs don't swing and wheels don't turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.blobs import bounds_of
from leadline.data.synthetic.outdoors import Array, Stage, make_daylight, passer_by
from leadline.data.synthetic.path import FRAMES_PER_S, sway
from leadline.data.synthetic.scene import Move, Scene, Thing, View, look_at
from leadline.data.synthetic.street import Plan, draw_plan, furnish, lay_ground, line_with_houses, make_level
from leadline.data.synthetic.subjects import make_vehicle

KINDS = {"urban": 0.5, "suburban": 0.32, "highway": 0.18}
SPEEDS = {"urban": (6.0, 13.0), "suburban": (5.0, 11.0), "highway": (16.0, 28.0)}  # m/s
_FLEET = ("sedan", "hatchback", "estate", "suv", "pickup", "van", "lorry", "bus")
_SHARES = (0.24, 0.22, 0.15, 0.17, 0.06, 0.08, 0.05, 0.03)
_START_M, _END_M = -95.0, 75.0  # the stretch of street that a camera drives: 170 m


@dataclass(frozen=True)
class _Track:
    """Where something is in each frame, in metres along the street and to the left of its centre, and how large it is."""

    along: Array
    across: Array
    length: float
    width: float

    def meets(self, other: _Track) -> bool:
        """Whether the two come nearer than a metre and a half end to end while they are side by side."""
        near = np.abs(self.along - other.along) < (self.length + other.length) / 2 + 1.5
        beside = np.abs(self.across - other.across) < (self.width + other.width) / 2 + 0.25
        return bool((near & beside).any())


class _Course:
    """Places along a street by the length of its centre line from x = 0."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._x = np.linspace(-700.0, 700.0, 5601)
        slope = plan.bend * np.clip(np.abs(self._x), 0, 90) * np.sign(self._x)
        run = np.cumsum(np.sqrt(1 + slope**2)) * (self._x[1] - self._x[0])
        self._along = run - np.interp(0.0, self._x, run)

    def poses(self, stage: Stage, track: _Track) -> Array:
        """Return (frames, 4, 4) world_from_start of something that faces the way it goes and stands on the ground."""
        x = np.interp(track.along, self._along, self._x)
        places = np.array([self._plan.at(float(v), float(off)) for v, off in zip(x, track.across, strict=True)])
        yaw = np.deg2rad(places[:, 2]) + np.arctan2(np.gradient(track.across), np.gradient(track.along))
        poses = np.tile(np.eye(4), (len(x), 1, 1))
        poses[:, 0, 0] = poses[:, 1, 1] = np.cos(yaw)
        poses[:, 1, 0] = np.sin(yaw)
        poses[:, 0, 1] = -poses[:, 1, 0]
        poses[:, :2, 3] = places[:, :2]
        poses[:, 2, 3] = stage.ground(places[:, 0], places[:, 1])
        return poses


class _Drive:
    """A drive under construction: the camera's track first, then those of others that stay out of each other's way.

    Args:
        rng: decides everything.
        plan: of the street. stage: with all that stands. frames: of the film.
    """

    def __init__(self, rng: np.random.Generator, plan: Plan, stage: Stage, frames: int) -> None:
        self.rng, self.plan, self.stage = rng, plan, stage
        self.course = _Course(plan)
        self.time = np.arange(frames) / FRAMES_PER_S
        self.side = -1.0 if rng.random() < 0.85 else 1.0  # -1: people drive on the right
        self.things: list[Thing] = []
        self.moves: list[Move] = []
        self.tracks: list[_Track] = []
        self.fleet = [make_vehicle(rng, kind=str(rng.choice(_FLEET, p=_SHARES))) for _ in range(5)]
        self.lane = int(rng.integers(plan.lanes))
        self.speed, self.me = self._start()
        self.tracks.append(self.me)

    def _start(self) -> tuple[float, _Track]:
        """Draw the camera's speed and track: steady, with a slow swing in the lane and at times a change of lanes."""
        rng, seconds = self.rng, float(self.time[-1])
        speed = min(float(rng.uniform(*SPEEDS[self.plan.kind])), 0.9 * (_END_M - _START_M) / seconds)
        way = speed * seconds
        along = rng.uniform(_START_M, _END_M - way) + speed * (self.time + 0.25 * sway(rng, self.time, 6.0))
        across = np.full(len(along), self.offset(self.lane)) + 0.12 * sway(rng, self.time, 5.0)
        if self.plan.lanes > 1 and seconds > 3 and rng.random() < 0.4:
            other = self.lane + 1 if self.lane == 0 else self.lane - 1
            t = np.clip((self.time - rng.uniform(0, seconds - 3)) / 3, 0, 1)
            across += (self.offset(other) - self.offset(self.lane)) * t * t * (3 - 2 * t)
        return speed, _Track(along, across, 4.6, 1.9)

    def offset(self, lane: int, *, oncoming: bool = False) -> float:
        """Return the middle of a lane, counted from the centre line, metres to its left."""
        return (lane + 0.5) * self.plan.lane * (-self.side if oncoming else self.side)

    def enter(self, parts: list[Thing] | tuple[Thing, ...], track: _Track) -> bool:
        """Let something travel unless it would meet another, and return whether it does."""
        if any(track.meets(other) for other in self.tracks):
            return False
        instance = len(self.stage.boxes) + len(self.moves) + 1
        self.tracks.append(track)
        self.things += [replace(part, instance=instance) for part in parts]
        self.moves.append(Move(instance, self.course.poses(self.stage, track)))
        return True

    def vehicle(self, along: Array, across: Array) -> bool:
        """Let a vehicle of the fleet drive, and return whether it has room."""
        parts = self.fleet[int(self.rng.integers(len(self.fleet)))]
        length, width, _ = np.ptp(bounds_of(parts), axis=0)
        return self.enter(parts, _Track(along, across, float(length), float(width)))

    def lead(self) -> None:
        """Let a car drive ahead in the camera's lane: mostly at the camera's speed, else a little faster or slower."""
        gap = self.rng.uniform(9, 24)
        drift = 0.0 if self.rng.random() < 0.65 else float(self.rng.uniform(-1.2, 1.2))
        self.vehicle(self.me.along + gap + drift * self.time, self.me.across)

    def along_with(self, count: int) -> None:
        """Let vehicles drive the camera's way: ahead, and in the other lanes."""
        for _ in range(count):
            lane = int(self.rng.integers(self.plan.lanes))
            first = float(self.me.along[0]) + self.rng.uniform(-25, 90)
            speed = self.speed * self.rng.uniform(0.75, 1.3)
            self.vehicle(first + speed * self.time, np.full(len(self.time), self.offset(lane)))

    def towards(self, count: int) -> None:
        """Let vehicles come: each passes the camera's stretch at some time of the film, or soon after."""
        for _ in range(count):
            lane = int(self.rng.integers(self.plan.lanes))
            speed = self.speed * self.rng.uniform(0.8, 1.25)
            meeting = self.rng.uniform(0, 1.6) * float(self.time[-1])
            first = float(self.me.along[0]) + self.speed * meeting + speed * meeting
            self.vehicle(first - speed * self.time, np.full(len(self.time), self.offset(lane, oncoming=True)))

    def walkers(self, count: int) -> None:
        """Let people walk on the pavements, most of them where the camera will pass."""
        width = self.plan.pavement
        for _ in range(count):
            off = float(self.rng.choice([-1, 1])) * (self.plan.road + self.rng.uniform(0.3, max(width - 0.4, 0.5)))
            middle = self.rng.uniform(self.me.along[0] + 4, self.me.along[-1] + 30)
            speed = self.rng.uniform(0.9, 1.7) * float(self.rng.choice([-1, 1]))
            along = middle + speed * (self.time - self.time[-1] / 2)
            self.person(_Track(along, np.full(len(along), off) + 0.1 * sway(self.rng, self.time, 4.0), 0.6, 0.6))

    def crossers(self, count: int) -> None:
        """Let people cross the road beyond where the film ends."""
        for _ in range(count):
            at = float(self.me.along[-1]) + self.rng.uniform(7, 30)
            way = float(self.rng.choice([-1, 1])) * self.rng.uniform(1.0, 1.6)
            across = way * (self.time - self.rng.uniform(0.2, 0.8) * self.time[-1])
            limit = self.plan.road + self.plan.pavement - 0.5
            if np.abs(across).max() < limit:
                self.person(_Track(at + 0.05 * self.time, across, 0.6, 0.6))

    def person(self, track: _Track) -> None:
        """Let someone walk, unless a thing stands in the way."""
        places = self.course.poses(self.stage, track)[::5, :2, 3]
        if all(self.stage.vacant((float(x), float(y)), 0.3) for x, y in places):
            self.enter(passer_by(self.rng, "walk"), track)

    def views(self, camera_height: float | None = None) -> tuple[View, ...]:
        """Return the camera's views: fixed in the car, which trembles a little, `camera_height` metres above the ground."""
        rng, t = self.rng, self.time
        fov = float(rng.uniform(50, 95))
        drawn = rng.uniform(1.25, 1.75)
        height = (drawn if camera_height is None else camera_height) + 0.008 * sway(rng, t, 0.7)
        pitch = np.deg2rad(rng.normal(-1.0, 1.2) + 0.15 * sway(rng, t, 0.8))
        roll = rng.normal(0, 0.3) + 0.12 * sway(rng, t, 1.1)
        out = []
        for pose, up, nod, lean in zip(self.course.poses(self.stage, self.me), height, pitch, roll, strict=True):
            eye = pose[:3, 3] + [0, 0, up]
            aim = eye + pose[:3, 0] * np.cos(nod) + [0, 0, np.sin(nod)]
            out.append(View(look_at(tuple(eye), tuple(aim), float(lean)), fov))
        return tuple(out)


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int, camera_height: float | None = None) -> Scene:
    """Return a drive of `views` frames at 10 per second. `assets` may be empty.

    The street is 170 m long: a film of more than some 150 frames is a slower drive. The camera's height, metres, is by default
    drawn.
    """
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    plan = draw_plan(rng, kind)
    bend = float(rng.choice([-1, 1])) * float(rng.uniform(0.0012, 0.005)) * (0.4 if kind == "highway" else 1.0)
    plan = replace(plan, bend=bend if rng.random() < 0.75 else 0.0)
    stage = Stage(make_level(plan))
    lay_ground(rng, stage, plan)
    if kind != "highway":
        line_with_houses(rng, stage, plan)
    furnish(rng, stage, plan, assets, traffic=False)
    lights = make_daylight(rng)
    drive = _Drive(rng, plan, stage, views)
    if rng.random() < 0.67:
        drive.lead()
    if kind != "highway":
        drive.crossers(int(rng.integers(0, 3)))
    drive.towards(int(rng.integers(2, 7)))
    drive.along_with(int(rng.integers(0, 4)) + 2 * (plan.lanes - 1))
    if kind != "highway":
        drive.walkers(int(rng.integers(3, 10)))
    return Scene(f"drive/{kind}", (*stage.things, *drive.things), lights, drive.views(camera_height), tuple(drive.moves))
