"""Stereo pairs drawn from planes with textures: exact pixel_disparity, as many as wanted, in milliseconds each.

A network learns to match on them before it sees a rendered pair, as optical flow networks do on flying chairs (Dosovitskiy et
al. 2015, arXiv 1504.06852). Each layer is a slanted plane with a shape and a texture in the left picture. A point of it at x in
the left picture is at ``x - (a + b x + c y)`` in the right one, so a right pixel x' sees ``x = (x' + a + c y) / (1 - b)``: both
pictures are sampled from the same texture, to fractions of a pixel, and what one camera alone sees comes out by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

# Slants b and c of a plane: disparity gained a pixel. A floor seen by a rig gains as much as a tenth.
MOST_SLANT = 0.1
MARGIN = 0.5  # of the texture around the picture, as a share of its width
MOST_LAYERS = 9


class Pair(NamedTuple):
    """A rectified pair with its truth.

    Attributes:
        left, right: (h, w, 3) uint8 sRGB.
        disparity: (h, w) float32 pixel_disparity of the left picture.
        valid: (h, w) bool, where it is known.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    valid: NDArray[np.bool_]


def layered_pair(
    rng: np.random.Generator,
    hw: tuple[int, int],
    largest_px: float,
    photos: Sequence[NDArray[np.uint8]] = (),
) -> Pair:
    """Return a pair of up to nine textured planes, each in front of the one before.

    Args:
        rng: decides everything.
        hw: size.
        largest_px: disparities lie between 0 and this.
        photos: (h, w, 3) uint8 pictures, of which half of the textures are cut; without any all are noise, dots, stripes and
            slow changes of colour.

    Raises:
        LeadlineError: no room for a disparity.
    """
    h, w = hw
    if not 1 <= largest_px <= w:
        raise LeadlineError(f"disparities up to {largest_px:g} px in pictures {w} px wide: expected 1 px to the width")
    count = int(rng.integers(2, MOST_LAYERS + 1))
    # Uniform in the root: many far layers and few near ones, as in rooms.
    depths = np.sort(largest_px * rng.uniform(0, 1, count) ** 2)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    left, right = np.zeros((2, h, w, 3), np.float32)
    disparity = np.zeros((h, w), np.float32)
    for number, at in enumerate(depths):
        plane = _draw_plane(rng, hw, float(at), largest_px, background=number == 0)
        margin = int(MARGIN * w) + 2
        texture = _texture(rng, (h, w + 2 * margin), photos)
        shape = np.ones(texture.shape[:2], np.float32) if number == 0 else _shape(rng, hw, margin)
        seen_from_right = (x + plane[0] + plane[2] * y) / (1 - plane[1])
        for picture, column in ((left, x), (right, seen_from_right)):
            there = column + np.float32(margin)
            colours = _sampled(texture, there, y, cv2.BORDER_REFLECT_101)
            share = _sampled(shape, there, y, cv2.BORDER_REPLICATE)[..., None]
            picture += share * (colours - picture)
        mine = shape[:, margin : margin + w] > 0.5
        disparity[mine] = (plane[0] + plane[1] * x + plane[2] * y)[mine]
    pictures = [np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in (left, right)]
    return Pair(pictures[0], pictures[1], disparity, np.ones(hw, bool))


def _draw_plane(
    rng: np.random.Generator, hw: tuple[int, int], at: float, largest_px: float, background: bool
) -> tuple[float, float, float]:
    """Return (a, b, c) of a plane whose disparity is `at` in the picture's centre, and nowhere in it below 0 or too large."""
    h, w = hw
    most = min(MOST_SLANT, 2 * min(at, largest_px - at) / (w + h)) * (1.0 if background else 0.7)
    b, c = rng.uniform(-most, most, 2) if rng.random() < 0.7 else (0.0, 0.0)
    return at - b * w / 2 - c * h / 2, float(b), float(c)


def _sampled(array: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32], border: int) -> NDArray[np.float32]:
    """Return bilinear samples at columns x and rows y, counted from the first pixel's centre."""
    return np.asarray(cv2.remap(array, x.astype(np.float32), y, interpolation=cv2.INTER_LINEAR, borderMode=border))


