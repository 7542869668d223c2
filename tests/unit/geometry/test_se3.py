from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference import view_synthesis as slow

from leadline.geometry.se3 import inverse, rigid, rotation_from_axis_angle, rotation_from_euler, se3_exp, skew


def vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", [2.0, 0.03, 0.031, 1e-4, 0.0])
def test_motions_equal_the_power_series_large_and_small(size: float) -> None:
    twists = size * vectors(4, 6)
    for twist, matrix, rotation in zip(twists, se3_exp(twists), rotation_from_axis_angle(twists[:, :3]), strict=True):
        np.testing.assert_allclose(matrix.numpy(), slow.screw(twist.numpy()), atol=1e-12)
        np.testing.assert_allclose(rotation.numpy(), slow.screw(twist.numpy())[:3, :3], atol=1e-12)


def test_euler_angles_turn_about_z_first_and_x_last() -> None:
    a, b, c = angles = vectors(3)
    expected = slow.about(0, a.item()) @ slow.about(1, b.item()) @ slow.about(2, c.item())
    np.testing.assert_allclose(rotation_from_euler(angles).numpy(), expected, atol=1e-12)
    other = slow.about(2, c.item()) @ slow.about(1, b.item()) @ slow.about(0, a.item())
    assert np.abs(rotation_from_euler(angles).numpy() - other).max() > 0.1


def test_a_quarter_turn_about_y_takes_forward_to_the_right() -> None:
    quarter = rotation_from_axis_angle(torch.tensor([0.0, torch.pi / 2, 0.0]))
    torch.testing.assert_close(quarter @ torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0]))


def test_motions_compose_and_their_inverses_undo_them() -> None:
    first, second = se3_exp(vectors(2, 3, 6))
    torch.testing.assert_close(inverse(first) @ first, torch.eye(4, dtype=torch.float64).expand(3, 4, 4))
    torch.testing.assert_close(inverse(first @ second), inverse(second) @ inverse(first))
    torch.testing.assert_close(inverse(first), torch.linalg.inv(first))


def test_a_screw_moves_along_an_arc_and_the_plain_translation_does_not() -> None:
    twist = torch.tensor([0.0, 0.5, 0.0, 0.0, 0.0, 1.0])
    plain = rigid(rotation_from_axis_angle(twist[:3]), twist[3:])
    assert plain[:3, 3].tolist() == [0, 0, 1]
    assert se3_exp(twist)[0, 3] > 0.2


def test_gradients_equal_finite_differences_also_without_any_rotation() -> None:
    for twists in (vectors(3, 6), 0.02 * vectors(3, 6), torch.zeros(2, 6, dtype=torch.float64)):
        assert torch.autograd.gradcheck(se3_exp, (twists.requires_grad_(),))
    assert torch.autograd.gradcheck(rotation_from_euler, (vectors(2, 3).requires_grad_(),))
    assert torch.autograd.gradcheck(inverse, (se3_exp(vectors(2, 6)).requires_grad_(),))


def test_single_precision_is_as_exact_on_either_side_of_the_series() -> None:
    for size in (1e-3, 0.0315, 0.0317, 0.2, 3.0):
        twist = torch.nn.functional.normalize(vectors(6), dim=0) * size
        torch.testing.assert_close(se3_exp(twist.float()).double(), se3_exp(twist), rtol=0, atol=3e-7)


def test_the_skew_matrix_is_the_cross_product() -> None:
    a, b = vectors(2, 5, 3)
    torch.testing.assert_close((skew(a) @ b[..., None])[..., 0], torch.linalg.cross(a, b))
