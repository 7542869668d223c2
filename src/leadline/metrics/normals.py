"""Angles between predicted and true surface normals, as sums that are finished late (Fouhey et al. 2013; Eigen & Fergus 2015).

Normals are in the camera frame (x right, y down, z forward) and face the camera: a wall seen from the front has (0, 0, -1).
They need not be of unit length. Angles are degrees, 0 to 180. Where both normals come from depth, both are made by
`leadline.geometry.normals_from_depth` from the same pixels. The depth's scale does not matter to them; a shift does.

Every function raises LeadlineError where the shapes differ, or where a pixel that counts has a normal that is zero or not
finite: dropping it would flatter the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.geometry.normals import normals_from_depth
from leadline.geometry.points import unproject
from leadline.metrics.tally import Tally, mean, root

ANGLES_DEG = (11.25, 22.5, 30.0)
# The median is that of a histogram, so that the medians of parts add up to the one of the whole; its bins are this wide.
BIN_DEG = 0.05
_BINS = round(180 / BIN_DEG)


def angles_deg(pred: Any, target: Any) -> NDArray[np.float64]:
    """Return (...) the angles in degrees between (..., 3) vectors, none of them zero.

    By the arctangent of sine and cosine: the usual arccos(a . b) can't tell angles below 1e-6 degrees from zero.
    """
    a, b = as_numpy(pred).astype(np.float64), as_numpy(target).astype(np.float64)
    sine = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, (a * b).sum(axis=-1))))


def normal_metrics(
    pred: Any, target: Any, valid: Any | None = None, thresholds_deg: Sequence[float] = ANGLES_DEG
) -> dict[str, Tally]:
    """Compare normals.

    Args:
        pred, target: (..., 3) of one shape.
        valid: (...) bool, None for all.
        thresholds_deg: angles for the shares.

    Returns:
        ``normal_mean`` and ``normal_rmse`` in degrees; ``normal_median`` in degrees, the same for any split into parts and
        within `BIN_DEG` of the exact one (for that, take ``np.median`` of `angles_deg`); ``normal_11.25`` and so on, the
        share of pixels with angle < threshold, strict, 0 to 1, larger is better.

    Raises:
        LeadlineError: see the module.
    """
    p, t = as_numpy(pred), as_numpy(target)
    mask = np.ones(t.shape[:-1], dtype=bool) if valid is None else as_numpy(valid).astype(bool)
    if p.shape != t.shape or t.shape[-1:] != (3,) or mask.shape != t.shape[:-1]:
        raise LeadlineError(
            f"normals of shapes {p.shape} and {t.shape}, mask {mask.shape}: expected (h, w, 3) twice and (h, w)"
        )
    p, t = p[mask], t[mask]
    for name, normals in (("predicted", p), ("true", t)):
        bad = np.count_nonzero(~(np.isfinite(normals).all(axis=-1) & normals.any(axis=-1)))
        if bad:
            raise LeadlineError(f"{bad} valid {name} normals are zero or not finite: fill them, or mark the pixels invalid")
    return _tallies(angles_deg(p, t), thresholds_deg)


def normal_metrics_of_depth(
    pred: Any, target: Any, camera: Camera, valid: Any | None = None, thresholds_deg: Sequence[float] = ANGLES_DEG
) -> dict[str, Tally]:
    """Compare the normals of a predicted depth with those of the true depth.

    A pixel counts where it and a neighbour on both axes are valid. Both depths are read at the same pixels, `valid` alone.
    These are normals of neighbouring pixels: noise of 0.2 % on a 480 x 640 indoor frame turns half of them by more than 20
    degrees.

    Args:
        pred, target: (h, w) z-depth, finite and positive wherever `valid`, up to scale.
        camera: of that size.
        valid: (h, w) bool; None means wherever the true depth is finite and positive.
        thresholds_deg: as in `normal_metrics`, which also gives the names of what is returned.

    Raises:
        LeadlineError: see the module; or a valid depth is not finite and positive.
    """
    z = as_numpy(target)
    mask = _positive(z) if valid is None else as_numpy(valid).astype(bool)
    _check_depth("true", z, mask)
    normals, found = normals_from_depth(z, camera, mask)
    p = as_numpy(pred)
    _check_depth("predicted", p, mask)
    predicted, _ = normals_from_depth(p, camera, mask)
    return normal_metrics(predicted, normals, found, thresholds_deg)


def normal_metrics_of_depth_against(
    pred: Any,
    target_normals: Any,
    camera: Camera,
    valid: Any | None = None,
    thresholds_deg: Sequence[float] = ANGLES_DEG,
) -> dict[str, Tally]:
    """Compare the normals of a predicted depth with given true normals (rendered, or measured apart from the depth).

    Args:
        pred: (h, w) z-depth, up to scale; read wherever it is finite and positive, also beyond `valid`.
        target_normals: (h, w, 3).
        camera: of that size.
        valid: (h, w) bool; None means wherever the true normals are finite and not zero.
        thresholds_deg: as in `normal_metrics`, which also gives the names of what is returned.

    Raises:
        LeadlineError: see the module; or most true normals face away from the camera, so that they follow another convention.
    """
    t = as_numpy(target_normals)
    mask = np.isfinite(t).all(axis=-1) & t.any(axis=-1) if valid is None else as_numpy(valid).astype(bool)
    if t.shape != (*camera.hw, 3) or mask.shape != camera.hw:
        raise LeadlineError(
            f"true normals of shape {t.shape}, mask {mask.shape}, camera of size {camera.hw}: expected one size"
        )
    predicted, _ = normals_from_depth(pred, camera)
    away = np.count_nonzero((t * unproject(np.ones(camera.hw), camera)).sum(axis=-1)[mask] > 0)
    if 2 * away > np.count_nonzero(mask):
        raise LeadlineError(
            f"{away} of {np.count_nonzero(mask)} true normals face away from the camera: expected x right, y down, z forward, "
            "towards the camera; flip the axes of the file's convention"
        )
    return normal_metrics(predicted, t, mask, thresholds_deg)


def _positive(depth: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(depth) & (depth > 0))


def _check_depth(name: str, depth: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    if depth.shape != mask.shape:
        raise LeadlineError(f"{name} depth of shape {depth.shape}, mask {mask.shape}: expected one shape; resize the map first")
    bad = np.count_nonzero(~_positive(depth[mask]))
    if bad:
        raise LeadlineError(f"{bad} valid {name} depths are not finite and positive: clamp to the protocol's range first")


def _tallies(angles: NDArray[np.float64], thresholds_deg: Sequence[float]) -> dict[str, Tally]:
    counts = np.bincount(np.minimum((angles / BIN_DEG).astype(np.intp), _BINS - 1), minlength=_BINS)
    tallies = (
        Tally("normal_mean", angles.size, (float(angles.sum()),), mean),
        Tally("normal_median", angles.size, tuple(counts.astype(float).tolist()), _median_of_shares),
        Tally("normal_rmse", angles.size, (float(angles @ angles),), root),
        *(
            Tally(f"normal_{bound:g}", angles.size, (float(np.count_nonzero(angles < bound)),), mean)
            for bound in thresholds_deg
        ),
    )
    return {tally.name: tally for tally in tallies}


def _median_of_shares(*shares: float) -> float:
    """Return the angle that half of the angles stay below, from the share in each bin.

    Within a bin, angles count as evenly spread. Where exactly half of them lie in the bins up to one, the median is midway
    between the end of that bin and the start of the next one that holds any, as the median of an even count is.
    """
    half = 0.5
    before = 0.0
    for k, total in enumerate(accumulate(shares)):
        if abs(total - half) < 1e-12:  # the sums of n shares 1/n are off by less, for any n that fits in memory
            following = next(j for j in range(k + 1, len(shares)) if shares[j] > 0)
            return BIN_DEG * (k + 1 + following) / 2
        if total > half:
            return BIN_DEG * (k + (half - before) / shares[k])
        before = total
    return BIN_DEG * len(shares)  # unreachable while the shares add up to 1
