"""How a picture comes to the network's size and the map back to the picture's.

All resampling keeps edges on edges: the picture is a rectangle from (0, 0) to (w, h), pixel i covers [i, i + 1) (half-pixel
centres; torch calls it align_corners=False, cv2.resize does it always).
"""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap

# A side of the network's input never exceeds this many times the card's input_size, however long and thin the picture is.
MOST_TIMES_INPUT_SIZE = 4

Number = TypeVar("Number", np.uint8, np.float32)


class InputCard(Protocol):
    """What a card says of a network's input; see `leadline.predictor.ModelCard`."""

    @property
    def mean(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def std(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def size_multiple(self) -> int: ...  # noqa: D102
    @property
    def input_size(self) -> int: ...  # noqa: D102
    @property
    def resize_side(self) -> str: ...  # noqa: D102


def network_hw(hw: tuple[int, int], card: InputCard) -> tuple[int, int]:
    """Return the height and width at which a network sees a picture of size `hw`.

    The picture is scaled so that the length the card speaks of gets `input_size` ("area": the side of a square of as many
    pixels), then each side is rounded to the nearest multiple of `size_multiple`: the aspect ratio changes by that rounding
    alone. Exceptions: no side gets shorter than one multiple (a line of pixels is stretched to it), and none longer than
    `MOST_TIMES_INPUT_SIZE` times `input_size`.
    """
    side = {"longer": max(hw), "shorter": min(hw), "area": math.sqrt(hw[0] * hw[1])}[card.resize_side]
    scale = min(card.input_size / side, MOST_TIMES_INPUT_SIZE * card.input_size / max(hw))
    multiple = card.size_multiple
    height, width = (max(multiple, int(n * scale / multiple + 0.5) * multiple) for n in hw)
    return height, width


def fitted_hw(hw: tuple[int, int], frame_hw: tuple[int, int]) -> tuple[int, int]:
    """Return the largest size with the aspect ratio of `hw`, to a pixel, that fits into a frame of `frame_hw`."""
    scale = min(frame_hw[0] / hw[0], frame_hw[1] / hw[1])
    height, width = (min(limit, max(1, round(n * scale))) for n, limit in zip(hw, frame_hw, strict=True))
    return height, width


def resize_picture(pixels: NDArray[np.uint8], hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Return (h, w, 3) pixels at the size `hw`: area averages where it shrinks, cubic where it grows."""
    import cv2

    return _resize(pixels, hw, cv2.INTER_CUBIC)


def resize_map(values: NDArray[np.float32], hw: tuple[int, int]) -> NDArray[np.float32]:
    """Return an (h, w) map at the size `hw`: area averages where it shrinks, bilinear where it grows."""
    import cv2

    return _resize(values, hw, cv2.INTER_LINEAR)


def resize_depth(depth: DepthMap, hw: tuple[int, int]) -> DepthMap:
    """Return a map at another size, its camera with it; a pixel is valid where all that it is mixed from is."""
    if depth.hw == hw:
        return depth
    valid = None if depth.valid.all() else resize_map(depth.valid.astype(np.float32), hw) > 1 - 1e-6
    camera = depth.camera.resize(hw) if depth.camera else None
    return DepthMap(resize_map(depth.values, hw), valid, depth.kind, camera, depth.source)


def _resize(array: NDArray[Number], hw: tuple[int, int], growing: int) -> NDArray[Number]:
    import cv2

    # One axis may shrink while the other grows; OpenCV's area average would then turn into nearest neighbour for both.
    small = min(array.shape[0], hw[0]), min(array.shape[1], hw[1])
    result: Any = array
    if small != result.shape[:2]:
        result = cv2.resize(result, small[::-1], interpolation=cv2.INTER_AREA)
    if hw != result.shape[:2]:
        result = cv2.resize(result, hw[::-1], interpolation=growing)
    resized: NDArray[Number] = result
    return resized


def network_input(
    pixels: NDArray[np.uint8], hw: tuple[int, int], card: InputCard, frame_hw: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Return the (3, h, w) input of a network: resized to `hw` and normalised by the card.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        hw: the size that the picture gets.
        card: whose mean and std are in 0..255 units.
        frame_hw: the size of the whole input if it is larger than `hw`; the picture lies in its top-left corner and its last
            row and column are repeated into the rest.
    """
    small = resize_picture(pixels, hw)
    if frame_hw is not None and frame_hw != hw:
        small = np.pad(small, ((0, frame_hw[0] - hw[0]), (0, frame_hw[1] - hw[1]), (0, 0)), mode="edge")
    planes = np.empty((3, *small.shape[:2]), np.float32)
    for channel, (mean, std) in enumerate(zip(card.mean, card.std, strict=True)):
        np.multiply(small[..., channel], np.float32(1 / std), out=planes[channel])
        planes[channel] -= np.float32(mean / std)
    return planes
