import time
from pathlib import Path

import numpy as np
import pytest

from leadline.data.synthetic import analytic
from leadline.data.synthetic.analytic import Solid, World, make_sample, make_stereo_pair, make_world, render_view
from leadline.data.synthetic.raycast import Box, Plane, Sphere
from leadline.data.synthetic.render import RenderedView
from leadline.data.synthetic.scene import Material, View, look_at
from leadline.depth_map import METRIC_DEPTH, PIXEL_DISPARITY
from leadline.errors import LeadlineError
from leadline.geometry import normals_from_depth, project_into, sample_bilinear

SEEDS = range(6)
HW = (48, 64)
GREY = np.full((64, 64, 3), 128, np.uint8)
LEVEL = View(look_at((0, 0, 1.5), (0, 5, 1.5)), 70.0)  # along +y


def one(shape: Plane | Sphere | Box, hw: tuple[int, int] = HW) -> RenderedView:
    return render_view(World((Solid(shape, GREY, instance=3),)), LEVEL, hw)


def test_a_wall_five_metres_ahead_is_at_depth_five_in_every_pixel() -> None:
    view = one(Plane((0, 5, 0), (0, -1, 0)))
    assert np.allclose(view.depth, 5)  # z, so flat: the distance along the ray would bulge
    assert np.allclose(view.normals, (0, 0, -1), atol=1e-7)
    assert not view.sky.any()


def test_the_ground_has_the_depth_of_its_formula_and_ends_at_the_horizon() -> None:
    view = one(Plane((0, 0, 0), (0, 0, 1)))
    k = view.intrinsics
    below = np.arange(HW[0]) + 0.5 - k[1, 2]  # rows under the horizon
    expected = np.where(below > 0, 1.5 * k[1, 1] / np.where(below > 0, below, 1), 0)
    assert np.allclose(view.depth, expected[:, None], rtol=1e-6)
    assert np.array_equal(view.sky, view.depth == 0)
    assert np.allclose(view.normals[-1], (0, -1, 0), atol=1e-7)


