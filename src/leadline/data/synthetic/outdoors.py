"""What open-air worlds share: skies and suns, rough ground, a stage that knows what stands where, and the taking of views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.data.synthetic.blobs import bounds_of, placed
from leadline.data.synthetic.scene import Look, Mesh, Sky, Sun, Thing, View, look_at
from leadline.data.synthetic.subjects import make_animal, make_person
from leadline.data.synthetic.textures import noise, random_texture

Array = NDArray[np.float64]
Ground = Callable[[ArrayLike, ArrayLike], Array]
HORIZON_M = 6000.0  # how far the ground reaches


# --- light -----------------------------------------------------------------------------------------------------------


def make_daylight(rng: np.random.Generator, *, rows: int = 96) -> tuple[Sky | Sun, ...]:
    """Return a sky (clear, cloudy, overcast, dusk) with its sun, if that shines. Sky radiance is about 1.

    Column c of the map looks towards azimuth ``(sin, cos)(2 pi (c + 0.5) / columns)`` in (x, y).
    """
    mood = str(rng.choice(["clear", "cloudy", "overcast", "dusk"], p=[0.4, 0.34, 0.15, 0.11]))
    azimuth = rng.uniform(0, 2 * np.pi)
    height = np.deg2rad(rng.uniform(3, 12) if mood == "dusk" else rng.uniform(20, 70))
    sun = np.array([np.sin(azimuth) * np.cos(height), np.cos(azimuth) * np.cos(height), np.sin(height)])
    columns = 2 * rows
    polar = (np.arange(rows)[:, None] + 0.5) / rows * np.pi
    around = (np.arange(columns)[None] + 0.5) / columns * 2 * np.pi
    z = np.cos(polar) + 0 * around
    toward = np.stack([np.sin(polar) * np.sin(around), np.sin(polar) * np.cos(around), z], -1)
    lift = np.clip(z, 0, 1)[..., None] ** rng.uniform(0.35, 0.6)
    zenith, haze = {
        "clear": ((0.24, 0.5, 1.15), (1.0, 1.15, 1.3)),
        "cloudy": ((0.28, 0.54, 1.15), (1.05, 1.15, 1.25)),
        "overcast": ((1.15, 1.2, 1.28), (1.3, 1.33, 1.36)),
        "dusk": ((0.18, 0.24, 0.5), (1.3, 0.75, 0.45)),
    }[mood]
    tint = rng.normal(1.0, 0.025, 3)
    sky = (np.asarray(haze) * (1 - lift) + np.asarray(zenith) * lift) * tint
    beside = np.clip(toward @ sun, 0, 1)[..., None]
    if mood != "overcast":
        warm = np.array([1.0, 0.85, 0.6]) if mood != "dusk" else np.array([1.6, 0.8, 0.3])
        sky = sky + warm * (0.5 * beside**8 + 1.2 * beside**64 + 6.0 * beside**700)
    if mood == "dusk":
        sky = sky * (0.35 + 0.65 * (0.5 + 0.5 * beside))
    shade = 0.0 if mood == "clear" and rng.random() < 0.6 else float(rng.uniform(0.3, 1.0))
    if shade:
        deck = noise(rng, 256, (3, 3), 6, 0.55)
        deck = (deck - deck.mean()) / deck.std()
        plane = toward[..., :2] / np.maximum(z, 0.04)[..., None] * rng.uniform(0.05, 0.14)
        u, v = (np.floor((plane[..., k] % 1) * 256).astype(int) % 256 for k in (0, 1))
        cover = 1.6 if mood == "overcast" else rng.uniform(-1.1, 0.5)
        cloud = np.clip((deck[v, u] + cover) * rng.uniform(0.6, 1.6), 0, 1)[..., None]
        bright = np.array([1.95, 1.93, 1.92]) if mood != "dusk" else np.array([1.1, 0.7, 0.55])
        inner = bright * (1 - 0.4 * np.clip(cloud * deck[v, u][..., None] * 0.5, 0, 1)) * (0.8 + 0.4 * beside)
        fade = np.clip(z[..., None] / 0.12, 0, 1)
        if mood == "overcast":
            sky = sky * (1 + 0.18 * deck[v, u][..., None] * fade * shade)
        else:
            sky = sky + cloud * fade * shade * (inner - sky)
    below = np.array([0.35, 0.36, 0.36]) * float(sky[rows // 2 - 1].mean())
    sky = np.where(z[..., None] < -0.002, below, sky)
    lights: list[Sky | Sun] = [Sky(np.clip(sky, 0.01, None).astype(np.float32))]
    power = {"clear": rng.uniform(5, 9), "cloudy": rng.uniform(2, 7), "overcast": 0.0, "dusk": rng.uniform(0.8, 3)}[mood]
    if power:
        warmth = np.clip(np.sin(height) * 1.6, 0.15, 1)
        colour = power * np.array([1.0, 0.75 + 0.22 * warmth, 0.45 + 0.47 * warmth])
        lights.append(
            Sun((float(-sun[0]), float(-sun[1]), float(-sun[2])), (float(colour[0]), float(colour[1]), float(colour[2])))
        )
    return tuple(lights)


# --- ground ----------------------------------------------------------------------------------------------------------


class Relief:
    """Smooth random hills: octaves of interpolated lattice noise that can be asked anywhere.

    Args:
        wavelengths_m, heights_m: of each octave.
        ridged: fold the noise so that crests are sharp (mountains, dunes).
        calm_m: (inner, outer) radius around the origin over which the relief grows from nothing to its full height.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        wavelengths_m: Sequence[float],
        heights_m: Sequence[float] | Array,
        *,
        ridged: bool = False,
        calm_m: tuple[float, float] | None = None,
    ) -> None:
        self._octaves = [
            (float(w), float(h), rng.uniform(-1, 1, (64, 64)), rng.uniform(0, 64, 2), rng.uniform(0, 2 * np.pi))
            for w, h in zip(wavelengths_m, heights_m, strict=True)
        ]
        self._ridged, self._calm = ridged, calm_m

    def __call__(self, x: ArrayLike, y: ArrayLike) -> Array:
        """Return heights in metres at `x`, `y` (arrays of one shape)."""
        px, py = np.asarray(x, np.float64), np.asarray(y, np.float64)
        total = np.zeros(np.broadcast(px, py).shape)
        for wave, height, grid, shift, angle in self._octaves:
            c, s = np.cos(angle), np.sin(angle)
            u, v = (c * px - s * py) / wave + shift[0], (s * px + c * py) / wave + shift[1]
            i, j = np.floor(u).astype(int), np.floor(v).astype(int)
            fu, fv = u - i, v - j
            fu, fv = (f * f * f * (f * (6 * f - 15) + 10) for f in (fu, fv))
            i0, j0, i1, j1 = i % 64, j % 64, (i + 1) % 64, (j + 1) % 64
            value = (grid[i0, j0] * (1 - fu) + grid[i1, j0] * fu) * (1 - fv) + (
                grid[i0, j1] * (1 - fu) + grid[i1, j1] * fu
            ) * fv
            total += height * ((1 - 2 * np.abs(value)) if self._ridged else value)
        if self._calm is not None:
            r = np.hypot(px, py)
            t = np.clip((r - self._calm[0]) / (self._calm[1] - self._calm[0]), 0, 1)
            total *= t * t * (3 - 2 * t)
        return total


