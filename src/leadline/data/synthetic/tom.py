"""Rooms and tables full of glass and mirrors: the worlds `tom` (to train on) and `tom-held-out` (to test on).

The two share no maker of a transparent or mirroring thing, no style of room and no asset; everything else (walls, opaque
furniture, textures, light) is drawn by the same code from other seeds. What other worlds make of glass or mirrors is matte
here, so that each pixel of these classes belongs to a `Kit` of this split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic import tom_furniture_held_out, tom_furniture_train, tom_small_held_out, tom_small_train
from leadline.data.synthetic.assets import Assets
from leadline.data.synthetic.objects import extent, paint
from leadline.data.synthetic.opaque import matte
from leadline.data.synthetic.rooms import STYLES, Box, Room, Wall
from leadline.data.synthetic.scene import Lamp, Look, Material, Scene, Thing, View, look_at
from leadline.data.synthetic.tabletop import crowd, near_views, support
from leadline.data.synthetic.tom_parts import PaneMaker, PieceMaker, SmallMaker


@dataclass(frozen=True)
class Kit:
    """What one split is made of: rooms' styles, and the makers of its glass and mirrors by name.

    Attributes:
        styles: keys of `rooms.STYLES`.
        standing, hanging: furniture for the floor and for the walls. small: things for tables.
        window, door, front: what fills a window, a doorway, and the width of a room.
        table: the name in `standing` of a glass table.
        odd: which half of the assets it may use.
    """

    styles: tuple[str, ...]
    standing: dict[str, PieceMaker]
    hanging: dict[str, PieceMaker]
    small: dict[str, SmallMaker]
    window: PaneMaker
    door: PaneMaker
    front: PaneMaker
    table: str
    odd: bool

    @property
    def makers(self) -> set[str]:
        """The names of all that makes glass or mirrors."""
        return {*self.standing, *self.hanging, *self.small, self.window.__name__, self.door.__name__, self.front.__name__}


TRAIN = Kit(
    ("living", "bedroom", "dining", "office", "hall", "kitchen"),
    tom_furniture_train.STANDING,
    tom_furniture_train.HANGING,
    tom_small_train.SMALL,
    tom_furniture_train.casement,
    tom_furniture_train.stile_door,
    tom_furniture_train.shop_front,
    "glass_table",
    odd=False,
)
HELD_OUT = Kit(
    ("bathroom", "gallery", "cafe", "storage"),
    tom_furniture_held_out.STANDING,
    tom_furniture_held_out.HANGING,
    tom_small_held_out.SMALL,
    tom_furniture_held_out.lattice_window,
    tom_furniture_held_out.bare_door,
    tom_furniture_held_out.bent_front,
    "pedestal_table",
    odd=True,
)


class GlassRoom(Room):
    """A room whose glass and mirrors all come from a `Kit`; it remembers where they are, to look at them."""

    def __init__(
        self, rng: np.random.Generator, assets: Assets, style: str, kit: Kit, size: tuple[float, float] | None = None
    ) -> None:
        super().__init__(rng, _half(assets, odd=kit.odd), style, size)
        self.kit = kit
        self.tom: list[tuple[Box, Box | None]] = []  # the box of some glass or mirror, and which of `boxes` it is a part of
        self.share = 0.5  # of glass and mirrors among small things
        self._kept: dict[int, Look] = {}  # looks that may stay as they are

    def add(self, things: Sequence[Thing], matrix: NDArray[np.float64], *, solid: bool = False, notable: bool = False) -> None:
        """Add one object; see `Room.add`. Glass and mirrors that are not from the kit turn matte."""
        super().add(matte(things, self.rng, self._kept), matrix, solid=solid, notable=notable)

    def small(self, *groups: str) -> tuple[Thing, ...]:
        """Return a small thing: often (`share`) glass or a mirror of the kit."""
        if self.chance(self.share):
            names = list(self.kit.small)
            return tuple(self._keep(self.kit.small[names[int(self.rng.integers(len(names)))]](self.rng)))
        return super().small(*groups)

    def furnish(self, kind: str) -> bool:
        """Stand or hang a piece of the kit where it fits. Return whether it was placed."""
        hangs = kind in self.kit.hanging
        piece = (self.kit.hanging if hangs else self.kit.standing)[kind](self.rng)
        self._keep(piece.things)
        count = len(self.things)
        at_wall = hangs or self.chance(0.6)
        hang = self.uniform(0.25, 1.2) if hangs else None
        if not (at_wall and self.against_wall(piece, tries=30, hang=hang)) and (hangs or not self.freely(piece, tries=30)):
            return False
        self._remember(count, self.boxes[-1])
        if "mirror" in kind or "wardrobe" in kind:  # else panes, of which each room has many, would be all one sees
            self.tom += self.tom[-1:] * 2
        return True

    def stand_table(self) -> bool:
        """Stand the kit's glass table near the middle. Return whether it was placed; its top is the last of `tops`."""
        piece = self.kit.standing[self.kit.table](self.rng)
        self._keep(piece.things)
        count = len(self.things)
        if not self.freely(piece, near=(self.width / 2, self.depth / 2), spread=0.7, tries=40):
            return False
        self._remember(count, self.boxes[-1])
        return True

    def part_off(self) -> None:
        """Put up a front of glass across the room, on which it goes on behind."""
        along = self.chance(0.5)
        span, cross = (self.depth, self.width) if along else (self.width, self.depth)
        at = cross * self.uniform(0.35, 0.65)
        wide = span - 0.02 if self.chance(0.6) else span * self.uniform(0.5, 0.8)
        place = (at, wide / 2 + 0.01) if along else (wide / 2 + 0.01, at)
        half = (0.06, wide / 2) if along else (wide / 2, 0.06)
        low, high = np.array([*np.subtract(place, half), 0.0]), np.array([*np.add(place, half), self.height])
        if not self.free(low, high, 0.0):
            return
        trim = paint(self.rng, ("dark", "pale", "wood"))
        things = self._keep(self.kit.front(self.rng, wide, self.height - 0.02, trim))
        count = len(self.things)
        self.add(things, s.placement(*place, 0.0, 90 if along else 0))
        self.boxes.append((low, high))
        self._remember(count, self.boxes[-1])

    def light(self) -> None:
        """Light the room as others are, and each end of it also with a lamp: little daylight comes through panes."""
        super().light()
        for k in (0.25, 0.75):
            place = (self.width * k, self.depth * self.uniform(k - 0.1, k + 0.1), self.height - self.uniform(0.2, 0.5))
            if self.free(np.array(place) - 0.05, np.array(place) + 0.05):
                tone = self.uniform(0.5, 4.0) * np.array([1.0, self.uniform(0.8, 1.0), self.uniform(0.55, 1.0)])
                self.lights.append(Lamp(place, (float(tone[0]), float(tone[1]), float(tone[2]))))

    def _keep(self, things: Sequence[Thing]) -> Sequence[Thing]:
        self._kept |= {id(t.look): t.look for t in things}
        return things

    def _remember(self, count: int, owner: Box | None) -> None:
        """Note where the glass and mirrors among the things from number `count` on are, and whose box they are in."""
        tom = [t for t in self.things[count:] if t.look.material != Material.OPAQUE]
        if tom:
            self.tom.append((extent(tom), owner))

    def remember_each(self, count: int) -> None:
        """Note where each object of glass or mirrors among the things from number `count` on is."""
        things = [t for t in self.things[count:] if t.look.material != Material.OPAQUE]
        for number in dict.fromkeys(t.instance for t in things):
            self.tom.append((extent([t for t in things if t.instance == number]), None))

    def _window(self, wall: Wall, opening: tuple[float, float, float, float], deep: float, trim: Look) -> None:
        x0, x1, z0, z1 = opening
        w, h, x = x1 - x0 - 0.04, z1 - z0 - 0.04, (x0 + x1) / 2
        count = len(self.things)
        at = wall.world_from_wall @ s.translation(x, deep * self.uniform(0.15, 0.7), z0 + 0.02)
        self.add(self._keep(self.kit.window(self.rng, w, h, trim)), at)
        self.panes += 1
        self._remember(count, None)
        if self.chance(0.2):
            self._curtains(wall, x, w, z0, z1)

    def _door(self, wall: Wall, opening: tuple[float, float, float, float], deep: float, trim: Look) -> None:
        x0, x1, _, z1 = opening
        w, x = x1 - x0 - 0.05, (x0 + x1) / 2
        if self.chance(0.4):
            super()._door(wall, opening, deep, trim)
            return
        way_in = wall.world_from_wall @ np.array([[x0, x1], [-0.9, 0.0], [0, 1.9], [1, 1]])
        self.boxes.append((way_in[:3].min(1), way_in[:3].max(1)))  # keep it clear
        self._annex(wall, x, w)
        count = len(self.things)
        self.add(self._keep(self.kit.door(self.rng, w, z1 - 0.03, trim)), wall.world_from_wall @ s.translation(x, 0.03, 0))
        self._remember(count, self.boxes[-1])

    # --- views -------------------------------------------------------------------------------------------------------

    def shown(self, pose: NDArray[np.float64], fov: float) -> float:
        """Return about which share of a picture shows glass and mirrors of the room, going by boxes."""
        t = np.tan(np.deg2rad(fov) / 2)
        grid = np.array([(x * t, y * t, 1.0) for x in np.linspace(-0.9, 0.9, 9) for y in np.linspace(-0.65, 0.65, 7)])
        rays = grid / np.linalg.norm(grid, axis=1, keepdims=True) @ pose[:3, :3].T
        eye = pose[:3, 3]
        solid = _distances(eye, rays, self.boxes)
        seen = np.zeros(len(rays), bool)
        for box, owner in self.tom:
            others = solid[:, [b is not owner for b in self.boxes]]
            near = _distances(eye, rays, [box])[:, 0]
            seen |= np.isfinite(near) & (near < others.min(1, initial=np.inf))
        return float(seen.mean())

    def views(self, count: int) -> tuple[View, ...]:
        """Return `count` views that show glass or mirrors, from straight on to aslant, with and without what is around."""
        out: list[View] = []
        relax = 1.0
        while len(out) < count:
            view = self._view_of_one(relax) if self.tom and self.chance(0.75) else self._wide_view(relax)
            relax *= 0.985
            if view is None and relax < 0.03:
                view = self._last_resort()
            elif view is not None and self.shown(view.world_from_camera, view.fov_x_deg) < 0.12 * relax:
                view = None
            if view is not None:
                out.append(view)
                relax = 1.0
        return tuple(out)

    def _view_of_one(self, relax: float) -> View | None:
        (low, high), _ = self.tom[int(self.rng.integers(len(self.tom)))]
        target = low + (high - low) * self.rng.uniform(0.15, 0.85, 3)
        size = float(np.linalg.norm(high - low))
        far = size * self.uniform(0.5, 1.3) + 0.35
        a, rise = self.uniform(0, 2 * np.pi), self.rng.normal(0.1, 0.3)
        eye = target + far * np.array([np.cos(a), np.sin(a), rise])
        eye[2] = np.clip(eye[2], 0.25, self.height - 0.2)
        fov = self.uniform(45, 85)
        if not self.good_view(eye, target, fov, 0.2 + 0.15 * relax, 0.5 * relax):
            return None
        at, to = (tuple(float(c) for c in v) for v in (eye, target))
        roll = float(self.rng.normal(0, 2.5))
        return View(look_at((at[0], at[1], at[2]), (to[0], to[1], to[2]), roll), fov)


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int) -> Scene:
    """Return a room or a table of the world `tom` with `views` views."""
    return _make(rng, assets, TRAIN, views)


