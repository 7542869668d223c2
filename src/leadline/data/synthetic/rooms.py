"""Furnished rooms: the world of indoor photos, from cluttered kitchens to galleries, by day and by night.

A `Room` is built step by step: outline, walls with doors and windows, light, furniture, things on furniture. It keeps the
boxes of all it holds, so that nothing overlaps and no camera stands inside a wardrobe. `tabletop` builds on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic import shapes as s
from leadline.data.synthetic.assets import Assets, ModelInfo
from leadline.data.synthetic.furniture import FURNITURE, Piece, Top, make_kitchen, make_shelf
from leadline.data.synthetic.objects import compact, extent, frame_mesh, metal, paint, put, random_object
from leadline.data.synthetic.scene import Lamp, Look, Mesh, Scene, Sky, Sun, Thing, View, look_at
from leadline.data.synthetic.textures import Surface, linear, random_colour, random_texture, surface

Box = tuple[NDArray[np.float64], NDArray[np.float64]]  # lowest and highest corner
MAX_TRIANGLES = 300_000

_SMALL = ("small", "small", "small", "table_lamp", "small_plant")


@dataclass
class Wall:
    """A straight wall. In its frame x runs right as seen from inside, -y into the room; x = 0 is its middle."""

    world_from_wall: NDArray[np.float64]
    length: float
    openings: list[tuple[float, float, float, float]] = field(default_factory=list)  # x0, x1, z0, z1
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)  # the same, by what hangs or stands here


class Room:
    """A room under construction.

    Args:
        rng: decides everything. assets: models and textures to use besides procedural ones (may be empty).
        style: one of `STYLES`, which decides the size and the materials.
        size: width and depth in metres; None draws them.
    """

    def __init__(self, rng: np.random.Generator, assets: Assets, style: str, size: tuple[float, float] | None = None) -> None:
        self.rng, self.assets, self.style = rng, assets, style
        self.width, self.depth = size or _draw_size(rng, style)
        self.height = float(rng.uniform(2.3, 3.5))
        self.things: list[Thing] = []
        self.lights: list[Sky | Sun | Lamp] = []
        self.boxes: list[Box] = []
        self.objects: list[Box] = []  # worth a look: furniture and people
        self.tops: list[tuple[NDArray[np.float64], Top]] = []
        self.walls: list[Wall] = []
        self.notch: tuple[float, float] | None = None
        self.instances = 0
        self.triangles = 0
        self.use_models = rng.random() < 0.85 and bool(assets.models)
        self.panes, self.gaps = 0, 0  # windows with and without glass
        self._glowing: list[tuple[Mesh, NDArray[np.float64]]] = []
        self.model_share = float(rng.uniform(0.3, 0.95))

    # --- bookkeeping -------------------------------------------------------------------------------------------------

    def uniform(self, low: float, high: float) -> float:
        """Return a random number between the two."""
        return float(self.rng.uniform(low, high))

    def chance(self, p: float) -> bool:
        """Return True with probability `p`."""
        return bool(self.rng.random() < p)

    def build(self, mesh: Mesh, look: Look | Surface, matrix: NDArray[np.float64] | None = None) -> None:
        """Add structure: a mesh that belongs to no object."""
        if isinstance(look, Surface):
            mesh, look = s.scale_uv(mesh, look.repeats_per_metre), look.look
        self.things.append(Thing(mesh, look, np.eye(4) if matrix is None else matrix))
        self.triangles += len(mesh.faces)

    def add(self, things: Sequence[Thing], matrix: NDArray[np.float64], *, solid: bool = False, notable: bool = False) -> None:
        """Add one object; a `solid` one keeps others and cameras away, a `notable` one is worth a view."""
        self.instances += 1
        placed = compact(put(things, matrix, self.instances))
        self.things += placed
        self.triangles += sum(len(t.mesh.faces) for t in placed)
        if solid or notable:
            box = extent(placed)
            if solid:
                self.boxes.append(box)
            if notable:
                self.objects.append(box)

    def free(self, low: NDArray[np.float64], high: NDArray[np.float64], margin: float = 0.03) -> bool:
        """Return whether a box fits in the room without touching another."""
        if (low[:2] < 0.0).any() or high[0] > self.width or high[1] > self.depth or high[2] > self.height + 0.01:
            return False
        return not any((low - margin < b[1]).all() and (high + margin > b[0]).all() for b in self.boxes)

    # --- structure ---------------------------------------------------------------------------------------------------

    def raise_walls(self) -> None:
        """Build floor, ceiling and walls with doors and windows, and what is outside."""
        rng, w, d, h = self.rng, self.width, self.depth, self.height
        outline = [(0.0, 0.0), (w, 0.0), (w, d), (0.0, d)]
        if min(w, d) > 3.2 and self.chance(0.3):
            nx, ny = w * self.uniform(0.25, 0.5), d * self.uniform(0.25, 0.5)
            self.notch = (nx, ny)
            outline = [(0.0, 0.0), (w, 0.0), (w, d - ny), (w - nx, d - ny), (w - nx, d), (0.0, d)]
            self.boxes.append((np.array([w - nx, d - ny, 0.0]), np.array([w + 1, d + 1, h])))
        floor, ceiling, walls = self._materials()
        self.build(s.polygon(outline), floor)
        self.build(s.transformed(s.polygon(outline), s.translation(0, 0, h) @ s.scaling(1, 1, -1)), ceiling)
        for p, q in zip(outline, outline[1:] + outline[:1], strict=True):
            along = np.subtract(q, p)
            length = float(np.linalg.norm(along))
            t = along / length
            frame = np.eye(4)
            frame[:2, 0], frame[:2, 1] = -t, (t[1], -t[0])
            frame[:2, 3] = (np.array(p) + q) / 2
            self.walls.append(Wall(frame, length))
        self._plan_openings()
        trim = paint(rng, "pale" if self.chance(0.6) else "wood")
        skirting = self.uniform(0.05, 0.14) if self.chance(0.75) else 0.0
        rail = h - 0.06 if self.chance(0.15) else 0.0
        for wall, look in zip(self.walls, walls, strict=True):
            for x0, x1, z0, z1 in _panels(wall, h):
                panel = s.make_mesh(
                    [(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)],
                    [(0, 1, 2), (0, 2, 3)],
                    [(x0, z0), (x1, z0), (x1, z1), (x0, z1)],
                )
                self.build(panel, look, wall.world_from_wall)
                for z, tall in ((0.0, skirting), (rail, 0.06 if rail else 0.0)):
                    if tall and z0 <= z < z1:
                        board = s.transformed(s.box(x1 - x0, 0.012, tall), s.translation((x0 + x1) / 2, -0.006, z))
                        self.build(board, trim, wall.world_from_wall)
            for opening in wall.openings:
                self._fill_opening(wall, opening, trim)
        if any(z0 > 0.02 or z1 > 2.2 for wall in self.walls for _, _, z0, z1 in wall.openings):
            self._outside()
        if self.chance(0.08):
            beam = surface(rng, "wood")
            for y in np.arange(0.4, d, self.uniform(0.6, 1.2)):
                self.build(s.box(w, 0.12, 0.16), beam, s.translation(w / 2, float(y), h - 0.16))
        if min(w, d) > 4 and self.chance(0.12):
            x, y, r = self.uniform(1, w - 1), self.uniform(1, d - 1), self.uniform(0.12, 0.25)
            low, high = np.array([x - r, y - r, 0]), np.array([x + r, y + r, h])
            if self.free(low, high):
                self.build(s.cylinder(r, h) if self.chance(0.5) else s.box(2 * r, 2 * r, h), walls[0], s.translation(x, y, 0))
                self.boxes.append((low, high))

    def _materials(self) -> tuple[Surface, Surface, list[Surface]]:
        rng = self.rng
        wet = self.style in ("bathroom", "kitchen")
        rough = self.style in ("storage", "workshop")
        floor = self._texture("floor", 0.15) or surface(
            rng, "tiles" if wet and self.chance(0.6) else ("concrete" if rough and self.chance(0.5) else "floor"), 512
        )
        ceiling = (
            surface(rng, "ceiling") if self.chance(0.4) else Surface(Look("diffuse", linear(random_colour(rng, "pale"))), 1.0)
        )
        main = self._texture("wall", 0.1) or surface(
            rng, "tiles" if self.style == "bathroom" and self.chance(0.7) else "wall", 512
        )
        if self.chance(0.3):
            main = Surface(Look("diffuse", linear(random_colour(rng, "pale" if self.chance(0.75) else "any"))), 1.0)
        count = 6 if self.notch else 4
        walls = [main] * count
        if self.chance(0.35):
            walls[int(rng.integers(count))] = surface(rng, str(rng.choice(["wall", "brick", "wood", "wall"])), 512)
        return floor, ceiling, walls

    def _texture(self, part: str, p: float) -> Surface | None:
        found = [t for t in self.assets.textures if t.part == part]
        if not found or not self.chance(p):
            return None
        return Surface(
            Look("diffuse", texture=self.assets.texture(found[int(self.rng.integers(len(found)))])), 1 / self.uniform(0.8, 2.0)
        )

    def _plan_openings(self) -> None:
        order = self.rng.permutation(len(self.walls))
        door = self.walls[int(order[0])]
        if door.length > 1.3:
            w = self.uniform(0.75, 0.95) if self.chance(0.8) or door.length < 2.4 else self.uniform(1.3, 1.9)
            x = self.uniform(-1, 1) * (door.length / 2 - w / 2 - 0.2)
            door.openings.append((x - w / 2, x + w / 2, 0.0, min(self.uniform(1.98, 2.12), self.height - 0.15)))
        windows = int(self.rng.choice([0, 1, 2, 3], p=[0.15, 0.45, 0.3, 0.1]))
        for index in order[1 : 1 + windows]:
            wall = self.walls[int(index)]
            if wall.length < 1.4:
                continue
            count = int(self.rng.integers(1, 3)) if wall.length > 3.5 else 1
            low = 0.02 if self.chance(0.15) else self.uniform(0.5, 1.2)
            high = min(low + self.uniform(0.8, 2.2), self.height - self.uniform(0.15, 0.4))
            if high - low < 0.5:
                continue
            share = wall.length / count
            for k in range(count):
                w = min(self.uniform(0.7, 2.8), share - 0.5)
                x = (k + 0.5) * share - wall.length / 2
                wall.openings.append((x - w / 2, x + w / 2, low, high))

    def _fill_opening(self, wall: Wall, opening: tuple[float, float, float, float], trim: Look) -> None:
        x0, x1, z0, z1 = opening
        w, h, x = x1 - x0, z1 - z0, (x0 + x1) / 2
        deep = self.uniform(0.1, 0.3)
        lining = s.merge(
            [
                s.transformed(s.box(0.02, deep, h), s.translation(x0 + 0.01, deep / 2, z0)),
                s.transformed(s.box(0.02, deep, h), s.translation(x1 - 0.01, deep / 2, z0)),
                s.transformed(s.box(w - 0.04, deep, 0.02), s.translation(x, deep / 2, z1 - 0.02)),
                s.transformed(s.box(w - 0.04, deep, 0.02), s.translation(x, deep / 2, z0 - 0.001)),
            ]
        )
        self.build(lining, trim, wall.world_from_wall)
        edge = self.uniform(0.04, 0.1)
        casing = [
            s.transformed(s.box(edge, 0.015, h + edge), s.translation(x + sx * (w + edge) / 2, -0.0075, z0)) for sx in (-1, 1)
        ]
        self.build(
            s.merge([*casing, s.transformed(s.box(w, 0.015, edge), s.translation(x, -0.0075, z1))]), trim, wall.world_from_wall
        )
        wall.taken.append(opening)
        if z0 < 0.01:
            self._door(wall, opening, deep, trim)
        else:
            self._window(wall, opening, deep, trim)

    def _door(self, wall: Wall, opening: tuple[float, float, float, float], deep: float, trim: Look) -> None:
        x0, x1, _, z1 = opening
        w, x = x1 - x0 - 0.04, (x0 + x1) / 2
        inside = wall.world_from_wall @ np.array([[x0, x1], [-0.9, 0.0], [0, 1.9], [1, 1]])
        self.boxes.append((inside[:3].min(1), inside[:3].max(1)))  # keep the way in clear
        roll = self.rng.random()
        if roll < 0.55:
            leaf = (
                surface(self.rng, "wood", 384)
                if self.chance(0.4)
                else Surface(paint(self.rng, "pale" if self.chance(0.6) else "any"), 1.0)
            )
            parts = [self._door_leaf(w, z1 - 0.03, leaf)]
            if w > 1.2:
                parts = [self._door_leaf(w / 2 - 0.003, z1 - 0.03, leaf)] * 2
            for k, part in enumerate(parts):
                shift = 0 if len(parts) == 1 else (k - 0.5) * w / 2
                self.add(part, wall.world_from_wall @ s.translation(x + shift, 0.05, 0))
            return
        self._annex(wall, x, w)
        if roll < 0.8:  # a leaf that stands open into the next room, or a glass door
            hinge = (
                s.translation(x0 + 0.03, deep, 0) @ s.rotation((0, 0, 1), self.uniform(60, 100)) @ s.translation(w / 2, 0.03, 0)
            )
            self.add(self._door_leaf(w, z1 - 0.03, surface(self.rng, "wood")), wall.world_from_wall @ hinge)
        elif roll < 0.93:
            pane = [
                Thing(s.wall(w - 0.02, z1 - 0.05), Look("thin_glass", (1, 1, 1)), s.translation(0, 0.02, 0.01), 1),
                Thing(
                    s.merge(
                        [
                            s.transformed(s.box(0.05, 0.04, z1 - 0.04), s.translation(sx * (w / 2 - 0.025), 0.02, 0))
                            for sx in (-1, 1)
                        ]
                    ),
                    trim,
                    instance=1,
                ),
                Thing(s.box(0.02, 0.06, 0.3), metal(self.rng), s.translation(w * 0.4, -0.02, 0.95), 1),
            ]
            self.add(pane, wall.world_from_wall @ s.translation(x, 0.02, 0))

    def _door_leaf(self, w: float, h: float, look: Surface) -> list[Thing]:
        leaf = [Thing(s.scale_uv(s.box(w, 0.04, h, 0.002), look.repeats_per_metre), look.look, instance=1)]
        rows = int(self.rng.integers(0, 4))
        for k in range(rows):
            tall = (h - 0.2) / rows - 0.1
            mesh = frame_mesh(w - 0.24, tall, 0.03, 0.012)
            leaf.append(Thing(mesh, look.look, s.translation(0, -0.024, 0.15 + k * (h - 0.2) / rows), 1))
        knob = metal(self.rng)
        leaf.append(Thing(s.box(0.12, 0.02, 0.02, 0.006), knob, s.translation(w / 2 - 0.1, -0.055, 1.0), 1))
        leaf.append(Thing(s.box(0.02, 0.06, 0.02), knob, s.translation(w / 2 - 0.05, -0.04, 1.0), 1))
        return leaf

    def _annex(self, wall: Wall, x: float, w: float) -> None:
        """A plain lit room behind a doorway."""
        deep, wide, tall = self.uniform(1.2, 5), self.uniform(w + 0.3, 4), max(self.height, 2.3)
        look = surface(self.rng, "wall")
        frame = wall.world_from_wall @ s.translation(x, 0.31, 0)
        shell = [
            s.transformed(s.wall(wide, tall), s.translation(0, deep, 0)),
            s.transformed(s.wall(deep, tall), s.placement(-wide / 2, deep / 2, 0, 90)),
            s.transformed(s.wall(deep, tall), s.placement(wide / 2, deep / 2, 0, -90)),
        ]
        side = (wide - w) / 2 - 0.03
        shell += [s.transformed(s.wall(side, tall), s.placement(sx * (w + 0.06 + side) / 2, 0, 0, 180)) for sx in (-1, 1)]
        shell.append(s.transformed(s.wall(w + 0.06, tall - 2.1), s.placement(0, 0, 2.1, 180)))
        self.build(s.merge(shell), look, frame)
        self.build(s.quad(wide, deep + 0.35), surface(self.rng, "floor"), frame @ s.translation(0, deep / 2 - 0.17, -0.002))
        self.build(
            s.transformed(s.quad(wide, deep), s.scaling(1, 1, -1)),
            paint(self.rng, "pale", 0),
            frame @ s.translation(0, deep / 2, tall),
        )
        centre = frame @ np.array([0, deep / 2, tall - 0.3, 1])
        self.lights.append(Lamp((float(centre[0]), float(centre[1]), float(centre[2])), _warm(self.rng, self.uniform(0.3, 4))))
        if deep > 2 and self.chance(0.7):
            piece = self.piece("cabinet" if self.chance(0.5) else "chair")
            self.add(piece.things, frame @ s.translation(self.uniform(-0.2, 0.2), deep - piece.size[1] / 2 - 0.02, 0))

    def _window(self, wall: Wall, opening: tuple[float, float, float, float], deep: float, trim: Look) -> None:
        x0, x1, z0, z1 = opening
        w, h, x = x1 - x0 - 0.04, z1 - z0 - 0.04, (x0 + x1) / 2
        frame = wall.world_from_wall @ s.translation(x, deep * 0.6, z0 + 0.02)
        bar = self.uniform(0.03, 0.07)
        cols, rows = max(round(w / self.uniform(0.5, 1.2)), 1), int(self.rng.choice([1, 1, 2, 3]))
        bars = [
            s.transformed(
                s.box(bar, 0.05, h),
                s.translation(k * w / cols - w / 2 + (bar / 2 if k == 0 else -bar / 2 if k == cols else 0), 0, 0),
            )
            for k in range(cols + 1)
        ]
        bars += [
            s.transformed(s.box(w, 0.045, bar), s.translation(0, 0, np.clip(k * h / rows - bar / 2, 0, h - bar)))
            for k in range(rows + 1)
        ]
        things = [Thing(s.merge(bars), trim, instance=1)]
        if self.chance(0.42):
            things.append(Thing(s.wall(w, h), Look("thin_glass", (1, 1, 1)), instance=1))
            self.panes += 1
        else:
            self.gaps += 1
        self.add(things, frame)
        if z0 > 0.3 and self.chance(0.6):
            self.build(
                s.box(w + 0.2, deep * 0.6 + 0.12, 0.03, 0.004),
                trim,
                wall.world_from_wall @ s.translation(x, -0.03 + deep * 0.1, z0 - 0.03),
            )
        roll = self.rng.random()
        if roll < 0.3:
            self._curtains(wall, x, w, z0, z1)
        elif roll < 0.42:
            slats = int(h * self.uniform(0.2, 1) / 0.04)
            tilt = self.uniform(-40, 40)
            slat = s.transformed(s.box(w, 0.035, 0.002), s.rotation((1, 0, 0), tilt))
            mesh = s.merge([s.transformed(slat, s.translation(0, 0, h - 0.04 * (k + 1))) for k in range(max(slats, 2))])
            self.add([Thing(mesh, paint(self.rng, "pale"), instance=1)], frame @ s.translation(0, -deep * 0.3, 0))

    def _curtains(self, wall: Wall, x: float, w: float, z0: float, z1: float) -> None:
        cloth = (
            surface(self.rng, "fabric", 256)
            if self.chance(0.6)
            else Surface(Look("diffuse", linear(random_colour(self.rng))), 1.0)
        )
        low = 0.03 if self.chance(0.6) else max(z0 - 0.1, 0.03)
        high = min(z1 + 0.12, self.height - 0.03)
        drawn = self.uniform(0.12, 0.45)
        for side in (-1, 1):
            n, wide = 60, w * drawn + 0.15
            t = np.linspace(0, 1, n)
            fold = 0.035 * np.sin(2 * np.pi * t * wide / self.uniform(0.09, 0.16) + self.rng.uniform(0, 6)) + 0.01 * np.sin(
                17 * t
            )
            sheet = s.heightfield(np.tile(fold, (4, 1)), wide, high - low)
            upright = s.translation(x + side * (w / 2 + 0.1 - wide / 2), -0.09, (low + high) / 2) @ s.rotation((1, 0, 0), 90)
            self.add(
                [Thing(s.scale_uv(sheet, cloth.repeats_per_metre), cloth.look, instance=1)], wall.world_from_wall @ upright
            )
        rod = s.transformed(
            s.cylinder(0.012, w + 0.5, segments=10), s.translation(x - w / 2 - 0.25, -0.09, high) @ s.rotation((0, 1, 0), 90)
        )
        self.build(rod, metal(self.rng), wall.world_from_wall)
        wall.taken.append((x - w / 2 - 0.3, x + w / 2 + 0.3, low, high))

    def _outside(self) -> None:
        """Ground, houses and trees as seen from a window; the sky comes with the light."""
        ground = 0.0 if self.chance(0.4) else -self.uniform(2.5, 18)
        self.build(s.quad(600, 600), surface(self.rng, "ground", 512), s.translation(0, 0, ground - 0.2))
        for _ in range(int(self.rng.integers(2, 8))):
            a, far = self.uniform(0, 2 * np.pi), self.uniform(12, 70)
            w, h = self.uniform(6, 18), self.uniform(4, 25)
            walls = surface(self.rng, "facade")
            mesh = s.scale_uv(s.box(w, self.uniform(6, 14), h), walls.repeats_per_metre)
            x, y = self.width / 2 + (far + w) * np.cos(a), self.depth / 2 + (far + w) * np.sin(a)
            self.add([Thing(mesh, walls.look, instance=1)], s.placement(x, y, ground - 0.2, self.uniform(0, 90)))
        green = surface(self.rng, "grass")
        for _ in range(int(self.rng.integers(0, 7))):
            a, far, h = self.uniform(0, 2 * np.pi), self.uniform(5, 25), self.uniform(2, 9)
            crown = s.blob(self.rng, (h * 0.35, h * 0.35, h * 0.35), 0.25, 24)
            tree = [
                Thing(s.scale_uv(crown, 1.5), green.look, s.translation(0, 0, h * 0.7), 1),
                Thing(s.cylinder(0.12, h * 0.5), paint(self.rng, "earth", 0), instance=1),
            ]
            self.add(
                tree,
                s.translation(
                    self.width / 2 + (far + self.width / 2) * np.cos(a),
                    self.depth / 2 + (far + self.depth / 2) * np.sin(a),
                    ground - 0.2,
                ),
            )

    # --- light -------------------------------------------------------------------------------------------------------

    def light(self) -> None:
        """Add daylight (unless it is night) and lamps."""
        night = self.chance(0.25)
        if not self.panes and not self.gaps:
            pass
        elif night:
            glow = np.array(linear(random_colour(self.rng, "dark"))) * 0.3 + 0.004
            self.lights.append(Sky(np.broadcast_to(glow, (8, 16, 3)).astype(np.float32)))
        else:
            from leadline.data.synthetic.outdoors import make_daylight

            strength = self.uniform(0.6, 4) if self.gaps else self.uniform(0.3, 1.5)
            for light in make_daylight(self.rng):
                if isinstance(light, Sky):
                    self.lights.append(Sky(light.radiance * np.float32(strength)))
                elif self.gaps:  # behind glass a path tracer cannot find the sun
                    r, g, b = (c * strength for c in light.irradiance)
                    self.lights.append(replace(light, irradiance=(r, g, b)))
        level = 10 ** self.uniform(0.1, 0.9)  # irradiance below, relative to a sky of radiance 1
        count = max(int(self.width * self.depth / self.uniform(6, 20)), 1)
        columns = max(round(np.sqrt(count * self.width / self.depth)), 1)
        rows = max(round(count / columns), 1)
        kind = str(self.rng.choice(["disc", "panel", "ball", "pendant", "model", "spot"]))
        tone = np.array(_warm(self.rng, 1.0))
        on = self.rng.random() < 0.85 or night
        for i in range(columns):
            for j in range(rows):
                x, y = (i + 0.5) * self.width / columns, (j + 0.5) * self.depth / rows
                if self.notch and x > self.width - self.notch[0] - 0.2 and y > self.depth - self.notch[1] - 0.2:
                    continue
                self._ceiling_lamp(kind, x, y, tone * level * (1.0 if on else 0.1) * 5 / np.sqrt(columns * rows))
        if self._glowing:  # one emitter: a path tracer picks among emitters blindly
            glow = np.mean([g for _, g in self._glowing], axis=0)
            look = Look("light", (float(glow[0]), float(glow[1]), float(glow[2])))
            self.add([Thing(s.merge(m for m, _ in self._glowing), look, instance=1)], np.eye(4))
        if self.chance(0.4):  # light that a photographer brought, or that comes round a corner
            place = (
                self.uniform(0.3, self.width - 0.3),
                self.uniform(0.3, min(self.depth, self.width) - 0.3),
                self.height - 0.2,
            )
            if self.free(np.array(place) - 0.05, np.array(place) + 0.05):
                self.lights.append(Lamp(place, _warm(self.rng, level * self.uniform(0.3, 1.5))))

    def _ceiling_lamp(self, kind: str, x: float, y: float, intensity: NDArray[np.float64]) -> None:
        """One lamp of luminous `intensity` (W/sr per unit) downwards: radiance is intensity over area."""
        h = self.height
        shade, drop = paint(self.rng, "pale", 0.3), 0.0
        if kind == "model":
            model = self.assets.pick(self.rng, "hanging") if self.use_models else None
            if model and self.triangles + model.triangles < MAX_TRIANGLES and model.size[2] < h - 1.7:
                self.add(self.assets.things(model), s.translation(x, y, h - model.size[2] - 0.005))
                self.lights.append(Lamp((x, y, h - model.size[2] - 0.06), tuple(0.7 * intensity)))
                return
            kind = "pendant"
        if kind == "disc":
            r = self.uniform(0.12, 0.3)
            mesh, area, drop = s.cylinder(r, 0.05), np.pi * r * r, 0.051
        elif kind == "panel":
            a, b = (0.6, 0.6) if self.chance(0.5) else (0.15, 1.2)
            mesh, area, drop = s.box(a, b, 0.03), a * b, 0.031
        elif kind == "spot":
            mesh, area, drop = s.cylinder(0.06, 0.08), np.pi * 0.06**2, 0.081
        else:
            r = self.uniform(0.06, 0.16)
            mesh, area = s.transformed(s.sphere(r, 20), s.translation(0, 0, r)), np.pi * r * r
            drop = self.uniform(0.3, 0.9) if h > 2.6 else 0.35
            cord = s.cylinder(0.004, drop - 2 * r + 0.01, segments=8) if drop > 2 * r else s.cylinder(0.004, 0.01, segments=8)
            self.add([Thing(cord, paint(self.rng, "dark"), instance=1)], s.translation(x, y, h - max(drop - 2 * r, 0)))
            if kind == "pendant":
                bowl = s.lathe(
                    [(r * 2.2, 0), (r * 0.5, r * 2.3), (r * 0.5 - 0.003, r * 2.3), (r * 2.2 - 0.003, 0), (r * 2.2, 0)], 32
                )
                self.add([Thing(bowl, shade, instance=1)], s.translation(x, y, h - drop - 0.01))
        self._glowing.append((s.transformed(mesh, s.translation(x, y, h - drop)), np.minimum(intensity / area, 400)))

    # --- furniture ---------------------------------------------------------------------------------------------------

    def piece(self, kind: str) -> Piece:
        """Return furniture of a kind: a model where there is one (mostly), else a procedural piece."""
        if (
            self.use_models
            and (self.chance(self.model_share) or kind not in FURNITURE)
            and self.triangles < MAX_TRIANGLES * 0.75
        ):
            wanted = {"shelf": ("cabinet",), "glass_case": ("cabinet",), "mirror": ("standing",)}.get(kind, (kind,))
            model = self.assets.pick(self.rng, *wanted)
            if model is not None and max(model.size) < 2.7:
                return model_piece(self.assets, model)
        return FURNITURE.get(kind, FURNITURE["standing"])(self.rng)

    def against_wall(self, piece: Piece, *, tries: int = 14, hang: float | None = None, wall: Wall | None = None) -> bool:
        """Stand a piece against a wall (or hang it at a height) where it fits. Return whether it was placed."""
        w, d, h = piece.size
        z = hang or 0.0
        for _ in range(tries):
            at = wall or self.walls[int(self.rng.integers(len(self.walls)))]
            if at.length < w + 0.05 or z + h > self.height:
                continue
            span = (at.length - w) / 2 - 0.02
            x = self.uniform(-span, span) if self.chance(0.75) else span * self.rng.choice([-1, 1])
            spot = (x - w / 2, x + w / 2, z, z + h)
            if any(spot[0] < b[1] and spot[1] > b[0] and spot[2] < b[3] and spot[3] > b[2] + 0.05 for b in at.taken):
                continue
            matrix = at.world_from_wall @ s.translation(float(x), -d / 2 - 0.016, z)
            if self._stand(piece, matrix):
                at.taken.append(spot)
                return True
        return False

    def freely(
        self,
        piece: Piece,
        *,
        tries: int = 14,
        yaw: float | None = None,
        near: tuple[float, float] | None = None,
        spread: float = 1.0,
    ) -> bool:
        """Stand a piece anywhere on the floor (or `near` a point). Return whether it was placed."""
        for _ in range(tries):
            if near is None:
                x, y = self.uniform(0.3, self.width - 0.3), self.uniform(0.3, self.depth - 0.3)
            else:
                x, y = (float(c) for c in self.rng.normal(near, spread))
            turn = yaw if yaw is not None else (self.uniform(0, 360) if self.chance(0.6) else 90.0 * int(self.rng.integers(4)))
            if self._stand(piece, s.placement(x, y, 0, turn)):
                return True
        return False

    def _stand(self, piece: Piece, matrix: NDArray[np.float64]) -> bool:
        w, d, h = piece.size
        corners = matrix @ np.array([[sx * w / 2, sy * d / 2, z, 1] for sx in (-1, 1) for sy in (-1, 1) for z in (0.005, h)]).T
        low, high = corners[:3].min(1), corners[:3].max(1)
        if not self.free(low, high, 0.01):
            return False
        self.add(piece.things, matrix, notable=True)
        self.boxes.append((low, high))
        self.tops += [(matrix, top) for top in piece.tops]
        return True

    def set_table(self, table: Piece, chair_kind: str = "chair") -> None:
        """Stand a table somewhere in the middle with chairs round it."""
        near = (self.width / 2, self.depth / 2) if self.chance(0.7) else None
        boxes = len(self.boxes)
        yaw = 90.0 * int(self.rng.integers(4)) if self.chance(0.8) else self.uniform(0, 360)
        if not self.freely(table, near=near, spread=0.7, yaw=yaw, tries=20) or len(self.boxes) == boxes:
            return
        matrix = self.tops[-1][0] if table.tops else None
        if matrix is None:
            return
        chair = self.piece(chair_kind)
        w, d, _ = table.size
        for side in range(4):
            long = w if side % 2 == 0 else d
            count = max(int(long / 0.7), 1)
            for k in range(count):
                if self.chance(0.2):
                    continue
                reach = (d if side % 2 == 0 else w) / 2 + chair.size[1] / 2 + self.uniform(-0.12, 0.3)
                place = (
                    s.rotation((0, 0, 1), 90.0 * side)
                    @ s.translation((k - (count - 1) / 2) * 0.65, -reach, 0)
                    @ s.rotation((0, 0, 1), 180 + self.rng.normal(0, 8))
                )
                world = matrix @ place
                lifted = Piece(chair.things, chair.size)
                if reach < (d if side % 2 == 0 else w) / 2 + chair.size[1] / 2:  # pushed under: only the wall test counts
                    centre = world[:2, 3]
                    if 0.3 < centre[0] < self.width - 0.3 and 0.3 < centre[1] < self.depth - 0.3 and self._inside(centre):
                        self.add(lifted.things, world, solid=True, notable=True)
                else:
                    self._stand(lifted, world)

    def _inside(self, xy: NDArray[np.float64]) -> bool:
        return not (self.notch and xy[0] > self.width - self.notch[0] - 0.3 and xy[1] > self.depth - self.notch[1] - 0.3)

    def small(self, *groups: str) -> tuple[Thing, ...]:
        """Return a small thing: a model or a procedural object of the groups of `OBJECTS`."""
        if self.use_models and self.chance(0.4) and self.triangles < MAX_TRIANGLES * 0.85:
            model = self.assets.pick(self.rng, *_SMALL)
            if model is not None:
                return self.assets.things(model)
        return tuple(random_object(self.rng, *groups))

    def dress(self, matrix: NDArray[np.float64], top: Top, count: int, groups: Sequence[str], *, spread: float = 1.0) -> int:
        """Stand up to `count` small things on a surface without overlap. Return how many."""
        discs: list[tuple[float, float, float]] = []
        for _ in range(count):
            thing = self.small(*groups)
            low, high = extent(thing)
            size = high - low
            r = 0.5 * float(np.hypot(size[0], size[1])) * 0.85
            if r > min(top.half_x, top.half_y) * 1.15 or size[2] > top.room_above:
                continue
            for _ in range(8):
                x, y = (self.uniform(-1, 1) * spread * max(half - 0.8 * r, 0.0) for half in (top.half_x, top.half_y))
                if all((x - a) ** 2 + (y - b) ** 2 > (r + c) ** 2 for a, b, c in discs):
                    discs.append((x, y, r))
                    yaw = self.uniform(0, 360) if self.chance(0.7) else 0.0
                    centre = (low + high) / 2
                    seat = s.translation(top.x + x, top.y + y, top.z + 0.001 - float(low[2])) @ s.rotation((0, 0, 1), yaw)
                    self.add(thing, matrix @ seat @ s.translation(-centre[0], -centre[1], 0))
                    break
        return len(discs)

    def hang_things(self) -> None:
        """Hang pictures, mirrors, shelves and models on the walls."""
        for _ in range(int(self.rng.integers(0, 7))):
            roll = self.rng.random()
            if roll < 0.55:
                w, h = self.uniform(0.2, 1.2), self.uniform(0.2, 1.0)
                self.against_wall(
                    _picture(self.rng, w, h, Look("diffuse", texture=random_texture(self.rng, "picture", 256))),
                    hang=self.uniform(1.1, 1.7),
                )
            elif roll < 0.72:
                w, h = self.uniform(0.3, 1.2), self.uniform(0.4, 1.4)
                self.against_wall(_picture(self.rng, w, h, Look("mirror")), hang=self.uniform(0.5, 1.3))
            elif roll < 0.85 and self.use_models:
                model = self.assets.pick(self.rng, "wall")
                if model is not None:
                    self.against_wall(
                        model_piece(self.assets, model),
                        hang=max(min(model.elevation, self.height - model.size[2] - 0.05), 0.02),
                    )
            else:
                shelf = make_shelf(self.rng)
                self.against_wall(
                    _scaled(shelf, min(1.0, self.uniform(0.35, 0.8) / shelf.size[2])), hang=self.uniform(1.2, 1.6)
                )

    def rug(self) -> None:
        """Lay a rug."""
        w, d = self.uniform(0.8, 2.6), self.uniform(0.6, 2.0)
        x, y = (
            self.uniform(w / 2, max(self.width - w / 2, w / 2 + 0.1)),
            self.uniform(d / 2, max(self.depth - d / 2, d / 2 + 0.1)),
        )
        mesh = s.fit_uv(s.box(w, d, 0.008)) if self.chance(0.75) else s.fit_uv(s.cylinder(min(w, d) / 2, 0.008))
        if x + w / 2 < self.width and y + d / 2 < self.depth and self._inside(np.array([x + w / 2, y + d / 2])):
            self.add(
                [Thing(mesh, Look("diffuse", texture=random_texture(self.rng, "rug", 384)), instance=1)],
                s.translation(x, y, 0.001),
            )

    def partition(self) -> None:
        """Put up a glass wall with posts, part of the way across."""
        x, span = self.width * self.uniform(0.35, 0.65), self.depth * self.uniform(0.4, 0.75)
        if not self.free(np.array([x - 0.03, 0.01, 0]), np.array([x + 0.03, span, 1.0])):
            return
        n, post = max(int(span / self.uniform(0.7, 1.3)), 1), metal(self.rng)
        h = self.height - 0.02 if self.chance(0.6) else 2.05
        for k in range(n):
            pane = Thing(s.wall(span / n - 0.03, h - 0.06), Look("thin_glass", (1, 1, 1)), s.translation(0, 0, 0.03), 1)
            rim = [s.box(span / n, 0.04, 0.03), s.transformed(s.box(span / n, 0.04, 0.03), s.translation(0, 0, h - 0.03))]
            rim.append(s.transformed(s.box(0.03, 0.04, h), s.translation(span / n / 2 - 0.015, 0, 0)))
            self.add([pane, Thing(s.merge(rim), post, instance=1)], s.placement(x, (k + 0.5) * span / n, 0, 90))
        self.boxes.append((np.array([x - 0.03, 0.0, 0.0]), np.array([x + 0.03, span, h])))

    def inhabit(self) -> None:
        """Let people, animals and plants in now and then."""
        if self.chance(0.3):
            for _ in range(int(self.rng.integers(1, 3))):
                self._person()
        if self.chance(0.2):
            self._model_of("animal")
        for _ in range(int(self.rng.integers(0, 3))):
            if self.use_models and self.chance(0.5):
                self._model_of("plant")
            else:
                from leadline.data.synthetic.subjects import make_plant

                things = make_plant(self.rng, self.uniform(0.4, 1.7), kind="potted" if self.chance(0.8) else None, detail=0.5)
                self.freely(piece_of(things))

    def _person(self) -> None:
        if self.use_models and self.chance(0.5) and self.triangles < MAX_TRIANGLES * 0.8:
            self._model_of("person")
            return
        from leadline.data.synthetic.subjects import make_person

        pose = str(self.rng.choice(["stand", "walk", "hold", "sit", "sit_ground", "crouch", "bend"]))
        self.freely(piece_of(make_person(self.rng, pose=pose)), tries=20)

    def _model_of(self, kind: str) -> None:
        model = self.assets.pick(self.rng, kind) if self.use_models else None
        if model is not None and self.triangles + model.triangles < MAX_TRIANGLES:
            self.freely(model_piece(self.assets, model), tries=20)

    def litter(self) -> None:
        """Leave things on the floor."""
        for _ in range(int(self.rng.choice([0, 2, 5, 12], p=[0.35, 0.3, 0.25, 0.1]))):
            things = self.small("play", "work", "decor", "desk")
            if (extent(things)[1] - extent(things)[0]).max() < 0.8:
                self.freely(piece_of(things), tries=6)

    # --- views -------------------------------------------------------------------------------------------------------

    def clear_distance(self, eye: NDArray[np.float64], directions: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return the distance from `eye` along (n, 3) unit directions to the first box or wall; the share that meets a box."""
        low = np.array([b[0] for b in self.boxes]).reshape(-1, 3)
        high = np.array([b[1] for b in self.boxes]).reshape(-1, 3)
        inverse = 1 / np.where(np.abs(directions) < 1e-9, 1e-9, directions)[:, None]
        near, far = (low - eye) * inverse, (high - eye) * inverse
        enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
        hit = np.where((leave > 0) & (enter < leave), np.maximum(enter, 0), np.inf)
        out = np.maximum(
            (0 - eye) * inverse[:, 0], (np.array([self.width, self.depth, self.height]) - eye) * inverse[:, 0]
        ).min(-1)
        first = hit.min(1, initial=np.inf)
        return np.minimum(first, out), float(np.mean(first < out))

    def good_view(
        self, eye: NDArray[np.float64], target: NDArray[np.float64], fov: float, nearest: float, typical: float
    ) -> bool:
        """Return whether a camera has room: no box nearer than `nearest`, half of the picture beyond `typical`.

        One time in six bare walls will do; else things must fill a fifth of the picture.
        """
        if not (0.12 < eye[0] < self.width - 0.12 and 0.12 < eye[1] < self.depth - 0.12 and 0.08 < eye[2] < self.height - 0.1):
            return False
        if any((eye > b[0] - 0.1).all() and (eye < b[1] + 0.1).all() for b in self.boxes):
            return False
        pose = look_at(tuple(eye), tuple(target))
        t = np.tan(np.deg2rad(fov) / 2) * 0.8
        grid = np.array([(x * t, y * t * 0.75, 1.0) for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, 0, 1)])
        rays = grid / np.linalg.norm(grid, axis=1, keepdims=True) @ pose[:3, :3].T
        reach, filled = self.clear_distance(eye, rays)
        enough = 0.0 if self.chance(0.17) else min(0.2, typical)
        return bool(reach.min() > nearest and np.median(reach) > typical and filled >= enough)

    def views(self, count: int) -> tuple[View, ...]:
        """Return `count` views from sensible places."""
        out: list[View] = []
        relax = 1.0
        while len(out) < count:
            view = self._object_view(relax) if self.objects and self.chance(0.35) else self._wide_view(relax)
            relax *= 0.985
            if view is None and relax < 0.03:
                view = self._last_resort()
            if view is not None:
                out.append(view)
                relax = 1.0
        return tuple(out)

    def _wide_view(self, relax: float) -> View | None:
        roll = self.rng.random()
        z = (
            self.uniform(1.0, 1.8)
            if roll < 0.6
            else (self.uniform(0.2, 0.9) if roll < 0.85 else self.uniform(1.9, self.height - 0.2))
        )
        eye = np.array([self.uniform(0.2, self.width - 0.2), self.uniform(0.2, self.depth - 0.2), z])
        if self.chance(0.4):  # back into a corner, as photographers do
            eye[:2] = [
                self.uniform(0.2, 0.7) if self.chance(0.5) else self.width - self.uniform(0.2, 0.7),
                self.uniform(0.2, 0.7) if self.chance(0.5) else self.depth - self.uniform(0.2, 0.7),
            ]
        goal = np.array([self.uniform(0, self.width), self.uniform(0, self.depth)])
        if self.objects and self.chance(0.5):
            low, high = self.objects[int(self.rng.integers(len(self.objects)))]
            goal = (low + (high - low) * self.rng.random(3))[:2]
        flat = float(np.linalg.norm(goal - eye[:2]))
        if flat < 0.6:
            return None
        pitch = np.clip(self.rng.normal(-8 if z < 1.2 else -14, 11), -50, 20)
        target = np.array([*goal, z + flat * np.tan(np.deg2rad(pitch))])
        fov = self.uniform(48, 100)
        if not self.good_view(eye, target, fov, 0.28 + 0.3 * relax, 2.0 * relax):
            return None
        return _view(self.rng, eye, target, fov, flat, 0.03)

    def _object_view(self, relax: float) -> View | None:
        low, high = self.objects[int(self.rng.integers(len(self.objects)))]
        target = low + (high - low) * self.rng.uniform(0.2, 0.9, 3)
        size = float(np.linalg.norm(high - low))
        far, a = size * self.uniform(0.5, 1.4) + 0.3, self.uniform(0, 2 * np.pi)
        eye = np.array(
            [
                target[0] + far * np.cos(a),
                target[1] + far * np.sin(a),
                np.clip(target[2] + self.uniform(-0.3, 1.0) * far, 0.15, self.height - 0.2),
            ]
        )
        fov = self.uniform(40, 75)
        if not self.good_view(eye, target, fov, 0.2 + 0.15 * relax, 0.5 * relax):
            return None
        return _view(self.rng, eye, target, fov, float(np.linalg.norm(eye - target)), 0.1)

    def _last_resort(self) -> View:
        eye = np.array([self.uniform(0.2, 0.4), self.uniform(0.2, 0.4), self.height - 0.25])
        target = np.array([self.width * self.uniform(0.4, 0.9), self.depth * self.uniform(0.4, 0.9), 0.8])
        return _view(self.rng, eye, target, self.uniform(70, 95), 2.0, 0.0)


