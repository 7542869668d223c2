"""Hand a `Scene` to Mitsuba 3: choose its variant, and turn meshes, looks and lights into its plugins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.scene import TRANSPARENT_KINDS, Lamp, Look, LookKind, Mesh, Scene, Sky, Sun, Thing

_LLVM_PLACES = (
    ("/usr", "lib*/**/libLLVM*.so*"),
    ("/opt/homebrew/opt", "llvm*/lib/libLLVM*.dylib"),
    ("/usr/local/opt", "llvm*/lib/libLLVM*.dylib"),
)
_OLDEST_LLVM = 16  # Dr.Jit crashes with LLVM 14 and 15


def find_llvm() -> str | None:
    """Return the path of the LLVM shared library that Dr.Jit is to use: DRJIT_LIBLLVM_PATH, else the newest, else None."""
    if named := os.environ.get("DRJIT_LIBLLVM_PATH"):
        return named
    found = {version: path for path in _llvm_libraries() if (version := _llvm_version(path)) >= _OLDEST_LLVM}
    return str(found[max(found)]) if found else None


def _llvm_libraries() -> Iterator[Path]:
    for root, pattern in _LLVM_PLACES:
        for folder in Path(root).glob(pattern.split("/")[0]):
            rest = pattern.split("/", 1)[1]
            yield from folder.glob(rest.removeprefix("**/"))
            if rest.startswith("**/"):  # two levels only: a whole /usr/lib takes seconds to walk
                yield from folder.glob("*/" + rest.removeprefix("**/"))
                yield from folder.glob("llvm*/lib/" + rest.removeprefix("**/"))


def _llvm_version(path: Path) -> int:
    """Major version in ``libLLVM-19.so``, ``libLLVM.so.19.1`` or ``llvm-19/lib/libLLVM.so``; 0 if there is none."""
    digits = re.search(r"\d+", path.name) or re.search(r"llvm\D*(\d+)", str(path.parent))
    return int(digits[digits.lastindex or 0]) if digits else 0


@lru_cache(maxsize=1)
def load_mitsuba(threads: int = 0) -> Any:
    """Import Mitsuba and choose its variant: llvm_ad_rgb where a suitable LLVM is found, else scalar_rgb (many times slower).

    DRJIT_LIBLLVM_PATH names another LLVM. `threads` limits the worker threads (0: all cores).

    Raises:
        ImportError: Mitsuba is not installed.
    """
    path = find_llvm()
    if path:
        os.environ["DRJIT_LIBLLVM_PATH"] = path
    import drjit
    import mitsuba

    mitsuba.set_variant("llvm_ad_rgb" if path else "scalar_rgb")
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    if threads:
        drjit.set_thread_count(threads)
    return mitsuba


def build(mi: Any, scene: Scene, max_depth: int) -> tuple[Any, object]:
    """Return the Mitsuba scene, in which thing number i is the shape called `shape_name(i)`, and what must live as long."""
    _prototypes(mi)
    dim = any(t.look.kind in ("tinted_glass", "chrome") for t in scene.things)
    rr_depth = 5 if dim else 2  # else roulette kills paths behind dark glass at random, which no denoiser mends
    tree: dict[str, Any] = {"type": "scene", "integrator": {"type": "path", "max_depth": max_depth, "rr_depth": rr_depth}}
    looks, textures = dict[int, Any](), dict[int, Any]()
    for i, thing in enumerate(scene.things):
        if id(thing.look) not in looks:
            looks[id(thing.look)] = mi.load_dict(_bsdf(mi, thing.look, textures))
        tree[shape_name(i)] = _shape(mi, shape_name(i), thing, looks[id(thing.look)])
    for i, light in enumerate(scene.lights):
        tree[f"light_{i:03d}"] = mi.load_dict(_emitter(light, mi))
    off: dict[str, Any] = {"sampling_weight": 0.0}
    tree["dark_sun"] = _emitter(Sun((0, 0, -1), (0, 0, 0)), mi) | off
    lights = len(scene.lights) + sum(t.look.kind == "light" for t in scene.things) + 1
    for i in range(_round(lights + 1, 8) - lights):
        tree[f"dark_lamp_{i}"] = _emitter(Lamp((0, 0, 0), (0, 0, 0)), mi) | off
    return mi.load_dict(tree), _padding(mi, scene)


def _padding(mi: Any, scene: Scene) -> list[Any]:
    """Fill the numbers of materials and shapes up to round ones.

    Dr.Jit's kernels depend on how many objects of a kind live, in the scene or not, and on the order in which their classes
    first appear. A new kernel takes a second to compile, so with round numbers and `_prototypes` few scenes need one;
    the lights that sample nothing are there for the same reason.
    """
    looks = {id(t.look): 1 if t.look.kind in TRANSPARENT_KINDS else 2 for t in scene.things}  # 2: a two-sided wrapper
    bsdfs, shapes = sum(looks.values()), len(scene.things)
    spare = mi.load_dict({"type": "diffuse"})
    props = mi.Properties()
    props["bsdf"] = spare  # else each mesh makes one
    more = [mi.load_dict({"type": "diffuse"}) for _ in range(_round(bsdfs, 128) - bsdfs)]
    return [spare, *more, *(mi.Mesh("spare", 3, 1, props=props) for _ in range(_round(shapes, 128) - shapes))]


@lru_cache(maxsize=1)
def _prototypes(mi: Any) -> Any:
    """One of everything that a scene can hold."""
    corners, faces = np.eye(3), np.array([[0, 1, 2]])
    texture = np.zeros((2, 2, 3), np.uint8)
    kinds: tuple[LookKind, ...] = ("diffuse", "plastic", "metal", *TRANSPARENT_KINDS, "mirror", "chrome", "light")
    looks = [Look(kind) for kind in kinds] + [Look(kind, texture=texture) for kind in kinds[:3]]
    meshes = [Mesh(corners, faces, uv, smooth) for uv in (None, corners[:, :2]) for smooth in (False, True)]
    things = [Thing(mesh, look) for mesh in meshes for look in looks]
    lights: tuple[Sky | Sun | Lamp, ...] = (
        Sky(np.ones((2, 4, 3), np.float32)),
        Sun((0, 0, -1), (1, 1, 1)),
        Lamp((0, 0, 1), (1, 1, 1)),
    )
    tree: dict[str, Any] = {"type": "scene"}
    tree |= {f"{i}": _shape(mi, f"{i}", t, mi.load_dict(_bsdf(mi, t.look, {}))) for i, t in enumerate(things)}
    return mi.load_dict(tree | {f"light_{i}": mi.load_dict(_emitter(light, mi)) for i, light in enumerate(lights)})


def _round(number: int, least: int) -> int:
    """The next of `least` times 1, 2, 4, 8, ..."""
    return least << max(0, int(np.ceil(np.log2(max(number, 1) / least))))


def shape_name(index: int) -> str:
    """Return the id of a thing's shape."""
    return f"thing_{index:05d}"


