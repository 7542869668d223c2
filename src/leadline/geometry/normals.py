"""Surface normals from depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import as_numpy
from leadline.geometry.points import unproject


def normals_from_depth(
    depth: Any, camera: Camera, valid: Any | None = None, edge: float = 0.02
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return unit normals in the camera frame, facing the camera (normal . point < 0): a floor's is (0, -1, 0).

    The normal is the cross product of the surface's tangents along x and y. A tangent joins the two neighbours of a pixel
    where all three may lie on one plane; across an edge it joins the pixel and the neighbour on the side that bends less.
    The test uses disparity, which is linear in x and y on any plane seen by a pinhole: on planes the result is exact.

    Args:
        depth: (h, w) z-depth, metres (any unit will do).
        camera: of the same size.
        valid: (h, w) bool; None means wherever the depth is finite and positive.
        edge: second difference of the disparity, as a share of the disparity, from which on there is an edge.

    Returns:
        (h, w, 3) normals, 0 where there is none, and (h, w) bool: pixels that are valid and have valid neighbours on both axes.

    Raises:
        LeadlineError: the depth has another size than the camera.
    """
    z = as_numpy(depth).astype(np.float64)
    mask = np.isfinite(z) & (z > 0)
    if valid is not None:
        mask &= as_numpy(valid).astype(bool)
    z = np.where(mask, z, 1.0)
    points = unproject(z, camera)
    along_x, has_x = _tangent(points, 1 / z, mask, edge, axis=1)
    along_y, has_y = _tangent(points, 1 / z, mask, edge, axis=0)
    normals = np.cross(along_y, along_x)  # down x right faces the camera, whatever the surface: its sign is that of the rays'
    length = np.linalg.norm(normals, axis=-1)
    found = mask & has_x & has_y & (length > 0)
    return np.where(found[..., None], normals / np.where(found, length, 1.0)[..., None], 0.0), found


def _tangent(
    points: NDArray[np.float64], disparity: NDArray[np.float64], mask: NDArray[np.bool_], edge: float, axis: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    after, has_after = _neighbour(points, mask, -1, axis)
    before, has_before = _neighbour(points, mask, 1, axis)
    rise = np.abs(np.roll(disparity, -1, axis) - disparity)
    fall = np.abs(np.roll(disparity, 1, axis) - disparity)
    bend = np.abs(np.roll(disparity, -1, axis) + np.roll(disparity, 1, axis) - 2 * disparity)
    both = has_after & has_before & (bend <= edge * disparity)
    forward = has_after & (~has_before | (rise <= fall))
    start = np.where((both | ~forward)[..., None], before, points)
    stop = np.where((both | forward)[..., None], after, points)
    return stop - start, has_after | has_before


def _neighbour(
    points: NDArray[np.float64], mask: NDArray[np.bool_], shift: int, axis: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    has = np.roll(mask, shift, axis)
    rim = [slice(None), slice(None)]
    rim[axis] = slice(-1, None) if shift < 0 else slice(0, 1)  # np.roll wraps around
    has[tuple(rim)] = False
    return np.roll(points, shift, axis), has