def _draw_size(rng: np.random.Generator, style: str) -> tuple[float, float]:
    low, high = {
        "hall": (1.2, 2.2),
        "bathroom": (1.8, 3.6),
        "gallery": (4, 9),
        "cafe": (5, 9),
        "storage": (2.5, 7),
        "kitchen": (2.6, 5.5),
    }.get(style, (2.8, 7.0))
    w, d = rng.uniform(low, high, 2)
    if style == "hall":
        d = rng.uniform(4, 9)
    return (float(w), float(d)) if rng.random() < 0.5 else (float(d), float(w))


def _panels(wall: Wall, height: float) -> list[tuple[float, float, float, float]]:
    """Return the rectangles (x0, x1, z0, z1) of a wall around its openings."""
    out, x = [], -wall.length / 2
    for x0, x1, z0, z1 in sorted(wall.openings):
        out += [(x, x0, 0.0, height), (x0, x1, 0.0, z0), (x0, x1, z1, height)]
        x = x1
    out.append((x, wall.length / 2, 0.0, height))
    return [p for p in out if p[1] - p[0] > 1e-6 and p[3] - p[2] > 1e-6]


def _warm(rng: np.random.Generator, level: float) -> tuple[float, float, float]:
    warmth = rng.uniform(0.0, 0.6)
    return float(level), float(level * (1 - 0.3 * warmth)), float(level * (1 - 0.75 * warmth))