def test_ground_beyond_the_far_limit_is_sky() -> None:
    view = render_view(World((Solid(Plane((0, 0, 0), (0, 0, 1)), GREY),), far_m=20), LEVEL, HW)
    assert 0 < view.depth.max() <= 20
    assert view.sky[HW[0] // 2 + 1].all()


def test_a_ball_is_as_near_and_as_large_as_it_should_be() -> None:
    view = one(Sphere((0, 4, 1.5), 0.5), (201, 201))
    assert view.depth[100, 100] == pytest.approx(3.5)  # the middle pixel looks straight at it
    assert view.normals[100, 100] == pytest.approx((0, 0, -1), abs=1e-6)
    radius_px = view.intrinsics[0, 0] * 0.5 / np.sqrt(4**2 - 0.5**2)  # of the tangent cone
    assert (~view.sky).sum() == pytest.approx(np.pi * radius_px**2, rel=0.02)
    assert set(np.unique(view.instance)) == {0, 3}


def test_the_front_of_a_box_is_flat_and_nearer_than_its_centre() -> None:
    view = one(Box((0, 4, 1.5), (0.5, 0.25, 0.5)))
    assert np.allclose(view.depth[~view.sky], 3.75)


@pytest.mark.parametrize("seed", SEEDS)
def test_stored_normals_agree_with_those_of_the_stored_depth(seed: int) -> None:
    world, pose = make_world(np.random.default_rng(seed))
    view = render_view(world, pose, (96, 128))
    sample = analytic.sample_of(view, "x")
    normals, found = normals_from_depth(view.depth, sample.camera, view.valid)
    angle = np.degrees(np.arccos(np.clip((normals * view.normals).sum(-1), -1, 1)))[found]
    assert np.median(angle) < 0.1
    assert (angle < 10).mean() > 0.9  # the rest: creases, thin things, rims of balls


@pytest.mark.parametrize("seed", SEEDS)
def test_normals_are_unit_vectors_that_face_the_camera(seed: int) -> None:
    world, pose = make_world(np.random.default_rng(seed))
    view = render_view(world, pose, HW)
    rays = analytic.sample_of(view, "x").camera.rays()
    assert np.allclose(np.linalg.norm(view.normals[view.valid], axis=-1), 1, atol=1e-6)
    assert ((view.normals * rays).sum(-1)[view.valid] <= 1e-6).all()
    assert not view.normals[view.sky].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_point_seen_by_both_eyes_has_one_depth_and_lands_where_the_disparity_says(seed: int) -> None:
    pair = make_stereo_pair(seed, (96, 128))
    left, right = pair.left, pair.right
    right_from_left = np.linalg.inv(right.world_from_camera) @ left.world_from_camera
    landing = project_into(right.camera, right_from_left, left.depth.values, left.camera, left.depth.valid)
    shift = left.camera.pixel_centres()[..., 0] - landing.xy[..., 0]
    assert np.allclose(shift[landing.valid], pair.pixel_disparity.values[landing.valid], atol=1e-4)
    assert np.allclose(landing.xy[..., 1], left.camera.pixel_centres()[..., 1] * landing.valid, atol=1e-4)  # rectified
    there, known = sample_bilinear(1 / np.where(right.depth.valid, right.depth.values, 1), landing.xy, right.depth.valid)
    agree = np.abs(there * landing.depth - 1) < 0.01
    both = landing.valid & known
    assert agree[both & ~pair.occluded].mean() > 0.97  # not at the borders of things, where samples mix
    assert agree[both & pair.occluded].mean() < 0.5 if (both & pair.occluded).sum() > 20 else True


@pytest.mark.parametrize("seed", SEEDS)
def test_the_right_picture_shows_the_left_one_shifted_by_the_disparity(seed: int) -> None:
    pair = make_stereo_pair(seed, (96, 128), baseline_m=0.05)
    xy = pair.left.camera.pixel_centres() - pair.pixel_disparity.values[..., None] * (1, 0)
    opaque = pair.left.masks["material"] == Material.OPAQUE  # what a mirror shows moves otherwise

    def error(positions: np.ndarray) -> float:
        warped, seen = sample_bilinear(pair.right.image, positions)
        good = seen & opaque & pair.left.depth.valid & ~pair.occluded
        return float(np.abs(warped - pair.left.image)[good].mean())

    mirrored = pair.left.camera.pixel_centres() + pair.pixel_disparity.values[..., None] * (1, 0)
    assert error(xy) < 0.8 * error(mirrored)  # the wrong sign


def test_occlusion_is_what_a_box_hides_from_the_right_eye() -> None:
    world = World((Solid(Plane((0, 6, 0), (0, -1, 0)), GREY), Solid(Box((0, 3, 1.5), (0.4, 0.01, 0.4)), GREY, instance=1)))
    view = render_view(world, LEVEL, (101, 301), baseline_m=0.2)
    front, wall = view.depth[50, 150], 6.0
    width = view.intrinsics[0, 0] * 0.2 * (1 / front - 1 / wall)  # pixels of wall hidden beside the box
    hidden = view.occluded[50] & (np.arange(301) > 20)
    assert hidden.sum() == pytest.approx(width, abs=1.5)
    box = np.flatnonzero(view.instance[50] == 1)
    assert np.flatnonzero(hidden).max() == box.min() - 1  # on its left side: the right eye looks past its right side
    outside = view.pixel_disparity[50] > np.arange(301) + 0.5
    assert view.occluded[50][outside].all()


def test_the_truth_of_glass_and_mirrors_is_their_first_surface() -> None:
    for material in (Material.TRANSPARENT, Material.MIRROR):
        ball = Solid(Sphere((0, 4, 1.5), 0.5), GREY, material=material, instance=1)
        world = World((Solid(Plane((0, 6, 0), (0, -1, 0)), GREY), ball))
        view = render_view(world, LEVEL, (101, 101))
        assert view.depth[50, 50] == pytest.approx(3.5)
        assert view.material[50, 50] == material


def test_a_mirror_shows_what_is_behind_the_camera_and_a_pane_what_is_behind_the_pane() -> None:
    red, blue = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    back, front = Solid(Plane((0, -2, 0), (0, 1, 0)), red), Solid(Plane((0, 6, 0), (0, -1, 0)), blue)
    for material, channel in ((Material.MIRROR, 0), (Material.TRANSPARENT, 2)):
        pane = Solid(Box((0, 3, 1.5), (1, 0.01, 1)), GREY, material=material)
        middle = render_view(World((back, front, pane), light=(0, 1, 8)), LEVEL, HW).radiance[24, 32]
        assert middle.argmax() == channel
        assert middle.max() > 3 * np.delete(middle, channel).max()


def test_an_object_between_light_and_ground_casts_a_shadow() -> None:
    ground, ball = Solid(Plane((0, 0, 0), (0, 0, 1)), GREY), Solid(Sphere((0, 5, 0.9), 0.3), GREY)
    lit, shaded = (render_view(World(solids, light=(0, 5, 1e5)), LEVEL, HW) for solids in ((ground,), (ground, ball)))
    darker = (shaded.radiance.mean(-1) < 0.7 * lit.radiance.mean(-1)) & (shaded.depth == lit.depth)
    assert darker.sum() > 5


@pytest.mark.parametrize("distance", [2, 8, 20, 40, 80])
def test_a_texture_keeps_its_place_at_every_level_of_detail(distance: float) -> None:
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 32:] = 255
    wall = Plane((0, distance, 0), (0, -1, 0))
    view = render_view(World((Solid(wall, halves, repeat_m=8.0),), light=(0, 0, 0)), View(LEVEL.world_from_camera, 40.0), HW)
    sample = analytic.sample_of(view, "x")
    rays = sample.camera.rays().reshape(-1, 3)
    points = view.world_from_camera[:3, :3] @ (distance * rays.T) + view.world_from_camera[:3, 3:]
    place = (wall.uv(points)[0] / 8 % 1).reshape(HW)
    bright = view.radiance.mean(-1) > view.radiance.max() / 2
    clear = np.abs((place + 0.25) % 0.5 - 0.25) > 0.13  # away from where the halves meet
    assert clear.sum() > 500
    assert np.array_equal(bright[clear], place[clear] >= 0.5)


