"""Turn a few path-traced samples per pixel into a clean picture. NumPy and OpenCV only.

The pictures are rendered on a grid of 2 x 2 samples per pixel. Each sample is divided by the colour of the surface it
shows, so that only the light is smoothed and textures stay sharp; the light is smoothed by an edge-avoiding a-trous
wavelet guided by surface and variance (Dammertz et al. 2010; Schied et al. 2017, "SVGF", spatial part, equations 3-5); then
each of the four samples takes the light of the neighbour on its own surface and its own colour back, and the four are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_ALBEDO_FLOOR = 0.03  # a black surface must not turn its noise into a large number
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Guide:
    """What each of the 2h x 2w samples sees, behind mirrors and glass.

    Attributes:
        albedo: (2h, 2w, 3) surface colour, 0..1.
        normal: (2h, 2w, 3) unit world normals; 0 where the sample sees a light or the sky.
        position: (2h, 2w, 3) world positions in metres.
        distance: (2h, 2w) length of the path to the surface in metres.
        emits: (2h, 2w) True where the sample sees a light or the sky: these have no noise and are never smoothed.
    """

    albedo: F32
    normal: F32
    position: F32
    distance: F32
    emits: NDArray[np.bool_]

    @classmethod
    def blank(cls, hw: tuple[int, int]) -> Guide:
        """A guide that knows nothing, for pictures with lens blur; `hw` is the size of the sample grid."""
        ones = np.ones((*hw, 3), np.float32)
        return cls(ones, ones / np.float32(np.sqrt(3)), 0 * ones, ones[..., 0], np.zeros(hw, bool))


def denoise(samples: F32, guide: Guide, *, levels: int = 5, luminance_sigma: float = 3.0) -> F32:
    """Smooth (2h, 2w, 3) linear radiance `samples` and return the (h, w, 3) picture.

    Raises:
        ValueError: the grid has an odd side.
    """
    if samples.shape[0] % 2 or samples.shape[1] % 2:
        raise ValueError(f"the sample grid must have even sides, got {samples.shape[:2]}")
    surface = ~guide.emits
    albedo = np.maximum(guide.albedo, _ALBEDO_FLOOR) * surface[..., None]
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    lit = _without_fireflies(samples * surface[..., None], surface)

    parts = _quarters(lit / np.maximum(albedo, _ALBEDO_FLOOR))  # (4, h, w, 3) light
    normals, positions = _quarters(guide.normal), _quarters(guide.position)
    lead = np.argmax(_quarters(surface), axis=0)  # the first sample of the pixel that shows a surface
    normal, position = _pick(normals, lead), _pick(positions, lead)
    tolerance = 0.004 * _pick(_quarters(guide.distance), lead) + 1e-4
    alike = _alike(normals, positions, normal, position, tolerance) * _quarters(surface)
    count = np.maximum(alike.sum(0), 1e-6)
    light = (parts * alike[..., None]).sum(0) / count[..., None]
    luma = parts @ _LUMA
    variance = (alike * (luma - light @ _LUMA) ** 2).sum(0) / count**2
    light = _smooth(light, _blur(variance, 7), normal, position, tolerance, levels, luminance_sigma)

    # back to the samples: each takes the light of the pixel (its own or a neighbour's) that lies on its surface
    shade = _upsample(light, normal, position, tolerance, normals, positions)
    out = shade * _quarters(albedo) + _quarters(samples * guide.emits[..., None])
    return np.asarray(out.mean(0), np.float32)


def _quarters(grid: NDArray) -> NDArray:  # type: ignore[type-arg]
    """(2h, 2w, ...) -> (4, h, w, ...): the four samples of each pixel."""
    return np.stack([grid[y::2, x::2] for y in (0, 1) for x in (0, 1)])


def _pick(quarters: NDArray[np.float32], index: NDArray[np.intp]) -> F32:
    where = index[None, ..., *([None] * (quarters.ndim - 3))]
    return np.asarray(np.take_along_axis(quarters, where, axis=0)[0])


def _blur(values: F32, size: int) -> F32:
    # in float64: OpenCV's running sums go negative beside a bright spot in float32
    return np.asarray(cv2.blur(values.astype(np.float64), (size, size), borderType=cv2.BORDER_REFLECT_101), np.float32)


def _without_fireflies(light: F32, surface: NDArray[np.bool_]) -> F32:
    """Scale down samples that are far brighter than their neighbourhood (twice, as one firefly lifts its neighbours' mean)."""
    luma = light @ _LUMA
    weight = _blur(surface.astype(np.float32), 23) + 1e-6
    limit = luma
    for _ in range(2):
        limit = np.minimum(luma, 10.0 * _blur(limit, 23) / weight)
    return light * (limit / np.maximum(luma, 1e-12))[..., None]


def _alike(normal_a: F32, position_a: F32, normal_b: F32, position_b: F32, tolerance: F32) -> F32:
    """Weight 0..1 of two surface points lying on one smooth surface: equal normals, and each in the other's tangent plane."""
    cosine = np.einsum("...i,...i->...", normal_a, normal_b)
    plane = np.einsum("...i,...i->...", normal_b, position_a - position_b) / tolerance
    power = np.maximum(cosine, 0.0)
    for _ in range(5):  # cosine ** 32
        power = power * power
    return np.asarray(power * np.exp(-np.abs(plane)), np.float32)


def _smooth(light: F32, variance: F32, normal: F32, position: F32, tolerance: F32, levels: int, sigma: float) -> F32:
    """A-trous wavelet with 3 x 3 taps; the weights of the two ends of a tap are one, so each pair is computed once."""
    h, w = variance.shape
    for level in range(levels):
        step = 1 << level
        if step >= min(h, w):
            break
        luma = light @ _LUMA
        spread = sigma * np.sqrt(_blur(variance, 3)) + 1e-4 * (luma.mean() + 1e-6)
        stack = np.concatenate([light, np.ones_like(luma)[..., None]], axis=-1)
        total, total_variance = 0.25 * stack, variance / 16
        for dy, dx, tap in ((0, 1, 0.125), (1, 0, 0.125), (1, 1, 0.0625), (1, -1, 0.0625)):
            a, b = _pair(dy * step, dx * step)
            weight = _alike(normal[a], position[a], normal[b], position[b], np.maximum(tolerance[a], tolerance[b]))
            weight *= tap * np.exp(-np.abs(luma[a] - luma[b]) / np.maximum(spread[a], spread[b]))
            total[a] += weight[..., None] * stack[b]
            total[b] += weight[..., None] * stack[a]
            squared = weight * weight
            total_variance[a] += squared * variance[b]
            total_variance[b] += squared * variance[a]
        light, variance = total[..., :3] / total[..., 3:], total_variance / total[..., 3] ** 2
    return light


def _pair(dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices (a, b) with b the pixel at `(dy, dx)` from a, dy >= 0."""
    rows = (slice(None, -dy), slice(dy, None)) if dy else (slice(None), slice(None))
    cols = (slice(None), slice(None)) if dx == 0 else (slice(None, -abs(dx)), slice(abs(dx), None))
    return (rows[0], cols[0 if dx >= 0 else 1]), (rows[1], cols[1 if dx >= 0 else 0])


def _upsample(light: F32, normal: F32, position: F32, tolerance: F32, normals: F32, positions: F32) -> F32:
    """(h, w, 3) light -> (4, h, w, 3): each sample mixes its pixel and the 4 neighbours by how alike their surfaces are."""
    own = _alike(normals, positions, normal, position, tolerance) + 1e-5
    total, weights = own[..., None] * light, own
    for dy, dx in ((0, 1), (1, 0)):
        a, b = _pair(dy, dx)
        for here, there in ((a, b), (b, a)):
            at = (slice(None), *here)
            weight = 0.25 * _alike(normals[at], positions[at], normal[there], position[there], tolerance[there]) + 1e-6
            total[at] += weight[..., None] * light[there]
            weights[at] += weight
    return np.asarray(total / weights[..., None], np.float32)