def make_held_out_scene(rng: np.random.Generator, assets: Assets, *, views: int) -> Scene:
    """Return a room or a table of the world `tom-held-out` with `views` views."""
    return _make(rng, assets, HELD_OUT, views)


def _make(rng: np.random.Generator, assets: Assets, kit: Kit, views: int) -> Scene:
    near = rng.random() < 0.4
    room = _room(rng, assets, kit, sparse=near)
    if not near:
        return Scene(f"{room.style}/glass", tuple(room.things), tuple(room.lights), room.views(views))
    theme = "glassware" if room.chance(0.6) else "meal"
    matrix, top = room.tops[-1] if room.chance(0.4) and room.stand_table() else support(room, theme)
    room.share, count = 0.75, len(room.things)
    spots = crowd(room, matrix, top, theme)
    room.remember_each(count)
    drawn = near_views(room, matrix, top, spots, 3 * views)
    found = sorted(drawn, key=lambda v: room.shown(v.world_from_camera, v.fov_x_deg), reverse=True)[: 2 * views]
    chosen = sorted(rng.permutation(len(found))[:views])  # not the best of all, which are all alike
    return Scene(f"{room.style}/table", tuple(room.things), tuple(room.lights), tuple(found[k] for k in chosen))


def _room(rng: np.random.Generator, assets: Assets, kit: Kit, *, sparse: bool) -> GlassRoom:
    """Return a furnished, lit room; a `sparse` one leaves its middle to the caller."""
    style = str(rng.choice(kit.styles))
    fill, _, groups = STYLES[style]
    size = (float(rng.uniform(2.8, 6.5)), float(rng.uniform(2.8, 6.5)))
    room = GlassRoom(rng, assets, style, kit, size)
    room.raise_walls()
    x, y = room.width / 2, room.depth / 2
    middle = (np.array([x - 0.9, y - 0.9, 0.0]), np.array([x + 0.9, y + 0.9, 1.0]))
    if sparse:
        room.boxes.append(middle)
    elif room.chance(0.4):
        room.part_off()
    kinds = [*rng.choice(list(kit.standing), 1 if sparse else int(rng.integers(1, 5)))]
    kinds += [*rng.choice(list(kit.hanging), int(rng.integers(1, 4)))]
    for kind in kinds:
        room.furnish(str(kind))
    room.model_share *= 0.6
    fill(room)
    if room.chance(0.7):
        room.hang_things()
    if room.chance(0.4):
        room.rug()
    for matrix, top in list(room.tops):
        if room.chance(0.7):
            room.dress(matrix, top, int(rng.integers(1, 6)), groups)
    if not sparse:
        room.inhabit()
    else:
        room.boxes = [b for b in room.boxes if b is not middle]
    room.light()
    return room


def _half(assets: Assets, *, odd: bool) -> Assets:
    """Return the assets whose id's checksum is odd, or even: a split that stays when others are added."""
    models = tuple(m for m in assets.models if crc32(m.id.encode()) % 2 == odd)
    return replace(assets, models=models, textures=tuple(t for t in assets.textures if crc32(t.id.encode()) % 2 == odd))


def _distances(eye: NDArray[np.float64], rays: NDArray[np.float64], boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Return (rays, boxes): how far along each unit ray each box begins, inf where it misses; 0 inside."""
    if not boxes:
        return np.empty((len(rays), 0))
    low, high = np.array([b[0] for b in boxes]) - 1e-3, np.array([b[1] for b in boxes]) + 1e-3
    inverse = 1 / np.where(np.abs(rays) < 1e-9, 1e-9, rays)[:, None]
    near, far = (low - eye) * inverse, (high - eye) * inverse
    enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
    return np.where((leave > 0) & (enter < leave), np.maximum(enter, 0), np.inf)
