"""Which window of a film's pictures is learnt from: all that fits, or one field of view for all films.

A network that sees only pixels takes an object that covers more of them for a nearer one. Two cameras of different fields of
view therefore teach it two scales, unless the same object covers the same number of network pixels in both (arXiv 2303.07662).
The recipe here is ours: the wider picture is cropped, both are resized, and the intrinsics follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import atan, degrees, radians, tan

from leadline.camera import Camera
from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.geometry import Window, crop_to_fov

MOST_OFF = 0.01  # share by which a focal length in network pixels may miss the common one


def largest_window(camera: Camera, hw: tuple[int, int]) -> Window:
    """Return the largest window of the shape of `hw`, in the middle of a camera's picture."""
    scale = min(camera.width / hw[1], camera.height / hw[0])
    width, height = max(1, round(hw[1] * scale)), max(1, round(hw[0] * scale))
    return Window((camera.width - width) // 2, (camera.height - height) // 2, width, height)


def window_of(camera: Camera, hw: tuple[int, int], fov_deg: float | None) -> Window:
    """Return the window that is resized to `hw`.

    Args:
        camera: of the whole picture.
        hw: of the network's picture.
        fov_deg: horizontal field of view of the window, which then lies around the principal point, so that the horizon of a
            level camera stays in its middle; None for the largest window in the picture's middle.

    Raises:
        LeadlineError: the picture does not show that much, or the window's whole pixels miss it by more than 1 %.
    """
    if fov_deg is None:
        return largest_window(camera, hw)
    window, seen = crop_to_fov(camera, fov_deg, hw)
    wanted = hw[1] / (2 * tan(radians(fov_deg) / 2))
    off = max(abs(seen.fx / wanted - 1), abs(seen.fy / wanted - 1))
    if off > MOST_OFF:
        raise LeadlineError(
            f"{fov_deg:.1f} degrees of a picture of {camera.width} x {camera.height} are {window.width} x {window.height} "
            f"pixels: rounded to whole ones, the focal length is {100 * off:.1f} % off, expected 1 % at most; raise "
            "data.longest"
        )
    return window


def common_fov(cameras: Iterable[Camera], hw: tuple[int, int]) -> float:
    """Return the largest horizontal field of view, in degrees, of which every camera shows a window of the shape of `hw`.

    Network pixels are square in such a window, so a low picture limits its width, too.

    Raises:
        LeadlineError: there is no camera.
    """
    found = [_widest(camera, hw) for camera in cameras]
    if not found:
        raise LeadlineError("no camera to find a common field of view of: expected one or more films")
    return min(found)


def network_focal(camera: Camera, window: Window, hw: tuple[int, int]) -> tuple[float, float]:
    """Return the focal lengths (x, y) in pixels of the window resized to `hw`."""
    return camera.fx * hw[1] / window.width, camera.fy * hw[0] / window.height


def crop_map(depth: DepthMap, window: Window, hw: tuple[int, int]) -> DepthMap:
    """Return a map's part under a window of its picture, to the nearest of the map's own pixels.

    Args:
        depth: of the whole picture, at any size.
        window: in the picture's pixels.
        hw: of the picture.
    """
    down, across = depth.hw[0] / hw[0], depth.hw[1] / hw[1]
    x, y = round(window.x * across), round(window.y * down)
    width = max(1, min(round(window.width * across), depth.hw[1] - x))
    height = max(1, min(round(window.height * down), depth.hw[0] - y))
    part = Window(x, y, width, height)
    camera = depth.camera.crop(*part) if depth.camera is not None else None
    return replace_map(depth, values=part.crop(depth.values), valid=part.crop(depth.valid), camera=camera)


def _widest(camera: Camera, hw: tuple[int, int]) -> float:
    width = min(camera.width, camera.height * camera.fx / camera.fy * hw[1] / hw[0])
    return degrees(2 * atan(width / (2 * camera.fx)))
