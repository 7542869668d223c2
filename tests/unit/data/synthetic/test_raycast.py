import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data.synthetic.raycast import Box, Plane, Shape, Sphere, first_hit

SHAPES: list[Shape] = [
    Plane((0.3, 0.2, -1.0), (0.0, 0.6, 0.8)),
    Sphere((0.5, -0.4, 3.0), 0.8),
    Box((-0.4, 0.3, 2.5), (0.5, 0.7, 0.3), 30.0),
]


def rays(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = np.array([[0.0], [0.0], [1.0]])
    return rng.normal(0, 0.3, (3, count)) + 6 * z, rng.normal(0, 0.35, (3, count)) - z  # from above, downwards


def signed_distance(shape: Shape, points: np.ndarray) -> np.ndarray:
    """An independent definition of each surface: negative inside."""
    if isinstance(shape, Plane):
        return np.array(shape.unit_normal) @ (points - np.array(shape.point)[:, None])
    away = points - np.array(shape.centre)[:, None]
    if isinstance(shape, Sphere):
        return np.linalg.norm(away, axis=0) - shape.radius
    angle = np.deg2rad(-shape.yaw_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return (np.abs(turn @ away) - np.array(shape.half_size)[:, None]).max(axis=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_hits_are_on_the_surface_and_nothing_of_it_is_before_them(shape: Shape) -> None:
    origins, directions = rays(0)
    t = shape.hit(origins, directions)
    hit = np.isfinite(t)
    assert hit.sum() > 20
    points = origins[:, hit] + t[hit] * directions[:, hit]
    assert np.allclose(signed_distance(shape, points), 0, atol=1e-9)
    for share in np.linspace(0.01, 0.99, 40):
        before = origins[:, hit] + share * t[hit] * directions[:, hit]
        assert (signed_distance(shape, before) > 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_ray_that_misses_never_gets_inside(shape: Shape) -> None:
    origins, directions = rays(1)
    missed = ~np.isfinite(shape.hit(origins, directions))
    assert missed.any() or isinstance(shape, Plane)
    for t in np.linspace(0, 20, 400):
        assert (signed_distance(shape, origins[:, missed] + t * directions[:, missed]) > -1e-9).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_normals_point_out_and_have_unit_length(shape: Shape) -> None:
    origins, directions = rays(2)
    t = shape.hit(origins, directions)
    points = (origins + t * directions)[:, np.isfinite(t)]
    normals = shape.normal(points)
    assert np.allclose(np.linalg.norm(normals, axis=0), 1)
    assert (signed_distance(shape, points + 1e-3 * normals) > 0).all()
    rise = signed_distance(shape, points + 1e-6 * normals) / 1e-6
    assert np.allclose(rise, 1, atol=1e-3)  # the gradient of the distance


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_from_inside_the_far_side_is_hit(shape: Shape) -> None:
    centre = np.array(shape.centre)[:, None]
    directions = np.random.default_rng(3).normal(size=(3, 50))
    t = shape.hit(centre, directions)
    assert np.isfinite(t).all()
    assert (t > 0).all()
    assert np.allclose(signed_distance(shape, centre + t * directions), 0, atol=1e-9)


def test_rays_parallel_to_a_face_and_a_plane_are_no_trouble() -> None:
    box = Box((0, 0, 0), (1, 1, 1))
    origins = np.array([[0.5, 2.0], [0.5, 0.5], [-5, -5]])
    directions = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    assert box.hit(origins, directions).tolist() == [4.0, np.inf]
    assert Plane((0, 0, 1), (0, 0, 1)).hit(np.zeros((3, 1)), np.array([[1.0], [0.0], [0.0]])).tolist() == [np.inf]


def test_what_lies_behind_is_not_hit() -> None:
    back = np.array([[0.0], [0.0], [-1.0]])
    for shape in (Plane((0, 0, 1), (0, 0, 1)), Sphere((0, 0, 3), 1), Box((0, 0, 3), (1, 1, 1))):
        assert not np.isfinite(shape.hit(np.zeros((3, 1)), back)).any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_first_hit_is_the_nearest_of_all_shapes(seed: int) -> None:
    origins, directions = rays(seed, 100)
    each = np.stack([shape.hit(origins, directions) for shape in SHAPES])
    hits = first_hit(SHAPES, origins, directions)
    assert np.array_equal(hits.t, each.min(axis=0))
    assert np.array_equal(hits.shape, np.where(np.isfinite(hits.t), each.argmin(axis=0), -1))


def test_one_shared_origin_gives_what_repeated_ones_give() -> None:
    _, directions = rays(4)
    origin = np.array([[0.1], [0.0], [6.0]])
    one, many = first_hit(SHAPES, origin, directions), first_hit(SHAPES, np.repeat(origin, 400, axis=1), directions)
    assert np.array_equal(one.t, many.t)
    assert np.array_equal(one.shape, many.shape)


def test_a_ray_passes_through_what_it_ignores() -> None:
    origins, directions = rays(5)
    first = first_hit(SHAPES, origins, directions)
    second = first_hit(SHAPES, origins, directions, first.shape)
    assert (second.shape != first.shape)[first.shape >= 0].all()
    assert (second.t >= first.t).all()


def test_endless_shapes_may_be_left_out() -> None:
    origins, directions = rays(6)
    assert not (first_hit(SHAPES, origins, directions, endless=False).shape == 0).any()
    assert (first_hit(SHAPES, origins, directions).shape == 0).any()
