"""A focal length that bends right angles: walls and floors, tables and boxes meet at 90 degrees only under the right one.

That a plane is a plane can be seen without the focal length (see `planes`), but its direction needs it: with f wrong by a
factor, angles between the planes of one picture change. The angles are worked out for a range of factors, and the pairs of
planes that are perpendicular are counted (right angles as a calibration target: Caprile and Torre 1990).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from leadline.data.checks.finding import Finding, Look
from leadline.data.checks.planes import plane_normals
from leadline.depth_map import Quantity

FACTORS = np.exp(np.linspace(np.log(0.4), np.log(2.5), 41))  # steps of 4.7 %; the middle is 1
SMALLEST_SHARE = 0.05  # of the points, for a plane to count
TOLERANCE_DEG = 3.0  # one standard deviation of the weight that a pair has around 90 degrees
LEAST_PAIRS = 6.0  # perpendicular pairs under the best factor
TOLERATED = 0.15  # relative error of the focal length
AT_MOST, SURELY_AT_MOST = 0.5, 0.35  # perpendicular pairs as stated, of those under the best factor
SURE_PAIRS = 12.0


class RightAngles:
    """Counts perpendicular pairs of planes over all samples, by the factor on the focal length."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(FACTORS))
        self._pairs = 0
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        self._looked += 1
        depth, camera = look.depth, look.depth_camera
        if depth is None or depth.kind.quantity is not Quantity.DEPTH or camera is None or "depth" not in look.supports:
            return
        support = look.supports["depth"]
        large = support.shares >= SMALLEST_SHARE
        if large.sum() < 2:
            return
        first, second = np.triu_indices(int(large.sum()), 1)
        weights = np.zeros((len(FACTORS), len(first)))
        for i, factor in enumerate(FACTORS):
            normals = plane_normals(support, depth.hw, replace(camera, fx=camera.fx * factor, fy=camera.fy * factor))[large]
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            cosine = np.einsum("ij,ij->i", normals[first], normals[second])
            off_deg = 90 - np.degrees(np.arccos(np.clip(np.abs(cosine), 0, 1)))
            weights[i] = np.exp(-0.5 * (off_deg / TOLERANCE_DEG) ** 2)
        # A level camera's floor and walls are perpendicular under any focal length: such pairs tell nothing.
        weights -= weights.min(axis=0)
        self._pairs += len(first)
        self._counts += weights.sum(axis=1)

    def findings(self) -> Iterator[Finding]:
        """Yield the factor that makes many more planes perpendicular, if there is one."""
        best = int(self._counts.argmax())
        most, stated = float(self._counts[best]), float(self._counts[len(FACTORS) // 2])
        if most < LEAST_PAIRS or abs(FACTORS[best] - 1) < TOLERATED or stated > AT_MOST * most:
            return
        sure = most >= SURE_PAIRS and stated <= SURELY_AT_MOST * most
        yield Finding(
            "focal length", "error" if sure else "warning", "likely" if sure else "possible",
            f"of {self._pairs} pairs of planes {most:.0f} become perpendicular with {FACTORS[best]:.2f} times the focal "
            f"length, {stated:.0f} with the stated one",
            f"check the intrinsics: for another size of the picture, or another camera? try fx, fy times {FACTORS[best]:.2f}",
            (), self._looked,
        )  # fmt: skip
