"""Steadiness of a video's depth: against a slow reference, and on the analytic world, whose frames agree exactly."""

from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from tests.reference import temporal as slow

from leadline.camera import Camera
from leadline.data.synthetic.analytic import make_world, render_view
from leadline.data.synthetic.scene import View
from leadline.errors import LeadlineError
from leadline.metrics.temporal import DELTA_THRESHOLDS, Frame, flicker_metrics, pair_metrics, seen_in_both, video_metrics

HW = (72, 96)


def moved(pose, right=0.0, forward=0.0, yaw_deg=0.0):
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    step = np.array([[c, 0, s, right], [0, 1, 0, 0], [-s, 0, c, forward], [0, 0, 0, 1]])
    return pose @ step


@pytest.fixture(scope="module", params=[0, 4])
def video(request):
    """Five frames of a camera that walks and turns, with exact depth."""
    world, view = make_world(np.random.default_rng(request.param), 60)
    camera = Camera.from_fov_deg(60, HW)
    frames = []
    for k in range(5):
        pose = moved(view.world_from_camera, 0.04 * k, 0.05 * k, 0.7 * k)
        shot = render_view(world, View(pose, 60), HW)
        frames.append(Frame(shot.depth, camera, pose, shot.valid))
    return frames


def scaled(frames, factors):
    return [replace(frame, depth=frame.depth * factor) for frame, factor in zip(frames, factors, strict=True)]


def random_pair(seed):
    rng = np.random.default_rng(seed)
    camera_a, camera_b = Camera(17, 13, 15.0, 16.0, 8.0, 7.0), Camera(14, 15, 13.0, 13.5, 7.5, 7.0)
    smooth_a, smooth_b = (
        2 + 0.3 * np.sin(np.arange(c.width) / 3) + np.arange(c.height)[:, None] / 30 for c in (camera_a, camera_b)
    )
    frames = []
    for camera, depth, yaw in ((camera_a, smooth_a, 0), (camera_b, smooth_b, 3)):
        noisy = depth * np.exp(rng.normal(0, 0.08, camera.hw))
        frames.append(Frame(noisy, camera, moved(np.eye(4), 0.05 * yaw, 0.02, yaw), rng.random(camera.hw) < 0.95))
    return (*frames, rng.random(camera_a.hw) < 0.8)


@pytest.mark.parametrize("seed", range(4))
def test_every_pair_metric_agrees_with_the_slow_reference(seed):
    a, b, compared = random_pair(seed)
    found = pair_metrics(a, b, compared)
    plain = [(f.depth, f.valid, f.camera, f.world_from_camera) for f in (a, b)]
    expected = slow.pair(*plain, compared, DELTA_THRESHOLDS)
    assert set(found) == set(expected)
    assert found["temporal_abs_rel"].count > 50
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-10), name


@pytest.mark.parametrize("seed", range(4))
def test_flicker_agrees_with_the_slow_reference(seed):
    rng = np.random.default_rng(seed)
    before = rng.uniform(1, 5, (9, 7))
    after, still = before * np.exp(rng.normal(0.1, 0.2, before.shape)), rng.random(before.shape) < 0.6
    for name, value in slow.flicker(before, after, still).items():
        assert flicker_metrics(before, after, still)[name].value == pytest.approx(value, rel=1e-12), name


def test_perfect_depth_scores_no_error_up_to_the_interpolation(video):
    found = video_metrics(video, video)
    assert found["temporal_abs_rel"].count > 0.9 * sum(frame.valid.sum() for frame in video[:-1] + video[1:])
    assert found["temporal_abs_rel"].value < 2e-4
    assert found["temporal_delta_1.05"].value == 1
    assert found["temporal_landed"].value == 1


def test_perfect_depth_of_one_plane_is_exact():
    camera = Camera.from_fov_deg(60, HW)
    normal, offset = np.array([0.2, -0.3, 1.0]), 4.0  # points with normal . x = offset in the world
    frames = []
    for k in range(3):
        pose = moved(np.eye(4), 0.1 * k, 0.2 * k, 2.0 * k)
        depth = (offset - normal @ pose[:3, 3]) / (camera.rays() @ (pose[:3, :3].T @ normal))
        frames.append(Frame(depth, camera, pose))
    found = video_metrics(frames)
    assert found["temporal_abs_rel"].value < 1e-12
    assert found["temporal_landed"].value > 0.8


