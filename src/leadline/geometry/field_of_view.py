"""Bringing pictures to one field of view: the same object then covers the same number of network pixels in each."""

from __future__ import annotations

from math import radians, tan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.errors import LeadlineError


class Window(NamedTuple):
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int

    def crop(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the window's part of an (h, w, ...) array, as a view."""
        return array[self.y : self.y + self.height, self.x : self.x + self.width]


def crop_to_fov(camera: Camera, fov_deg: float, hw: tuple[int, int]) -> tuple[Window, Camera]:
    """Return the window that shows `fov_deg` from left to right, and the camera of that window resized to `hw`.

    The window lies around the principal point (moved only where it would leave the picture) and has the shape for which the
    resized pixels are square: ``width = 2 fx tan(fov / 2)``, ``height = width * fy / fx * hw[0] / hw[1]``. Both are rounded to
    whole pixels; the returned camera is that of the rounded window, so nothing is lost but a fraction of a degree.
    (arXiv 2303.07662 aligns fields of view before it transfers scale; the formula is ours.)

    Args:
        camera: of the whole picture.
        fov_deg: horizontal field of view to reach, degrees.
        hw: the size to which the window will be resized.

    Raises:
        LeadlineError: the angle is not in (0, 180), or the picture does not show that much.
    """
    if not 0 < fov_deg < 180:
        raise LeadlineError(f"field of view {fov_deg} degrees: expected more than 0 and less than 180")
    exact = 2 * camera.fx * tan(radians(fov_deg) / 2)
    width, height = round(exact), round(exact * camera.fy / camera.fx * hw[0] / hw[1])
    window = central_window(camera, width, height)
    if window is None:
        across, down = camera.fov_deg
        raise LeadlineError(
            f"a field of view of {fov_deg:g} degrees at {hw[1]} x {hw[0]} needs {width} x {height} pixels, but the picture has "
            f"{camera.width} x {camera.height} ({across:.0f} x {down:.0f} degrees): choose a smaller angle or a wider shape"
        )
    return window, camera.crop(*window).resize(hw)


def central_window(camera: Camera, width: int, height: int) -> Window | None:
    """Return the window of a size around the principal point, moved only where it would leave the picture.

    Args:
        camera: of the whole picture.
        width, height: in its pixels; at least one is taken.

    Returns:
        None if the picture is smaller.
    """
    if width > camera.width or height > camera.height:
        return None
    width, height = max(width, 1), max(height, 1)
    x = int(np.clip(round(camera.cx - width / 2), 0, camera.width - width))
    y = int(np.clip(round(camera.cy - height / 2), 0, camera.height - height))
    return Window(x, y, width, height)