def ground_grid(
    rng: np.random.Generator, ground: Ground, *, cells: int = 150, fine_m: float = 0.35
) -> tuple[Array, NDArray[np.int32]]:
    """Return (n, 3) vertices and (m, 3) faces of ground that reaches the horizon, finest (`fine_m`) at the origin."""
    half = cells // 2
    t = np.linspace(0, 1, half + 1)
    growth = np.log(HORIZON_M / (fine_m * half)) if fine_m * half < HORIZON_M else 0.0
    axis = fine_m * half * t * np.exp(growth * t**2.2)
    axis = np.concatenate([-axis[:0:-1], axis])
    x, y = np.meshgrid(axis, axis)
    z = ground(x, y)
    n = len(axis)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).reshape(-1, 1)
    faces = np.concatenate([np.add(a, (0, 1, n + 1)), np.add(a, (0, n + 1, n))], 1).reshape(-1, 3).astype(np.int32)
    return np.stack([x, y, z], -1).reshape(-1, 3), faces


def draped(
    ground: Ground,
    outline: Callable[[Array], tuple[Array, Array]],
    stations: Array,
    half_width: float,
    lift: float,
    repeats_per_metre: float,
) -> Mesh:
    """Return a strip (a path, a road) along ``outline(stations) -> (x, y)`` laid `lift` metres above the ground."""
    x, y = outline(stations)
    dx, dy = np.gradient(x), np.gradient(y)
    length = np.hypot(dx, dy)
    across = np.linspace(-half_width, half_width, 5)
    px = x[:, None] - (dy / length)[:, None] * across
    py = y[:, None] + (dx / length)[:, None] * across
    edge = np.array([-0.6, 1, 1, 1, -0.6])  # the rims dip into the ground
    pz = ground(px, py) + lift * edge
    along = np.r_[0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))]
    uv = np.stack(np.broadcast_arrays(along[:, None], across[None]), -1) * repeats_per_metre
    n, c = px.shape
    a = (np.arange(n - 1)[:, None] * c + np.arange(c - 1)).reshape(-1, 1)
    faces = np.concatenate([np.add(a, (0, c, c + 1)), np.add(a, (0, c + 1, 1))], 1).reshape(-1, 3)[:, ::-1]
    return Mesh(
        np.stack([px, py, pz], -1).reshape(-1, 3).astype(np.float32),
        np.ascontiguousarray(faces, np.int32),
        uv.reshape(-1, 2).astype(np.float32),
        True,
    )


