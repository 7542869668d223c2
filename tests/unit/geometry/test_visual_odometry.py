from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.reference import odometry as slow

from leadline.camera import Camera
from leadline.data.synthetic.analytic import make_world, render_view
from leadline.data.synthetic.scene import View
from leadline.geometry.se3 import inverse, se3_exp
from leadline.geometry.visual_odometry import Refined, motion_jacobian, refine_motion

HW = (96, 128)
TRUE = se3_exp(torch.tensor([[0.01, -0.02, 0.015, 0.03, -0.02, 0.05]]).double())
OFF = se3_exp(torch.tensor([[-0.008, 0.012, -0.01, 0.04, 0.03, -0.04]]).double())


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def painted(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the brightness of (..., 3) world points, 0..1: waves of 1.3 to 6 m."""
    waves = [(3.1, 1.7, 2.3), (-1.9, 3.7, 1.3), (0.8, -0.6, 1.1)]
    return 0.5 + np.mean([0.5 * np.sin(points @ np.array(wave)) for wave in waves], axis=0)


def rendered(things: bool) -> tuple[torch.Tensor, ...]:
    """Return a rendered pair: target, source, the target's depth and the intrinsics; with or without things in the room."""
    world, view = make_world(np.random.default_rng(1), fov_deg=60)
    world = world if things else replace(world, solids=tuple(solid for solid in world.solids if solid.instance == 0))
    camera = Camera.from_fov_deg(60, HW)
    pictures, depths = [], []
    for each in (view, View(view.world_from_camera @ np.linalg.inv(TRUE[0].numpy()), view.fov_x_deg)):
        shot = render_view(world, each, HW)
        depth = np.where(shot.depth > 0, shot.depth, 50.0).astype(np.float64)
        points = depth[..., None] * camera.rays() @ each.world_from_camera[:3, :3].T + each.world_from_camera[:3, 3]
        pictures.append(torch.from_numpy(painted(points))[None, None])
        depths.append(torch.from_numpy(depth)[None])
    return pictures[0], pictures[1], depths[0], torch.from_numpy(camera.intrinsics)[None]


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, ...]:
    return rendered(things=False)


def errors(motion: torch.Tensor) -> tuple[float, float]:
    """Return by how many degrees and metres a motion misses the true one."""
    left = motion @ inverse(TRUE)
    angle = torch.rad2deg(((left[0, :3, :3].trace() - 1) / 2).clamp(-1, 1).acos())
    return angle.item(), left[0, :3, 3].norm().item()


def test_the_jacobian_equals_its_slow_twin() -> None:
    picture, depth = random(2, 2, 5, 6), 1 + random(2, 5, 6, seed=1)
    k = torch.tensor([[6.0, 0, 3.2], [0, 7.0, 2.4], [0, 0, 1]]).double()
    found = motion_jacobian(picture, depth, k.expand(2, 3, 3))
    for n in range(2):
        expected = slow.motion_jacobian(picture[n].numpy(), depth[n].numpy(), k.numpy())
        np.testing.assert_allclose(found[n].numpy(), expected, atol=1e-7)


def test_a_perturbed_motion_of_a_rendered_pair_is_refined_to_a_small_error(pair: tuple[torch.Tensor, ...]) -> None:
    target, source, depth, k = pair
    start = OFF @ TRUE
    degrees, metres = errors(start)
    assert degrees > 0.9
    assert metres > 0.05
    found = refine_motion(target, source, depth, k, start)
    degrees, metres = errors(found.source_from_target)
    assert degrees < 0.05
    assert metres < 0.005
    assert found.after < 0.02 * found.before


