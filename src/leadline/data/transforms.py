"""Random changes of a training view: of its geometry with its target, and of its colours alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.views import INVALID, View

# Rec. 601 luma, what "grey" means in JPEG.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Augmentation:
    """How strongly views are changed. Probabilities are per view; ranges are uniform, in octaves where they are factors.

    Attributes:
        area: share of the picture that a crop keeps, smallest and largest.
        aspect: largest factor by which the crop's aspect ratio departs from the batch's (the view is squeezed by it).
        rotation_deg: standard deviation of the camera's roll.
        flip: probability of mirroring left to right.
        exposure, contrast, gamma, channels: largest factor either way, in octaves.
        saturation: largest share by which colours are strengthened or weakened.
        hue_deg: largest turn of the colour circle.
        grey, blur, noise, jpeg, coarse, cutout: probabilities.
    """

    area: tuple[float, float] = (0.35, 1.0)
    aspect: float = 1.2
    rotation_deg: float = 3.0
    flip: float = 0.5
    exposure: float = 0.7
    contrast: float = 0.5
    gamma: float = 0.5
    channels: float = 0.25
    saturation: float = 0.6
    hue_deg: float = 12.0
    grey: float = 0.08
    blur: float = 0.2
    noise: float = 0.35
    jpeg: float = 0.25
    coarse: float = 0.15
    cutout: float = 0.1


def random_crop(view: View, hw: tuple[int, int], rng: np.random.Generator, how: Augmentation) -> View:
    """Return a random window of `view`, turned and mirrored, resampled to `hw` in one step.

    Picture, target and pairs move together; pairs with a point outside are left out. Beyond the picture's edge (a
    turned window) the picture is mirrored and the target not valid.
    The target is sampled at the nearest pixel, so no distance is invented at an edge.
    """
    h, w = view.disparity.shape
    squeeze = float(np.exp(rng.uniform(-1, 1) * np.log(how.aspect)))
    aspect = hw[1] / hw[0] * squeeze
    # The largest window of that aspect ratio has this height; the area range counts from it.
    share = float(np.sqrt(rng.uniform(*how.area)))
    window_h = min(h, w / aspect) * share
    window_w = window_h * aspect
    centre_x = rng.uniform(window_w / 2, w - window_w / 2)
    centre_y = rng.uniform(window_h / 2, h - window_h / 2)
    angle = np.deg2rad(rng.normal(0, how.rotation_deg)) if how.rotation_deg else 0.0
    mirror = -1.0 if rng.random() < how.flip else 1.0
    # Output pixel centre (u + 0.5) -> input position: scale about the window's centre, turn, mirror.
    sx, sy = mirror * window_w / hw[1], window_h / hw[0]
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    linear = np.array([[cos * sx, -sin * sy], [sin * sx, cos * sy]])
    offset = np.array([centre_x, centre_y]) - linear @ (np.array([hw[1], hw[0]]) / 2)
    # cv2 counts from the first pixel's centre.
    offset = offset + linear @ np.array([0.5, 0.5]) - 0.5
    matrix = np.column_stack([linear, offset])
    flags, wh = cv2.WARP_INVERSE_MAP, (hw[1], hw[0])
    image: NDArray[Any] = view.image
    if abs(sy) > 1.6:  # much smaller than the source: shrink first, or fine texture turns into noise
        image = cv2.GaussianBlur(image, (0, 0), 0.4 * abs(sy))
    warped = cv2.warpAffine(image, matrix, wh, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    target = cv2.warpAffine(
        view.disparity.astype(np.float32),
        matrix,
        wh,
        flags=flags | cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(INVALID),
    )
    return View(
        np.asarray(warped, dtype=np.uint8), target.astype(np.float16), _moved_pairs(view.pairs, linear, matrix[:, 2], hw)
    )


def _moved_pairs(
    pairs: NDArray[np.float32], linear: NDArray[np.float64], offset: NDArray[np.float64], hw: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the pairs in output pixels, where ``linear @ (output - 0.5) + offset + 0.5`` is the input position."""
    if not len(pairs):
        return pairs
    points = pairs[:, :4].reshape(-1, 2) - 0.5
    # Rounded first: a point just inside may be rounded to the edge.
    moved = (np.linalg.solve(linear, (points - offset).T).T.reshape(-1, 4) + 0.5).astype(np.float32)
    inside = ((moved >= 0) & (moved < np.tile(hw[::-1], 2))).all(axis=1)
    return np.column_stack([moved, pairs[:, 4]])[inside]


def random_colours(image: NDArray[np.uint8], rng: np.random.Generator, how: Augmentation) -> NDArray[np.uint8]:
    """Return the picture as another camera might have taken and stored it: (h, w, 3) uint8 to the same."""
    h, w = image.shape[:2]
    matrix = _colour_matrix(rng, how)
    image = np.asarray(cv2.transform(image, matrix), dtype=np.uint8)
    image = np.asarray(cv2.LUT(image, _tone_curves(rng, how)), dtype=np.uint8)
    if rng.random() < how.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.8)), dtype=np.uint8)
    if rng.random() < how.coarse:
        factor = rng.uniform(0.3, 0.8)
        small = cv2.resize(image, (max(1, int(w * factor)), max(1, int(h * factor))), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    if rng.random() < how.noise:
        noise = rng.standard_normal((h, w, 3), dtype=np.float32) * np.float32(rng.uniform(1, 14))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < how.jpeg:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    if rng.random() < how.cutout:
        side_h, side_w = int(h * rng.uniform(0.08, 0.3)), int(w * rng.uniform(0.08, 0.3))
        y, x = int(rng.integers(0, h - side_h)), int(rng.integers(0, w - side_w))
        image[y : y + side_h, x : x + side_w] = rng.integers(0, 256, 3, dtype=np.uint8)
    return image


def _colour_matrix(rng: np.random.Generator, how: Augmentation) -> NDArray[np.float32]:
    """Return a (3, 3) matrix: grey, or a random saturation and a turn of hue about the grey axis."""
    grey = np.broadcast_to(LUMA, (3, 3))
    if rng.random() < how.grey:
        return np.ascontiguousarray(grey)
    saturation = 1 + rng.uniform(-1, 1) * how.saturation
    angle = np.deg2rad(rng.uniform(-1, 1) * how.hue_deg)
    # Rodrigues' rotation about (1, 1, 1) / sqrt 3: greys stay grey.
    third, cross = np.full((3, 3), 1 / 3), np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * third
    return np.ascontiguousarray((turn @ (saturation * np.eye(3) + (1 - saturation) * grey)).astype(np.float32))


def _tone_curves(rng: np.random.Generator, how: Augmentation) -> NDArray[np.uint8]:
    """Return a (256, 1, 3) table: exposure, gamma, contrast about mid-grey and white balance."""
    levels = np.linspace(0, 1, 256)[:, None]
    exposure, contrast, gamma = (2.0 ** (rng.uniform(-1, 1) * octaves) for octaves in (how.exposure, how.contrast, how.gamma))
    balance = 2.0 ** (rng.uniform(-1, 1, 3) * how.channels)
    curves = (levels**gamma * exposure * balance - 0.5) * contrast + 0.5
    return np.ascontiguousarray((np.clip(curves, 0, 1) * 255).round().astype(np.uint8)[:, None])
