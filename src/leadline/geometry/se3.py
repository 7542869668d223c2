"""Rigid motions as (..., 4, 4) matrices of torch: from axis and angle, from Euler angles, from a twist; their inverse.

A matrix is called ``b_from_a``: it takes points in a's camera frame to b's. Motions are composed by the matrix product,
``c_from_b @ b_from_a``. Every function is differentiable everywhere, also where there is no rotation.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# Below this squared angle the series is more exact than the quotient, in float32 too: its error is of the order of its square.
_SMALL_SQUARE = 1e-3


def skew(vector: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Return the (..., 3, 3) matrix M with ``M x = vector cross x``."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vector.shape, 3)


def rotation_from_axis_angle(vector: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Return (..., 3, 3) rotations about the vectors by their lengths in radians, right-handed (Rodrigues).

    ``I + a [v] + b [v]^2`` with ``a = sin t / t``, ``b = (1 - cos t) / t^2`` and t the length.
    """
    cross = skew(vector)
    first, second, _ = _coefficients(vector)
    return _identity(cross) + first * cross + second * (cross @ cross)


def rotation_from_euler(angles: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Return (..., 3, 3) rotations ``Rx(a) Ry(b) Rz(c)`` of angles (a, b, c) in radians: z first, x last.

    The order of SfMLearner's released code (Zhou et al. 2017, arXiv 1704.07813).
    """
    (ca, cb, cc), (sa, sb, sc) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    rows = [
        cb * cc, -cb * sc, sb,
        ca * sc + sa * sb * cc, ca * cc - sa * sb * sc, -sa * cb,
        sa * sc - ca * sb * cc, sa * cc + ca * sb * sc, ca * cb,
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*angles.shape, 3)


def rigid(rotation: Float[Tensor, "*n 3 3"], translation: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 4 4"]:
    """Return the (..., 4, 4) matrices of ``x -> rotation x + translation``."""
    upper = torch.cat([rotation, translation[..., None]], dim=-1)
    last = torch.zeros_like(upper[..., :1, :])
    last[..., 3] = 1
    return torch.cat([upper, last], dim=-2)


def inverse(b_from_a: Float[Tensor, "*n 4 4"]) -> Float[Tensor, "*n 4 4"]:
    """Return a_from_b. Of a rigid motion this is the transposed rotation, which is exact where a general inverse rounds."""
    turned = b_from_a[..., :3, :3].mT
    return rigid(turned, -(turned @ b_from_a[..., :3, 3:])[..., 0])


def se3_exp(twist: Float[Tensor, "*n 6"]) -> Float[Tensor, "*n 4 4"]:
    """Return the exponential of twists (axis times angle, velocity): a screw motion.

    The translation is ``V velocity`` with ``V = I + b [v] + c [v]^2``, ``c = (t - sin t) / t^3``; a pose network's translation
    is usually meant as it is: that is ``rigid(rotation_from_axis_angle(v), translation)``.
    """
    vector, velocity = twist[..., :3], twist[..., 3:]
    cross = skew(vector)
    _, second, third = _coefficients(vector)
    mixed = _identity(cross) + second * cross + third * (cross @ cross)
    return rigid(rotation_from_axis_angle(vector), (mixed @ velocity[..., None])[..., 0])


def _coefficients(vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return sin t / t, (1 - cos t) / t^2 and (t - sin t) / t^3 of the lengths t, (..., 1, 1) each."""
    square = vector.square().sum(-1)[..., None, None]
    small = square < _SMALL_SQUARE
    safe = torch.where(small, 1.0, square)  # before the root, whose slope at 0 is infinite
    angle = safe.sqrt()
    exact = (angle.sin() / angle, (1 - angle.cos()) / safe, (angle - angle.sin()) / (safe * angle))
    series = (
        1 - square / 6 * (1 - square / 20 * (1 - square / 42)),
        0.5 - square / 24 * (1 - square / 30 * (1 - square / 56)),
        1 / 6 - square / 120 * (1 - square / 42 * (1 - square / 72)),
    )
    first, second, third = (torch.where(small, near, far) for near, far in zip(series, exact, strict=True))
    return first, second, third


def _identity(like: Tensor) -> Tensor:
    return torch.eye(3, dtype=like.dtype, device=like.device)