def test_a_sample_carries_all_that_is_known_about_it() -> None:
    sample = make_sample(0, HW, fov_deg=60, name="room")
    assert sample.name == "room"
    assert (sample.image.shape, sample.image.dtype) == ((*HW, 3), np.uint8)
    assert sample.depth.kind == METRIC_DEPTH
    assert sample.depth.camera == sample.camera
    assert sample.camera.fov_deg[0] == pytest.approx(60)
    assert {name: mask.shape for name, mask in sample.masks.items()} == dict.fromkeys(("sky", "material", "instance"), HW)
    assert np.array_equal(sample.depth.valid, ~sample.masks["sky"])
    turn = sample.world_from_camera[:3, :3]
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)


def test_the_same_seed_gives_the_same_sample_and_another_seed_another() -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two, other = (make_sample(seed, HW) for seed in (3, 3, 4))
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.depth.values, two.depth.values)
    assert not np.array_equal(one.depth.values, other.depth.values)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_truth_does_not_depend_on_the_size_of_the_picture() -> None:
    small, large = (make_sample(1, hw, fov_deg=60).depth.values for hw in ((31, 41), (93, 123)))
    assert np.allclose(small, large[1::3, 1::3], rtol=1e-6)  # every third centre coincides when sizes are odd multiples


def test_pictures_have_contrast_and_depth_has_range() -> None:
    samples = [make_sample(seed, HW) for seed in range(12)]
    assert all(sample.image.std() > 10 for sample in samples)
    assert all(np.ptp(sample.depth.values[sample.depth.valid]) > 0.5 for sample in samples)
    assert any(sample.masks["sky"].any() for sample in samples)
    assert any(not sample.masks["sky"].any() for sample in samples)
    assert {int(m) for sample in samples for m in np.unique(sample.masks["material"])} == {0, 1, 2}


def test_a_pair_is_labelled_with_its_kind_and_baseline() -> None:
    pair = make_stereo_pair(0, HW, baseline_m=0.3)
    assert pair.pixel_disparity.kind == PIXEL_DISPARITY
    assert np.allclose(pair.pixel_disparity.to_depth(pair.baseline_m).values, pair.left.depth.values, rtol=1e-5)
    moved = np.linalg.inv(pair.left.world_from_camera) @ pair.right.world_from_camera
    assert moved[:3, 3] == pytest.approx((0.3, 0, 0))


def test_eyes_in_one_place_are_refused() -> None:
    with pytest.raises(LeadlineError, match="positive"):
        make_stereo_pair(0, HW, baseline_m=0.0)


def test_a_sample_of_192_by_256_takes_a_moment_only() -> None:
    make_sample(0)
    start = time.process_time()
    for seed in range(5):
        make_sample(seed)
    assert (time.process_time() - start) / 5 < 0.25  # 0.04 s on a free core; a slip into Python loops would show


def test_the_job_writes_the_analytic_world_as_a_sound_folder(tmp_path: Path) -> None:
    from leadline.data.synthetic.job import synthesize
    from leadline.data.synthetic.layout import check_folder, iter_views

    report = synthesize(
        "analytic", 4, tmp_path / "out", size=(64, 48), views_per_scene=2, stereo=True, workers=1, on_progress=lambda *_: None
    )
    assert report.failed == 0
    assert check_folder(tmp_path / "out") == []
    views = list(iter_views(tmp_path / "out"))
    assert len(views) >= 4
    assert all(view.pixel_disparity is not None for view in views)
