"""Points lie where depth times ray puts them, and the note says what they are worth."""

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.points import ASSUMED_FOV_DEG, cloud_of

POINT = np.dtype([("x", "f4"), ("y", "f4"), ("z", "f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])
HW = (130, 90)  # more rows than are made at a time
PINHOLE = Camera(90, 130, 70.0, 75.0, 40.5, 66.0)
PICTURE = np.random.default_rng(0).integers(0, 255, (*HW, 3), dtype=np.uint8)


def points(cloud, y_up: bool = False) -> np.ndarray:
    return np.concatenate(list(cloud.records(POINT, None, y_up)))


def xyz(cloud, y_up: bool = False) -> np.ndarray:
    records = points(cloud, y_up)
    return np.stack([records[axis] for axis in "xyz"], axis=-1)


@pytest.mark.parametrize("camera", [PINHOLE, Camera(90, 130, 70.0, 75.0, 40.5, 66.0, (0.1, -0.05, 0.002, -0.001))])
def test_points_are_depth_times_ray_in_reading_order(camera):
    rng = np.random.default_rng(1)
    depth = DepthMap(rng.uniform(1, 5, HW), rng.random(HW) > 0.3, camera=camera)
    cloud = cloud_of(depth, PICTURE)
    np.testing.assert_allclose(xyz(cloud), (depth.values[..., None] * camera.rays())[depth.valid], rtol=1e-5, atol=1e-6)
    colours = np.stack([points(cloud)[c] for c in ("red", "green", "blue")], axis=-1)
    np.testing.assert_array_equal(colours, PICTURE[depth.valid])
    assert cloud.count == depth.valid.sum()
    assert (cloud.unit, cloud.note) == ("m", "Metric: coordinates in metres.")


def test_y_up_turns_the_frame_and_does_not_mirror_it():
    cloud = cloud_of(DepthMap(np.full(HW, 2.0), camera=PINHOLE), PICTURE)
    np.testing.assert_array_equal(xyz(cloud, y_up=True), xyz(cloud) * (1, -1, -1))
    assert xyz(cloud, y_up=True)[0, 1] > 0  # the first pixel is at the top


@pytest.mark.parametrize("quantity", ["ray_distance", "disparity", "pixel_disparity"])
def test_other_metric_quantities_give_the_same_points(quantity):
    z = np.random.default_rng(1).uniform(1, 5, HW)
    numbers = {
        "ray_distance": z * PINHOLE.ray_lengths(),
        "disparity": 1 / z,
        "pixel_disparity": PINHOLE.fx * 0.2 / z,
    }[quantity]
    cloud = cloud_of(DepthMap(numbers, kind=f"{quantity}/metric", camera=PINHOLE), PICTURE, baseline_m=0.2)
    np.testing.assert_allclose(xyz(cloud), xyz(cloud_of(DepthMap(z, camera=PINHOLE), PICTURE)), rtol=1e-5, atol=1e-6)
    assert cloud.unit == "m"


def test_stereo_without_a_baseline_is_measured_in_baselines():
    depth = DepthMap(np.full(HW, 7.0), kind="pixel_disparity/metric", camera=PINHOLE)
    cloud = cloud_of(depth, PICTURE)
    np.testing.assert_allclose(xyz(cloud)[:, 2], PINHOLE.fx / 7)
    assert cloud.unit == "baselines"
    assert cloud.note.startswith("Not metric")


def test_a_disparity_of_zero_is_infinitely_far_and_makes_no_point():
    values = np.full(HW, 2.0)
    values[0, :5] = 0
    assert cloud_of(DepthMap(values, kind="disparity/metric", camera=PINHOLE), PICTURE).count == values.size - 5


@pytest.mark.parametrize(
    "kind", ["disparity/affine_invariant", "depth/affine_invariant", "disparity/ordinal", "ray_distance/ordinal"]
)
def test_a_map_of_unknown_shift_gives_a_shape_and_says_so(kind):
    values = np.linspace(-3, 8, HW[0] * HW[1]).reshape(HW)
    cloud = cloud_of(DepthMap(values, kind=kind, camera=PINHOLE), PICTURE)
    z = xyz(cloud)[:, 2]
    assert cloud.count == values.size
    assert 0.4 < z.min() < z.max() <= 10
    assert (z[0] > z[-1]) == kind.startswith("disparity")
    assert "a shape for looking at only" in cloud.note
    assert "don't measure" in cloud.note


def test_a_scale_invariant_map_keeps_its_shape_and_says_that_the_scale_is_unknown():
    z = np.random.default_rng(1).uniform(1, 5, HW)
    cloud = cloud_of(DepthMap(z, kind="depth/scale_invariant", camera=PINHOLE), PICTURE)
    np.testing.assert_allclose(xyz(cloud)[:, 2], z.reshape(-1), rtol=1e-6)
    assert cloud.note == "Not metric: true up to one unknown scale factor."


def test_an_unknown_camera_is_assumed_and_the_note_says_so():
    cloud = cloud_of(DepthMap(np.full(HW, 2.0)), PICTURE)
    expected = (2 * Camera.from_fov_deg(ASSUMED_FOV_DEG, HW).rays()).reshape(-1, 3)
    np.testing.assert_allclose(xyz(cloud), expected, rtol=1e-5, atol=1e-6)
    assert "a horizontal view of 60 degrees is assumed" in cloud.note


@pytest.mark.parametrize("wanted", [1, 7, 500, 11_000, 11_700, 10**9])
def test_thinning_is_even_and_never_exceeds_what_was_asked(wanted):
    valid = np.ones(HW, bool)
    valid[:, :45] = False
    cloud = cloud_of(DepthMap(np.full(HW, 2.0), valid, camera=PINHOLE), PICTURE, max_points=wanted)
    total = int(valid.sum())
    assert len(points(cloud)) == cloud.count <= min(wanted, total)
    if wanted >= 500:
        assert cloud.count > 0.7 * min(wanted, total)


def test_the_skirt_between_near_and_far_is_left_out_and_the_surfaces_stay():
    z = np.full(HW, 2.0)
    z[:, 40:50] = np.linspace(2, 6, 10)  # what a network draws
    z[:, 50:] = 6
    depth = DepthMap(z, camera=PINHOLE)
    kept = cloud_of(depth, PICTURE, max_slope_deg=80).z > 0
    assert not kept[:, 41:49].any()
    assert kept[:, :39].all()
    assert kept[:, 51:].all()
    assert (cloud_of(depth, PICTURE).z > 0).all()


def test_a_slanted_floor_is_no_skirt():
    camera = Camera(400, 300, 300.0, 300.0, 200.0, 150.0)
    below = camera.pixel_centres()[..., 1] - camera.cy
    z = np.where(below > 10, 1.5 * camera.fy / np.maximum(below, 1), 0)  # a floor 1.5 m below, out to 45 m
    depth = DepthMap(z, z > 0, camera=camera)
    assert cloud_of(depth, np.zeros((300, 400, 3), np.uint8), max_slope_deg=89).count == depth.valid.sum()


@pytest.mark.parametrize(
    ("depth", "picture", "options", "message"),
    [
        (DepthMap(np.ones(HW)), PICTURE[1:], {}, "expected .* at the map's size"),
        (DepthMap(np.ones(HW), np.zeros(HW)), PICTURE, {}, "no pixel of the map has a distance"),
        (DepthMap(np.ones(HW)), PICTURE, {"max_points": 0}, "max_points 0"),
        (DepthMap(np.ones(HW)), PICTURE, {"max_slope_deg": 90}, "max_slope_deg 90"),
    ],
)
def test_what_makes_no_cloud_is_refused(depth, picture, options, message):
    with pytest.raises(LeadlineError, match=message):
        cloud_of(depth, picture, **options)


def test_without_a_picture_the_points_have_the_colours_of_the_preview():
    from leadline.io.preview import colourise

    depth = DepthMap(np.linspace(1, 2, HW[0] * HW[1]).reshape(HW), camera=PINHOLE)
    np.testing.assert_array_equal(cloud_of(depth).pixels, colourise(depth))
