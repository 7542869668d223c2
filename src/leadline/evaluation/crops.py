"""The parts of a picture that protocols score, with the rounding of the code that the published numbers came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from leadline.errors import LeadlineError


class Window(NamedTuple):
    """Rows top..bottom and columns left..right of a picture, the last ones not included."""

    top: int
    bottom: int
    left: int
    right: int


# Shares of the height and width. The two KITTI crops differ in the last digit of the left bound, as in their authors' code.
_GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
_EIGEN_KITTI = (0.3324324, 0.91351351, 0.0359477, 0.96405229)
_EIGEN_NYU = Window(45, 471, 41, 601)
_NYU_HW = (480, 640)
_KITTI_BENCHMARK_HW = (352, 1216)
# A 2 : 1 picture out of the middle of Make3D's upright ones, 852 of 2272 rows: rows 17 to 38 of its 55 x 305 depth.
_MAKE3D_ROWS = 852 / 2272


def window_of(crops: Sequence[str], hw: tuple[int, int]) -> Window:
    """Return the window that is left when each crop is cut out of the one before.

    "garg" and "eigen_kitti": shares of the height and width, cut to whole pixels by ``int()`` (monodepth2, evaluate_depth.py;
    BTS, bts_eval.py). "eigen_nyu": rows 45 to 471, columns 41 to 601. "kitti_benchmark": 352 x 1216, at the bottom, in the
    middle, ``int((w - 1216) / 2)`` from the left. "make3d_centre": the middle rows, for a 2 : 1 picture
    (mrharicot/monodepth #189).

    Args:
        crops: names; none leaves the whole picture.
        hw: of the truth.

    Raises:
        LeadlineError: the picture has not the size that a crop is made for, or is too small for it.
    """
    window = Window(0, hw[0], 0, hw[1])
    for crop in crops:
        inner = _window(crop, (window.bottom - window.top, window.right - window.left))
        window = Window(window.top + inner.top, window.top + inner.bottom, window.left + inner.left, window.left + inner.right)
    return window


def _window(crop: str, hw: tuple[int, int]) -> Window:
    h, w = hw
    match crop:
        case "garg" | "eigen_kitti":
            top, bottom, left, right = _GARG if crop == "garg" else _EIGEN_KITTI
            return Window(int(top * h), int(bottom * h), int(left * w), int(right * w))
        case "eigen_nyu":
            if hw != _NYU_HW:
                raise LeadlineError(f"crop eigen_nyu on a truth of {w} x {h}: expected 640 x 480; take a protocol without it")
            return _EIGEN_NYU
        case "kitti_benchmark":
            height, width = _KITTI_BENCHMARK_HW
            if h < height or w < width:
                raise LeadlineError(f"crop kitti_benchmark on a truth of {w} x {h}: expected at least {width} x {height}")
            left = int((w - width) / 2)
            return Window(h - height, h, left, left + width)
        case "make3d_centre":
            rows = max(1, round(h * _MAKE3D_ROWS))
            return Window((h - rows) // 2, (h - rows) // 2 + rows, 0, w)
        case _:
            raise LeadlineError(
                f"unknown crop {crop!r}: expected garg, eigen_kitti, eigen_nyu, kitti_benchmark or make3d_centre"
            )
