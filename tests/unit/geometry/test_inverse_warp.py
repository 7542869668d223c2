from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.reference import view_synthesis as slow

from leadline.camera import Camera
from leadline.data.synthetic.analytic import make_world, render_view, visible_from
from leadline.data.synthetic.scene import View
from leadline.geometry.inverse_warp import inverse_warp, project_into, rigid_flow, sample
from leadline.geometry.pyramid import image_pyramid, resize_image, resize_intrinsics
from leadline.geometry.se3 import se3_exp

K = torch.tensor([[9.0, 0, 4.2], [0, 8.0, 3.1], [0, 0, 1]], dtype=torch.float64)
K_SOURCE = torch.tensor([[10.0, 0, 4.9], [0, 9.5, 2.7], [0, 0, 1]], dtype=torch.float64)
MOTION = se3_exp(torch.tensor([[0.02, -0.05, 0.03, 0.1, -0.07, 0.2], [0.0, 0.1, -0.02, -0.2, 0.1, -0.1]]).double())


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_warping_equals_its_slow_twin_pixel_by_pixel() -> None:
    depth, source = 1 + 2 * random(2, 6, 8), random(2, 3, 5, 9, seed=1)
    warped = inverse_warp(source, depth, K.expand(2, 3, 3), MOTION, K_SOURCE.expand(2, 3, 3))
    seen = 0
    for n, y, x in np.ndindex(2, 6, 8):
        u, v, z = slow.landing(x, y, depth[n, y, x].item(), K.numpy(), MOTION[n].numpy(), K_SOURCE.numpy())
        assert warped.projection.xy[n, y, x].tolist() == pytest.approx([u, v])
        assert warped.projection.depth[n, y, x].item() == pytest.approx(z)
        value = slow.read(source[n].numpy(), u, v)
        assert warped.projection.valid[n, y, x].item() == (value is not None)
        expected = np.zeros(3) if value is None else value
        np.testing.assert_allclose(warped.image[n, :, y, x].numpy(), expected, atol=1e-12)
        seen += value is not None
    assert 20 < seen < 90


