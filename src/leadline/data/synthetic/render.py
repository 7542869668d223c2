"""Turn a `Scene` into pictures and exact truth with Mitsuba 3 (a path tracer, optional dependency).

Truth comes from one ray through the centre of each pixel: pixel (x, y) covers [x, x+1) x [y, y+1), so its centre is (x + 0.5, y + 0.5)
and a centred camera has ``cx = w / 2``. The first surface counts, also where it is glass or a mirror. The picture is path traced
with a few samples per pixel (a multiple of four) and cleaned by `denoise`; its values are linear radiance for `sensor`.

All views of a scene are traced in one launch, since tracing the program costs as much as a view. Mitsuba keeps compiled kernels
on disk, so the first scene with a new mix of looks takes a second longer than the next.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from glob import glob
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.denoise import Guide, denoise
from leadline.data.synthetic.lens import blur
from leadline.data.synthetic.scene import Lamp, Look, Mesh, Scene, Sky, Sun, Thing, View

F32 = NDArray[np.float32]

_LLVM_PATTERNS = (
    "/usr/lib/*/libLLVM*.so*",
    "/usr/lib*/llvm*/lib/libLLVM*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM*.dylib",
    "/usr/local/opt/llvm*/lib/libLLVM*.dylib",
)
_OLDEST_LLVM = 16  # Dr.Jit crashes with LLVM 14 and 15
_DELTA_BOUNCES = 4  # how far a denoising guide looks through glass and mirrors: in and out of a hollow vessel
_SIDE = 2  # samples per pixel side


@dataclass(frozen=True)
class RenderedView:
    """A picture and its truth; all arrays are (h, w) or (h, w, 3).

    Attributes:
        radiance: linear RGB, arbitrary exposure, float32.
        depth: z of the first surface in metres, 0 where there is none, float32.
        normals: unit normals in the camera frame (x right, y down, z forward), facing the camera; 0 where there is no surface.
        material: uint8 `Material`. instance: uint16 object number, 0 for structure and sky.
        sky: True where the ray left the world; everywhere else `depth` is valid.
        intrinsics: (3, 3) in pixels. world_from_camera: (4, 4).
        right_radiance, pixel_disparity, occluded, baseline_m: the stereo part, or None. `occluded` marks left pixels whose
            point the right camera does not see (hidden, or out of its frame).
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

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True where the ray hit a surface."""
        return ~self.sky


def find_llvm() -> str | None:
    """Return the path of an LLVM shared library that Dr.Jit can use, newest first, or None."""
    found: dict[int, str] = {}
    for path in (p for pattern in _LLVM_PATTERNS for p in glob(pattern)):
        digits = "".join(c if c.isdigit() else " " for c in path.split("/lib/")[-1].replace("x86_64", "")).split()
        version = int(digits[0]) if digits else 0
        if version >= _OLDEST_LLVM:
            found.setdefault(version, path)
    return found[max(found)] if found else None


@lru_cache(maxsize=1)
def load_mitsuba(threads: int = 0) -> Any:
    """Import Mitsuba and choose its variant: llvm_ad_rgb where a suitable LLVM is found, else scalar_rgb (about half as fast).

    `threads` limits its worker threads (0: all cores). Raises ImportError where Mitsuba is not installed.
    """
    path = os.environ.get("DRJIT_LIBLLVM_PATH") or find_llvm()
    if path:
        os.environ["DRJIT_LIBLLVM_PATH"] = path
    import drjit
    import mitsuba

    mitsuba.set_variant("llvm_ad_rgb" if path else "scalar_rgb")
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    if threads:
        drjit.set_thread_count(threads)
    return mitsuba


def intrinsics_of(view: View, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the (3, 3) intrinsics in pixels of `view` in a picture of `size` (width, height)."""
    w, h = size
    focal_px = 0.5 * w / np.tan(np.deg2rad(view.fov_x_deg) / 2)
    return np.array([[focal_px, 0, w / 2], [0, focal_px, h / 2], [0, 0, 1]])


