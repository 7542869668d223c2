"""What the numbers of a map are: their unit, their quantity, their markers."""

from dataclasses import replace

import numpy as np
import pytest

from leadline.camera import Camera
from leadline.data.checks import maps, markers
from leadline.data.checks.finding import EachSample, Look
from leadline.data.checks.focal import RightAngles
from leadline.data.checks.planes import plane_normals, plane_supports
from leadline.data.checks.reading import Readings
from leadline.data.checks.scale import Scale, height_above_ground
from leadline.depth_map import DepthMap, Kind, Quantity, replace_map
from leadline.sample import Sample


def with_values(sample, change, **more):
    values = sample.depth.values.copy()
    return replace(sample, depth=replace_map(sample.depth, values=change(values), **more))


def test_a_plane_is_found_where_the_closed_form_puts_it():
    camera = Camera.from_fov_deg(70, (96, 128))
    normal, distance = np.array([0.1, 0.9, 0.3]), 1.4
    normal /= np.linalg.norm(normal)
    facing = camera.rays() @ normal
    depth = DepthMap(np.where(facing > 0.05, distance / np.where(facing > 0.05, facing, 1), 0), facing > 0.05)
    supports = plane_supports(depth, camera, np.random.default_rng(0))
    assert supports["depth"].share == 1
    assert supports["ray_distance"].share < 0.6
    assert supports["disparity"].share < 0.6
    (found, *_) = plane_normals(supports["depth"], depth.hw, camera)
    np.testing.assert_allclose(found, normal / distance, atol=1e-6)
    assert height_above_ground(supports["depth"], depth.hw, camera) == pytest.approx(distance, abs=1e-5)


def test_a_wall_is_no_ground():
    camera = Camera.from_fov_deg(70, (96, 128))
    wall = plane_supports(DepthMap(np.full((96, 128), 3.0)), camera, np.random.default_rng(0))
    assert wall["depth"].share == 1
    assert height_above_ground(wall["depth"], (96, 128), camera) is None


def test_too_few_pixels_say_nothing():
    valid = np.zeros((96, 128), bool)
    valid[:4, :4] = True
    assert plane_supports(DepthMap(np.ones((96, 128)), valid), None, np.random.default_rng(0)) == {}


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1000, "the numbers are mm: divide by 1000"),
        (1 / 1000, "they were divided by 1000 once too often"),
        (100, "divide by"),
    ],
)
def test_a_wrong_unit_is_found_with_the_factor_that_mends_it(sound, found, factor, words):
    wrong = [with_values(sample, lambda values: values * factor) for sample in sound]
    finding = found(Scale(), wrong)["wrong scale"]
    assert (finding.level, finding.sure) == ("error", "likely")
    assert words in finding.remedy


def test_a_camera_too_high_above_the_ground_is_a_hint(sound, found):
    """Five times is what 1/5000 m read as millimetres gives: distances stay plausible, the camera's height doesn't."""
    finding = found(Scale(), [with_values(sample, lambda values: values * 5) for sample in sound])["wrong scale"]
    assert (finding.level, finding.sure) == ("warning", "possible")
    assert "above the ground" in finding.evidence
    assert "5000" in finding.remedy


def test_maps_that_all_end_at_one_are_normalised(sound, found):
    wrong = [with_values(sample, lambda values: values / values.max()) for sample in sound]
    assert "normalised depth" in found(Scale(), wrong)


def test_sound_depth_has_a_sound_scale(sound, found):
    assert found(Scale(), sound) == {}


def ray_distance(sample):
    return with_values(sample, lambda values: values * sample.camera.ray_lengths())


def inverse(sample):
    return with_values(sample, lambda values: np.where(values > 0, 1 / np.where(values > 0, values, 1), 0))


def test_distance_along_the_ray_stored_as_depth_is_found(sound, found):
    finding = found(Readings(), map(ray_distance, sound))["distance along the ray stored as depth"]
    assert finding.level == "error"
    assert len(finding.names) == len(sound)
    assert "ray_distance" in finding.remedy


def test_disparity_stored_as_depth_is_found(sound, found):
    assert found(Readings(), map(inverse, sound)).keys() == {"disparity stored as depth"}


@pytest.mark.parametrize("quantity", [Quantity.DISPARITY, Quantity.RAY_DISTANCE])
def test_depth_stored_under_another_name_is_found(sound, found, quantity):
    wrong = [with_values(s, lambda v: v, kind=Kind(quantity, s.depth.kind.ambiguity)) for s in sound]
    (mistake,) = found(Readings(), wrong)
    assert mistake.startswith("depth stored as")