def test_a_scale_flicker_of_five_percent_scores_about_five_percent(video):
    factors = [1.0, 1.05, 1.0, 1.05, 1.0]
    found = video_metrics(scaled(video, factors), video, (1.02, 1.1))
    assert found["temporal_abs_rel"].value == pytest.approx(0.05, abs=0.002)
    # On its own, the prediction's one-sided test of what is hidden keeps the flicker too.
    alone = video_metrics(scaled(video, factors))
    assert alone["temporal_abs_rel"].value > 0.045
    assert found["temporal_delta_1.02"].value < 0.02
    assert found["temporal_delta_1.1"].value > 0.99


def test_more_flicker_scores_more(video):
    scores = [
        video_metrics(scaled(video, [1, 1 + f, 1, 1 + f, 1]), video)["temporal_abs_rel"].value for f in (0, 0.02, 0.05, 0.1)
    ]
    assert scores == sorted(scores)
    assert scores[3] == pytest.approx(0.1, abs=0.015)


def test_a_wrong_scale_that_never_changes_is_seen_only_through_the_motion(video):
    found = video_metrics(scaled(video, [3.0] * 5), video)
    steady, flickering = found["temporal_abs_rel"].value, video_metrics(scaled(video, [3, 3.3, 3, 3.3, 3]), video)
    assert 2e-4 < steady < 0.06  # 5 cm forward are a third of what such depth needs
    assert flickering["temporal_abs_rel"].value > 0.08


def test_poses_the_wrong_way_round_are_no_longer_consistent(video):
    turned = [replace(frame, world_from_camera=np.linalg.inv(frame.world_from_camera)) for frame in video]
    found, right = video_metrics(turned), video_metrics(video)
    assert found["temporal_abs_rel"].count > 1000
    assert found["temporal_abs_rel"].value > 10 * right["temporal_abs_rel"].value


def test_a_pixel_that_the_other_frame_can_not_see_is_not_compared():
    camera = Camera(40, 20, 40.0, 40.0, 20.0, 10.0)
    columns = np.arange(40)
    # A board 2 m away hides part of a wall 4 m away; one step to the right moves the board by 4 pixels and the wall by 2.
    before = np.broadcast_to(np.where((columns >= 10) & (columns < 20), 2.0, 4.0), (20, 40))
    after = np.broadcast_to(np.where((columns >= 6) & (columns < 16), 2.0, 4.0), (20, 40))
    a, b = Frame(before, camera, np.eye(4)), Frame(after, camera, moved(np.eye(4), 0.2))
    expected = (columns >= 2) & ~np.isin(columns, (8, 9))  # out of the picture; behind the board, which ends at 6 = 8 - 2
    np.testing.assert_array_equal(seen_in_both(a, b), np.broadcast_to(expected, (20, 40)))
    for compared in (None, seen_in_both(a, b)):
        assert pair_metrics(a, b, compared)["temporal_abs_rel"].value == pytest.approx(0, abs=1e-12)
    assert pair_metrics(a, b)["temporal_landed"].value == pytest.approx(36 / 38)  # what is hidden is not to be compared
    everything = pair_metrics(a, b, np.ones(camera.hw, bool))
    assert everything["temporal_abs_rel"].value == pytest.approx(2 * 1.0 / 38)  # two of 38 columns say 4 instead of 2
    assert everything["temporal_landed"].value == pytest.approx(38 / 40)


def test_a_thing_that_moves_is_not_compared(video):
    a, b = video[:2]
    jumped = b.depth.copy()
    jumped[30:50, 40:60] *= 0.7  # something else has come nearer
    kept, all_of_it = seen_in_both(a, replace(b, depth=jumped)), seen_in_both(a, b)
    assert 200 < (all_of_it & ~kept).sum() < 600
    assert not (kept & ~all_of_it).any()