class Renderer:
    """Renders scenes at a fixed quality.

    Args:
        spp: samples per pixel, a multiple of 4. max_depth: longest light path in segments. threads: 0 for all cores.
    """

    def __init__(self, *, spp: int = 8, max_depth: int = 8, threads: int = 0) -> None:
        if spp <= 0 or spp % _SIDE**2:
            raise ValueError(f"spp must be a positive multiple of {_SIDE**2}, got {spp}")
        self.spp, self.max_depth = spp, max_depth
        self._mi = load_mitsuba(threads)

    def load(self, scene: Scene) -> LoadedScene:
        """Hand the scene to Mitsuba."""
        return LoadedScene(self._mi, scene, self.spp, self.max_depth)

    def render(
        self, scene: Scene, size: tuple[int, int] = (320, 240), *, seed: int = 0, baseline_m: float | None = None
    ) -> list[RenderedView]:
        """Render all views of `scene` at `size` (width, height); with `baseline_m` also a right eye for each."""
        return self.load(scene).render(scene.views, size, seed=seed, baseline_m=baseline_m)


class LoadedScene:
    """A scene in Mitsuba's memory, ready to be looked at."""

    def __init__(self, mi: Any, scene: Scene, spp: int, max_depth: int) -> None:
        self._mi, self._things, self._spp = mi, scene.things, spp
        self._vectorised = not mi.variant().startswith("scalar")
        self._mi_scene = _build(mi, scene, max_depth)
        self._has_delta = any(t.look.kind in ("glass", "thin_glass", "mirror") for t in scene.things)
        shapes = {s.id(): s for s in self._mi_scene.shapes()}
        order = [shapes[_thing_name(i)] for i in range(len(scene.things))]
        self._thing_of_shape: dict[Any, int] | NDArray[np.int64]
        if self._vectorised:
            keys = [int(mi.UInt32(_pointer_index(mi, s))[0]) for s in order]
            table = np.full(max(keys, default=0) + 1, -1)
            table[keys] = np.arange(len(keys))
            self._thing_of_shape = table
        else:
            self._thing_of_shape = {s.id(): i for i, s in enumerate(order)}

    def render(
        self, views: Sequence[View], size: tuple[int, int], *, seed: int = 0, baseline_m: float | None = None
    ) -> list[RenderedView]:
        """Render `views` of this scene; see `Renderer.render`."""
        if not views:
            return []
        rights = [] if baseline_m is None else [_shifted(v, baseline_m) for v in views]
        pictures = self._pictures([*views, *rights], size, seed)
        truths = self.truth(views, size)
        out = []
        for i, view in enumerate(views):
            stereo: dict[str, Any] = {}
            if baseline_m is not None:
                stereo = {"right_radiance": pictures[len(views) + i], "baseline_m": baseline_m, **self._stereo(view, size, truths[i]["depth"], baseline_m)}
            out.append(RenderedView(pictures[i], intrinsics=intrinsics_of(view, size), world_from_camera=view.world_from_camera, **truths[i], **stereo))
        return out

    def first_hit(self, origins: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (n,) distance in metres from (n, 3) `origins` along unit `directions` to the first surface (inf: none)."""
        return self._shoot(origins, directions)["distance"].astype(np.float64)

    def _pictures(self, views: Sequence[View], size: tuple[int, int], seed: int) -> list[F32]:
        """Path trace and denoise. The paths start with the very rays that the denoiser's guide knows, so that both agree."""
        grid, n = (size[0] * _SIDE, size[1] * _SIDE), size[0] * size[1] * _SIDE**2
        rng = np.random.default_rng(seed)
        jitter = rng.uniform(-0.5, 0.5, (len(views), 2, grid[1], grid[0])).astype(np.float32)
        rays = _rays(views, grid, jitter)
        repeats = self._spp // _SIDE**2
        total = np.sum([self._radiance(*rays, seed=int(rng.integers(2**31))) for _ in range(repeats)], axis=0, dtype=np.float32)
        pictures = []
        for i, (view, guide) in enumerate(zip(views, self._guides(views, grid, rays), strict=True)):
            picture = denoise(total[:, i * n : (i + 1) * n].reshape(3, grid[1], grid[0]) / repeats, guide)
            if view.aperture_m > 0:
                far = guide.distance[::_SIDE, ::_SIDE] / np.linalg.norm(_camera_rays(view, size), axis=0)
                inverse = np.where(far > 0, 1 / np.maximum(far, 1e-3), 0).astype(np.float32)
                picture = blur(picture, inverse, intrinsics_of(view, size)[0, 0], view.aperture_m, view.focus_m)
            pictures.append(picture)
        return pictures

    def _radiance(self, origins: F32, directions: F32, *, seed: int) -> F32:
        """Return the (3, n) light that arrives along (n, 3) rays, one path each."""
        mi, scene = self._mi, self._mi_scene
        sampler = mi.load_dict({"type": "independent"})
        if self._vectorised:
            sampler.seed(seed, len(origins))
            ray = mi.RayDifferential3f(mi.Point3f(origins.T), mi.Vector3f(directions.T))
            return np.array(scene.integrator().sample(scene, sampler, ray)[0], np.float32)
        sampler.seed(seed, 1)
        pairs = zip(origins.tolist(), directions.tolist(), strict=True)
        return np.array([scene.integrator().sample(scene, sampler, mi.RayDifferential3f(o, d))[0] for o, d in pairs], np.float32).T

    def _guides(self, views: Sequence[View], size: tuple[int, int], rays: tuple[F32, F32]) -> list[Guide]:
        w, h = size
        shot = self._shoot(*rays, through=self._has_delta)
        emitter = np.array([t.look.kind == "light" for t in self._things] + [True])  # the last: the sky, index -1
        guides = []
        for i in range(len(views)):
            part = {k: v[..., i * w * h : (i + 1) * w * h].reshape(*v.shape[:-1], h, w) for k, v in shot.items()}
            emits, missed = emitter[part["thing"]], part["thing"] < 0
            normal, position = np.where(emits, 0, part["normal"]), np.where(missed, 0, part["position"])
            guides.append(Guide(part["albedo"], normal, position, np.where(missed, 0, part["distance"]), emits))
        return guides

    def truth(self, views: Sequence[View], size: tuple[int, int]) -> list[dict[str, Any]]:
        """Return depth, normals, material, instance and sky of each view, as in `RenderedView`."""
        w, h = size
        shot = self._shoot(*_rays(views, size))
        material = np.array([t.look.material for t in self._things] + [0], np.uint8)
        instance = np.array([t.instance for t in self._things] + [0], np.uint16)
        truths = []
        for i, view in enumerate(views):
            part = {k: v[..., i * w * h : (i + 1) * w * h].reshape(*v.shape[:-1], h, w) for k, v in shot.items()}
            sky = part["thing"] < 0
            forward = 1 / np.linalg.norm(_camera_rays(view, size), axis=0)  # z of a unit ray
            camera_normals = np.tensordot(part["normal"], view.world_from_camera[:3, :3].astype(np.float32), (0, 0))
            truths.append(
                {
                    "depth": np.where(sky, 0, part["distance"] * forward).astype(np.float32),
                    "normals": np.where(sky[..., None], 0, camera_normals).astype(np.float32),
                    "material": material[part["thing"]],
                    "instance": instance[part["thing"]],
                    "sky": sky,
                }
            )
        return truths

    def _stereo(self, view: View, size: tuple[int, int], depth: F32, baseline_m: float) -> dict[str, Any]:
        w, h = size
        k, valid = intrinsics_of(view, size), depth > 0
        z = np.where(valid, depth, 1.0)
        disparity = np.where(valid, k[0, 0] * baseline_m / z, 0).astype(np.float32)
        points = np.moveaxis(_camera_rays(view, size), 0, -1) * z[..., None]
        eye = _shifted(view, baseline_m).world_from_camera
        toward = points - np.array([baseline_m, 0, 0])
        far = np.linalg.norm(toward, axis=-1)
        directions = (toward / far[..., None]) @ eye[:3, :3].T
        hit = self.first_hit(np.broadcast_to(eye[:3, 3], (w * h, 3)), directions.reshape(-1, 3)).reshape(h, w)
        column = np.arange(w)[None] + 0.5 - disparity
        hidden = (hit < far * (1 - 2e-4) - 1e-4) | (column < 0)
        return {"pixel_disparity": disparity, "occluded": np.where(valid, hidden, False)}

    def _shoot(self, origins: NDArray[Any], directions: NDArray[Any], *, through: bool = False) -> dict[str, NDArray[Any]]:
        """Trace (n, 3) rays. Return thing (n,) (-1: none) and distance (n,), position, normal (facing the ray) and albedo (3, n)
        of the first surface, or with `through` of the first surface that is neither mirror nor glass."""
        if self._vectorised:
            return self._shoot_all(origins, directions, through)
        shots = [self._shoot_all(o, d, through) for o, d in zip(origins, directions, strict=True)]
        return {k: np.stack([s[k] for s in shots], axis=-1) for k in shots[0]}

    def _shoot_all(self, origins: NDArray[Any], directions: NDArray[Any], through: bool) -> dict[str, NDArray[Any]]:
        import drjit as dr

        mi = self._mi
        o, d = np.asarray(origins, np.float32).T, np.asarray(directions, np.float32).T
        ray = mi.Ray3f(mi.Point3f(o), mi.Vector3f(d)) if self._vectorised else mi.Ray3f(o.tolist(), d.tolist())
        si = self._mi_scene.ray_intersect(ray)
        distance = si.t
        context = mi.BSDFContext()
        for _ in range(_DELTA_BOUNCES if through else 0):
            if not self._vectorised and not si.is_valid():
                break
            bsdf = si.bsdf(ray)
            delta = si.is_valid() & mi.has_flag(bsdf.flags(), mi.BSDFFlags.Delta)
            if not self._vectorised and not delta:
                break
            sample, _weight = bsdf.sample(context, si, 0.9999, mi.Point2f(0.5), delta)  # transmits where it can
            ray = si.spawn_ray(si.to_world(sample.wo))
            onward = self._mi_scene.ray_intersect(ray, delta)
            distance = dr.select(delta, distance + onward.t, distance)
            si = dr.select(delta, onward, si)
        hit = si.is_valid()
        normal = mi.Vector3f(si.sh_frame.n)
        normal = dr.select(dr.dot(normal, normal) > 0.5, normal, mi.Vector3f(si.n))  # NaN and 0 where vertex normals cancel out
        normal = dr.select(dr.dot(mi.Vector3f(si.to_world(si.wi)), normal) < 0, -normal, normal)
        if self._vectorised:
            albedo = si.bsdf().eval_diffuse_reflectance(si, hit)
            index = _pointer_index(mi, si.shape)
            dr.eval(index, hit, distance, si.p, normal, albedo)  # one kernel for all of them
            thing = np.where(np.array(hit), self._thing_of_shape[np.array(index) * np.array(hit)], -1)  # type: ignore[index]
        else:
            albedo = si.bsdf().eval_diffuse_reflectance(si) if hit else mi.Color3f(0)
            thing = np.array(self._thing_of_shape[si.shape.id()] if hit else -1)  # type: ignore[index]
        return {
            "thing": thing,
            "distance": np.array(distance, np.float32),
            "position": np.array(si.p, np.float32),
            "normal": np.array(normal, np.float32),
            "albedo": np.clip(np.nan_to_num(np.array(albedo, np.float32)), 0, 1),
        }


def _pointer_index(mi: Any, shape: Any) -> Any:
    import drjit as dr

    return dr.reinterpret_array(mi.UInt32, mi.ShapePtr(shape))


def _thing_name(index: int) -> str:
    return f"thing_{index:05d}"


def _shifted(view: View, right_m: float) -> View:
    pose = view.world_from_camera.copy()
    pose[:3, 3] += pose[:3, 0] * right_m
    return View(pose, view.fov_x_deg, view.aperture_m, view.focus_m)


def _camera_rays(view: View, size: tuple[int, int], jitter: F32 | float = 0.0) -> F32:
    """(3, h, w) directions with z = 1 in the camera frame through the pixel centres, or off them by (2, h, w) `jitter` in pixels."""
    w, h = size
    k = intrinsics_of(view, size)
    off_x, off_y = np.broadcast_to(jitter, (2, h, w)).astype(np.float32)
    x = (np.arange(w, dtype=np.float32)[None] + np.float32(0.5 - k[0, 2]) + off_x) / np.float32(k[0, 0])
    y = (np.arange(h, dtype=np.float32)[:, None] + np.float32(0.5 - k[1, 2]) + off_y) / np.float32(k[1, 1])
    return np.stack([x, y, np.ones_like(x)])


def _rays(views: Sequence[View], size: tuple[int, int], jitter: F32 | None = None) -> tuple[F32, F32]:
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


def _build(mi: Any, scene: Scene, max_depth: int) -> Any:
    tree: dict[str, Any] = {"type": "scene", "integrator": {"type": "path", "max_depth": max_depth, "rr_depth": 2}}
    looks, textures = dict[int, Any](), dict[int, Any]()
    for i, thing in enumerate(scene.things):
        if id(thing.look) not in looks:
            looks[id(thing.look)] = mi.load_dict(_bsdf(mi, thing.look, textures))
        tree[_thing_name(i)] = _mesh(mi, _thing_name(i), thing, looks[id(thing.look)])
    for i, light in enumerate(scene.lights):
        tree[f"light_{i:03d}"] = _emitter(mi, light)
    return mi.load_dict(tree)


def _rgb(colour: Sequence[float]) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(c) for c in colour]}