def _rgb(colour: Sequence[float] | NDArray[Any]) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(c) for c in colour]}


def _bsdf(mi: Any, look: Look, textures: dict[int, Any]) -> dict[str, Any]:
    colour: Any = _rgb(look.colour)
    if look.texture is not None:
        if id(look.texture) not in textures:
            bitmap = mi.Bitmap(np.ascontiguousarray(look.texture))
            textures[id(look.texture)] = mi.load_dict({"type": "bitmap", "bitmap": bitmap, "raw": False, "wrap_mode": "repeat"})
        colour = textures[id(look.texture)]
    inner: dict[str, Any] = {"type": "diffuse", "reflectance": colour}
    match look.kind:
        case "glass" | "thin_glass":
            tint = _rgb(np.asarray(look.colour) / max(*look.colour, 1e-6))  # clear, however dark its colour
            plugin = "dielectric" if look.kind == "glass" else "thindielectric"
            return {"type": plugin, "int_ior": 1.5, "ext_ior": 1.0, "specular_transmittance": tint}
        case "tinted_glass":
            return {"type": "thindielectric", "int_ior": 1.5, "ext_ior": 1.0, "specular_transmittance": colour}
        case "frosted_glass":
            rough = float(np.sqrt(look.roughness))  # as below
            return {"type": "principledthin", "base_color": colour, "roughness": rough, "spec_trans": 0.95, "eta": 1.5}
        case "mirror":
            inner = {"type": "conductor", "material": "none", "specular_reflectance": _rgb((0.94, 0.94, 0.94))}
        case "chrome":
            inner = {"type": "conductor", "material": "none", "specular_reflectance": colour}
        case "metal":
            inner = {"type": "roughconductor", "material": "none", "specular_reflectance": colour}
            inner["alpha"] = float(look.roughness)
        case "plastic":  # not roughplastic, which tabulates for 40 ms per material
            inner = {"type": "principled", "base_color": colour, "specular": 0.5}
            inner["roughness"] = float(np.sqrt(look.roughness))  # Disney's roughness squared is the microfacet alpha
        case "light":
            inner = {"type": "diffuse", "reflectance": _rgb((0.5, 0.5, 0.5))}
    return {"type": "twosided", "bsdf": inner}


def _shape(mi: Any, name: str, thing: Thing, bsdf: Any) -> Any:
    mesh, pose = thing.mesh, thing.world_from_mesh
    vertices = mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
    faces = np.asarray(mesh.faces)
    if np.linalg.det(pose[:3, :3]) < 0:
        faces = faces[:, ::-1]  # a mirrored placement turns the winding inside out
    props = mi.Properties()
    props["bsdf"] = bsdf
    if thing.look.kind == "light":
        props["emitter"] = mi.load_dict({"type": "area", "radiance": _rgb(thing.look.colour)})
    has_uv = mesh.uv is not None
    shape = mi.Mesh(
        name, len(vertices), len(faces), props=props, has_vertex_normals=mesh.smooth, has_vertex_texcoords=has_uv
    )  # fmt: skip
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


def _emitter(light: Sky | Sun | Lamp, mi: Any) -> dict[str, Any]:
    match light:
        case Sky():
            turn = mi.ScalarTransform4f().rotate([1, 0, 0], 90)  # Mitsuba's maps have y up
            bitmap = mi.Bitmap(np.ascontiguousarray(light.radiance, np.float32))
            return {"type": "envmap", "bitmap": bitmap, "to_world": turn}
        case Sun():
            direction = [float(v) for v in light.direction]
            return {"type": "directional", "direction": direction, "irradiance": _rgb(light.irradiance)}
        case Lamp():
            return {"type": "point", "position": [float(v) for v in light.position], "intensity": _rgb(light.intensity)}
