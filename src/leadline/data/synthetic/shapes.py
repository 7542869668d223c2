"""Mesh builders for synthetic worlds.

Lengths are metres. Solids stand on z = 0 around the z axis, except `sphere`, `blob` and `torus`, whose centre is the origin.
Faces are counter-clockwise seen from outside. One uv unit is one metre of surface, so a texture that shows 0.5 m of
wall fits after ``scale_uv(mesh, 2.0)``. Vertices are doubled along creases and moved apart by `CREASE_M`, too little to
see but enough for a renderer that welds vertices at one place: `Mesh.smooth` rounds only what is round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.data.synthetic.scene import Mesh

Matrix = NDArray[np.float64]
CREASE_M = 1e-5


def make_mesh(vertices: ArrayLike, faces: ArrayLike, uv: ArrayLike | None = None, smooth: bool = False) -> Mesh:
    """Return a `Mesh` in the house's dtypes: float32 vertices and uv, int32 faces."""
    return Mesh(
        vertices=np.asarray(vertices, np.float32).reshape(-1, 3),
        faces=np.asarray(faces, np.int32).reshape(-1, 3),
        uv=None if uv is None else np.asarray(uv, np.float32).reshape(-1, 2),
        smooth=smooth,
    )


# --- flat things -----------------------------------------------------------------------------------------------------


def quad(width: float, depth: float) -> Mesh:
    """Return a rectangle of `width` (x) by `depth` (y) in the plane z = 0, centred, facing +z."""
    x, y = width / 2, depth / 2
    corners = [(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)]
    return make_mesh(corners, [(0, 1, 2), (0, 2, 3)], [(0, 0), (width, 0), (width, depth), (0, depth)])


def wall(width: float, height: float) -> Mesh:
    """Return a standing rectangle in the plane y = 0, centred in x, from z = 0 to `height`, facing -y; uv upright."""
    x = width / 2
    corners = [(-x, 0, 0), (x, 0, 0), (x, 0, height), (-x, 0, height)]
    return make_mesh(corners, [(0, 1, 2), (0, 2, 3)], [(0, 0), (width, 0), (width, height), (0, height)])


def disc(radius: float, segments: int = 32) -> Mesh:
    """Return a disc in the plane z = 0 facing +z."""
    a = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    xy = np.vstack([np.zeros(2), radius * np.stack([np.cos(a), np.sin(a)], 1)])
    k = np.arange(segments)
    faces = np.stack([np.zeros_like(k), 1 + k, 1 + (k + 1) % segments], 1)
    return make_mesh(np.c_[xy, np.zeros(len(xy))], faces, xy + radius)


def polygon(points: ArrayLike, z: float = 0.0) -> Mesh:
    """Return a flat mesh facing +z that fills the simple polygon `points`, (n, 2), counter-clockwise or clockwise."""
    xy = _counter_clockwise(points)
    return make_mesh(np.c_[xy, np.full(len(xy), z)], _ear_clip(xy), xy)


def heightfield(heights: ArrayLike, width: float, depth: float) -> Mesh:
    """Return a smooth relief over `width` (x) by `depth` (y), centred, facing +z.

    Args:
        heights: (rows, columns) metres; row 0 lies at y = -depth/2, column 0 at x = -width/2.
    """
    z = np.asarray(heights, np.float64)
    rows, cols = z.shape
    x, y = np.meshgrid(np.linspace(0, width, cols), np.linspace(0, depth, rows))
    vertices = np.stack([x - width / 2, y - depth / 2, z], -1)
    return make_mesh(vertices, _grid_faces(rows, cols), np.stack([x, y], -1), smooth=True)


# --- solids ----------------------------------------------------------------------------------------------------------


def box(width: float, depth: float, height: float, bevel: float = 0.0) -> Mesh:
    """Return a box of `width` (x), `depth` (y), `height` (z) on z = 0, its edges rounded off by `bevel`.

    A bevelled box has 108 triangles, a plain one 12. The bevel is capped at 45% of the shortest side.
    """
    half = np.array([width, depth, height]) / 2
    b = min(bevel, 0.9 * float(half.min()))
    vertices, faces, uvs = [], [], []
    count = 0
    for axis in range(3):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        for sign in (1, -1):
            u, v = (_stops(half[k], b) for k in (i, j))
            grid = np.zeros((len(v), len(u), 3))
            grid[..., i], grid[..., j], grid[..., axis] = u[None], v[:, None], sign * half[axis]
            uvs.append(_upright_uv(grid, half, axis, sign))
            if b > 0:
                core = np.clip(grid, b - half, half - b)
                out = grid - core
                grid = core + b * out / np.linalg.norm(out, axis=-1, keepdims=True)
            vertices.append(grid.reshape(-1, 3) + np.array([0, 0, half[2]]))
            quads = _grid_faces(len(v), len(u)) + count
            faces.append(quads if sign > 0 else quads[:, ::-1])
            count += grid.size // 3
    return make_mesh(np.vstack(vertices), np.vstack(faces), np.vstack(uvs))


