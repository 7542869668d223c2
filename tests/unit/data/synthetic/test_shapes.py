"""Shapes have the volume, the extent and the outward faces that their formula says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from leadline.data.synthetic import shapes
from leadline.data.synthetic.scene import Mesh


def signed_volume(mesh: Mesh) -> float:
    a, b, c = (np.asarray(mesh.vertices, np.float64)[mesh.faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def edges_are_shared_by_two_faces(mesh: Mesh) -> bool:
    pairs = cKDTree(mesh.vertices).query_pairs(0.2 * shapes.CREASE_M, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(mesh.vertices),) * 2)
    faces = connected_components(links, directed=False)[1][mesh.faces]
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward = {tuple(e) for e in edges.tolist()}
    return len(forward) == len(edges) and all((b, a) in forward for a, b in forward)


SOLIDS: dict[str, tuple[Callable[[], Mesh], float]] = {
    "box": (lambda: shapes.box(1, 2, 3), 6.0),
    "bevelled box": (lambda: shapes.box(1, 2, 3, bevel=0.02), 6.0),
    "cylinder": (lambda: shapes.cylinder(0.5, 2, segments=128), np.pi * 0.25 * 2),
    "truncated cone": (lambda: shapes.cylinder(1, 1, top_radius=0.5, segments=128), np.pi / 3 * 1.75),
    "cone": (lambda: shapes.cone(1, 3, segments=128), np.pi),
    "sphere": (lambda: shapes.sphere(1, segments=96), 4 / 3 * np.pi),
    "capsule": (lambda: shapes.capsule(0.5, 2, segments=96), np.pi * 0.25 + 4 / 3 * np.pi / 8),
    "torus": (lambda: shapes.torus(1, 0.2, segments=160), 2 * np.pi**2 * 0.04),
    "tube": (lambda: shapes.tube([(0, 0, 0), (0, 1, 0), (0, 2, 0)], 0.1, segments=128), np.pi * 0.01 * 2),
    "L prism": (lambda: shapes.extrude([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], 0.5), 1.5),
    "vessel": (lambda: shapes.vessel([(0.5, 0), (0.5, 1)], 0.1, segments=128), np.pi * (0.25 - 0.16 * 0.9)),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_has_its_volume_and_faces_outwards(name: str) -> None:
    make, volume = SOLIDS[name]
    assert signed_volume(make()) == pytest.approx(volume, rel=0.01)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_is_watertight_once_welded(name: str) -> None:
    assert edges_are_shared_by_two_faces(SOLIDS[name][0]())


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_has_uv_and_valid_faces(name: str) -> None:
    mesh = SOLIDS[name][0]()
    assert mesh.uv is not None
    assert mesh.uv.shape == (len(mesh.vertices), 2)
    assert mesh.faces.min() == 0
    assert mesh.faces.max() == len(mesh.vertices) - 1
    assert np.isfinite(mesh.vertices).all()
    assert np.isfinite(mesh.uv).all()


@pytest.mark.parametrize(
    ("make", "normal"),
    [
        (lambda: shapes.quad(2, 1), (0, 0, 1)),
        (lambda: shapes.wall(2, 1), (0, -1, 0)),
        (lambda: shapes.disc(1), (0, 0, 1)),
        (lambda: shapes.heightfield(np.zeros((3, 4)), 2, 1), (0, 0, 1)),
        (lambda: shapes.polygon([(0, 0), (0, 1), (1, 1), (1, 0)]), (0, 0, 1)),
    ],
)
def test_a_flat_shape_faces_where_it_says(make: Callable[[], Mesh], normal: tuple[float, float, float]) -> None:
    mesh = make()
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    np.testing.assert_allclose(
        normals / np.linalg.norm(normals, axis=1, keepdims=True), np.tile(normal, (len(normals), 1)), atol=1e-6
    )


@pytest.mark.parametrize(
    "make", [lambda: shapes.quad(2, 3), lambda: shapes.box(2, 2, 2), lambda: shapes.cylinder(1, 2, segments=96)]
)
def test_one_uv_unit_is_one_metre(make: Callable[[], Mesh]) -> None:
    mesh = make()
    a, b, c = (np.asarray(mesh.vertices)[mesh.faces[:, k]] for k in range(3))
    assert mesh.uv is not None
    p, q, r = (np.asarray(mesh.uv)[mesh.faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    uv_area = np.abs((q - p)[:, 0] * (r - p)[:, 1] - (q - p)[:, 1] * (r - p)[:, 0])
    side = np.abs(np.cross(b - a, c - a)[:, 2]) < 0.5 * area if len(mesh.faces) > 90 else np.ones(len(area), bool)
    np.testing.assert_allclose(uv_area[side], area[side], rtol=0.01)


def test_a_mirroring_transform_keeps_faces_outward() -> None:
    mesh = shapes.transformed(shapes.box(1, 2, 3), shapes.scaling(-1, 1, 1))
    assert signed_volume(mesh) == pytest.approx(6.0)


def test_merge_keeps_every_part() -> None:
    parts = [shapes.box(1, 1, 1), shapes.transformed(shapes.sphere(0.5), shapes.translation(3, 0, 0))]
    assert signed_volume(shapes.merge(parts)) == pytest.approx(sum(map(signed_volume, parts)))
    with pytest.raises(ValueError, match="at least one"):
        shapes.merge([])


def test_placement_turns_then_moves() -> None:
    point = shapes.placement(1, 2, 3, yaw_deg=90) @ np.array([1, 0, 0, 1])
    np.testing.assert_allclose(point[:3], (1, 3, 3), atol=1e-12)


def test_fit_uv_spans_the_unit_square() -> None:
    uv = shapes.fit_uv(shapes.wall(3, 0.4)).uv
    assert uv is not None
    assert uv.min() == 0
    assert uv.max() == 1


def test_blobs_repeat_with_their_seed() -> None:
    one, two = (shapes.blob(np.random.default_rng(3), (1, 1, 0.5), 0.2) for _ in range(2))
    np.testing.assert_array_equal(one.vertices, two.vertices)
    assert signed_volume(one) > 0