def _view(
    rng: np.random.Generator, eye: NDArray[np.float64], target: NDArray[np.float64], fov: float, focus: float, blur: float
) -> View:
    roll = float(rng.normal(0, 2.0)) if rng.random() < 0.8 else float(rng.normal(0, 8))
    aperture = float(rng.uniform(0.0008, 0.006)) if rng.random() < blur else 0.0
    pose = look_at((float(eye[0]), float(eye[1]), float(eye[2])), (float(target[0]), float(target[1]), float(target[2])), roll)
    return View(pose, fov, aperture, max(focus, 0.1))


def _picture(rng: np.random.Generator, w: float, h: float, face: Look) -> Piece:
    edge = float(rng.uniform(0.012, 0.06))
    look = paint(rng) if rng.random() < 0.5 else surface(rng, "wood", 128).look
    inner = s.fit_uv(s.transformed(s.wall(w - 2 * edge, h - 2 * edge), s.translation(0, -0.002, edge)))
    return Piece((Thing(frame_mesh(w, h, edge, 0.025), look, instance=1), Thing(inner, face, instance=1)), (w, 0.025, h))


def _scaled(piece: Piece, k: float) -> Piece:
    w, d, h = piece.size
    return Piece(tuple(put(piece.things, s.scaling(k), 1)), (w * k, d * k, h * k))


