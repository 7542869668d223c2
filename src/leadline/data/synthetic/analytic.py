"""The analytic world: planes, spheres and boxes whose depth, normals, warps and stereo pairs are closed forms.

A world is drawn from a seed and cast in some 40 ms, in NumPy, so quick starts and tests need no files and no renderer. The
truth is that of the rays through the pixels' centres, in float64 until it is stored; the first surface counts, also where it
is a mirror or glass. Only the picture is approximate: one sample per pixel, four where it holds an edge, hard shadows, two
bounces off mirrors or through panes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.synthetic.raycast import Box, Hits, Plane, Rows, Shape, Sphere, dot, first_hit
from leadline.data.synthetic.render import RenderedView
from leadline.data.synthetic.scene import Material, View, look_at
from leadline.data.synthetic.sensor import roll_off, srgb_encode
from leadline.data.synthetic.textures import linear, random_texture
from leadline.depth_map import METRIC_DEPTH, PIXEL_DISPARITY, DepthMap
from leadline.geometry import pixel_disparity_from_depth, right_from_left
from leadline.sample import Sample

F32 = NDArray[np.float32]

Point = tuple[float, float, float]

_TEXELS = 64
_LEVELS = 7  # 64, 32 ... 1
_LINEAR = np.array([linear((code, code, code))[0] for code in range(256)], np.float32)
_EDGE_OFFSETS = ((-0.25, -0.125), (0.125, -0.25), (0.25, 0.125), (-0.125, 0.25))  # a rotated grid inside the pixel
_GLASS_TINT = np.array([0.86, 0.92, 0.90], np.float32)
_MIRROR_TINT = np.array([0.90, 0.91, 0.92], np.float32)


@dataclass(frozen=True, eq=False)
class Solid:
    """A shape with its looks.

    Attributes:
        shape: where it is.
        texture: (64, 64, 3) uint8 sRGB, repeated over the surface.
        repeat_m: metres of one repeat.
        material: a mirror shows what it reflects, a transparent thing what is straight behind it.
        instance: 0 for structure (floor, walls, ground), 1 and up for objects.
    """

    shape: Shape
    texture: NDArray[np.uint8]
    repeat_m: float = 1.0
    material: Material = Material.OPAQUE
    instance: int = 0

    @cached_property
    def pyramid(self) -> F32:
        """The texture in linear light at 64, 32 ... 1 texels a side, one below the other: (5461, 3); far surfaces use less."""
        level: NDArray[Any] = _LINEAR[self.texture]
        rows = [level.reshape(-1, 3)]
        for _ in range(_LEVELS - 1):
            level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) / 4
            rows.append(level.reshape(-1, 3))
        return np.concatenate(rows, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class World:
    """Solids under one light.

    Attributes:
        solids: what there is.
        light: where the light is; far away, it is a sun.
        brightness: of white paper that faces the light from nearby; what reaches the shadows is 0.3 or so.
        falloff_m: the distance at which half of the light is left; infinite for a sun.
        horizon, zenith: linear RGB of the sky. In a closed room no ray reaches it.
        far_m: surfaces beyond this z-depth count as sky (the ground plane never ends).
    """

    solids: tuple[Solid, ...]
    light: Point = (3e4, 4e4, 8e4)
    brightness: float = 0.9
    falloff_m: float = np.inf
    horizon: Point = (0.65, 0.72, 0.80)
    zenith: Point = (0.18, 0.35, 0.70)
    far_m: float = 250.0

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the solids, in their order."""
        return tuple(solid.shape for solid in self.solids)


class StereoSample(NamedTuple):
    """A rectified pair of the analytic world.

    Attributes:
        left, right: samples with their own exact depth; their cameras are equal.
        pixel_disparity: of the left view: its pixel x is seen at ``x - pixel_disparity`` in the right one.
        occluded: (h, w) bool: left pixels whose point the right camera does not see (hidden, or out of its picture).
        baseline_m: distance of the cameras, metres.
    """

    left: Sample
    right: Sample
    pixel_disparity: DepthMap
    occluded: NDArray[np.bool_]
    baseline_m: float


