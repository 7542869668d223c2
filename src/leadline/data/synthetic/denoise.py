"""Turn a few path-traced samples per pixel into a clean picture. NumPy and OpenCV only.

The pictures are rendered on a grid of 2 x 2 samples per pixel. Each sample is divided by the colour of the surface it
shows, so that only the light is smoothed and textures stay sharp; the light is smoothed by an edge-avoiding a-trous
wavelet guided by surface and variance (Dammertz et al. 2010; Schied et al. 2017, "SVGF", spatial part, equations 3-5); then
each of the four samples takes the light of the pixel, or its neighbour, that lies on its own surface, takes its own colour
back, and the four are averaged. Colour is the first axis: planes are several times as fast in NumPy as a last axis of three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_ALBEDO_FLOOR = np.float32(0.03)  # a black surface must not turn its noise into a large number
_TOLERANCE = np.float32(0.004)  # metres off a tangent plane per metre of distance
_GLAZED_WINDOW = 9  # samples
_FIREFLY_WINDOW, _FIREFLY_DEVIATIONS = 9, np.float32(3)


@dataclass(frozen=True)
class Guide:
    """What each of the 2h x 2w samples sees, behind mirrors and glass. Planes: the first axis is colour or xyz.

    Attributes:
        albedo: (3, 2h, 2w) surface colour, 0..1.
        normal: (3, 2h, 2w) unit world normals; 0 where the sample sees a light or the sky.
        position: (3, 2h, 2w) world positions in metres.
        distance: (2h, 2w) length of the path to the surface in metres.
        emits: (2h, 2w) True where the sample sees a light or the sky: these have no noise and are not smoothed.
        glazed: (2h, 2w) True where it sees the sky through a pane or in a mirror. These have noise, as a path goes through the
            pane or is thrown back by chance; they get the mean of their like around them. None: nowhere.
    """

    albedo: F32
    normal: F32
    position: F32
    distance: F32
    emits: NDArray[np.bool_]
    glazed: NDArray[np.bool_] | None = None


def denoise(samples: F32, guide: Guide, *, levels: int = 5, luminance_sigma: float = 3.0) -> F32:
    """Smooth (3, 2h, 2w) linear radiance `samples` and return the (h, w, 3) picture.

    Raises:
        ValueError: the grid has an odd side.
    """
    if samples.shape[1] % 2 or samples.shape[2] % 2:
        raise ValueError(f"the sample grid must have even sides, got {samples.shape[1:]}")
    surface = ~guide.emits
    radiance = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    if guide.glazed is not None and guide.glazed.any():
        radiance = np.where(guide.glazed, _mean_of(_without_fireflies(radiance * guide.glazed), guide.glazed), radiance)
    albedo = np.maximum(guide.albedo, _ALBEDO_FLOOR)
    light = _quarters(_without_fireflies(np.asarray(radiance * surface / albedo, np.float32)))  # (3, 4, h, w), as all quarters
    normals, positions, on_surface = _quarters(guide.normal), _quarters(guide.position), _quarters(surface)
    lead = np.argmax(on_surface, axis=0)[None]  # the first sample of the pixel that shows a surface
    normal, position = _pick(normals, lead), _pick(positions, lead)
    tolerance = _TOLERANCE * _pick(_quarters(guide.distance), lead) + np.float32(1e-4)

    # one light per pixel, from the samples on the lead's surface
    alike = _alike(normals, positions, normal[:, None], position[:, None], tolerance) * on_surface
    count = np.maximum(alike.sum(0), 1e-6)
    mean = (light * alike).sum(1) / count
    variance = (alike * (_luma(light) - _luma(mean)) ** 2).sum(0) / count**2
    variance = np.maximum(variance, _blur(variance, 7))  # four samples often miss their own noise
    smooth = _smooth(mean, variance, normal, position, tolerance, levels, luminance_sigma)

    # back to the samples: each takes the light of the pixel, its own or a neighbour's, that lies on its surface
    shade = _upsample(smooth, normal, position, tolerance, normals, positions)
    out = np.where(on_surface, shade * _quarters(albedo), _quarters(radiance)).mean(1)
    return np.ascontiguousarray(out.transpose(1, 2, 0), np.float32)


def _luma(colour: F32) -> F32:
    return np.asarray(0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2], np.float32)


def _quarters(grid: NDArray[Any]) -> NDArray[Any]:
    """(..., 2h, 2w) -> (..., 4, h, w): the four samples of each pixel."""
    return np.stack([grid[..., y::2, x::2] for y in (0, 1) for x in (0, 1)], axis=-3)


def _pick(quarters: NDArray[np.float32], index: NDArray[np.intp]) -> F32:
    """(..., 4, h, w) -> (..., h, w): the sample number `index` (1, h, w) of each pixel."""
    where = index.reshape((1,) * (quarters.ndim - 3) + index.shape)
    return np.asarray(np.take_along_axis(quarters, where, axis=-3)[..., 0, :, :])


def _blur(values: F32, size: int) -> F32:
    """Box mean of a plane that is nowhere negative."""
    # in float64 and clipped: OpenCV's running sums leave a residue, also a negative one, beside a bright spot
    mean = cv2.blur(values.astype(np.float64), (size, size), borderType=cv2.BORDER_REFLECT_101)
    return np.maximum(mean, 0).astype(np.float32)


def _mean_of(light: F32, part: NDArray[np.bool_]) -> F32:
    """Return (3, 2h, 2w) the mean of the light around each sample over those in `part`; the light elsewhere must be 0."""
    weight = np.maximum(_blur(part.astype(np.float32), _GLAZED_WINDOW), np.float32(1e-6))
    return np.asarray(np.stack([_blur(plane, _GLAZED_WINDOW) for plane in light]) / weight, np.float32)


def _without_fireflies(light: F32) -> F32:
    """Scale down samples that are far brighter than their neighbourhood (twice, as one firefly lifts its neighbours' mean)."""
    luma = _luma(light)
    limit = luma
    for _ in range(2):
        mean = _blur(limit, _FIREFLY_WINDOW)
        deviation = np.sqrt(np.maximum(_blur(limit * limit, _FIREFLY_WINDOW) - mean * mean, 0))
        limit = np.minimum(luma, mean + _FIREFLY_DEVIATIONS * deviation)
    return np.asarray(light * (limit / np.maximum(luma, 1e-12)), np.float32)


def _alike(normal_a: F32, position_a: F32, normal_b: F32, position_b: F32, tolerance: F32) -> F32:
    """Weight 0..1 of two surface points lying on one smooth surface: equal normals, and a in the tangent plane of b."""
    cosine = normal_a[0] * normal_b[0] + normal_a[1] * normal_b[1] + normal_a[2] * normal_b[2]
    offset = position_a - position_b
    offset *= normal_b
    plane = np.abs(offset[0] + offset[1] + offset[2]) / tolerance
    power = np.maximum(cosine, 0)
    for _ in range(5):  # cosine ** 32
        power *= power
    return np.asarray(power * np.exp(-plane), np.float32)


def _smooth(light: F32, variance: F32, normal: F32, position: F32, tolerance: F32, levels: int, sigma: float) -> F32:
    """A-trous wavelet with 3 x 3 taps; the weights of the two ends of a tap are one, so each pair is computed once."""
    h, w = variance.shape
    for level in range(levels):
        step = 1 << level
        if step >= min(h, w):
            break
        luma = _luma(light)
        spread = sigma * np.sqrt(_blur(variance, 3)) + 1e-4 * (luma.mean() + 1e-6)
        total, weights, total_variance = light / 4, np.full_like(luma, 0.25), variance / 16
        for dy, dx, tap in ((0, 1, 0.125), (1, 0, 0.125), (1, 1, 0.0625), (1, -1, 0.0625)):
            a, b = _pair(dy * step, dx * step)
            slack = np.maximum(tolerance[a], tolerance[b])
            weight = _alike(normal[:, *a], position[:, *a], normal[:, *b], position[:, *b], slack)
            weight *= tap * np.exp(-np.abs(luma[a] - luma[b]) / np.maximum(spread[a], spread[b]))
            squared = weight * weight
            for here, there in ((a, b), (b, a)):
                total[:, *here] += weight * light[:, *there]
                weights[here] += weight
                total_variance[here] += squared * variance[there]
        light, variance = (np.asarray(v, np.float32) for v in (total / weights, total_variance / weights**2))
    return light


def _pair(dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices (a, b) of all pixels a that have a pixel b at `(dy, dx)` from them, dy >= 0."""
    rows = (slice(None, -dy), slice(dy, None)) if dy else (slice(None), slice(None))
    columns = (slice(None, -abs(dx)), slice(abs(dx), None)) if dx else (slice(None), slice(None))
    return (rows[0], columns[dx < 0]), (rows[1], columns[dx >= 0])


def _upsample(light: F32, normal: F32, position: F32, tolerance: F32, normals: F32, positions: F32) -> F32:
    """(3, h, w) light -> (3, 4, h, w): each sample mixes its pixel and the 4 neighbours by how alike their surfaces are."""
    weights = _alike(normals, positions, normal[:, None], position[:, None], tolerance) + np.float32(1e-5)
    total = weights * light[:, None]
    for dy, dx in ((0, 1), (1, 0)):
        a, b = _pair(dy, dx)
        for here, there in ((a, b), (b, a)):
            at = (slice(None), slice(None), *here)
            weight = _alike(normals[at], positions[at], normal[:, None, *there], position[:, None, *there], tolerance[there])
            weight = 0.25 * weight + np.float32(1e-6)
            total[at] += weight * light[:, None, *there]
            weights[:, *here] += weight
    return np.asarray(total / weights, np.float32)