def cylinder(radius: float, height: float, top_radius: float | None = None, segments: int = 32) -> Mesh:
    """Return a closed cylinder, or a truncated cone when `top_radius` differs."""
    top = radius if top_radius is None else top_radius
    return lathe([(0, 0), (radius, 0), (top, height), (0, height)], segments)


def cone(radius: float, height: float, segments: int = 32) -> Mesh:
    """Return a closed cone with its tip at (0, 0, `height`)."""
    return lathe([(0, 0), (radius, 0), (0, height)], segments)


def sphere(radius: float, segments: int = 32) -> Mesh:
    """Return a sphere about the origin."""
    a = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    return lathe(np.c_[radius * np.cos(a), radius * np.sin(a)], segments)


def capsule(radius: float, height: float, segments: int = 24) -> Mesh:
    """Return a standing capsule of total `height` (at least two radii)."""
    a = np.linspace(0, np.pi / 2, max(segments // 4, 3) + 1)
    arc = radius * np.c_[np.cos(a), np.sin(a)]
    top = max(height, 2.001 * radius) - radius
    return lathe(np.vstack([arc[::-1] * (1, -1) + np.array([0, radius]), arc + np.array([0, top])]), segments)


def torus(radius: float, thickness: float, segments: int = 40) -> Mesh:
    """Return a ring in the plane z = 0 about the origin; `radius` to the middle of the tube, whose radius is `thickness`."""
    a = np.linspace(-np.pi, np.pi, max(segments // 2, 8) + 1)
    return lathe(np.c_[radius + thickness * np.cos(a), thickness * np.sin(a)], segments)


def blob(rng: np.random.Generator, radii: tuple[float, float, float], bumps: float = 0.1, segments: int = 28) -> Mesh:
    """Return an ellipsoid about the origin with soft random dents of relative depth `bumps`: fruit, stones, bread, clouds."""
    ball = sphere(1.0, segments)
    p = np.asarray(ball.vertices, np.float64)
    waves = rng.normal(size=(6, 3)) * rng.uniform(0.8, 3.5, (6, 1))
    swell = np.sin(p @ waves.T + rng.uniform(0, 2 * np.pi, 6)) @ (rng.normal(size=6) / np.sqrt(6))
    return replace(ball, vertices=(p * (1 + bumps * swell[:, None]) * radii).astype(np.float32))


def lathe(profile: ArrayLike, segments: int = 32, crease_deg: float = 35.0) -> Mesh:
    """Return the surface of revolution of `profile` about the z axis.

    Args:
        profile: (n, 2) points (r, z), r >= 0, counter-clockwise in the (r, z) half-plane: up along the outside, down
            along the inside. It is a closed solid when it starts and ends on the axis or where it began.
        segments: facets around.
        crease_deg: a bend sharper than this stays sharp under smooth shading.
    """
    p = np.asarray(profile, np.float64)
    step = np.diff(p, axis=0)
    keep = np.r_[True, np.linalg.norm(step, axis=1) > 1e-9]
    p = p[keep]
    step = np.diff(p, axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    bend = np.abs((np.diff(heading) + np.pi) % (2 * np.pi) - np.pi)
    doubled = np.r_[1, np.where(bend > np.deg2rad(crease_deg), 2, 1), 1]
    ring = np.repeat(np.arange(len(p)), doubled)
    length = np.r_[0, np.cumsum(np.linalg.norm(step, axis=1))][ring]
    out = CREASE_M * np.c_[step[:, 1], -step[:, 0]] / np.linalg.norm(step, axis=1, keepdims=True)
    before, after = np.flatnonzero(ring[:-1] == ring[1:]), np.flatnonzero(ring[:-1] == ring[1:]) + 1
    corner = ring[before]
    p = p[ring]
    p[before] += out[corner - 1]
    p[after] += out[corner]
    p[:, 0] = np.maximum(p[:, 0], 0)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    vertices = np.stack(
        [p[:, :1] * np.cos(angle), p[:, :1] * np.sin(angle), np.broadcast_to(p[:, 1:], (len(p), segments + 1))], -1
    )
    uv = np.stack(np.broadcast_arrays(angle[None] * p[:, 0].max(), length[:, None]), -1)
    faces = _grid_faces(len(p), segments + 1)
    return make_mesh(vertices, _without_slivers(vertices.reshape(-1, 3), faces), uv, smooth=True)


def vessel(outline: ArrayLike, wall_m: float, segments: int = 40) -> Mesh:
    """Return an open hollow body of revolution with walls `wall_m` thick: a glass, vase, bottle, bowl, cup or plate.

    Args:
        outline: (n, 2) outside points (r, z) from the foot (z = 0) up to the rim. The base is about one wall thick.
    """
    out = np.asarray(outline, np.float64)
    along = np.gradient(out, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    inner = out + wall_m * np.c_[-along[:, 1], along[:, 0]]
    inner[-1] = out[-1] - (wall_m, 0)
    inner = np.c_[np.maximum(inner[:, 0], 0.0), np.maximum(inner[:, 1], out[0, 1] + wall_m)]
    foot, floor = (0.0, out[0, 1]), (0.0, float(inner[0, 1]))
    return lathe(np.vstack([foot, out, inner[::-1], floor]), segments)


def tube(path: ArrayLike, radius: ArrayLike, segments: int = 10) -> Mesh:
    """Return a closed round tube along `path`, (n, 3) points, with one `radius` or one for each point."""
    p = np.asarray(path, np.float64)
    r = np.broadcast_to(np.asarray(radius, np.float64), len(p))
    along = np.gradient(p, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    side = np.cross(along[0], np.eye(3)[np.argmin(np.abs(along[0]))])
    sides = np.empty_like(p)
    for i, t in enumerate(along):  # parallel transport: the frame turns no more than the path does
        side = side - t * (side @ t)
        side /= np.linalg.norm(side) + 1e-12
        sides[i] = side
    other = np.cross(along, sides)
    ring = np.r_[0, 0, np.arange(len(p)), len(p) - 1, len(p) - 1]  # caps: a crease, then a point
    out = np.zeros_like(p[ring])
    out[:2], out[-2:] = -CREASE_M * along[0], CREASE_M * along[-1]
    p, r, sides, other = p[ring] + out, np.r_[0.0, r[0], r, r[-1], 0.0], sides[ring], other[ring]
    a = np.linspace(0, 2 * np.pi, segments + 1)
    around = np.cos(a)[None, :, None] * sides[:, None] + np.sin(a)[None, :, None] * other[:, None]
    vertices = p[:, None] + r[:, None, None] * around
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))]
    uv = np.stack(np.broadcast_arrays(a[None] * r.max(), length[:, None]), -1)
    faces = _grid_faces(len(p), segments + 1)
    return make_mesh(vertices, _without_slivers(vertices.reshape(-1, 3), faces), uv, smooth=True)


def extrude(points: ArrayLike, height: float) -> Mesh:
    """Return the simple polygon `points`, (n, 2), as a closed prism from z = 0 to `height`; it may be concave."""
    xy = _counter_clockwise(points)
    n = len(xy)
    lid = _ear_clip(xy)
    top, bottom = np.c_[xy, np.full(n, height)], np.c_[xy, np.zeros(n)]
    nxt = np.roll(np.arange(n), -1)
    sides = np.stack([bottom, bottom[nxt], top[nxt], top], 1)
    edge = np.r_[0, np.cumsum(np.linalg.norm(xy[nxt] - xy, axis=1))]
    side_uv = np.stack([np.c_[edge[:-1], 0 * edge[1:]], np.c_[edge[1:], 0 * edge[1:]]], 1)
    side_uv = np.concatenate([side_uv, side_uv[:, ::-1] + (0, height)], 1)
    first = 2 * n + 4 * np.arange(n)[:, None]
    faces = np.vstack([lid, lid[:, ::-1] + n, first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])
    return make_mesh(np.vstack([top, bottom, sides.reshape(-1, 3)]), faces, np.vstack([xy, xy, side_uv.reshape(-1, 2)]))


# --- working with meshes ---------------------------------------------------------------------------------------------


def merge(meshes: Iterable[Mesh]) -> Mesh:
    """Return one mesh of several; it is smooth, and has uv, only if all are/have. Raises ValueError when there is none."""
    parts = list(meshes)
    if not parts:
        raise ValueError("merge needs at least one mesh, got none")
    starts = np.cumsum([0] + [len(m.vertices) for m in parts[:-1]])
    uvs = [m.uv for m in parts if m.uv is not None]
    return make_mesh(
        np.vstack([m.vertices for m in parts]),
        np.vstack([np.asarray(m.faces) + s for m, s in zip(parts, starts, strict=True)]),
        np.vstack(uvs) if len(uvs) == len(parts) else None,
        all(m.smooth for m in parts),
    )


def transformed(mesh: Mesh, matrix: Matrix) -> Mesh:
    """Return the mesh with `matrix`, (4, 4), applied; a mirroring matrix also turns the faces round."""
    vertices = np.asarray(mesh.vertices, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = mesh.faces if np.linalg.det(matrix[:3, :3]) > 0 else mesh.faces[:, ::-1]
    return replace(mesh, vertices=vertices.astype(np.float32), faces=np.ascontiguousarray(faces))


def scale_uv(mesh: Mesh, repeats_per_metre: float | tuple[float, float]) -> Mesh:
    """Return the mesh with uv multiplied: how often a texture repeats for each metre (of u, of v)."""
    return mesh if mesh.uv is None else replace(mesh, uv=np.asarray(mesh.uv * np.asarray(repeats_per_metre), np.float32))


def fit_uv(mesh: Mesh) -> Mesh:
    """Return the mesh with uv stretched to 0..1, so that a texture appears once: a picture, a page, a label."""
    if mesh.uv is None:
        return mesh
    low, high = mesh.uv.min(0), mesh.uv.max(0)
    return replace(mesh, uv=np.asarray((mesh.uv - low) / np.maximum(high - low, 1e-9), np.float32))


def bounds(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest corner, each (3,)."""
    return mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)


def translation(x: float, y: float, z: float) -> Matrix:
    """Return (4, 4) of a move."""
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def rotation(axis: Sequence[float], degrees: float) -> Matrix:
    """Return (4, 4) of a right-handed turn about `axis` through the origin (Rodrigues)."""
    k = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    a = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(a) * cross + (1 - np.cos(a)) * cross @ cross
    return matrix


def scaling(x: float, y: float | None = None, z: float | None = None) -> Matrix:
    """Return (4, 4) of a stretch; one number scales all axes."""
    return np.diag([x, x if y is None else y, x if z is None else z, 1.0])


def placement(x: float, y: float, z: float = 0.0, yaw_deg: float = 0.0) -> Matrix:
    """Return (4, 4) that turns a thing by `yaw_deg` about z (counter-clockwise from above), then moves it to (x, y, z)."""
    return translation(x, y, z) @ rotation((0, 0, 1), yaw_deg)


def _stops(half: float, bevel: float) -> NDArray[np.float64]:
    return np.array([-half, half]) if bevel <= 0 else np.array([-half, bevel - half, half - bevel, half])


def _upright_uv(p: NDArray[np.float64], half: NDArray[np.float64], axis: int, sign: int) -> NDArray[np.float64]:
    """Return (n, 2) metres of points on a box's face: seen from outside, u runs right and v up, so that text reads."""
    across, up = ((1, 2), (0, 2), (0, 1))[axis]
    mirrored = (-sign, sign, 1)[axis] > 0 and axis < 2
    u = half[across] + (-p[..., across] if mirrored else p[..., across])
    return np.stack([u, p[..., up] + half[up]], -1).reshape(-1, 2)


def _grid_faces(rows: int, cols: int) -> NDArray[np.int64]:
    """Return the triangles of a (rows, cols) vertex grid, counter-clockwise where columns run right and rows run up."""
    a = (np.arange(rows - 1)[:, None] * cols + np.arange(cols - 1)).reshape(-1, 1)
    return np.concatenate([a + np.array([0, 1, cols + 1]), a + np.array([0, cols + 1, cols])], 1).reshape(-1, 3)


def _without_slivers(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    keep: NDArray[np.bool_] = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-14
    return faces[keep]


def _counter_clockwise(points: ArrayLike) -> NDArray[np.float64]:
    xy = np.asarray(points, np.float64)
    x, y = xy.T
    area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    return xy if area > 0 else xy[::-1].copy()


def _ear_clip(xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (n - 2, 3) triangles of a counter-clockwise simple polygon."""
    left = list(range(len(xy)))
    faces: list[tuple[int, int, int]] = []
    at, tried = 0, 0
    while len(left) > 3:
        n = len(left)
        i, j, k = left[at % n - 1], left[at % n], left[(at + 1) % n]
        a, b, c = xy[i], xy[j], xy[k]
        others = xy[[m for m in left if m not in (i, j, k)]]
        convex = _turn(a, b, c) > 0
        inside = (_turn(a, b, others) >= 0) & (_turn(b, c, others) >= 0) & (_turn(c, a, others) >= 0)
        if tried >= n or (convex and not inside.any()):  # after a fruitless round (repeated points): cut anyway
            faces.append((i, j, k))
            left.pop(at % n)
            tried = 0
        else:
            at, tried = at + 1, tried + 1
    faces.append((left[0], left[1], left[2]))
    return np.array(faces, np.int64)


def _turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the signed area of a, b, c: positive when c lies left of a -> b."""
    return np.asarray((b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0]))