def _shape(rng: np.random.Generator, hw: tuple[int, int], margin: int) -> NDArray[np.float32]:
    """Return (h, w + 2 margin) in 0..1: a polygon, an ellipse or a frame somewhere in the picture, its rim a pixel soft."""
    h, w = hw
    mask = np.zeros((h, w + 2 * margin), np.uint8)
    centre = np.array([rng.uniform(0, w) + margin, rng.uniform(0, h)])
    radius = np.exp(rng.uniform(np.log(0.06), np.log(0.45))) * w * np.exp(rng.uniform(-0.5, 0.5, 2))
    kind = rng.random()
    if kind < 0.4:
        axes = (max(2, int(radius[0])), max(2, int(radius[1])))
        centre_px = (int(centre[0]), int(centre[1]))
        cv2.ellipse(mask, centre_px, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
    else:
        corners = int(rng.integers(3, 9)) if kind < 0.75 else 4
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) if kind < 0.75 else np.pi * (np.arange(4) + rng.random()) / 2
        points = centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255, cv2.LINE_AA)
        if rng.random() < 0.2:  # a frame: what is behind shows through its hole
            inner = centre + 0.7 * (points - centre)
            cv2.fillPoly(mask, [np.rint(inner).astype(np.int32)], 0, cv2.LINE_AA)
    return np.asarray(mask.astype(np.float32) / 255)


def _texture(rng: np.random.Generator, hw: tuple[int, int], photos: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return an (h, w, 3) float32 texture in 0..255."""
    h, w = hw
    if len(photos) and rng.random() < 0.5:
        return _cut(rng, photos[int(rng.integers(len(photos)))], hw)
    colours = rng.uniform(0, 255, (2, 3)).astype(np.float32)
    kind = rng.random()
    if kind < 0.25:  # dots: one of a few levels a block
        block = int(rng.integers(1, 7))
        small = rng.random((h // block + 1, w // block + 1), dtype=np.float32)
        amount = cv2.resize(small, None, fx=block, fy=block, interpolation=cv2.INTER_NEAREST)[:h, :w]
        amount = cv2.GaussianBlur(amount, (0, 0), 0.5)
    elif kind < 0.4:  # stripes, which repeat
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 40)
        y, x = np.mgrid[:h, :w].astype(np.float32)
        phase = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
        amount = 0.5 + 0.5 * np.sin(phase) + 0.15 * _noise(rng, hw, 3)
    else:  # noise of several sizes; with few octaves nearly plain
        amount = 0.5 + rng.uniform(0.1, 1.0) * _noise(rng, hw, int(rng.integers(2, 7)))
    texture = colours[0] + np.clip(amount, 0, 1).astype(np.float32)[..., None] * (colours[1] - colours[0])
    return np.asarray(texture + 4 * _noise(rng, hw, 6)[..., None], dtype=np.float32)


def _noise(rng: np.random.Generator, hw: tuple[int, int], octaves: int) -> NDArray[np.float32]:
    """Return (h, w) noise in about -1..1: the coarsest cells are a quarter of the height, the next half of that, and so on."""
    h, w = hw
    total = np.zeros(hw, np.float32)
    for octave in range(octaves):
        cell = max(1.0, h / 4 / 2**octave)
        small = rng.uniform(-1, 1, (int(h / cell) + 2, int(w / cell) + 2)).astype(np.float32)
        total += 0.75**octave * cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(total / 1.6, dtype=np.float32)


def _cut(rng: np.random.Generator, photo: NDArray[np.uint8], hw: tuple[int, int]) -> NDArray[np.float32]:
    """Return an (h, w, 3) window of a photo at a random size, mirrored at random; a small photo is repeated in mirrors."""
    h, w = hw
    scale = float(np.exp(rng.uniform(np.log(0.6), np.log(1.6)))) * h / photo.shape[0]
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    wh = max(2, round(photo.shape[1] * scale)), max(2, round(photo.shape[0] * scale))
    sized = cv2.resize(photo, wh, interpolation=flags)
    if rng.random() < 0.5:
        sized = sized[:, ::-1]
    more_h, more_w = max(0, h - sized.shape[0]), max(0, w - sized.shape[1])
    if more_h or more_w:
        sized = np.pad(sized, ((0, more_h), (0, more_w), (0, 0)), mode="symmetric")
    y, x = (int(rng.integers(0, there - wanted + 1)) for there, wanted in zip(sized.shape, hw, strict=False))
    return np.ascontiguousarray(sized[y : y + h, x : x + w], dtype=np.float32)