def piece_of(things: Sequence[Thing]) -> Piece:
    """Return loose things as a piece: centred, standing on z = 0."""
    low, high = extent(things)
    w, d, h = (float(x) for x in high - low)
    back = s.translation(-float(low[0] + high[0]) / 2, -float(low[1] + high[1]) / 2, -float(low[2]))
    return Piece(tuple(put(things, back, 1)), (w, d, h))


def model_piece(assets: Assets, model: ModelInfo) -> Piece:
    """Return a model as a piece of furniture."""
    w, d, h = model.size
    tops: tuple[Top, ...] = ()
    if model.kind in ("table", "coffee_table", "desk", "bedside", "kitchen") or (model.kind == "cabinet" and h < 1.4):
        z = model.top if model.top is not None and model.top > 0.1 else h
        tops = (Top(0, 0, z, w * 0.4, d * 0.36, 0.6),)
    return Piece(assets.things(model), model.size, tops)


# --- styles ----------------------------------------------------------------------------------------------------------


def _fill(room: Room, *kinds: str) -> None:
    for kind in kinds:
        room.against_wall(room.piece(kind))


def _living(room: Room) -> None:
    _fill(room, "sofa", "tv", *(["cabinet"] * int(room.rng.integers(0, 3))), "shelf")
    table = room.piece("coffee_table")
    room.freely(table, near=(room.width / 2, room.depth / 2), spread=0.6)
    for _ in range(int(room.rng.integers(0, 3))):
        room.freely(room.piece("armchair"))
    if room.chance(0.4):
        room.set_table(room.piece("table"))
    room.against_wall(FURNITURE["floor_lamp"](room.rng))