def make_sample(
    rng: int | np.random.Generator, hw: tuple[int, int] = (192, 256), *, fov_deg: float | None = None, name: str = "analytic"
) -> Sample:
    """Draw a world and a view of it.

    Args:
        rng: seed or generator.
        hw: size in pixels.
        fov_deg: horizontal field of view; None draws one from 45 to 85 degrees.
        name: of the sample.

    Returns:
        A sample with picture, metric depth, camera, pose and the masks "sky", "material" and "instance".
    """
    world, view = make_world(np.random.default_rng(rng), fov_deg)
    return sample_of(render_view(world, view, hw), name)


def make_stereo_pair(
    rng: int | np.random.Generator,
    hw: tuple[int, int] = (192, 256),
    *,
    baseline_m: float = 0.1,
    fov_deg: float | None = None,
    name: str = "analytic",
) -> StereoSample:
    """Draw a world and a rectified pair of views of it; arguments as in `make_sample`.

    Raises:
        LeadlineError: the baseline is not positive.
    """
    world, view = make_world(np.random.default_rng(rng), fov_deg)
    left = render_view(world, view, hw, baseline_m=baseline_m)
    assert left.right_radiance is not None
    assert left.pixel_disparity is not None
    assert left.occluded is not None
    right = _rendered(world, _shoot(world, _right_of(view, baseline_m), hw), left.right_radiance, {})
    left_sample, right_sample = sample_of(left, f"{name}_left"), sample_of(right, f"{name}_right")
    disparity = DepthMap(left.pixel_disparity, left.valid, PIXEL_DISPARITY, left_sample.camera, "analytic")
    return StereoSample(left_sample, right_sample, disparity, left.occluded, baseline_m)


def sample_of(view: RenderedView, name: str) -> Sample:
    """Return a rendered view as a sample, its radiance shown as it is: no exposure, no noise."""
    height, width = view.depth.shape
    k = view.intrinsics
    camera = Camera(width, height, float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))
    masks = {"sky": view.sky, "material": view.material, "instance": view.instance}
    depth = DepthMap(view.depth, view.valid, METRIC_DEPTH, camera, "analytic")
    image = (srgb_encode(roll_off(view.radiance)) * 255 + 0.5).astype(np.uint8)
    return Sample(name, image, depth, camera, masks, view.world_from_camera)


def make_world(rng: np.random.Generator, fov_deg: float | None = None) -> tuple[World, View]:
    """Draw a room (two times in three) or an open place, and where to stand in it."""
    fov = float(rng.uniform(45, 85)) if fov_deg is None else fov_deg
    world, eye, target = (_room if rng.random() < 2 / 3 else _open_place)(rng)
    return world, View(look_at(eye, target, roll_deg=float(rng.normal(0, 2))), fov)


def render_view(world: World, view: View, hw: tuple[int, int], *, baseline_m: float | None = None) -> RenderedView:
    """Return the picture and the exact truth of one view (a pinhole: no lens blur); with `baseline_m` also the stereo part.

    Raises:
        LeadlineError: the field of view is no pinhole's, or the baseline not positive.
    """
    shot = _shoot(world, view, hw)
    stereo = {} if baseline_m is None else _stereo(world, shot, baseline_m)
    return _rendered(world, shot, _picture(world, shot), stereo)


def visible_from(world: World, eye: NDArray[np.float64], points: Rows) -> NDArray[np.bool_]:
    """Return (n,) whether each of the (3, n) surface points is the first thing on its ray from the (3, 1) `eye`."""
    return first_hit(world.shapes, eye, points - eye).t > 1 - 1e-6  # the ray's parameter is 1 at the point


class _Shot(NamedTuple):
    """The rays through a view's pixel centres, (3, n) in the world, and what they hit."""

    view: View
    camera: Camera
    directions: Rows
    hits: Hits

    @property
    def eye(self) -> Rows:
        return self.view.world_from_camera[:3, 3:4]

    @property
    def turn(self) -> Rows:
        return self.view.world_from_camera[:3, :3]

    @property
    def depth(self) -> Rows:
        return np.where(self.hits.shape >= 0, self.hits.t, 0.0)


def _shoot(world: World, view: View, hw: tuple[int, int]) -> _Shot:
    camera = Camera.from_fov_deg(view.fov_x_deg, hw)
    # Directions have z = 1 in the camera's frame, so the ray parameter is the z-depth itself.
    directions = view.world_from_camera[:3, :3] @ camera.rays().reshape(-1, 3).T
    return _Shot(view, camera, directions, _look(world, view.world_from_camera[:3, 3:4], directions))


