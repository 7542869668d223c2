"""Turn a `Scene` into pictures and exact truth with Mitsuba 3 (a path tracer, optional dependency).

Truth comes from one ray through the centre of each pixel: pixel (x, y) covers [x, x + 1) x [y, y + 1), so its centre lies at
(x + 0.5, y + 0.5) and a centred camera has ``cx = w / 2``. The first surface counts, also where it is glass or a mirror. The
picture is path traced with a few samples per pixel (a multiple of four), cleaned by `denoise` and, where the view asks for
it, blurred by `lens`; its values are linear radiance for `sensor`.

All views of a scene are traced in one launch, since tracing the program costs as much as a view. Mitsuba keeps compiled
kernels on disk, so the first scene with a new mix of looks takes a second longer than the next. Where things move (`movers`)
each view is a frame and a launch of its own, but the program is told only once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.denoise import Guide, denoise
from leadline.data.synthetic.lens import blur
from leadline.data.synthetic.mitsuba_scene import build, load_mitsuba, shape_name
from leadline.data.synthetic.movers import Movers, Recorder
from leadline.data.synthetic.scene import Material, Scene, View

F32 = NDArray[np.float32]
Size = tuple[int, int]

_DELTA_BOUNCES = 4  # how far a denoising guide looks through glass and mirrors: in and out of a hollow vessel
_SIDE = 2  # samples per pixel side


@dataclass(frozen=True)
class RenderedView:
    """A picture and its truth; all arrays are (h, w) or (h, w, 3).

    Attributes:
        radiance: linear RGB, arbitrary exposure, float32.
        depth: z of the first surface in metres, 0 where there is none, float32.
        normals: unit normals in the camera frame (x right, y down, z forward), facing the camera; 0 where there is no surface.
        material: uint8 `Material`.
        instance: uint16 object number, 0 for structure and sky.
        sky: True where the ray left the world; everywhere else `depth` is valid.
        intrinsics: (3, 3) in pixels.
        world_from_camera: (4, 4).
        right_radiance, pixel_disparity, occluded, baseline_m: the stereo part, or None. `occluded` marks left pixels whose
            point the right camera does not see (hidden, or out of its frame).
        moving: True where the surface belongs to an object that moves in the world; None in a scene where nothing does.
    """

    radiance: F32
    depth: F32
    normals: F32
    material: NDArray[np.uint8]
    instance: NDArray[np.uint16]
    sky: NDArray[np.bool_]
    intrinsics: NDArray[np.float64]
    world_from_camera: NDArray[np.float64]
    right_radiance: F32 | None = None
    pixel_disparity: F32 | None = None
    occluded: NDArray[np.bool_] | None = None
    baseline_m: float | None = None
    moving: NDArray[np.bool_] | None = None

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True where the ray hit a surface."""
        return ~self.sky


@dataclass(frozen=True)
class _Hits:
    """What n rays met: thing (n,) (-1: none) and distance (n,); position, normal facing the ray, and albedo, each (3, n).

    `passed` (n,) is True where they went through glass or were mirrored on their way.
    """

    thing: NDArray[np.intp]
    distance: F32
    passed: NDArray[np.bool_]
    position: F32
    normal: F32
    albedo: F32

    def images(self, count: int, size: Size) -> list[_Hits]:
        """Split into `count` pictures of `size`, with (h, w) in the place of n."""
        w, h = size
        split = {k: np.split(v.reshape(*v.shape[:-1], count * h, w), count, axis=-2) for k, v in vars(self).items()}
        return [_Hits(**{k: v[i] for k, v in split.items()}) for i in range(count)]


def intrinsics_of(view: View, size: Size) -> NDArray[np.float64]:
    """Return the (3, 3) intrinsics in pixels of `view` in a picture of `size` (width, height)."""
    w, h = size
    focal_px = 0.5 * w / np.tan(np.deg2rad(view.fov_x_deg) / 2)
    return np.array([[focal_px, 0, w / 2], [0, focal_px, h / 2], [0, 0, 1]])


class Renderer:
    """Renders scenes at a fixed quality.

    Args:
        spp: samples per pixel, a multiple of 4.
        max_depth: longest light path in segments.
        threads: of Mitsuba, 0 for all cores.
    """

    def __init__(self, *, spp: int = 4, max_depth: int = 8, threads: int = 0) -> None:
        if spp <= 0 or spp % _SIDE**2:
            raise ValueError(f"spp must be a positive multiple of {_SIDE**2}, got {spp}")
        self.spp, self.max_depth = spp, max_depth
        self._mi = load_mitsuba(threads)

    def load(self, scene: Scene) -> LoadedScene:
        """Hand the scene to Mitsuba."""
        return LoadedScene(self._mi, scene, self.spp, self.max_depth)

    def render(
        self, scene: Scene, size: Size = (320, 240), *, seed: int = 0, baseline_m: float | None = None
    ) -> list[RenderedView]:
        """Render all views of `scene` at `size` (width, height); with `baseline_m` also a right eye for each."""
        return self.load(scene).render(scene.views, size, seed=seed, baseline_m=baseline_m)


