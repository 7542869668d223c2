"""The renderer's truth against closed forms. Everything runs at 32 x 24, so that the slow scalar fallback is quick enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.data.synthetic.denoise import Guide, denoise
from leadline.data.synthetic.lens import blur
from leadline.data.synthetic.mitsuba_scene import vertex_normals
from leadline.data.synthetic.render import Renderer, intrinsics_of
from leadline.data.synthetic.scene import Lamp, Look, Material, Mesh, Scene, Sky, Sun, Thing, View, look_at

pytest.importorskip("mitsuba", reason="Mitsuba is not installed (pip install 'leadline[synth]')")

SIZE = (32, 24)
VIEW = View(look_at((0.0, -4.0, 1.0), (0.3, 0.0, 1.0)), 60.0)
CENTRE, RADIUS = np.array([0.0, 0.0, 1.0]), 0.8


def _grid_mesh(half: float) -> Mesh:
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]), uv=corners[:, :2])


def _sphere_mesh(rings: int = 192) -> Mesh:
    """A sphere of radius 1 as fine as float32 needs it: facets lie within 1e-4 of the true surface."""
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings + 1), indexing="ij")
    vertices = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1)
    index = np.arange(vertices.size // 3).reshape(polar.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return Mesh(vertices.reshape(-1, 3), faces, smooth=True)


def _placed(scale: float, at: NDArray[np.float64]) -> NDArray[np.float64]:
    pose = np.diag([scale, scale, scale, 1.0])
    pose[:3, 3] = at
    return pose


SPHERE = Thing(_sphere_mesh(), Look("diffuse", (0.8, 0.2, 0.2)), _placed(RADIUS, CENTRE), instance=7)
FLOOR = Thing(_grid_mesh(50.0), Look("diffuse", (0.2, 0.4, 0.8)))
WHITE_SKY = Sky(np.ones((8, 16, 3), np.float32))
SCENE = Scene("closed-form", (FLOOR, SPHERE), (WHITE_SKY,), (VIEW,))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(spp=4, threads=1)


def _expected(view: View, size: tuple[int, int] = SIZE) -> dict[str, NDArray[np.float64]]:
    """Depth, normals and object of the closed-form scene, with the pixel centre at + 0.5."""
    w, h = size
    k = intrinsics_of(view, size)
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    ray = np.stack([(x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1], np.ones_like(x)], -1)
    d = ray @ view.world_from_camera[:3, :3].T
    eye = view.world_from_camera[:3, 3]
    floor = np.where(d[..., 2] < 0, -eye[2] / np.minimum(d[..., 2], -1e-12), np.inf)
    at_floor = eye + floor[..., None] * d
    floor = np.where(np.abs(at_floor[..., :2]).max(-1) < 50, floor, np.inf)
    oc = eye - CENTRE
    a, b, c = (d * d).sum(-1), (d * oc).sum(-1), oc @ oc - RADIUS**2
    root = b * b - a * c
    ball = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    ball_normal = (eye + np.where(np.isfinite(ball), ball, 0)[..., None] * d - CENTRE) / RADIUS
    on_ball = ball < floor
    world_normal = np.where(on_ball[..., None], ball_normal, np.array([0, 0, 1.0]))
    margin = np.minimum(np.abs(root), np.abs(d[..., 2]))  # 0 at the silhouette and the horizon
    return {
        "depth": np.minimum(ball, floor),
        "normals": world_normal @ view.world_from_camera[:3, :3],
        "on_ball": on_ball,
        "clear": margin > 0.06,
    }


def test_depth_is_z_of_the_ray_through_the_pixel_centre(renderer: Renderer) -> None:
    (view,) = renderer.render(SCENE, SIZE)
    truth = _expected(VIEW)
    hit = np.isfinite(truth["depth"])
    clear = truth["clear"] & hit
    assert clear.sum() > 0.6 * hit.sum()
    np.testing.assert_allclose(view.depth[clear], truth["depth"][clear], rtol=1e-4)
    np.testing.assert_array_equal(view.sky, ~hit)
    assert (view.depth[view.sky] == 0).all()
    assert view.depth.dtype == np.float32


def test_normals_are_unit_and_in_the_camera_frame_facing_the_camera(renderer: Renderer) -> None:
    (view,) = renderer.render(SCENE, SIZE)
    truth = _expected(VIEW)
    clear = truth["clear"] & view.valid
    np.testing.assert_allclose(view.normals[clear], truth["normals"][clear], atol=3e-3)
    np.testing.assert_allclose(np.linalg.norm(view.normals[view.valid], axis=-1), 1, atol=1e-4)
    assert (view.normals[view.sky] == 0).all()


def test_instance_and_material_follow_the_thing(renderer: Renderer) -> None:
    scene = replace(SCENE, things=(FLOOR, replace(SPHERE, look=Look("glass"))))
    (view,) = renderer.render(scene, SIZE)
    ball = _expected(VIEW)["on_ball"].astype(bool)
    np.testing.assert_array_equal(view.instance == 7, ball)
    np.testing.assert_array_equal(view.material == Material.TRANSPARENT, ball)


@pytest.mark.parametrize("kind", ["glass", "thin_glass", "mirror"])
def test_the_first_surface_counts_also_where_it_is_glass_or_a_mirror(renderer: Renderer, kind: str) -> None:
    opaque = renderer.render(SCENE, SIZE)[0]
    clear = renderer.render(replace(SCENE, things=(FLOOR, replace(SPHERE, look=Look(kind)))), SIZE)[0]  # type: ignore[arg-type]
    np.testing.assert_array_equal(clear.depth, opaque.depth)


def test_the_picture_and_the_truth_are_not_shifted_by_half_a_pixel(renderer: Renderer) -> None:
    """The centroid of a lit ball before a black sky, in the picture and in the instance mask of a finer truth."""
    view = View(look_at((0.35, -4.0, 1.1), (0.0, 0.0, 1.2)), 50.0)
    lamp = Thing(SPHERE.mesh, Look("light", (1.0, 1.0, 1.0)), SPHERE.world_from_mesh, instance=1)
    scene = Scene("ball", (lamp,), (), (view,))
    loaded = renderer.load(scene)
    picture = np.mean([v.radiance[..., 1] for v in loaded.render((view,) * 32, SIZE)], axis=0)
    fine = 7  # an odd factor keeps pixel centres on pixel centres
    mask = loaded.truth((view,), (SIZE[0] * fine, SIZE[1] * fine))[0].instance == 1

    def centroid(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        y, x = np.mgrid[: weights.shape[0], : weights.shape[1]] + 0.5
        return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()

    np.testing.assert_allclose(centroid(picture.astype(np.float64)), centroid(mask.astype(np.float64)) / fine, atol=0.05)
    np.testing.assert_allclose(picture.sum(), mask.sum() / fine**2, rtol=0.02)  # nor scaled


def test_a_mirror_image_is_not_possible(renderer: Renderer) -> None:
    """Camera x is right and y is down: a ball to the right of and above the axis shows there, in truth and picture."""
    camera = View(look_at((-0.5, -4.0, 0.5), (-0.5, 0.0, 0.5)), 60.0)
    lamp = Thing(SPHERE.mesh, Look("light", (1.0, 1.0, 1.0)), _placed(0.3, np.array([0.3, 0.0, 1.2])), instance=1)
    (view,) = renderer.render(Scene("ball", (lamp,), (), (camera,)), SIZE)
    for shown in (view.instance == 1, view.radiance[..., 0] > 0.5):
        rows, columns = np.nonzero(shown)
        assert rows.size
        assert rows.max() < SIZE[1] / 2
        assert columns.min() >= SIZE[0] / 2


def test_several_views_in_one_launch_equal_single_views(renderer: Renderer) -> None:
    other = View(look_at((1.0, -3.0, 2.0), (0.0, 0.0, 1.0)), 75.0)
    both = renderer.render(replace(SCENE, views=(VIEW, other)), SIZE)
    single = renderer.render(replace(SCENE, views=(other,)), SIZE)[0]
    np.testing.assert_array_equal(both[1].depth, single.depth)
    np.testing.assert_allclose(both[1].radiance.mean(), single.radiance.mean(), rtol=0.05)
    assert (both[0].depth != both[1].depth).any()


def test_pixel_disparity_matches_the_right_picture_and_hidden_points_are_marked(renderer: Renderer) -> None:
    baseline_m = 0.5
    (view,) = renderer.render(SCENE, SIZE, baseline_m=baseline_m)
    assert view.pixel_disparity is not None
    assert view.occluded is not None
    focal_px = view.intrinsics[0, 0]
    np.testing.assert_allclose(view.pixel_disparity[view.valid], focal_px * baseline_m / view.depth[view.valid], rtol=1e-5)
    pose = VIEW.world_from_camera.copy()
    pose[:3, 3] += baseline_m * pose[:3, 0]
    right_truth = _expected(View(pose, VIEW.fov_x_deg))
    w, h = SIZE
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h))
    column = np.floor(x - view.pixel_disparity).astype(int)
    inside = view.valid & (x - view.pixel_disparity >= 0)
    np.testing.assert_array_equal(view.occluded[view.valid & ~inside], True)
    seen = (
        inside
        & ~view.occluded
        & _expected(VIEW)["clear"].astype(bool)
        & right_truth["clear"].astype(bool)[y, np.maximum(column, 0)]
    )
    same = right_truth["on_ball"][y, np.maximum(column, 0)] == (view.instance == 7)
    assert same[seen].all()
    floor_behind = inside & (view.instance == 0) & right_truth["on_ball"].astype(bool)[y, np.maximum(column, 0)]
    deep_inside = floor_behind & right_truth["clear"].astype(bool)[y, np.maximum(column, 0)]
    assert view.occluded[deep_inside].all()
    assert not view.occluded[view.sky].any()


def test_sky_azimuth_is_as_the_scene_describes(renderer: Renderer) -> None:
    """Row 0 is the zenith; the left edge is +y, and a quarter of the map further is +x (not -x, nor a map from +x to +y)."""
    radiance = np.zeros((16, 32, 3), np.float32)
    radiance[4:8, 8 - 2 : 8 + 2] = (5.0, 0.0, 0.0)  # +x, above the horizon
    camera = View(look_at((0.0, 0.0, 0.0), (1.0, 0.0, 0.5)), 80.0)
    (view,) = renderer.render(Scene("sky", (), (Sky(radiance),), (camera,)), SIZE)
    assert view.radiance[:, 8:24, 0].max() > 2
    assert view.sky.all()


def test_sunlight_and_lamps_light_what_they_face(renderer: Renderer) -> None:
    down = Sun((0.0, 0.0, -1.0), (np.pi, np.pi, np.pi))
    camera = View(look_at((0.0, -1.0, 3.0), (0.0, 0.0, 0.0)), 40.0)
    (sunny,) = renderer.render(Scene("sun", (FLOOR,), (down,), (camera,)), SIZE)
    np.testing.assert_allclose(sunny.radiance.reshape(-1, 3).mean(0), FLOOR.look.colour, rtol=0.02)
    (lit,) = renderer.render(Scene("lamp", (FLOOR,), (Lamp((0.0, 0.0, 2.0), (4.0, 4.0, 4.0)),), (camera,)), SIZE)
    assert lit.radiance.mean() > 0


def test_texture_pixels_follow_uv(renderer: Renderer) -> None:
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[:, 1] = 255  # dark for u < 0.5, bright for u > 0.5
    tile = Thing(_grid_mesh(1.0), Look("diffuse", texture=texture))
    tile = replace(tile, mesh=replace(tile.mesh, uv=(np.asarray(tile.mesh.vertices)[:, :2] + 1) / 2))
    camera = View(look_at((0.0, -0.01, 3.0), (0.0, 0.0, 0.0)), 30.0)
    (view,) = renderer.render(Scene("tile", (tile,), (WHITE_SKY,), (camera,)), SIZE)
    assert view.radiance[:, 24:].mean() > 3 * view.radiance[:, :8].mean()


def test_lens_blur_softens_the_picture_but_not_the_truth(renderer: Renderer) -> None:
    lamp = Thing(SPHERE.mesh, Look("light", (1.0, 1.0, 1.0)), SPHERE.world_from_mesh, instance=1)
    sharp = renderer.render(Scene("sharp", (lamp,), (), (VIEW,)), SIZE)[0]
    soft = renderer.render(Scene("soft", (lamp,), (), (replace(VIEW, aperture_m=0.1, focus_m=1.0),)), SIZE)[0]
    np.testing.assert_array_equal(sharp.depth, soft.depth)
    assert np.abs(np.diff(soft.radiance[..., 0])).max() < 0.6 < np.abs(np.diff(sharp.radiance[..., 0])).max()


def test_a_point_out_of_focus_becomes_a_disc_of_the_thin_lens_formula() -> None:
    """Radius = aperture * focal_px * |1 / z - 1 / focus|; the light is kept."""
    picture = np.zeros((41, 41, 3), np.float32)
    picture[20, 20] = 1
    inverse = np.full((41, 41), 0.5, np.float32)
    soft = blur(picture, inverse, focal_px=100.0, aperture_m=0.1, focus_m=1.0)
    np.testing.assert_allclose(soft.sum(), 3, rtol=1e-3)
    rows, columns = np.nonzero(soft[..., 0] > 1e-9)
    assert rows.max() - 20 == columns.max() - 20 == 5


def test_what_is_in_focus_stays_sharp_before_a_blurred_background() -> None:
    picture, inverse = np.ones((32, 32, 3), np.float32), np.zeros((32, 32), np.float32)
    picture[8:24, 8:24], inverse[8:24, 8:24] = 0, 0.5
    soft = blur(picture, inverse, focal_px=100.0, aperture_m=0.1, focus_m=2.0)
    assert soft[9:23, 9:23].max() < 1e-3
    np.testing.assert_array_equal(blur(picture, inverse, 100.0, 0.0, 2.0), picture)


def test_the_same_seed_gives_the_same_picture(renderer: Renderer) -> None:
    a, b = (renderer.render(SCENE, SIZE, seed=5)[0].radiance for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_a_number_of_samples_that_is_no_multiple_of_four_raises() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        Renderer(spp=6)


def test_vertex_normals_of_a_sphere_point_outwards_also_at_its_seam() -> None:
    mesh = _sphere_mesh(24)
    np.testing.assert_allclose(vertex_normals(mesh.vertices, mesh.faces), mesh.vertices, atol=0.03)


def _blank(hw: tuple[int, int]) -> Guide:
    """One white wall, seen head on."""
    normal, flat = np.zeros((3, *hw), np.float32), np.zeros((3, *hw), np.float32)
    normal[2] = 1
    return Guide(flat + 1, normal, flat, flat[0] + 1, np.zeros(hw, bool))


def _halved(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, 2h, 2w) -> (h, w, 3) means."""
    c, h, w = planes.shape
    return planes.reshape(c, h // 2, 2, w // 2, 2).mean((2, 4)).transpose(1, 2, 0)


def test_denoising_keeps_a_texture_and_smooths_the_light() -> None:
    rng = np.random.default_rng(0)
    hw = (48, 64)
    albedo = np.where(np.indices(hw).sum(0) // 4 % 2, 0.8, 0.2).astype(np.float32) * np.ones((3, 1, 1), np.float32)
    guide = replace(_blank(hw), albedo=albedo)
    noisy = (albedo * rng.gamma(4.0, 0.25, hw)).astype(np.float32)
    before = np.abs(_halved(noisy) - _halved(albedo)).mean()
    assert np.abs(denoise(noisy, guide) - _halved(albedo)).mean() < 0.35 * before


def test_one_firefly_does_not_shine_through() -> None:
    samples = np.full((3, 48, 64), 0.5, np.float32)
    samples[:, 20, 20] = 500.0
    assert denoise(samples, _blank((48, 64))).max() < 3  # instead of 125


def test_denoising_leaves_lights_and_sky_alone() -> None:
    guide = replace(_blank((8, 8)), emits=np.ones((8, 8), bool))
    samples = np.random.default_rng(1).random((3, 8, 8), np.float32)
    np.testing.assert_allclose(denoise(samples, guide), _halved(samples), rtol=1e-5)


def test_denoising_an_odd_grid_raises() -> None:
    with pytest.raises(ValueError, match="even"):
        denoise(np.ones((3, 3, 4), np.float32), _blank((3, 4)))