def test_what_hides_behind_things_bends_the_motion_because_squares_are_not_robust() -> None:
    target, source, depth, k = rendered(things=True)
    found = refine_motion(target, source, depth, k, OFF @ TRUE)
    degrees, metres = errors(found.source_from_target)
    assert degrees < 0.5 * errors(OFF @ TRUE)[0]
    assert metres < 0.5 * errors(OFF @ TRUE)[1]
    assert degrees > 0.1  # of half a per cent of the pixels comes nearly all of the cost
    assert found.after < refine_motion(target, source, depth, k, TRUE).before
    robust = refine_motion(target, source, depth, k, OFF @ TRUE, huber=1.0)
    assert errors(robust.source_from_target)[0] < 0.02
    assert errors(robust.source_from_target)[1] < 0.002
    assert robust.after < robust.before < found.before


def test_the_true_motion_stays_and_the_inverse_motion_is_another_one(pair: tuple[torch.Tensor, ...]) -> None:
    target, source, depth, k = pair
    assert max(errors(refine_motion(target, source, depth, k, TRUE).source_from_target)) < 0.02
    swapped = refine_motion(target, source, depth, k, torch.eye(4).double()[None]).source_from_target
    assert errors(swapped)[1] < 0.005  # from no guess at all, and not to target_from_source
    assert errors(inverse(swapped))[1] > 0.05


def test_pairs_of_a_batch_do_not_disturb_each_other(pair: tuple[torch.Tensor, ...]) -> None:
    target, source, depth, k = pair
    starts = torch.cat([OFF @ TRUE, TRUE, torch.eye(4).double()[None]])

    def refined(start: torch.Tensor) -> Refined:
        n = len(start)
        return refine_motion(*(each.expand(n, *each.shape[1:]) for each in (target, source, depth, k)), start)

    whole = refined(starts).source_from_target
    apart = torch.cat([refined(start[None]).source_from_target for start in starts])
    torch.testing.assert_close(whole, apart, rtol=0, atol=1e-7)


def test_steps_that_raise_the_cost_are_taken_back_and_bad_starts_are_left_alone(pair: tuple[torch.Tensor, ...]) -> None:
    target, source, depth, k = pair
    noise = random(*source.shape)
    found = refine_motion(target, noise, depth, k, TRUE, levels=1)
    assert found.after <= found.before
    away = se3_exp(torch.tensor([[0.0, 1.0, 0, 0, 0, 0]]).double())  # turned off: less than half is in view
    assert torch.equal(refine_motion(target, source, depth, k, away).source_from_target, away)
    grey = torch.full_like(target, 0.5)
    assert torch.equal(refine_motion(grey, grey, depth, k, TRUE).source_from_target, TRUE)


def test_gradients_of_depth_and_start_equal_finite_differences() -> None:
    y, x = torch.meshgrid(torch.arange(10) + 0.5, torch.arange(12) + 0.5, indexing="ij")
    target, source = (
        (0.5 + 0.3 * torch.sin(x / 2 + s) * torch.cos(y / 3 - s) + x / 40)[None, None].double() for s in (0.0, 0.06)
    )
    k = torch.tensor([[[10.0, 0, 6], [0, 10.0, 5], [0, 0, 1]]]).double()
    depth = 2 + 0.2 * random(1, 10, 12)

    def motion(d: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return refine_motion(target, source, d, k, se3_exp(t), levels=1, iterations=2).source_from_target

    given = (depth.requires_grad_(), torch.tensor([[0.0041, -0.0033, 0.0027, 0.013, -0.021, 0.012]]).double().requires_grad_())
    assert torch.autograd.gradcheck(motion, given, eps=1e-6, atol=1e-4)
    (by_depth,) = torch.autograd.grad(motion(*given)[:, :3].abs().sum(), given[0])
    assert by_depth.any()


def test_no_texture_no_sky_and_no_view_give_finite_gradients(pair: tuple[torch.Tensor, ...]) -> None:
    _, source, depth, k = pair
    grey = torch.full_like(source, 0.5)
    for target, other in ((grey, grey), (grey, source), (source, grey)):
        d = depth.clone().requires_grad_()
        refine_motion(target, other, d, k, TRUE, iterations=2).source_from_target.sum().backward()
        assert d.grad is None or torch.isfinite(d.grad).all()
