"""Where the pixels of one view land in another, and what is seen there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import as_numpy
from leadline.geometry.points import transform, unproject


class Landing(NamedTuple):
    """Where each pixel of view b lands in view a.

    Attributes:
        xy: (h_b, w_b, 2) position in a's picture, pixel centres at + 0.5; 0 where not valid.
        depth: (h_b, w_b) z-depth of the point in a's frame; compare it with a's own depth there to tell occlusion.
        valid: (h_b, w_b) the pixel has a depth, is in front of a and lands inside a's picture.
    """

    xy: NDArray[np.float64]
    depth: NDArray[np.float64]
    valid: NDArray[np.bool_]


def project_into(camera_a: Camera, a_from_b: Any, depth_b: Any, camera_b: Camera, valid_b: Any | None = None) -> Landing:
    """Return where each pixel of view b lands in view a: what a backward warp of a's picture into b samples.

    Args:
        camera_a, camera_b: of the two pictures.
        a_from_b: (4, 4) rigid transform from b's camera frame to a's, metres. (The wrong reading, b_from_a, moves everything
            the other way and still looks plausible.)
        depth_b: (h_b, w_b) z-depth of view b, metres.
        valid_b: (h_b, w_b) bool; None means wherever the depth is finite and positive.

    Raises:
        LeadlineError: the depth has another size than camera b.
    """
    z = as_numpy(depth_b).astype(np.float64)
    valid = np.isfinite(z) & (z > 0)
    if valid_b is not None:
        valid &= as_numpy(valid_b).astype(bool)
    points = transform(a_from_b, unproject(np.where(valid, z, 1.0), camera_b))
    valid &= points[..., 2] > 0
    xy = camera_a.project(np.where(valid[..., None], points, (0.0, 0.0, 1.0)))
    valid &= ((xy >= 0) & (xy <= (camera_a.width, camera_a.height))).all(axis=-1)
    return Landing(np.where(valid[..., None], xy, 0.0), np.where(valid, points[..., 2], 0.0), valid)


def sample_bilinear(values: Any, xy: Any, valid: Any | None = None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read an array between its pixels.

    Position (0.5, 0.5) is the first pixel's centre and gives exactly its value; half a pixel at the rim, where there is
    nothing to interpolate with, counts as not valid. (cv2.remap puts the first centre at 0 and rounds positions to 1/32.)

    Args:
        values: (h, w) or (h, w, c).
        xy: (..., 2) positions from the top-left corner.
        valid: (h, w) bool; a sample is valid only if every pixel that has a share in it is.

    Returns:
        (...) or (..., c) float64 samples, 0 where not valid, and (...) bool.
    """
    source = as_numpy(values)
    height, width = source.shape[:2]
    position = np.asarray(xy, dtype=np.float64) - 0.5
    inside: NDArray[np.bool_] = np.asarray(((position >= 0) & (position <= (width - 1, height - 1))).all(axis=-1))
    position = np.where(inside[..., None], position, 0.0)
    first = np.floor(position).astype(np.intp)
    share = position - first
    mask = None if valid is None else as_numpy(valid).astype(bool)
    result = np.zeros((*inside.shape, *source.shape[2:]))
    for dy in (0, 1):
        for dx in (0, 1):
            x, y = np.minimum(first[..., 0] + dx, width - 1), np.minimum(first[..., 1] + dy, height - 1)
            part = (share[..., 0] if dx else 1 - share[..., 0]) * (share[..., 1] if dy else 1 - share[..., 1])
            picked = source[y, x]
            if mask is not None:
                inside &= mask[y, x] | (part == 0)
                picked = np.where(_like(mask[y, x], picked), picked, 0)
            result += _like(part, picked) * picked
    return np.where(_like(inside, result), result, 0.0), inside


def _like(array: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(array.shape + (1,) * (other.ndim - array.ndim))