def _bedroom(room: Room) -> None:
    for _ in range(int(room.rng.choice([1, 1, 2]))):
        room.against_wall(room.piece("bed"), tries=30)
    _fill(room, "bedside", "cabinet", "cabinet", "desk")
    if room.chance(0.5):
        room.against_wall(FURNITURE["mirror"](room.rng))
    room.freely(room.piece("chair"))
    if room.chance(0.4):
        room.freely(room.piece("armchair"))


def _dining(room: Room) -> None:
    room.set_table(room.piece("table"))
    _fill(room, "cabinet", "shelf", "cabinet")
    if room.chance(0.4):
        room.against_wall(room.piece("glass_case"))


def _kitchen(room: Room) -> None:
    wall = max(room.walls, key=lambda w: w.length)
    for k in range(int(room.rng.integers(1, 3))):
        span = room.uniform(1.2, max(wall.length - 0.3, 1.3))
        room.against_wall(make_kitchen(room.rng, length=span), tries=20, wall=wall if k == 0 else None)
    _fill(room, "fridge", *(["kitchen"] * int(room.rng.integers(0, 3))))
    if room.chance(0.75):
        room.set_table(room.piece("table"))


def _office(room: Room) -> None:
    for _ in range(int(room.rng.integers(1, 5))):
        desk = room.piece("desk")
        if room.against_wall(desk) if room.chance(0.6) else room.freely(desk):
            low, high = room.boxes[-1]
            room.freely(room.piece("chair"), near=(float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2), spread=0.7)
    _fill(room, "shelf", "cabinet", "shelf")