def _look(world: World, eye: Rows, directions: Rows) -> Hits:
    hits = first_hit(world.shapes, eye, directions)
    near = hits.t <= world.far_m
    return Hits(np.where(near, hits.t, np.inf), np.where(near, hits.shape, -1))


def _picture(world: World, shot: _Shot) -> F32:
    camera, pixel = shot.camera, 1 / shot.camera.fx
    radiance = _radiance(world, shot.eye, shot.directions, shot.hits, pixel, bounces=2)
    edge = np.flatnonzero(_edges(shot.hits.shape.reshape(camera.hw)))
    offsets = [shot.turn @ np.array([[dx / camera.fx], [dy / camera.fy], [0.0]]) for dx, dy in _EDGE_OFFSETS]
    finer = np.concatenate([shot.directions[:, edge] + offset for offset in offsets], axis=1)
    samples = _radiance(world, shot.eye, finer, _look(world, shot.eye, finer), pixel, bounces=1)
    radiance[:, edge] = samples.reshape(3, len(offsets), -1).mean(axis=1)
    return _image(radiance, camera.hw)


def _rendered(world: World, shot: _Shot, radiance: F32, stereo: dict[str, Any]) -> RenderedView:
    hw, hits = shot.camera.hw, shot.hits
    normals = _facing_normals(world, hits, shot.eye + shot.depth * shot.directions, shot.directions)
    return RenderedView(
        radiance=radiance,
        depth=shot.depth.reshape(hw).astype(np.float32),
        normals=_image(shot.turn.T @ normals, hw),
        material=np.array([s.material for s in world.solids] + [0], np.uint8)[hits.shape].reshape(hw),
        instance=np.array([s.instance for s in world.solids] + [0], np.uint16)[hits.shape].reshape(hw),
        sky=(hits.shape < 0).reshape(hw),
        intrinsics=shot.camera.intrinsics,
        world_from_camera=shot.view.world_from_camera,
        **stereo,
    )


def _right_of(view: View, baseline_m: float) -> View:
    return View(view.world_from_camera @ np.linalg.inv(right_from_left(baseline_m)), view.fov_x_deg)


def _stereo(world: World, shot: _Shot, baseline_m: float) -> dict[str, Any]:
    hw, right = shot.camera.hw, _right_of(shot.view, baseline_m)
    disparity = pixel_disparity_from_depth(shot.depth, shot.camera.fx, baseline_m).reshape(hw)
    visible = visible_from(world, right.world_from_camera[:3, 3:4], shot.eye + shot.depth * shot.directions).reshape(hw)
    outside = shot.camera.pixel_centres()[..., 0] - disparity < 0
    return {
        "right_radiance": _picture(world, _shoot(world, right, hw)),
        "pixel_disparity": disparity.astype(np.float32),
        "occluded": (shot.hits.shape >= 0).reshape(hw) & (~visible | outside),
        "baseline_m": baseline_m,
    }


def _facing_normals(world: World, hits: Hits, points: Rows, directions: Rows) -> Rows:
    normals = np.zeros(points.shape)
    for k, shape in enumerate(world.shapes):
        mine = np.flatnonzero(hits.shape == k)
        if mine.size:
            normals[:, mine] = shape.normal(points[:, mine])
    return normals * np.where(dot(normals, directions) > 0, -1.0, 1.0)