class LoadedScene:
    """A scene in Mitsuba's memory, ready to be looked at."""

    def __init__(self, mi: Any, scene: Scene, spp: int, max_depth: int) -> None:
        self._mi, self._things, self._spp = mi, scene.things, spp
        self._vectorised = not mi.variant().startswith("scalar")
        self._mi_scene, self._loose = build(mi, scene, max_depth)
        self._integrator = self._mi_scene.integrator()
        self._has_delta = any(t.look.material != Material.OPAQUE for t in scene.things)
        number = {shape_name(i): i for i in range(len(scene.things))}
        self._thing_of_shape: dict[Any, int] = {self._key(shape): number[shape.id()] for shape in self._mi_scene.shapes()}
        self._movers, self._recorder = None, None
        if scene.moves:
            self._movers = Movers(mi, self._mi_scene, scene.things, scene.moves)
            self._movers.place(0)
            shapes = list(self._mi_scene.shapes())
            looks = [shape.bsdf() for shape in shapes]
            state = [self._mi_scene, self._integrator, shapes, looks, list(self._mi_scene.emitters()), self._loose]
            self._recorder = Recorder(state) if self._vectorised else None

    def render(
        self, views: Sequence[View], size: Size, *, seed: int = 0, baseline_m: float | None = None
    ) -> list[RenderedView]:
        """Render `views` of this scene; see `Renderer.render`. Where things move, view k is frame k."""
        if self._movers is None:
            return self._render(views, size, seed, baseline_m)
        film = []
        for k, view in enumerate(views):
            self._movers.place(k)
            (frame,) = self._render([view], size, int(np.random.default_rng([seed, k]).integers(2**31)), baseline_m)
            film.append(replace(frame, moving=self._movers.moving(k, frame.instance)))
        if self._recorder is not None:
            self._recorder.forget()
        return film

    def _render(self, views: Sequence[View], size: Size, seed: int, baseline_m: float | None) -> list[RenderedView]:
        if not views:
            return []
        rights = [] if baseline_m is None else [_shifted(v, baseline_m) for v in views]
        pictures = self._pictures([*views, *rights], size, seed)
        rendered = [replace(t, radiance=p) for t, p in zip(self.truth(views, size), pictures, strict=False)]
        if baseline_m is None:
            return rendered
        return [
            replace(left, right_radiance=picture, baseline_m=baseline_m, **self._stereo(view, left, baseline_m))
            for view, left, picture in zip(views, rendered, pictures[len(views) :], strict=True)
        ]

    def truth(self, views: Sequence[View], size: Size) -> list[RenderedView]:
        """Return the views without a picture (their radiance is empty); moving things stay where they were placed last."""
        material = np.array([t.look.material for t in self._things] + [0], np.uint8)
        instance = np.array([t.instance for t in self._things] + [0], np.uint16)
        out = []
        for view, hits in zip(views, self._shoot(*_rays(views, size)).images(len(views), size), strict=True):
            sky = hits.thing < 0
            z = hits.distance / np.linalg.norm(_camera_rays(view, size), axis=0)
            normals = np.tensordot(hits.normal, view.world_from_camera[:3, :3].astype(np.float32), (0, 0))
            out.append(
                RenderedView(
                    radiance=np.zeros((0, 0, 3), np.float32),
                    depth=np.where(sky, 0, z).astype(np.float32),
                    normals=np.where(sky[..., None], 0, normals).astype(np.float32),
                    material=material[hits.thing],
                    instance=instance[hits.thing],
                    sky=sky,
                    intrinsics=intrinsics_of(view, size),
                    world_from_camera=view.world_from_camera,
                )
            )
        return out

    def first_hit(self, origins: NDArray[Any], directions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the (n,) distance in metres from (n, 3) `origins` along unit `directions` to the first surface (inf: none)."""
        return self._shoot(origins, directions).distance.astype(np.float64)

    def _pictures(self, views: Sequence[View], size: Size, seed: int) -> list[F32]:
        """Path trace and denoise. The paths start with the very rays that the denoiser's guide knows, so that both agree."""
        grid, rng = (size[0] * _SIDE, size[1] * _SIDE), np.random.default_rng(seed)
        jitter = rng.uniform(-0.5, 0.5, (len(views), 2, grid[1], grid[0])).astype(np.float32)
        rays = _rays(views, grid, jitter)
        rounds = self._spp // _SIDE**2
        light = sum((self._radiance(*rays, int(rng.integers(2**31))) for _ in range(rounds)), np.zeros(1, np.float32)) / rounds
        samples = np.split(light.reshape(3, len(views) * grid[1], grid[0]), len(views), axis=1)
        seen = self._shoot(*rays, through=self._has_delta).images(len(views), grid)
        emitter = np.array([t.look.kind == "light" for t in self._things] + [True])  # the last: the sky, number -1
        pictures = []
        for view, part, hits in zip(views, samples, seen, strict=True):
            emits, sky = emitter[hits.thing], hits.thing < 0
            distance = np.where(sky, 0, hits.distance)
            normal, position = np.where(emits, 0, hits.normal), np.where(sky, 0, hits.position)
            guide = Guide(hits.albedo, normal, position, distance, emits, sky & hits.passed)
            picture = denoise(np.asarray(part, np.float32), guide)
            if view.aperture_m > 0:
                z = distance[::_SIDE, ::_SIDE] / np.linalg.norm(_camera_rays(view, size), axis=0)
                inverse = np.where(z > 0, 1 / np.maximum(z, 1e-3), 0).astype(np.float32)
                picture = blur(picture, inverse, intrinsics_of(view, size)[0, 0], view.aperture_m, view.focus_m)
            pictures.append(picture)
        return pictures

    def _radiance(self, origins: F32, directions: F32, seed: int) -> F32:
        """Return the (3, n) light that arrives along (n, 3) rays, one path each."""
        mi, scene = self._mi, self._mi_scene
        if self._vectorised:

            def trace(o: Any, d: Any, start: Any) -> Any:
                sampler = mi.load_dict({"type": "independent"})
                sampler.seed(start, len(origins))
                return self._integrator.sample(scene, sampler, mi.RayDifferential3f(o, d))[0]

            key = ("radiance", len(origins))
            return np.array(self._run(key, trace, mi.Point3f(origins.T), mi.Vector3f(directions.T), seed), np.float32)
        sampler = mi.load_dict({"type": "independent"})
        sampler.seed(seed, 1)
        rays = (mi.RayDifferential3f(o, d) for o, d in zip(origins.tolist(), directions.tolist(), strict=True))
        return np.array([self._integrator.sample(scene, sampler, ray)[0] for ray in rays], np.float32).T

    def _run(self, key: tuple[object, ...], program: Callable[..., Any], o: Any, d: Any, *numbers: int) -> Any:
        """Run a program on rays, in a film as it was recorded."""
        if self._recorder is None:
            return program(o, d, *numbers)
        import drjit as dr

        return self._recorder.run(key, program, o, d, *(dr.opaque(self._mi.UInt32, n) for n in numbers))

    def _stereo(self, view: View, left: RenderedView, baseline_m: float) -> dict[str, Any]:
        h, w = left.depth.shape
        z = np.where(left.valid, left.depth, 1)
        disparity = np.where(left.valid, left.intrinsics[0, 0] * baseline_m / z, 0).astype(np.float32)
        eye = _shifted(view, baseline_m).world_from_camera
        toward = (_camera_rays(view, (w, h)) * z).reshape(3, -1).T - np.array([baseline_m, 0, 0])
        far = np.linalg.norm(toward, axis=1)
        hit = self.first_hit(np.broadcast_to(eye[:3, 3], toward.shape), toward / far[:, None] @ eye[:3, :3].T)
        hidden = (hit < far * (1 - 2e-4) - 1e-4).reshape(h, w)
        outside = np.arange(w) + 0.5 - disparity < 0
        return {"pixel_disparity": disparity, "occluded": left.valid & (hidden | outside)}

    def _shoot(self, origins: NDArray[Any], directions: NDArray[Any], *, through: bool = False) -> _Hits:
        """Trace (n, 3) rays to the first surface, or with `through` to the first that is neither mirror nor glass."""
        if self._vectorised:
            mi, key = self._mi, ("shoot", len(origins), through)
            o, d = mi.Point3f(origins.T.astype(np.float32)), mi.Vector3f(directions.T.astype(np.float32))
            return self._hits(*self._run(key, lambda a, b: self._meet(mi.Ray3f(a, b), through), o, d))
        shots = [
            self._hits(*self._meet(self._mi.Ray3f(o.tolist(), d.tolist()), through))
            for o, d in zip(origins.astype(np.float32), directions.astype(np.float32), strict=True)
        ]
        return _Hits(**{k: np.stack([getattr(s, k) for s in shots], axis=-1) for k in vars(shots[0])})

    def _meet(self, ray: Any, through: bool) -> tuple[Any, ...]:
        """Follow rays, or in Mitsuba's scalar variant one: shape, hit, distance, passed, position, normal, albedo."""
        import drjit as dr

        mi, scene = self._mi, self._mi_scene
        si = scene.ray_intersect(ray)
        distance, passed = si.t, si.is_valid() & False
        for _ in range(_DELTA_BOUNCES if through else 0):
            if not self._vectorised and not si.is_valid():
                break
            delta = si.is_valid() & mi.has_flag(si.bsdf(ray).flags(), mi.BSDFFlags.Delta)
            if not self._vectorised and not delta:
                break
            passed |= delta
            sample, _ = si.bsdf(ray).sample(mi.BSDFContext(), si, 0.9999, mi.Point2f(0.5), delta)  # transmits where it can
            ray = si.spawn_ray(si.to_world(sample.wo))
            onward = scene.ray_intersect(ray, delta)
            distance = dr.select(delta, distance + onward.t, distance)
            si = dr.select(delta, onward, si)
        hit = si.is_valid()
        normal = mi.Vector3f(si.sh_frame.n)
        normal = dr.select(dr.dot(normal, normal) > 0.5, normal, mi.Vector3f(si.n))  # NaN and 0 where vertex normals cancel out
        normal = dr.select(dr.dot(mi.Vector3f(si.to_world(si.wi)), normal) < 0, -normal, normal)
        if self._vectorised:
            albedo = si.bsdf().eval_diffuse_reflectance(si, hit)
            shape = dr.reinterpret_array(mi.UInt32, si.shape)
            dr.eval(shape, hit, distance, passed, si.p, normal, albedo)  # one kernel for all of them
        else:
            albedo = si.bsdf().eval_diffuse_reflectance(si) if hit else mi.Color3f(0)
            shape = si.shape
        return shape, hit, distance, passed, si.p, normal, albedo

    def _hits(self, shape: Any, hit: Any, distance: Any, passed: Any, position: Any, normal: Any, albedo: Any) -> _Hits:
        """Bring what `_meet` found to NumPy."""
        if self._vectorised:
            table = np.full(max(self._thing_of_shape, default=0) + 1, -1)
            table[np.array(list(self._thing_of_shape), np.intp)] = list(self._thing_of_shape.values())
            thing = np.where(np.array(hit), table[np.array(shape) * np.array(hit)], -1)
        else:
            thing = np.array(self._thing_of_shape[self._key(shape)] if hit else -1)
        colour = np.clip(np.nan_to_num(np.array(albedo, np.float32)), 0, 1)
        far, at = np.array(distance, np.float32), np.array(position, np.float32)
        return _Hits(thing, far, np.array(passed, bool), at, np.array(normal, np.float32), colour)

    def _key(self, shape: Any) -> Any:
        """What identifies a shape in a ray's answer: its registry number, or its name in the scalar variant."""
        if not self._vectorised:
            return shape.id()
        import drjit as dr

        index: Any = dr.reinterpret_array(self._mi.UInt32, self._mi.ShapePtr(shape))
        return int(index[0])


def _shifted(view: View, right_m: float) -> View:
    pose = view.world_from_camera.copy()
    pose[:3, 3] += pose[:3, 0] * right_m
    return replace(view, world_from_camera=pose)


def _camera_rays(view: View, size: Size, jitter: F32 | float = 0.0) -> F32:
    """(3, h, w) directions with z = 1 in the camera frame through the pixel centres, or `jitter` (2, h, w) pixels off them."""
    w, h = size
    k = intrinsics_of(view, size)
    off_x, off_y = np.broadcast_to(np.asarray(jitter, np.float32), (2, h, w))
    x = (np.arange(w, dtype=np.float32)[None] + np.float32(0.5 - k[0, 2]) + off_x) / np.float32(k[0, 0])
    y = (np.arange(h, dtype=np.float32)[:, None] + np.float32(0.5 - k[1, 2]) + off_y) / np.float32(k[1, 1])
    return np.stack([x, y, np.ones_like(x)])


def _rays(views: Sequence[View], size: Size, jitter: F32 | None = None) -> tuple[F32, F32]:
    """World origins and unit directions of the rays of all views, (n, 3) each, view after view, row by row.

    They go through the pixel centres, or off them by `jitter` (views, 2, h, w) in pixels.
    """
    starts, ways = [], []
    for i, view in enumerate(views):
        pose = view.world_from_camera.astype(np.float32)
        way = _camera_rays(view, size, 0.0 if jitter is None else jitter[i]).reshape(3, -1)
        way /= np.sqrt((way * way).sum(0))
        ways.append(sum(pose[:3, j] * way[j][:, None] for j in range(3)))  # not @: BLAS threads would fight over the cores
        starts.append(np.broadcast_to(pose[:3, 3], (way.shape[1], 3)))
    return np.concatenate(starts), np.concatenate(ways)
