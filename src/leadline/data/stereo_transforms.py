"""Random changes of a stereo pair for training: one window of both pictures, colours, and what spoils the right one.

After RAFT-Stereo (arXiv 2109.07547, section 4 and the released code) and CREStereo (arXiv 2203.11483, section 3.4): both views'
colours change alike or, more rarely, each in its way; the right picture moves up or down a little, as behind a rig that is not
quite rectified, and loses patches, as where something stands before one lens.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.stereo_layers import Pair
from leadline.data.transforms import Augmentation, random_colours


@dataclass(frozen=True)
class StereoAugmentation:
    """How strongly pairs are changed. Probabilities are per pair, factors uniform in octaves either way.

    Attributes:
        scale: smallest and largest resizing before the crop, in octaves; RAFT-Stereo -0.2 to 0.4 on FlyingThings. A picture is
            never made smaller than the crop.
        exposure, contrast, gamma, saturation, hue_deg: see `leadline.data.transforms.Augmentation`.
        asymmetric: probability that the views' colours change each in its own way.
        noise, blur: probabilities for each picture.
        vertical_px: the right picture moves by at most so many pixels up or down.
        erase: probability of one or two patches of the right picture's mean colour.
        erase_share: their smallest and largest side as a share of the crop's width; the authors' are 50 to 100 of 720 pixels.
    """

    scale: tuple[float, float] = (-0.2, 0.4)
    exposure: float = 0.5
    contrast: float = 0.5
    gamma: float = 0.2
    saturation: float = 0.6
    hue_deg: float = 30.0
    asymmetric: float = 0.2
    noise: float = 0.3
    blur: float = 0.1
    vertical_px: float = 1.0
    erase: float = 0.5
    erase_share: tuple[float, float] = (0.07, 0.14)


def changed_pair(pair: Pair, hw: tuple[int, int], rng: np.random.Generator, how: StereoAugmentation) -> Pair:
    """Return a random window of a pair at `hw`, with other colours; its disparities are in pixels of the window.

    Args:
        pair: of any size.
        hw: height and width of the result.
        rng: decides everything.
        how: how strongly.
    """
    pair = _window(pair, hw, rng, how)
    left, right = _colours(pair, rng, how)
    if rng.random() < how.erase:
        right = _erased(right, rng, how)
    return Pair(left, right, pair.disparity, pair.valid)


def _window(pair: Pair, hw: tuple[int, int], rng: np.random.Generator, how: StereoAugmentation) -> Pair:
    h, w = pair.disparity.shape
    scale = max(2 ** rng.uniform(*how.scale), (hw[0] + 0.5) / h, (hw[1] + 0.5) / w)
    sized_h, sized_w = max(hw[0], round(h * scale)), max(hw[1], round(w * scale))
    factor = sized_w / w
    top, left = int(rng.integers(0, sized_h - hw[0] + 1)), int(rng.integers(0, sized_w - hw[1] + 1))
    up = rng.uniform(-1, 1) * how.vertical_px
    pictures = [_picture(p, (sized_h, sized_w), (top + shift, left), hw) for p, shift in ((pair.left, 0.0), (pair.right, up))]
    # The nearest pixel's: a mean over an edge is the disparity of nothing.
    row = np.minimum(((np.arange(hw[0]) + top + 0.5) * (h / sized_h)).astype(np.intp), h - 1)
    column = np.minimum(((np.arange(hw[1]) + left + 0.5) / factor).astype(np.intp), w - 1)
    picked = np.ix_(row, column)
    return Pair(pictures[0], pictures[1], pair.disparity[picked] * np.float32(factor), pair.valid[picked])


def _picture(
    picture: NDArray[np.uint8], sized_hw: tuple[int, int], corner: tuple[float, float], hw: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the window of a picture resized to `sized_hw` whose top-left corner is `corner`, in one resampling."""
    h, w = picture.shape[:2]
    sy, sx = h / sized_hw[0], w / sized_hw[1]
    if sx > 1.3:  # much smaller than the source: fine texture would turn into noise
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 * sx), dtype=np.uint8)
    # A pixel's centre lies at + 0.5; OpenCV counts from the first pixel's centre.
    matrix = np.array([[sx, 0, sx * (corner[1] + 0.5) - 0.5], [0, sy, sy * (corner[0] + 0.5) - 0.5]])
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    moved = cv2.warpAffine(picture, matrix, (hw[1], hw[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _colours(pair: Pair, rng: np.random.Generator, how: StereoAugmentation) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return both pictures with other colours, and with noise and blur of their own."""
    tone = Augmentation(
        exposure=how.exposure, contrast=how.contrast, gamma=how.gamma, channels=0.1, saturation=how.saturation,
        hue_deg=how.hue_deg, grey=0.0, blur=0.0, noise=0.0, jpeg=0.0, coarse=0.0, cutout=0.0,
    )  # fmt: skip
    seed = int(rng.integers(2**31))
    other = int(rng.integers(2**31)) if rng.random() < how.asymmetric else seed
    found = []
    for picture, drawn in ((pair.left, seed), (pair.right, other)):
        picture = random_colours(picture, np.random.default_rng(drawn), tone)
        if rng.random() < how.blur:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.2)), dtype=np.uint8)
        if rng.random() < how.noise:
            noise = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(rng.uniform(0.5, 6))
            picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
        found.append(picture)
    return found[0], found[1]


def _erased(picture: NDArray[np.uint8], rng: np.random.Generator, how: StereoAugmentation) -> NDArray[np.uint8]:
    """Return a picture with one or two patches of its mean colour."""
    picture, (h, w) = picture.copy(), picture.shape[:2]
    mean = picture.reshape(-1, 3).mean(0).astype(np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        side_h, side_w = (max(1, min(int(rng.uniform(*how.erase_share) * w), side)) for side in (h, w))
        y, x = int(rng.integers(0, h - side_h + 1)), int(rng.integers(0, w - side_w + 1))
        picture[y : y + side_h, x : x + side_w] = mean
    return picture