def _radiance(world: World, origins: Rows, directions: Rows, hits: Hits, pixel: float, bounces: int) -> F32:
    """Return (3, n) linear RGB along rays; `pixel` is the width of a pixel at distance 1."""
    unit = directions / np.sqrt(dot(directions, directions))
    colour = _sky(world, unit)
    seen = np.flatnonzero(hits.shape >= 0)
    index, ahead = hits.shape[seen], directions[:, seen]
    points = (origins if origins.shape[1] == 1 else origins[:, seen]) + hits.t[seen] * ahead
    normals = _facing_normals(world, Hits(hits.t[seen], index), points, ahead)
    facing = np.abs(dot(normals, unit[:, seen]))
    footprint = pixel * hits.t[seen] / np.maximum(facing, 0.25)
    surface = _albedo(world, index, points, footprint) * _light(world, index, points, normals)
    material = np.array([solid.material for solid in world.solids], np.uint8)[index]
    shiny = np.flatnonzero(material != Material.OPAQUE)
    if bounces and shiny.size:
        glass = material[shiny] == Material.TRANSPARENT
        ray, normal, start = ahead[:, shiny], normals[:, shiny], points[:, shiny]
        mirrored = ray - 2 * dot(ray, normal) * normal
        share = np.where(glass, 0.04 + 0.5 * (1 - facing[shiny]) ** 5, 1.0)  # Schlick's approximation, softened
        reflection = _MIRROR_TINT[:, None] * _bounce(world, start, mirrored, index[shiny], pixel, bounces)
        through = _GLASS_TINT[:, None] * _bounce(world, start[:, glass], ray[:, glass], index[shiny][glass], pixel, bounces)
        shine = share * reflection
        shine[:, glass] += (1 - share[glass]) * through
        surface[:, shiny] = shine
    colour[:, seen] = surface
    return colour


def _bounce(world: World, points: Rows, directions: Rows, skip: NDArray[np.int64], pixel: float, bounces: int) -> F32:
    hits = first_hit(world.shapes, points, directions, skip)
    return _radiance(world, points, directions, hits, pixel, bounces - 1)


def _albedo(world: World, index: NDArray[np.int64], points: Rows, footprint: Rows) -> F32:
    colour = np.zeros(points.shape, np.float32)
    for k, solid in enumerate(world.solids):
        mine = np.flatnonzero(index == k)
        if not mine.size:
            continue
        level = np.ceil(np.log2(np.maximum(footprint[mine] * _TEXELS / solid.repeat_m, 1.0))).astype(np.intp)
        side = _TEXELS >> np.minimum(level, _LEVELS - 1)
        u, v = (np.floor(c / solid.repeat_m * side).astype(np.intp) % side for c in solid.shape.uv(points[:, mine]))
        first = 4 * (_TEXELS**2 - side**2) // 3  # 64^2 + 32^2 + ... down to twice this level's side
        colour[:, mine] = solid.pyramid[first + v * side + u].T
    return colour


def _light(world: World, index: NDArray[np.int64], points: Rows, normals: Rows) -> F32:
    to_light = np.array(world.light)[:, None] - points
    distance = np.sqrt(dot(to_light, to_light))
    slope = np.maximum(dot(normals, to_light) / distance, 0.0)
    lit = np.flatnonzero(slope > 0)
    blocker = first_hit(world.shapes, points[:, lit], to_light[:, lit], index[lit], endless=False)
    opacity = np.array([0.4 if s.material == Material.TRANSPARENT else 1.0 for s in world.solids])[blocker.shape]
    slope[lit] *= np.where(blocker.t < 1, 1 - opacity, 1.0)
    direct = slope * world.brightness / (1 + (distance / world.falloff_m) ** 2)
    return np.asarray(0.3 + 0.1 * normals[2] + direct, np.float32)


def _sky(world: World, unit: Rows) -> F32:
    height = np.clip(unit[2], 0.0, 1.0) ** 0.6
    low, high = np.array(world.horizon)[:, None], np.array(world.zenith)[:, None]
    return np.asarray(low + (high - low) * height, np.float32)