def _bsdf(mi: Any, look: Look, textures: dict[int, Any]) -> dict[str, Any]:
    colour: Any = _rgb(look.colour)
    if look.texture is not None:
        if id(look.texture) not in textures:
            bitmap = mi.Bitmap(np.ascontiguousarray(look.texture))
            textures[id(look.texture)] = mi.load_dict({"type": "bitmap", "bitmap": bitmap, "raw": False, "wrap_mode": "repeat"})
        colour = textures[id(look.texture)]
    tint = _rgb(np.asarray(look.colour) / max(*look.colour, 1e-6))  # clear glass whatever the brightness of its colour
    match look.kind:
        case "glass":
            return {"type": "dielectric", "int_ior": 1.5, "ext_ior": 1.0, "specular_transmittance": tint}
        case "thin_glass":
            return {"type": "thindielectric", "int_ior": 1.5, "ext_ior": 1.0, "specular_transmittance": tint}
        case "mirror":
            inner = {"type": "conductor", "material": "none", "specular_reflectance": _rgb((0.94, 0.94, 0.94))}
        case "metal":
            inner = {"type": "roughconductor", "material": "none", "alpha": float(look.roughness), "specular_reflectance": colour}
        case "plastic":  # not roughplastic: that tabulates for 40 ms per material; alpha = roughness ** 2 in "principled"
            inner = {"type": "principled", "base_color": colour, "roughness": float(np.sqrt(look.roughness)), "specular": 0.5}
        case "light":
            inner = {"type": "diffuse", "reflectance": _rgb((0.5, 0.5, 0.5))}
        case _:
            inner = {"type": "diffuse", "reflectance": colour}
    return {"type": "twosided", "bsdf": inner}


