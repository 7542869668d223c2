"""Smooth bodies from capsules: limbs and trunks that melt into each other, meshed by marching cubes. NumPy and scikit-image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.scene import Look, Mesh, Thing

Point = Sequence[float] | NDArray[np.floating]
Capsule = tuple[Point, Point, float, float]  # from a to b, radius at a, radius at b (metres)

_REACH = 4.0  # a capsule is felt up to this many softnesses outside its surface


def blend_capsules(capsules: Sequence[Capsule], voxel_m: float, softness_m: float | None = None) -> Mesh:
    """Mesh the smooth union of tapered capsules.

    The surface is ``sum_i exp(-d_i / softness) = 1`` with d_i the distance to capsule i: the exponential smooth minimum.

    Args:
        capsules: one or more (a, b, radius_a, radius_b), metres.
        voxel_m: edge of the sampling grid; details below about two voxels are lost.
        softness_m: how far parts melt into each other; None means 0.8 voxels.

    Returns:
        A smooth closed mesh without uv.

    Raises:
        ValueError: no capsules.
    """
    from skimage.measure import marching_cubes

    if not capsules:
        raise ValueError("no capsules to blend")
    softness = 0.8 * voxel_m if softness_m is None else softness_m
    a = np.array([c[0] for c in capsules], np.float32)
    b = np.array([c[1] for c in capsules], np.float32)
    ra = np.array([c[2] for c in capsules], np.float32)
    rb = np.array([c[3] for c in capsules], np.float32)
    pad = np.maximum(ra, rb)[:, None] + _REACH * softness + voxel_m
    low, high = np.minimum(a, b) - pad, np.maximum(a, b) + pad
    origin = low.min(0)
    size = np.ceil((high.max(0) - origin) / voxel_m).astype(int) + 2
    field = np.zeros(size, np.float32)
    starts = ((low - origin) / voxel_m).astype(int)
    stops = np.minimum(np.ceil((high - origin) / voxel_m).astype(int) + 1, size)
    for i in range(len(a)):
        box = tuple(slice(s, e) for s, e in zip(starts[i], stops[i], strict=True))
        x, y, z = (
            (origin[k] + voxel_m * np.arange(starts[i][k], stops[i][k], dtype=np.float32) - a[i, k]).reshape(
                [-1 if j == k else 1 for j in range(3)]
            )
            for k in range(3)
        )
        ab = b[i] - a[i]
        t = np.clip((x * ab[0] + y * ab[1] + z * ab[2]) / max(float(ab @ ab), 1e-12), 0.0, 1.0)
        square = (x - t * ab[0]) ** 2 + (y - t * ab[1]) ** 2 + (z - t * ab[2]) ** 2
        distance = np.sqrt(square) - (ra[i] + t * (rb[i] - ra[i]))
        field[box] += np.exp(np.minimum(-distance / softness, 20.0))
    level = -np.log(np.maximum(field, 1e-6))
    surface = marching_cubes(level, 0.0, spacing=(voxel_m,) * 3, gradient_direction="descent")  # type: ignore[no-untyped-call]
    vertices, faces = surface[:2]
    return without_slivers(Mesh(vertices.astype(np.float32) + origin, faces.astype(np.int32), None, smooth=True))


def without_slivers(mesh: Mesh) -> Mesh:
    """Return `mesh` without triangles of no area, which have no normal."""
    p = np.asarray(mesh.vertices)[mesh.faces]
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    return Mesh(mesh.vertices, mesh.faces[area > 1e-6 * area.mean()], mesh.uv, mesh.smooth)


def xyz(x: float, y: float, z: float) -> NDArray[np.float64]:
    """Return a point or an offset, (3,)."""
    return np.array([x, y, z], np.float64)


def chain(points: Sequence[Point], radii: Sequence[float] | NDArray[np.floating]) -> list[Capsule]:
    """Return the capsules that join consecutive `points` with radii interpolated between `radii` (same length)."""
    return [(points[i], points[i + 1], float(radii[i]), float(radii[i + 1])) for i in range(len(points) - 1)]


def side_uv(mesh: Mesh, repeat_m: float) -> Mesh:
    """Give `mesh` side-view texture coordinates that also shade from back to belly: one repeat in `repeat_m` metres."""
    x, y, z = mesh.vertices.T
    uv = np.stack([(x + 0.25 * y) / repeat_m, (z - 0.6 * np.abs(y)) / repeat_m], 1).astype(np.float32)
    return Mesh(mesh.vertices, mesh.faces, uv, mesh.smooth)


def front_uv(mesh: Mesh, repeat_m: float) -> Mesh:
    """Give `mesh` front-view texture coordinates, slanted so that its sides do not smear: one repeat in `repeat_m` metres."""
    x, y, z = (mesh.vertices - mesh.vertices.mean(0)).T
    uv = np.stack([(y + 0.6 * x) / repeat_m, (z + 0.2 * x) / repeat_m], 1).astype(np.float32)
    return Mesh(mesh.vertices, mesh.faces, uv, mesh.smooth)


def placed(
    things: Sequence[Thing],
    xyz: Point = (0.0, 0.0, 0.0),
    yaw_deg: float = 0.0,
    *,
    scale: float = 1.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    instance: int | None = None,
) -> list[Thing]:
    """Return `things` scaled, rolled about x, pitched about y, turned about z, moved to `xyz`, and renumbered if asked."""
    r, p, w = np.deg2rad([roll_deg, pitch_deg, yaw_deg])
    rx = np.array([[1, 0, 0], [0, np.cos(r), -np.sin(r)], [0, np.sin(r), np.cos(r)]])
    ry = np.array([[np.cos(p), 0, np.sin(p)], [0, 1, 0], [-np.sin(p), 0, np.cos(p)]])
    rz = np.array([[np.cos(w), -np.sin(w), 0], [np.sin(w), np.cos(w), 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = rz @ ry @ rx * scale
    pose[:3, 3] = np.asarray(xyz, np.float64)
    return [Thing(t.mesh, t.look, pose @ t.world_from_mesh, t.instance if instance is None else instance) for t in things]


def bounds_of(things: Sequence[Thing]) -> NDArray[np.float64]:
    """Return the (2, 3) lowest and highest world corner of `things`, metres."""
    corners = []
    for t in things:
        p = t.mesh.vertices @ t.world_from_mesh[:3, :3].T + t.world_from_mesh[:3, 3]
        corners += [p.min(0), p.max(0)]
    return np.array([np.min(corners, 0), np.max(corners, 0)], np.float64)


def grounded(things: Sequence[Thing]) -> list[Thing]:
    """Return `things` moved up or down so that their lowest point is z = 0."""
    return placed(things, (0.0, 0.0, -float(bounds_of(things)[0, 2])))


def srgb(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """Return linear RGB of an sRGB colour given in 0..1 (gamma 2.2)."""
    r, g, b = np.clip([red, green, blue], 0.0, 1.0) ** 2.2
    return float(r), float(g), float(b)


def cloth_look(rng: np.random.Generator) -> Look:
    """Return a plain, striped, checked or dotted cloth, one texture repeat per uv unit."""
    base = random_cloth_colour(rng)
    if rng.random() < 0.45:
        return Look("diffuse", srgb(*base))
    other = random_cloth_colour(rng)
    n = 64
    v, u = np.mgrid[0:n, 0:n] / n
    k = int(rng.integers(1, 5))
    duty = rng.uniform(0.2, 0.6)
    kind = rng.choice(["stripes", "bars", "check", "dots", "noise"])
    across, along = ((u * k) % 1 < duty).astype(float), ((v * k) % 1 < duty).astype(float)
    if kind == "stripes":
        mask = along
    elif kind == "bars":
        mask = across
    elif kind == "check":
        mask = 0.5 * (across + along)
    elif kind == "dots":
        mask = (((u * k) % 1 - 0.5) ** 2 + ((v * k) % 1 - 0.5) ** 2 < 0.25 * duty).astype(float)
    else:
        mask = rng.random((n // 4, n // 4)).repeat(4, 0).repeat(4, 1)
    image = base + mask[..., None] * (other - base)
    image = image * rng.normal(1.0, 0.04, (n, n, 1))
    return Look("diffuse", texture=(np.clip(image, 0, 1) * 255).astype(np.uint8))


def random_cloth_colour(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return an sRGB colour (3,) in 0..1 as clothes and paint have: often greyish, dark or blue, sometimes vivid."""
    import colorsys

    if rng.random() < 0.35:
        return np.asarray(rng.choice([0.1, 0.2, 0.35, 0.55, 0.75, 0.92]) * rng.uniform(0.9, 1.08, 3), np.float64)
    hue = rng.choice([rng.random(), rng.normal(0.6, 0.05) % 1, rng.normal(0.03, 0.04) % 1])
    return np.array(colorsys.hsv_to_rgb(float(hue), float(rng.uniform(0.15, 0.9)), float(rng.uniform(0.25, 0.95))))