def _edges(index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the pixels one of whose four neighbours shows another solid."""
    edge = np.zeros(index.shape, bool)
    across, down = index[:, 1:] != index[:, :-1], index[1:] != index[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _room(rng: np.random.Generator) -> tuple[World, Point, Point]:
    width, length, height = rng.uniform((3, 4, 2.4), (7, 9, 3.2))
    wall = random_texture(rng, "wall", _TEXELS)
    planes = [
        Solid(Plane((0, 0, 0), (0, 0, 1)), random_texture(rng, "floor", _TEXELS), float(rng.uniform(0.6, 2))),
        Solid(Plane((0, 0, height), (0, 0, -1)), random_texture(rng, "ceiling", _TEXELS), 2.0),
        Solid(Plane((0, 0, 0), (1, 0, 0)), wall, 1.6),
        Solid(Plane((width, 0, 0), (-1, 0, 0)), wall, 1.6),
        Solid(Plane((0, 0, 0), (0, 1, 0)), wall, 1.6),
        Solid(Plane((0, length, 0), (0, -1, 0)), random_texture(rng, "wall", _TEXELS), 1.6),
    ]
    eye = (float(rng.uniform(0.3, 0.7) * width), float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.9, 1.8)))
    target = (float(rng.uniform(0.25, 0.75) * width), float(0.7 * length), float(rng.uniform(0.3, 1.3)))
    things = _clutter(rng, eye, (0.4, 1.2), (width - 0.4, length - 0.3), int(rng.integers(4, 10)), (0.15, 0.5), (0.2, 1.9))
    if rng.random() < 0.4:  # a mirror on the far wall
        half = (float(rng.uniform(0.3, 0.9)), 0.02, float(rng.uniform(0.3, 0.6)))
        centre = (float(rng.uniform(0.3, 0.7) * width), length - 0.02, 1.5)
        things.append(Solid(Box(centre, half), wall, 1.0, Material.MIRROR, len(things) + 1))
    light = (float(rng.uniform(0.3, 0.7) * width), float(rng.uniform(0.3, 0.7) * length), height - 0.15)
    return World((*planes, *things), light, brightness=1.6, falloff_m=2.5), eye, target


def _open_place(rng: np.random.Generator) -> tuple[World, Point, Point]:
    ground = Solid(Plane((0, 0, 0), (0, 0, 1)), random_texture(rng, "ground", _TEXELS), float(rng.uniform(1, 4)))
    eye = (0.0, 0.0, float(rng.uniform(1.2, 2.2)))
    target = (float(rng.uniform(-4, 4)), 12.0, float(rng.uniform(0.2, 2.0)))
    things = _clutter(rng, eye, (-6, 2.5), (6, 20), int(rng.integers(3, 9)), (0.2, 0.8), (0.4, 2.2))
    for _ in range(int(rng.integers(2, 7))):  # buildings
        half = rng.uniform((2, 2, 2), (6, 6, 8))
        centre = (float(rng.uniform(-35, 35)), float(rng.uniform(18, 90)), float(half[2]))
        shape = Box(centre, (float(half[0]), float(half[1]), float(half[2])), float(rng.normal(0, 10)))
        things.append(Solid(shape, random_texture(rng, "facade", _TEXELS), 6.0, instance=len(things) + 1))
    away, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.2)
    sun = 1e5 * np.array([np.cos(away) * np.cos(up), np.sin(away) * np.cos(up), np.sin(up)])
    return World((ground, *things), (float(sun[0]), float(sun[1]), float(sun[2])), brightness=0.9), eye, target


def _clutter(
    rng: np.random.Generator,
    eye: Point,
    low: tuple[float, float],
    high: tuple[float, float],
    count: int,
    half_widths: tuple[float, float],
    heights: tuple[float, float],
) -> list[Solid]:
    """Stand blocks, some with a ball on top, and balls on the ground between two corners, apart from each other and the eye."""
    things: list[Solid] = []
    taken = [(eye[0], eye[1], 0.5)]
    for _ in range(count):
        x, y = rng.uniform(low, high)
        reach = float(rng.uniform(*half_widths))
        if any(np.hypot(x - a, y - b) < 1.2 * (reach + r) for a, b, r in taken):
            continue
        taken.append((x, y, 1.5 * reach))
        top = 0.0
        if rng.random() < 0.7:
            top = float(rng.uniform(*heights))
            half = (reach, float(rng.uniform(0.4, 1)) * reach, top / 2)
            things.append(_thing(rng, Box((x, y, top / 2), half, float(rng.uniform(0, 90))), len(things) + 1))
        if top == 0 or rng.random() < 0.5:
            radius = float(rng.uniform(0.4, 0.9)) * reach * (0.4 if top else 1.0)
            things.append(_thing(rng, Sphere((x, y, top + radius), radius), len(things) + 1))
    return things


def _thing(rng: np.random.Generator, shape: Shape, instance: int) -> Solid:
    material = Material(int(rng.choice(3, p=[0.8, 0.12, 0.08])))
    return Solid(shape, random_texture(rng, None, _TEXELS), float(rng.uniform(0.3, 1.2)), material, instance)


def _image(rows: NDArray[Any], hw: tuple[int, int]) -> F32:
    return np.asarray(rows.T, np.float32).reshape(*hw, 3)
