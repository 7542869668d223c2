"""Walks: films that someone takes by hand while walking through a furnished room, in which others may walk, too.

The camera follows a smooth way round the furniture at an ambling pace. It looks ahead, glances aside, and bobs with each step.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.outdoors import Array, passer_by
from leadline.data.synthetic.path import FRAMES_PER_S, sway
from leadline.data.synthetic.rooms import Room, make_room
from leadline.data.synthetic.scene import Move, Scene, Thing, View, look_at

_PACE = (0.35, 0.9)  # m/s of someone who films
_STEPS_PER_S = 1.7
_ARM_M = 0.35  # what stays free around the camera
_TRIES = 250


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int, camera_height: float | None = None) -> Scene:
    """Return a walk of `views` frames at 10 per second through a room. `assets` may be empty."""
    room = make_room(rng, assets)
    time = np.arange(views) / FRAMES_PER_S
    drawn = float(rng.uniform(1.2, 1.65))
    height = min(drawn if camera_height is None else camera_height, room.height - 0.4)
    way = _camera_way(room, time, height)
    things, moves = list(room.things), list[Move]()
    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 3))):
            _let_walk(room, time, way, things, moves)
    return Scene(f"walk/{room.style}", tuple(things), tuple(room.lights), _views(room, time, way, height), tuple(moves))


def _camera_way(room: Room, time: Array, height: float) -> Array:
    """Return the (frames, 2) places of a camera at `height`: over tables, round cupboards; shorter where there is no room."""
    pace = room.uniform(*_PACE)

    def free(places: Array) -> bool:
        low, high = _corners(room)
        eye = np.column_stack([places, np.full(len(places), height)])[:, None]
        gap = np.linalg.norm(np.maximum(np.maximum(low - eye, eye - high), 0), axis=-1)
        inside = (places > _ARM_M).all() and (places < np.array([room.width, room.depth]) - _ARM_M).all()
        return bool(inside and (gap > _ARM_M).all() and _sight(room, places, height) > 0.9)

    for _ in range(_TRIES):
        way = _wander(room, time, pace)
        if free(way):
            return way
        pace *= 0.985
    low, high = _corners(room)  # a full room: stand where there is most space, and sway
    places = room.rng.uniform(0.2, 0.8, (400, 2)) * [room.width, room.depth]
    eye = np.column_stack([places, np.full(len(places), height)])[:, None]
    space = np.linalg.norm(np.maximum(np.maximum(low - eye, eye - high), 0), axis=-1).min(1, initial=9.0)
    swing = np.stack([sway(room.rng, time, 5.0), sway(room.rng, time, 5.0)], 1) * 0.05
    return np.asarray(places[int(np.argmax(space))] + swing)


def _wander(room: Room, time: Array, pace: float) -> Array:
    """Return a smooth (frames, 2) way from somewhere, at a steady pace, that turns slowly."""
    start = room.rng.uniform(0.15, 0.85, 2) * [room.width, room.depth]
    goal = room.rng.uniform(0.1, 0.9, 2) * [room.width, room.depth]
    heading = float(np.arctan2(*(goal - start)[::-1]))
    turn = heading + room.uniform(-0.25, 0.25) * time + 0.5 * sway(room.rng, time, 7.0)
    speed = pace * (1 + 0.2 * sway(room.rng, time, 4.0))
    steps = np.stack([np.cos(turn), np.sin(turn)], 1) * (speed / FRAMES_PER_S)[:, None]
    return np.asarray(start + np.cumsum(steps, 0) - steps[0])


def _sight(room: Room, places: Array, height: float) -> float:
    """Return the least distance to what is ahead, in metres, over every fourth frame of a way."""
    ahead = _directions(places)
    reach = [
        room.clear_distance(np.array([*at, height]), np.array([[*to, 0.0]]))[0][0]
        for at, to in zip(places[::4], ahead[::4], strict=True)
    ]
    return float(np.min(reach))


def _directions(places: Array) -> Array:
    """Return the (frames, 2) unit directions of travel."""
    ahead = np.gradient(places, axis=0)
    return np.asarray(ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9))


def _views(room: Room, time: Array, way: Array, height: float) -> tuple[View, ...]:
    rng = room.rng
    fov = float(rng.uniform(50, 90))
    ahead = _directions(way)
    yaw = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])) + np.deg2rad(14) * sway(rng, time, 3.5)
    yaw = cv2.GaussianBlur(yaw[:, None], (1, 0), sigmaX=1, sigmaY=3, borderType=cv2.BORDER_REPLICATE)[:, 0]
    pitch = np.deg2rad(rng.normal(-9, 4) + 4 * sway(rng, time, 3.0) + 0.4 * sway(rng, time, 0.5))
    roll = rng.normal(0, 1.0) + 1.2 * sway(rng, time, 2.0) + 0.4 * sway(rng, time, 0.5)
    phase = 2 * np.pi * _STEPS_PER_S * time + rng.uniform(0, 2 * np.pi)
    eyes = np.column_stack([way, height + 0.012 * np.sin(phase) + 0.01 * sway(rng, time, 1.5)])
    eyes[:, :2] += (0.012 * np.sin(phase / 2))[:, None] * np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    out = []
    for eye, a, b, lean in zip(eyes, yaw, pitch, roll, strict=True):
        forward = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)])
        out.append(View(look_at(tuple(eye), tuple(eye + forward), float(lean)), fov))
    return tuple(out)


def _let_walk(room: Room, time: Array, camera: Array, things: list[Thing], moves: list[Move]) -> None:
    """Let a person walk across free floor in front of the camera, if there is some."""
    low, high = _corners(room)

    def free(places: Array) -> bool:
        gap = np.linalg.norm(np.maximum(np.maximum(low[:, :2] - places[:, None], places[:, None] - high[:, :2]), 0), axis=-1)
        inside = (places > 0.3).all() and (places < np.array([room.width, room.depth]) - 0.3).all()
        return bool(inside and (gap > 0.3).all() and (np.linalg.norm(places - camera, axis=1) > 0.8).all())

    way = _first(lambda: _wander(room, time, room.uniform(0.2, 1.2)), free)
    if way is None:
        return
    ahead, instance = _directions(way), max((t.instance for t in things), default=0) + 1
    poses = np.tile(np.eye(4), (len(time), 1, 1))
    poses[:, :2, 0], poses[:, 0, 1], poses[:, 1, 1], poses[:, :2, 3] = ahead, -ahead[:, 1], ahead[:, 0], way
    things += [Thing(t.mesh, t.look, t.world_from_mesh, instance) for t in passer_by(room.rng, "walk")]
    moves.append(Move(instance, poses))


def _first(draw: Callable[[], Array], good: Callable[[Array], bool]) -> Array | None:
    return next((way for _ in range(_TRIES) if good(way := draw())), None)


def _corners(room: Room) -> tuple[Array, Array]:
    boxes = np.array(room.boxes, np.float64).reshape(-1, 2, 3)
    return boxes[:, 0], boxes[:, 1]
