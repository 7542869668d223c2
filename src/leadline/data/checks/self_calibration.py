"""The focal length that a film's own motion asks for.

Points that stand still move along epipolar lines. A camera that moves and turns fits two frames under the right focal length
and errs under others: an essential matrix has two equal singular values (Huang and Faugeras 1989), which is one equation for
one unknown in each pair of frames (Mendonca and Cipolla 1999). Here motions are fitted to the points under many focal lengths
and their errors in pixels compared. A camera that hardly turns says nothing: all fit alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from leadline.camera import Camera

Points = NDArray[np.float64]

FACTORS = np.geomspace(0.35, 1 / 0.35, 27)
TOLERATED = 0.15  # relative error of a focal length that training forgives
_MOST_PAIRS = 24
_FEWEST_PAIRS = 3
_FITTED_PX = 0.5  # error at which a point begins to count less
_DECIDED = 1.02  # how much larger the error under the smallest and the largest factor must be than the least
_INTERVAL = (5, 95)
_DRAWS = 300


class Pair(NamedTuple):
    """Points seen in two frames.

    Attributes:
        a, b: (n, 2) in pixels, the corner at (0, 0).
        moved: median way of the points, as a share of the width.
    """

    a: Points
    b: Points
    moved: float


@dataclass(frozen=True)
class FocalFactor:
    """What the focal length has to be multiplied with.

    Attributes:
        factor: best.
        low, high: of a 90 % interval (bootstrap over pairs).
        gain: error under the focal length as given, over the least.
        pairs: of frames that were compared.
    """

    factor: float
    low: float
    high: float
    gain: float
    pairs: int

    @property
    def wrong(self) -> bool:
        """Whether the one that was given lies outside the interval by more than is tolerated."""
        return self.low > 1 + TOLERATED or self.high < 1 / (1 + TOLERATED)


def focal_factor(pairs: list[Pair], camera: Camera) -> FocalFactor | None:
    """Return the factor on the focal length that explains the points best; None if they do not tell.

    Those of a camera that hardly turns do not.

    Args:
        pairs: of frames, far enough apart that near things pass far ones.
        camera: of the frames, as given or assumed.
    """
    if len(pairs) > _MOST_PAIRS:
        pairs = [pairs[i] for i in np.linspace(0, len(pairs) - 1, _MOST_PAIRS).astype(int)]
    errors = _errors(pairs, camera, len(FACTORS) // 2)
    pairs = [pair for pair, row in zip(pairs, errors, strict=True) if np.isfinite(row).all()]
    errors = errors[np.isfinite(errors).all(1)]
    if len(pairs) < _FEWEST_PAIRS:
        return None
    errors = np.minimum(errors, _errors(pairs, camera, int(errors.sum(0).argmin())))  # a start from afar finds worse motions
    total = errors.sum(0)
    if min(total[0], total[-1]) < _DECIDED * total.min():
        return None
    rng = np.random.default_rng(0)
    draws = [_least(errors[rng.integers(0, len(errors), len(errors))].sum(0)) for _ in range(_DRAWS)]
    low, high = np.percentile(draws, _INTERVAL)
    return FocalFactor(_least(total), float(low), float(high), float(np.interp(1, FACTORS, total) / total.min()), len(errors))


def _least(total: Points) -> float:
    """Return the factor of the least error, between the grid's points by a parabola through three of them."""
    i = int(np.clip(total.argmin(), 1, len(total) - 2))
    before, at, after = total[i - 1 : i + 2]
    bend = before - 2 * at + after
    shift = float(np.clip(0.5 * (before - after) / bend, -1, 1)) if bend > 0 else 0.0
    return float(FACTORS[i] * (FACTORS[1] / FACTORS[0]) ** shift)


def _errors(pairs: list[Pair], camera: Camera, start: int) -> Points:
    """Return (pairs, factors) mean errors of the best motion, found from one under the factor of number `start` on."""
    found = np.full((len(pairs), len(FACTORS)), np.inf)
    centre, square = (camera.cx, camera.cy), (1.0, camera.fx / camera.fy)
    for row, pair in zip(found, pairs, strict=True):
        a, b = (pair.a - centre) * square, (pair.b - centre) * square
        first = _motion(a, b, camera.fx * FACTORS[start])
        if first is None:
            continue
        row[start], first = _fitted(first, a, b, camera.fx * FACTORS[start])
        for way in (range(start + 1, len(FACTORS)), range(start - 1, -1, -1)):
            motion = first
            for i in way:
                row[i], motion = _fitted(motion, a, b, camera.fx * FACTORS[i])
    return found


def _motion(a: Points, b: Points, focal_px: float) -> Points | None:
    """Return a first motion: an axis-angle and two angles of the way."""
    k = np.diag([focal_px, focal_px, 1.0])
    essential, kept = cv2.findEssentialMat(a, b, k, method=cv2.RANSAC, prob=0.999, threshold=2 * _FITTED_PX)
    if essential is None or essential.shape != (3, 3):
        return None
    _, rotation, way, _ = cv2.recoverPose(essential, a, b, k, mask=kept)
    x, y, z = way.ravel()
    return np.array([*cv2.Rodrigues(rotation)[0].ravel(), np.arccos(np.clip(z, -1, 1)), np.arctan2(y, x)])


def _fitted(motion: Points, a: Points, b: Points, focal_px: float) -> tuple[float, Points]:
    fit = least_squares(_off_lines, motion, args=(a, b, focal_px), loss="cauchy", f_scale=_FITTED_PX, max_nfev=30)
    return float(fit.cost) / len(a), np.asarray(fit.x)


def _off_lines(motion: Points, a: Points, b: Points, focal_px: float) -> Points:
    """Return (n,) distances of the points from their epipolar lines, in pixels to first order (Sampson 1982)."""
    polar, around = motion[3:]
    x, y, z = np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ cv2.Rodrigues(motion[:3])[0]
    k = np.diag([1 / focal_px, 1 / focal_px, 1.0])
    fundamental = k @ essential @ k
    ones = np.ones((len(a), 1))
    ends, begins = np.hstack([b, ones]), np.hstack([a, ones])
    lines_b, lines_a = begins @ fundamental.T, ends @ fundamental
    slope = np.sqrt((lines_b[:, :2] ** 2).sum(1) + (lines_a[:, :2] ** 2).sum(1))
    return np.asarray((ends * lines_b).sum(1) / np.maximum(slope, 1e-12))