def _bathroom(room: Room) -> None:
    _fill(room, *(["kitchen"] * int(room.rng.integers(2, 5))), "cabinet")
    room.against_wall(_picture(room.rng, room.uniform(0.4, 1.2), room.uniform(0.5, 1.0), Look("mirror")), hang=1.1)
    if room.chance(0.7):
        w, h = room.uniform(0.7, 0.95), 2.0
        pane = Thing(s.wall(w, h), Look("thin_glass", (1, 1, 1)), s.translation(0, 0, 0.02), 1)
        rim = Thing(
            s.merge([s.transformed(s.box(0.03, 0.03, h + 0.02), s.translation(x, 0, 0)) for x in (-w / 2, w / 2)]),
            metal(room.rng),
            instance=1,
        )
        tray = Thing(s.box(w, w, 0.05, 0.01), paint(room.rng, "pale"), s.translation(0, w / 2, 0), 1)
        turn = Thing(s.wall(w, h), Look("thin_glass", (1, 1, 1)), s.placement(w / 2, w / 2, 0.02, 90), 1)
        room.against_wall(piece_of([pane, rim, tray, turn]), tries=20)


def _hall(room: Room) -> None:
    _fill(room, "cabinet", "mirror" if room.chance(0.6) else "cabinet", "shelf", "bedside")