def test_gradients_of_depth_motion_intrinsics_and_picture_equal_finite_differences() -> None:
    depth, source = 1 + 2 * random(1, 4, 5), random(1, 1, 4, 5, seed=1)
    twist = torch.tensor([[0.01, -0.03, 0.02, 0.05, -0.03, 0.1]], dtype=torch.float64)

    def warped(s: torch.Tensor, d: torch.Tensor, t: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return inverse_warp(s, d, k, se3_exp(t), padding="border").image

    given = tuple(each.clone().requires_grad_() for each in (source, depth, twist, K[None]))
    assert torch.autograd.gradcheck(warped, given, eps=1e-7, atol=1e-5)


def test_without_motion_the_picture_stays_and_all_of_it_is_valid() -> None:
    source = random(1, 3, 5, 7)
    warped = inverse_warp(source, torch.full((1, 5, 7), 3.0).double(), K[None], torch.eye(4).double()[None])
    torch.testing.assert_close(warped.image, source)
    assert warped.projection.valid.all()


def test_what_is_behind_the_source_is_not_valid_and_has_finite_numbers_and_gradients() -> None:
    back = torch.eye(4).double()[None].clone()
    back[:, 2, 3] = -2.0
    depth = torch.tensor([[[1.0, 2.0, 2.0005, 5.0]]]).double().requires_grad_()
    warped = inverse_warp(random(1, 1, 1, 4), depth, K[None], back, padding="border")
    assert warped.projection.valid[0, 0, :3].tolist() == [False, False, False]
    warped.image.sum().backward()
    assert torch.isfinite(warped.projection.xy).all()
    assert depth.grad is not None
    assert torch.isfinite(depth.grad).all()


def test_outside_the_border_is_repeated_or_nothing_is_shown() -> None:
    source = random(1, 1, 3, 4)
    xy = torch.tensor([[[[-5.0, 0.5], [0.5, 0.5], [9.0, 2.5]]]]).double()
    first, last = source[0, 0, 0, 0].item(), source[0, 0, 2, 3].item()
    assert sample(source, xy, "border")[0, 0, 0].tolist() == pytest.approx([first, first, last])
    assert sample(source, xy, "zeros")[0, 0, 0].tolist() == pytest.approx([0, first, 0])


def test_the_flow_of_a_still_scene_is_where_pixels_land_less_where_they_were() -> None:
    depth = 1 + 2 * random(2, 6, 8)
    flow, ahead = rigid_flow(depth, K.expand(2, 3, 3), MOTION)
    xy = project_into(depth, K.expand(2, 3, 3), MOTION).xy
    assert flow.shape == (2, 2, 6, 8)
    assert flow[1, :, 2, 3].tolist() == pytest.approx((xy[1, 2, 3] - torch.tensor([3.5, 2.5])).tolist())
    assert ahead.all()


def test_a_sideways_step_before_a_plane_is_a_flow_of_focal_length_times_step_over_depth() -> None:
    step = torch.eye(4).double()[None].clone()
    step[:, 0, 3] = -0.2  # the source stands 0.2 to the right: what it sees lies further left
    flow, _ = rigid_flow(torch.full((1, 4, 5), 2.0).double(), K[None], step)
    torch.testing.assert_close(flow[:, 0], torch.full((1, 4, 5), -9.0 * 0.2 / 2).double())


def test_pyramids_halve_and_their_intrinsics_follow() -> None:
    levels = image_pyramid(random(1, 3, 16, 24), 4)
    assert [tuple(level.shape[-2:]) for level in levels] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    torch.testing.assert_close(levels[3], levels[0].unflatten(2, (2, 8)).unflatten(4, (3, 8)).mean((3, 5)))
    small = resize_intrinsics(K, (16, 24), (8, 12))
    torch.testing.assert_close(small, torch.cat([K[:2] / 2, K[2:]]))
    camera = Camera(24, 16, 9.0, 8.0, 4.2, 3.1).resize((5, 7))
    np.testing.assert_allclose(resize_intrinsics(K, (16, 24), (5, 7)).numpy(), camera.intrinsics)
    assert resize_image(levels[3], (4, 6)).shape == (1, 3, 4, 6)


def painted(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the grey level, 0..255, of (..., 3) world points: smooth, so that reading between pixels is exact enough."""
    return 127.5 + 60 * np.sin(points @ (0.10, 0.05, 0.07)) + 60 * np.cos(points @ (-0.04, 0.11, 0.06))


@pytest.mark.parametrize("seed", [1])
def test_a_rendered_neighbour_warps_onto_the_target_to_a_hundredth_of_a_grey_level(seed: int) -> None:
    """With the true depth and pose, away from occlusions; with the inverse pose, or half a pixel off, it misses by far."""
    hw = (240, 320)
    world, view = make_world(np.random.default_rng(seed), fov_deg=60)
    source_from_target = se3_exp(torch.tensor([0.01, -0.02, 0.015, 0.03, -0.02, 0.05]).double()).numpy()
    other = View(view.world_from_camera @ np.linalg.inv(source_from_target), view.fov_x_deg)
    shots = [render_view(world, each, hw) for each in (view, other)]
    camera = Camera.from_fov_deg(60, hw)
    points, pictures = [], []
    for shot, each in zip(shots, (view, other), strict=True):
        camera_points = shot.depth[..., None].astype(np.float64) * camera.rays()
        points.append(camera_points @ each.world_from_camera[:3, :3].T + each.world_from_camera[:3, 3])
        pictures.append(torch.from_numpy(painted(points[-1]))[None, None])
    depth = torch.from_numpy(shots[0].depth.astype(np.float64))[None]
    filled, k = torch.where(depth > 0, depth, 1.0), torch.from_numpy(camera.intrinsics)[None]
    pose = torch.from_numpy(source_from_target)[None]
    warped = inverse_warp(pictures[1], filled, k, pose)

    # Away from occlusions: seen from the source, and no edge of a surface among the pixels around it there.
    visible = visible_from(world, other.world_from_camera[:3, 3:4], points[0].reshape(-1, 3).T).reshape(hw)
    spread = [np.ptp(_windows(part), axis=0) for part in (*np.moveaxis(shots[1].normals, -1, 0), shots[1].instance)]
    edges = torch.from_numpy((np.max(spread, axis=0) > 0.2).astype(np.float64))
    far_from_edges = sample(edges[None, None], warped.projection.xy, "border")[0, 0] == 0
    counted = warped.projection.valid[0] & (depth[0] > 0) & torch.from_numpy(visible) & far_from_edges
    assert counted.double().mean() > 0.8

    def miss(image: torch.Tensor) -> float:
        return float((image - pictures[0])[0, 0].abs()[counted].max())

    assert miss(warped.image) < 0.01
    assert miss(inverse_warp(pictures[1], filled, k, torch.linalg.inv(pose), padding="border").image) > 1
    assert miss(sample(pictures[1], warped.projection.xy - 0.5, "border")) > 0.05


def _windows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 25 pixels around each pixel, the rim repeated."""
    padded = np.pad(values, 2, mode="edge")
    h, w = values.shape
    return np.stack([padded[y : y + h, x : x + w] for y in range(5) for x in range(5)])