def _mesh(mi: Any, name: str, thing: Thing, bsdf: Any) -> Any:
    mesh, pose = thing.mesh, thing.world_from_mesh
    vertices = mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
    faces = np.asarray(mesh.faces)
    if np.linalg.det(pose[:3, :3]) < 0:
        faces = faces[:, ::-1]  # a mirrored placement turns the winding inside out
    props = mi.Properties()
    props["bsdf"] = bsdf
    if thing.look.kind == "light":
        props["emitter"] = mi.load_dict({"type": "area", "radiance": _rgb(thing.look.colour)})
    shape = mi.Mesh(
        name, len(vertices), len(faces), props=props, has_vertex_normals=mesh.smooth, has_vertex_texcoords=mesh.uv is not None
    )
    params = mi.traverse(shape)
    params["vertex_positions"] = np.ascontiguousarray(vertices, np.float32).ravel()
    params["faces"] = np.ascontiguousarray(faces, np.uint32).ravel()
    if mesh.smooth:
        params["vertex_normals"] = vertex_normals(vertices, faces).astype(np.float32).ravel()
    if mesh.uv is not None:
        params["vertex_texcoords"] = np.ascontiguousarray(mesh.uv, np.float32).ravel()
    params.update()
    return shape


def vertex_normals(vertices: NDArray[Any], faces: NDArray[Any]) -> NDArray[np.float64]:
    """Return (n, 3) area-weighted unit normals; vertices at one place (a texture seam) share theirs."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    span = np.ptp(vertices, axis=0).max() + 1e-12
    _, place = np.unique(np.round(vertices / span * 1e6).astype(np.int64), axis=0, return_inverse=True)
    place = place.reshape(-1)
    total = np.zeros((place.max() + 1, 3))
    np.add.at(total, place[faces], normals[:, None, :])
    out = total[place]
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def _emitter(mi: Any, light: Sky | Sun | Lamp) -> Any:
    match light:
        case Sky():
            turn = mi.ScalarTransform4f().rotate([1, 0, 0], 90)  # Mitsuba's maps have y up
            bitmap = mi.Bitmap(np.ascontiguousarray(light.radiance, np.float32))
            return mi.load_dict({"type": "envmap", "bitmap": bitmap, "to_world": turn})
        case Sun():
            return mi.load_dict({"type": "directional", "direction": list(map(float, light.direction)), "irradiance": _rgb(light.irradiance)})
        case Lamp():
            return mi.load_dict({"type": "point", "position": list(map(float, light.position)), "intensity": _rgb(light.intensity)})


__all__ = ["LoadedScene", "Mesh", "RenderedView", "Renderer", "find_llvm", "intrinsics_of", "load_mitsuba", "vertex_normals"]