def _storage(room: Room) -> None:
    _fill(room, *(["shelf"] * int(room.rng.integers(2, 6))), "cabinet")
    for _ in range(int(room.rng.integers(3, 12))):
        kind = str(room.rng.choice(["standing", "standing", "bike", "chair", "table"]))
        room.freely(room.piece(kind))


def _gallery(room: Room) -> None:
    for _ in range(int(room.rng.integers(2, 8))):
        plinth = FURNITURE["glass_case" if room.chance(0.35) else "standing"](room.rng)
        room.freely(plinth)
    for _ in range(8):
        w, h = room.uniform(0.4, 2.0), room.uniform(0.4, 1.4)
        room.against_wall(
            _picture(room.rng, w, h, Look("diffuse", texture=random_texture(room.rng, "picture", 320))),
            hang=room.uniform(0.7, 1.2),
        )


def _cafe(room: Room) -> None:
    _fill(room, "kitchen", "shelf", "cabinet")
    for _ in range(int(room.rng.integers(2, 7))):
        room.set_table(room.piece("table"))


STYLES: dict[str, tuple[Callable[[Room], None], float, tuple[str, ...]]] = {
    "living": (_living, 0.2, ("decor", "glass", "desk", "pottery", "play")),
    "bedroom": (_bedroom, 0.15, ("decor", "desk", "bath", "play")),
    "dining": (_dining, 0.11, ("food", "glass", "pottery")),
    "kitchen": (_kitchen, 0.15, ("kitchen", "food", "glass", "pottery")),
    "office": (_office, 0.12, ("desk", "desk", "flat", "glass")),
    "bathroom": (_bathroom, 0.07, ("bath", "glass")),
    "hall": (_hall, 0.06, ("decor", "flat")),
    "storage": (_storage, 0.05, ("work", "play", "kitchen")),
    "gallery": (_gallery, 0.04, ("decor", "play")),
    "cafe": (_cafe, 0.05, ("food", "glass", "pottery")),
}


