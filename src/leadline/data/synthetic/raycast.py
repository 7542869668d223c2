"""Rays against planes, spheres and boxes in closed form, NumPy only. Arrays of rays and points are (3, n), metres, float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]  # (3, n); an origin that all rays share may be (3, 1)


class Shape(Protocol):
    """A surface that knows where a ray meets it."""

    @property
    def bound(self) -> tuple[Rows, float] | None:
        """Centre (3, 1) and radius of a sphere around it, or None if it is endless."""
        ...

    def hit(self, origins: Rows, directions: Rows) -> Rows:
        """Return (n,) the smallest t > 0 with ``origin + t direction`` on the surface, inf where there is none."""
        ...

    def normal(self, points: Rows) -> Rows:
        """Return (3, n) outward unit normals at points of the surface."""
        ...

    def uv(self, points: Rows) -> Rows:
        """Return (2, n) texture coordinates in metres along the surface."""
        ...


@dataclass(frozen=True)
class Plane:
    """All points x with ``normal . (x - point) = 0``; `normal` must be a unit vector."""

    point: tuple[float, float, float]
    unit_normal: tuple[float, float, float]

    bound: None = field(default=None, init=False)

    def hit(self, origins: Rows, directions: Rows) -> Rows:
        """See `Shape`."""
        n = _column(self.unit_normal)
        height = dot(n, _column(self.point) - origins)
        speed = dot(n, directions)
        t = np.full(speed.shape, np.inf)
        np.divide(height, speed, out=t, where=height * speed > 0)
        return t

    def normal(self, points: Rows) -> Rows:
        """See `Shape`."""
        return np.broadcast_to(_column(self.unit_normal), points.shape)

    def uv(self, points: Rows) -> Rows:
        """See `Shape`."""
        n = np.array(self.unit_normal)
        across = np.cross(n, np.eye(3)[np.argmin(np.abs(n))])
        across /= np.linalg.norm(across)
        return np.stack([across, np.cross(n, across)]) @ (points - _column(self.point))


@dataclass(frozen=True)
class Sphere:
    """All points at `radius` from `centre`."""

    centre: tuple[float, float, float]
    radius: float

    @property
    def bound(self) -> tuple[Rows, float]:
        """See `Shape`."""
        return _column(self.centre), self.radius

    def hit(self, origins: Rows, directions: Rows) -> Rows:
        """See `Shape`."""
        away = origins - _column(self.centre)
        a = dot(directions, directions)
        b = dot(away, directions)
        c = dot(away, away) - self.radius**2
        discriminant = b * b - a * c
        root = np.sqrt(np.maximum(discriminant, 0.0))
        near, far = (-b - root) / a, (-b + root) / a
        return np.where((discriminant > 0) & (far > 0), np.where(near > 0, near, far), np.inf)

    def normal(self, points: Rows) -> Rows:
        """See `Shape`."""
        return (points - _column(self.centre)) / self.radius

    def uv(self, points: Rows) -> Rows:
        """See `Shape`."""
        x, y, z = self.normal(points)
        return self.radius * np.stack([np.arctan2(y, x), np.arcsin(np.clip(z, -1, 1))])


@dataclass(frozen=True)
class Box:
    """A solid block, turned about the vertical (z) axis."""

    centre: tuple[float, float, float]
    half_size: tuple[float, float, float]
    yaw_deg: float = 0.0

    @property
    def bound(self) -> tuple[Rows, float]:
        """See `Shape`."""
        return _column(self.centre), float(np.linalg.norm(self.half_size))

    def hit(self, origins: Rows, directions: Rows) -> Rows:
        """See `Shape`: the latest entry into and the earliest exit from the three slabs."""
        turn = self._box_from_world()
        start, way = turn @ (origins - _column(self.centre)), turn @ directions
        half = _column(self.half_size)
        way = np.where(way == 0, 1e-300, way)  # parallel to a slab: in it for ever, or never
        with np.errstate(over="ignore"):
            first, second = (-half - start) / way, (half - start) / way
        enter, leave = np.minimum(first, second).max(axis=0), np.maximum(first, second).min(axis=0)
        return np.where((enter <= leave) & (leave > 0), np.where(enter > 0, enter, leave), np.inf)

    def normal(self, points: Rows) -> Rows:
        """See `Shape`."""
        local = self._local(points)
        face = np.argmax(np.abs(local), axis=0)
        columns = np.arange(face.size)
        normals = np.zeros(points.shape)
        normals[face, columns] = np.sign(local[face, columns])
        return self._box_from_world().T @ normals

    def uv(self, points: Rows) -> Rows:
        """See `Shape`."""
        local = self._local(points)
        face = np.argmax(np.abs(local), axis=0)
        x, y, z = local * _column(self.half_size)
        return np.stack([np.where(face == 0, y, x), np.where(face == 2, y, z)])

    def _box_from_world(self) -> Rows:
        c, s = np.cos(np.deg2rad(self.yaw_deg)), np.sin(np.deg2rad(self.yaw_deg))
        return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])

    def _local(self, points: Rows) -> Rows:
        return (self._box_from_world() @ (points - _column(self.centre))) / _column(self.half_size)


class Hits(NamedTuple):
    """The first surface along each ray.

    Attributes:
        t: (n,) the point is ``origin + t direction``; inf where nothing is hit.
        shape: (n,) which one, -1 for none.
    """

    t: Rows
    shape: NDArray[np.int64]


def first_hit(
    shapes: Sequence[Shape],
    origins: Rows,
    directions: Rows,
    ignore: NDArray[np.int64] | None = None,
    *,
    endless: bool = True,
) -> Hits:
    """Return the first shape along each ray.

    Args:
        shapes: the world.
        origins: (3, n) or (3, 1).
        directions: (3, n), of any length; t counts in their lengths.
        ignore: (n,) the index of a shape that the ray passes through (it starts on it), -1 for none.
        endless: whether shapes without a bound count: the planes that enclose a world are in no light's way.
    """
    n = directions.shape[1]
    t, index = np.full(n, np.inf), np.full(n, -1)
    squares = dot(directions, directions)
    shared = origins.shape[1] == 1
    for k, solid in enumerate(shapes):
        if solid.bound is None and not endless:
            continue
        if solid.bound is None:
            rays: NDArray[np.intp] | slice = slice(None)
        else:  # only rays that meet the sphere around it
            centre, radius = solid.bound
            to = centre - origins
            along = dot(to, directions)
            miss_square = dot(to, to) * squares - along * along
            rays = np.flatnonzero(miss_square <= (1.001 * radius) ** 2 * squares)
        found = solid.hit(origins if shared else origins[:, rays], directions[:, rays])
        if ignore is not None:
            found = np.where(ignore[rays] == k, np.inf, found)
        closer = found < t[rays]
        t[rays] = np.where(closer, found, t[rays])
        index[rays] = np.where(closer, k, index[rays])
    return Hits(t, index)


def dot(a: Rows, b: Rows) -> Rows:
    """Return (n,) inner products of the columns of two (3, n) arrays (three times as fast as ``(a * b).sum(axis=0)``)."""
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _column(vector: Sequence[float]) -> Rows:
    return np.array(vector, dtype=np.float64)[:, None]