def muted(texture: NDArray[np.uint8], keep: float) -> NDArray[np.uint8]:
    """Return `texture` with its saturation multiplied by `keep` (0: grey)."""
    grey = texture.mean(2, keepdims=True)
    return np.asarray(np.clip(grey + keep * (texture - grey), 0, 255), np.uint8)


def lightened(
    rng: np.random.Generator, texture: NDArray[np.uint8], least: float = 95.0, most: float = 150.0
) -> NDArray[np.uint8]:
    """Return `texture` scaled so that its mean sRGB value is at least a draw from `least`..`most`: daylight albedo."""
    factor = max(1.0, float(rng.uniform(least, most)) / max(float(texture.mean()), 1.0))
    return np.asarray(np.clip(texture * np.float32(factor), 0, 255), np.uint8)


def yellowed(rng: np.random.Generator, texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `texture` with its bluish greens pulled towards the yellowish greens of grass and leaves."""
    red, green, blue = (texture[..., k].astype(np.float32) for k in range(3))
    pull = np.where((green >= red) & (green >= blue), np.float32(rng.uniform(0.4, 1.0)), np.float32(0))
    warmer = [red + pull * np.maximum(0.82 * green - red, 0), green, blue - pull * np.maximum(blue - 0.55 * green, 0)]
    return np.stack(warmer, -1).astype(np.uint8)


def mixed_texture(rng: np.random.Generator, categories: Sequence[str], n: int = 768) -> NDArray[np.uint8]:
    """Return (n, n, 3) ground of one or two categories blended in patches and mottled, so that its repeats show less."""
    import cv2

    def tiled() -> NDArray[np.uint8]:
        category = str(categories[int(rng.integers(len(categories)))])
        piece = muted(yellowed(rng, random_texture(rng, category)), float(rng.uniform(0.5, 1.0)))
        return np.tile(lightened(rng, piece, 75, 130), (n // 256, n // 256, 1))

    coarse = noise(rng, 192, (4, 4), 4, 0.6)
    patches = cv2.resize((coarse - coarse.mean()) / coarse.std(), (n, n), interpolation=cv2.INTER_LINEAR)
    image = tiled().astype(np.float32)
    if rng.random() < 0.65:
        weight = np.clip((patches - rng.uniform(-0.6, 1.2)) * rng.uniform(1.5, 6), 0, 1)[..., None].astype(np.float32)
        image += weight * (tiled() - image)
    image *= 1 + 0.09 * np.roll(patches, n // 3, 0)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


# --- the stage -------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """Things placed so far, with the boxes that a camera must stay out of.

    Attributes:
        ground: height of the ground at (x, y).
        things: everything. boxes: (2, 3) corners of each object, in order of its instance (1, 2, ...); None where open.
    """

    ground: Ground
    things: list[Thing] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    solid: list[bool] = field(default_factory=list)

    def add(
        self,
        parts: Sequence[Thing],
        xy: tuple[float, float],
        yaw_deg: float = 0.0,
        *,
        scale: float = 1.0,
        sink: float = 0.0,
        z: float | None = None,
        solid: bool = True,
    ) -> int:
        """Stand `parts` on the ground at `xy` (or at height `z`) as one object and return its index in `boxes`."""
        height = float(self.ground(xy[0], xy[1])) if z is None else z
        moved = placed(parts, (xy[0], xy[1], height - sink), yaw_deg, scale=scale, instance=len(self.boxes) + 1)
        self.things += moved
        self.boxes.append(bounds_of(moved))
        self.solid.append(solid)
        return len(self.boxes) - 1

    def structure(self, mesh: Mesh, look: Look, world_from_mesh: Array | None = None, *, blocks: bool = False) -> None:
        """Add a part of the place itself (instance 0); with `blocks` a camera must stay out of its box."""
        thing = Thing(mesh, look, np.eye(4) if world_from_mesh is None else world_from_mesh, 0)
        self.things.append(thing)
        if blocks:
            self.boxes.append(bounds_of([thing]))
            self.solid.append(True)

    def free(self, point: ArrayLike, margin: float) -> bool:
        """True where a camera may be: above the ground and outside all boxes grown by `margin` metres."""
        p = np.asarray(point, np.float64)
        if p[2] < float(self.ground(p[0], p[1])) + 0.04:
            return False
        low, high = self._corners()
        return not bool(np.any(np.all((p > low - margin) & (p < high + margin), axis=1))) if len(low) else True

    def sees(self, eye: ArrayLike, target: ArrayLike, ignore: int | None = None) -> bool:
        """True where the straight way from `eye` to `target` crosses no box (but `ignore`) and does not enter the ground."""
        e, t = np.asarray(eye, np.float64), np.asarray(target, np.float64)
        s = np.linspace(0, 0.97, 30)[:, None]
        p = e + s * (t - e)
        if np.any(p[:-3, 2] < self.ground(p[:-3, 0], p[:-3, 1])):
            return False
        low, high = self._corners(ignore)
        return not bool(np.any(np.all((p[:, None] > low) & (p[:, None] < high), axis=2)))

    def vacant(self, xy: tuple[float, float], radius: float) -> bool:
        """True where a disc of ground is clear of objects."""
        low, high = self._corners()
        gap = np.maximum(np.maximum(low[:, :2] - xy, np.asarray(xy) - high[:, :2]), 0)
        return bool(np.all(np.hypot(gap[:, 0], gap[:, 1]) > radius))

    def _corners(self, ignore: int | None = None) -> tuple[Array, Array]:
        kept = [b for i, b in enumerate(self.boxes) if i != ignore and self.solid[i]]
        stacked = np.array(kept).reshape(-1, 2, 3)
        return stacked[:, 0], stacked[:, 1]


# --- views -----------------------------------------------------------------------------------------------------------


def portrait_view(rng: np.random.Generator, stage: Stage, index: int, *, tries: int = 24) -> View | None:
    """Return a view of object `index` filling 20 to 90 % of the frame from about its own height; None if hidden."""
    low, high = stage.boxes[index]
    centre, radius = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    for _ in range(tries):
        fov = float(rng.uniform(28, 68))
        distance = radius / np.tan(np.deg2rad(fov) / 2) * rng.uniform(0.85, 2.6)
        distance = max(float(distance), 1.05 * radius + 0.05)
        a = rng.uniform(0, 2 * np.pi)
        rise = float(np.abs(rng.normal(0, 0.22))) if rng.random() < 0.8 else float(rng.uniform(-0.25, 0.9))
        aim = centre + rng.normal(0, 0.22, 3) * (high - low) * [0.6, 0.6, 0.5]
        eye = aim + distance * np.array([np.cos(a) * np.cos(rise), np.sin(a) * np.cos(rise), np.sin(rise)])
        eye[2] = max(eye[2], float(stage.ground(eye[0], eye[1])) + min(0.12, 0.5 * radius) + 0.02)
        if stage.free(eye, min(0.25, 0.4 * distance)) and stage.sees(eye, centre, index):
            blur = distance * float(np.exp(rng.uniform(np.log(0.0008), np.log(0.006)))) if rng.random() < 0.35 else 0.0
            focus = float(np.linalg.norm(eye - centre)) - 0.3 * radius * float(rng.random())
            return View(look_at(tuple(eye), tuple(aim), float(rng.normal(0, 2.5))), fov, min(blur, 0.014), max(focus, 0.05))
    return None


def glance_view(
    rng: np.random.Generator,
    stage: Stage,
    eye: Sequence[float | Array],
    heading_deg: float,
    pitch_deg: float,
    fov_deg: float,
    *,
    roll_deg: float = 2.0,
    margin: float = 0.35,
) -> View | None:
    """Return a sharp view from `eye` towards a heading (0 is +x) and pitch (up positive), or None where the eye is not free."""
    p = np.array([float(v) for v in eye])
    if not stage.free(p, margin):
        return None
    h, v = np.deg2rad([heading_deg, np.clip(pitch_deg, -88, 80)])
    forward = np.array([np.cos(h) * np.cos(v), np.sin(h) * np.cos(v), np.sin(v)])
    if not stage.sees(p, p + 1.2 * forward) and pitch_deg > -30:
        return None
    return View(look_at(tuple(p), tuple(p + forward), float(rng.normal(0, roll_deg))), float(fov_deg))


def collect_views(
    rng: np.random.Generator, recipes: Sequence[Callable[[], View | None]], weights: Sequence[float], count: int
) -> tuple[View, ...]:
    """Return `count` views, each from a recipe drawn by weight; a recipe that fails is drawn again.

    Raises:
        RuntimeError: 60 draws a view gave too few.
    """
    p = np.asarray(weights, np.float64) / np.sum(weights)
    out: list[View] = []
    for _ in range(60 * count):
        if len(out) == count:
            return tuple(out)
        view = recipes[int(rng.choice(len(recipes), p=p))]()
        if view is not None:
            out.append(view)
    raise RuntimeError(f"only {len(out)} of {count} views found a free place")


# --- passers-by ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=96)
def _cached_person(seed: int, pose: str | None) -> tuple[Thing, ...]:
    return tuple(make_person(np.random.default_rng(seed), pose=pose, detail=0.62))


@lru_cache(maxsize=64)
def _cached_animal(seed: int, kind: str | None) -> tuple[Thing, ...]:
    return tuple(make_animal(np.random.default_rng(seed), kind=kind, detail=0.6))


def passer_by(rng: np.random.Generator, pose: str | None = None) -> tuple[Thing, ...]:
    """Return a person of few triangles, one of 400 that are kept once made."""
    return _cached_person(int(rng.integers(400)), pose)


def stray_animal(rng: np.random.Generator, *kinds: str) -> tuple[Thing, ...]:
    """Return an animal of few triangles of one of `kinds` (or any), one of 120 a kind that are kept once made."""
    return _cached_animal(int(rng.integers(120)), str(rng.choice(kinds)) if kinds else None)