def test_predicted_holes_and_pixels_without_a_partner_are_counted():
    camera = Camera(20, 10, 20.0, 20.0, 10.0, 5.0)
    depth, hole = np.full(camera.hw, 2.0), np.ones(camera.hw, bool)
    hole[:, :5] = False
    a = Frame(depth, camera, np.eye(4))
    found = pair_metrics(a, Frame(depth, camera, np.eye(4), hole), np.ones(camera.hw, bool))
    assert (found["temporal_landed"].value, found["temporal_landed"].count) == (0.75, 200)
    assert found["temporal_abs_rel"].count == 150


def test_pairs_of_a_video_add_up_in_both_directions(video):
    total = video_metrics(video[:3], video[:3])
    parts = []
    for a, b in pairwise(video[:3]):
        parts += [pair_metrics(a, b, seen_in_both(a, b)), pair_metrics(b, a, seen_in_both(b, a))]
    for name, whole in total.items():
        assert reduce(add, (part[name] for part in parts)) == whole
    assert video_metrics(video[:1]) == {}


def test_a_flickering_scale_of_a_still_scene_scores_its_size_and_no_local_flicker(video):
    depth, valid = video[0].depth.astype(float), video[0].valid
    found = flicker_metrics(depth, 1.05 * depth, valid)
    assert found["flicker"].value == pytest.approx(np.log(1.05))
    assert found["flicker"].value == pytest.approx(0.05, abs=0.0015)
    assert found["flicker_local"].value == pytest.approx(0, abs=1e-12)
    back = flicker_metrics(1.05 * depth, depth, valid)
    inverse = flicker_metrics(1 / np.where(valid, depth, 1), 1 / np.where(valid, 1.05 * depth, 1), valid)
    assert back["flicker"].value == pytest.approx(found["flicker"].value)
    assert inverse["flicker"].value == pytest.approx(found["flicker"].value)


def test_noise_on_a_still_scene_is_local_flicker():
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 5, (50, 60))
    noisy = depth * np.exp(rng.normal(0, 0.02, depth.shape))
    found = flicker_metrics(depth, 1.1 * noisy)
    assert found["flicker_local"].value == pytest.approx(0.02 * np.sqrt(2 / np.pi), rel=0.05)
    assert found["flicker"].value == pytest.approx(np.log(1.1), rel=0.02)


def test_no_pixel_to_compare_gives_nan_and_adds_nothing(video):
    a, b = video[:2]
    nothing = pair_metrics(a, b, np.zeros(HW, bool))
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in nothing.values())
    empty = flicker_metrics(a.depth, b.depth, np.zeros(HW, bool))
    assert all(tally.count == 0 and np.isnan(tally.value) for tally in empty.values())


def test_what_lies_behind_the_masks_is_never_touched():
    a, b, compared = random_pair(5)
    expected = pair_metrics(a, b, compared)
    poisoned = [replace(f, depth=np.where(f.valid, f.depth, bad)) for f, bad in ((a, np.nan), (b, -1.0))]
    assert pair_metrics(*poisoned, compared) == expected


def test_bad_input_is_refused(video):
    a, b = video[:2]
    with pytest.raises(LeadlineError, match=f"{HW[0] * HW[1]} valid depths are not finite and positive"):
        pair_metrics(replace(a, depth=np.zeros(HW), valid=np.ones(HW, bool)), b)
    with pytest.raises(LeadlineError, match="expected one shape"):
        pair_metrics(a, b, np.ones((3, 4), bool))
    with pytest.raises(LeadlineError, match="expected one shape"):
        pair_metrics(replace(a, valid=np.ones((3, 4), bool)), b)
    with pytest.raises(LeadlineError, match="resize or crop them together"):
        pair_metrics(replace(a, depth=np.ones((3, 4)), valid=None), b)
    with pytest.raises(LeadlineError, match="different lengths"):
        video_metrics(video, video[:3])
    with pytest.raises(LeadlineError, match="not finite and positive"):
        flicker_metrics([1.0], [0.0])