def make_room(
    rng: np.random.Generator,
    assets: Assets,
    style: str | None = None,
    size: tuple[float, float] | None = None,
    *,
    busy: bool = True,
) -> Room:
    """Return a furnished, lit room; not `busy`: with less in it. Raises KeyError for an unknown style (see `STYLES`)."""
    if style is None:
        shares = np.array([p for _, p, _ in STYLES.values()])
        style = str(rng.choice(list(STYLES), p=shares / shares.sum()))
    furnish, _, groups = STYLES[style]
    room = Room(rng, assets, style, size)
    room.raise_walls()
    if min(room.width, room.depth) > 4 and room.chance(0.12):
        room.partition()
    middle = (
        np.array([room.width / 2 - 0.9, room.depth / 2 - 0.9, 0.0]),
        np.array([room.width / 2 + 0.9, room.depth / 2 + 0.9, 1.0]),
    )
    if not busy:  # the middle is for what the caller puts there
        room.boxes.append(middle)
        room.model_share *= 0.5
    furnish(room)
    room.hang_things()
    if room.chance(0.5):
        room.rug()
    for matrix, top in list(room.tops):
        if room.chance(0.85 if busy else 0.4):
            room.dress(matrix, top, int(room.rng.integers(1, 8 if busy else 4)), groups)
    if busy or room.chance(0.3):
        room.inhabit()
    if busy:
        room.litter()
    else:
        room.boxes = [b for b in room.boxes if b is not middle]
    room.light()
    return room


def make_scene(rng: np.random.Generator, assets: Assets, *, views: int) -> Scene:
    """Return a furnished room with `views` views of it."""
    room = make_room(rng, assets)
    return Scene(f"rooms/{room.style}", tuple(room.things), tuple(room.lights), room.views(views))
