from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.unit.losses.test_dense_losses import maps

from leadline.camera import Camera
from leadline.geometry import normals as geometry
from leadline.losses.normal_cosine import (
    depth_normal_cosine_loss,
    gradient_normal_cosine_loss,
    normal_cosine_loss,
    normals_from_depth,
)

H, W = 9, 12
CAMERA = Camera(W, H, 10.0, 8.0, 5.0, 4.5)
K = torch.tensor([[10.0, 0.0, 5.0], [0.0, 8.0, 4.5], [0.0, 0.0, 1.0]], dtype=torch.float64)[None]
ALL = torch.ones(1, H, W, dtype=torch.bool)


def plane(normal: tuple[float, float, float], distance: float = 3.0) -> torch.Tensor:
    """Depth of the plane normal . point = -distance, whose normal faces the camera."""
    return torch.from_numpy(-distance / (CAMERA.rays() @ np.array(normal)))[None]


def unit(*vector: float) -> tuple[float, float, float]:
    x, y, z = (np.array(vector) / np.linalg.norm(vector)).tolist()
    return x, y, z


@pytest.mark.parametrize("normal", [unit(0, 0, -1), unit(0.3, 0, -1), unit(0.2, -0.4, -1), unit(-0.1, 0.3, -0.8)])
def test_a_plane_has_its_normal_everywhere_as_in_geometry(normal: tuple[float, float, float]) -> None:
    depth = plane(normal)
    got, found = normals_from_depth(depth, ALL, K)
    expected, known = geometry.normals_from_depth(depth[0], CAMERA)
    assert found[0, :-1, :-1].all()
    assert not found[0, -1].any()
    assert not found[0, :, -1].any()
    both = found[0].numpy() & known
    np.testing.assert_allclose(got[0].permute(1, 2, 0).numpy()[both], expected[both], atol=1e-12)
    np.testing.assert_allclose(expected[both], np.broadcast_to(normal, expected[both].shape), atol=1e-12)


def test_a_floor_points_up() -> None:
    rays = torch.from_numpy(CAMERA.rays())[None]
    below = rays[..., 1] > 0  # the horizon
    got, found = normals_from_depth(torch.where(below, 1.5 / rays[..., 1], torch.inf), below, K)
    assert found.any()
    torch.testing.assert_close(got[:, :, found[0]][0].T, torch.tensor([0.0, -1, 0], dtype=torch.float64).expand(found.sum(), 3))


def test_two_planes_cost_one_minus_the_cosine_between_them() -> None:
    a, b = unit(0.3, 0, -1), unit(0, -0.2, -1)
    loss = depth_normal_cosine_loss(plane(a), plane(b, 7.0), ALL, K)
    assert loss.item() == pytest.approx(1 - float(np.dot(a, b)), rel=1e-9)


def test_a_wrong_scale_is_forgiven_and_a_chequerboard_of_errors_is_not() -> None:
    depth = plane(unit(0.1, 0.1, -1))
    assert depth_normal_cosine_loss(2.5 * depth, depth, ALL, K).item() == pytest.approx(0, abs=1e-12)
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    assert depth_normal_cosine_loss(depth * (1 + 0.01 * ((x + y) % 2)), depth, ALL, K).item() > 1e-3


def test_a_ramp_and_a_flat_map_differ_by_the_slope() -> None:
    x = torch.arange(W, dtype=torch.float64).expand(1, H, W)
    for weight in (1.0, 3.0):
        loss = gradient_normal_cosine_loss(0.5 * x + 9, torch.zeros_like(x), ALL, weight)
        assert loss.item() == pytest.approx(1 - math.cos(math.atan(0.5 * weight)), rel=1e-12)


def test_predicted_normals_need_no_unit_length() -> None:
    pred = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    target = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    valid = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(2)) < 0.7
    expected = 1 - torch.cosine_similarity(pred, target, dim=1)
    got = normal_cosine_loss(7 * pred, target, valid)
    torch.testing.assert_close(got, torch.stack([e[v].mean() for e, v in zip(expected, valid, strict=True)]))
    assert torch.autograd.gradcheck(lambda p: normal_cosine_loss(p, target, valid), (pred.requires_grad_(),))


def test_opposite_normals_cost_two_and_a_zero_vector_one() -> None:
    target = torch.tensor([0.0, 0, -1])[None, :, None, None].expand(1, 3, 2, 2)
    valid = torch.ones(1, 2, 2, dtype=torch.bool)
    assert normal_cosine_loss(-target, target, valid).item() == 2
    zero = torch.zeros(1, 3, 2, 2, requires_grad=True)
    loss = normal_cosine_loss(zero, target, valid)
    loss.sum().backward()
    assert loss.item() == 1
    assert zero.grad is not None
    assert torch.isfinite(zero.grad).all()


def test_the_intrinsics_of_each_map_are_its_own() -> None:
    pred, target, valid = maps(2)
    other = K.clone()
    other[:, 0, 0] = 30
    both = depth_normal_cosine_loss(pred, target, valid, torch.cat([K, other]))
    for i, k in enumerate((K, other)):
        torch.testing.assert_close(both[i : i + 1], depth_normal_cosine_loss(*(m[i : i + 1] for m in (pred, target, valid)), k))