@pytest.mark.parametrize("quantity", [Quantity.DEPTH, Quantity.DISPARITY, Quantity.RAY_DISTANCE])
def test_what_says_truly_what_it_is_is_passed_over(sound, found, quantity):
    change = {Quantity.DEPTH: lambda s: s, Quantity.DISPARITY: inverse, Quantity.RAY_DISTANCE: ray_distance}[quantity]
    right = [replace_kind(change(sample), quantity) for sample in sound]
    assert found(Readings(), right) == {}


def replace_kind(sample, quantity):
    return with_values(sample, lambda values: values, kind=Kind(quantity, sample.depth.kind.ambiguity))


def test_scenes_without_planes_say_nothing(found):
    """A bowl: every reading bends it."""
    y, x = np.mgrid[-1:1:96j, -1:1:128j]
    bowl = Sample("bowl", np.zeros((96, 128, 3), np.uint8), DepthMap(2 + np.sin(9 * x) * np.sin(7 * y)))
    assert found(Readings(), [bowl] * 5) == {}


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_focal_length_of_another_size_bends_right_angles(sound, found, factor):
    def wrong(sample):
        camera = replace(sample.camera, fx=sample.camera.fx * factor, fy=sample.camera.fy * factor)
        return replace(sample, camera=camera, depth=replace_map(sample.depth, camera=camera))

    finding = found(RightAngles(), map(wrong, sound))["focal length"]
    times = float(finding.evidence.split("with ")[1].split()[0])
    assert times == pytest.approx(1 / factor, rel=0.05)


def test_the_right_focal_length_is_passed_over(sound, found):
    assert found(RightAngles(), sound) == {}


def saturated(values):
    values[:2] = 65.535
    return values


def spiked(values):
    values[:20] = 1000.0
    return values


@pytest.mark.parametrize("change", [saturated, spiked])
def test_a_marker_of_no_measurement_taken_for_a_distance_is_found(sound, found, change):
    rooms = [sample for sample in sound if sample.depth.values.max() < 20]
    finding = found(EachSample(markers.find), [with_values(room, change, valid=np.ones(room.depth.hw, bool)) for room in rooms])
    assert finding["marker taken for a distance"].level == "error"


def test_values_cut_at_the_sensors_range_are_a_warning(sound, found):
    cut = [with_values(sample, lambda values: np.minimum(values, 3.0)) for sample in sound]
    finding = found(markers.RangeLimit(), cut)["values cut at a limit"]
    assert finding.level == "warning"
    assert "exactly 3 m" in finding.evidence


def test_sound_maps_have_no_markers(sound, found):
    assert found(EachSample(markers.find), sound) == {}
    assert found(markers.RangeLimit(), sound) == {}
    assert found(EachSample(maps.find), sound) == {}


@pytest.mark.parametrize(
    ("depth", "mistake"),
    [
        (DepthMap(np.ones((24, 256))), "map size"),
        (DepthMap(np.ones((192, 256)), np.zeros((192, 256), bool)), "empty map"),
        (DepthMap(np.ones((192, 256))), "constant map"),
        (DepthMap(np.linspace(-1, 5, 192 * 256).reshape(192, 256)), "values that are not positive"),
    ],
)
def test_a_map_that_is_no_truth_is_found(sound, found, depth, mistake):
    assert mistake in found(EachSample(maps.find), [replace(sound[0], depth=depth)])


def test_a_sample_without_any_truth_is_found_and_one_with_masks_alone_is_not(sound, found):
    bare = replace(sound[0], name="bare", depth=None, masks={})
    masked = replace(sound[0], depth=None)
    assert found(maps.SomeTruth(), [masked, bare])["no truth"].names == ("bare",)
    assert found(maps.SomeTruth(), [masked]) == {}


def test_a_line_names_a_few_samples_and_counts_the_others(sound, found):
    empty = DepthMap(np.ones((192, 256)), np.zeros((192, 256), bool))
    finding = found(EachSample(maps.find), [replace(sample, depth=empty) for sample in sound])["empty map"]
    assert str(finding).endswith("[12 of 12: world/0, world/1, world/2 and 9 more]")
    assert str(finding).startswith("ERROR empty map (certain): only 0.00%")


def test_what_several_checks_need_is_worked_out_once(sound):
    look = Look(sound[0])
    assert look.supports is look.supports
