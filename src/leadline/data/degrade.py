"""Exact truth made as wrong as that of real sources, so that what mixing and robust losses are for can be measured.

Each function takes a view with exact disparity and imitates how one family of training sets came by theirs (METHODS A.2). A
source names it after its folder: ``worlds/street#sfm``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.views import INVALID, View
from leadline.errors import LeadlineError

Numbers = NDArray[np.float32]
Mask = NDArray[np.bool_]

SENSOR_RANGE_M = (0.3, 10.0)
SENSOR_NOISE = 1.425e-3  # metres at 1 m; grows with the square of the distance (Khoshelham and Elberink 2012)
EDGE_STEP = 0.1  # a relative step of disparity to a neighbour that is an edge
LEVELS = 255  # of a stored 8-bit disparity
SFM_SHARE, SFM_TEXTURE, SFM_WRONG = 0.08, 0.6, 0.03
FILM_RANGE_PX = (12.0, 40.0)
FILM_NOISE_PX = 0.5
PAIRS, WRONG_PAIRS, CLEAR_RATIO = 50, 0.05, 1.05


def degrade(view: View, how: str, rng: np.random.Generator) -> View:
    """Return the view as a source of the family `how` would give it.

    Args:
        view: with exact disparity in 1/m, 0 for the sky.
        how: a name of `DEGRADATIONS`.
        rng: of everything random.

    Raises:
        LeadlineError: there is no such family.
    """
    if how not in DEGRADATIONS:
        raise LeadlineError(f"unknown degradation #{how}: expected one of {', '.join('#' + name for name in DEGRADATIONS)}")
    return DEGRADATIONS[how](view, rng)


def rgbd(view: View, rng: np.random.Generator) -> View:
    """Accurate and dense, as an RGB-D camera gives it (DIML, NYUv2): noisier with distance, nothing at edges or beyond 10 m."""
    disparity, valid = _numbers(view)
    near, far = SENSOR_RANGE_M
    valid &= (disparity > 1 / far) & (disparity < 1 / near) & ~_edges(disparity, valid, 1)
    # z' = z + s z^2 n with n of unit variance, hence 1/z' = 1/z - s n to first order.
    disparity = disparity - np.float32(SENSOR_NOISE) * rng.standard_normal(disparity.shape, dtype=np.float32)
    return _stored(view, disparity, valid)


def relative(view: View, rng: np.random.Generator) -> View:
    """Dense, up to scale and shift, as optical flow of web stereo pairs gives it (ReDWeb, HRWSI).

    Near surfaces grow by a pixel or two over their edges, small structures vanish, and 8 bits hold the rest.
    """
    disparity, valid = _numbers(view)
    size = 2 * int(rng.integers(1, 3)) + 1
    grown = cv2.medianBlur(cv2.dilate(disparity, np.ones((size, size), np.uint8)), 5)
    unit = _unit(np.asarray(grown, dtype=np.float32), valid)
    return _stored(view, np.round(unit * LEVELS) / np.float32(LEVELS), valid)


def sfm(view: View, rng: np.random.Generator) -> View:
    """Sparse and of unknown scale, as structure from motion gives it (MegaDepth).

    Points lie where there is texture, none in the sky, and some are matched wrongly.
    """
    disparity, valid = _numbers(view)
    grey = cv2.GaussianBlur(cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1)
    texture = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    valid &= (disparity > 0) & (texture >= np.quantile(texture, SFM_TEXTURE))
    valid &= rng.random(disparity.shape) < SFM_SHARE / (1 - SFM_TEXTURE)
    wrong = rng.random(disparity.shape) < SFM_WRONG
    factor = np.exp(rng.normal(0, 0.7, disparity.shape)).astype(np.float32)
    scale = np.float32(np.exp(rng.normal(0, 1)))
    return _stored(view, scale * np.where(wrong, disparity * factor, disparity), valid)


def film(view: View, rng: np.random.Generator) -> View:
    """Signed disparity of a stereoscopic film, by optical flow between its two pictures (MiDaS, section 4).

    Zero is the screen; the flow is noisy and smooth over edges; what only one camera sees fails the left-right check; the sky
    is set to the picture's smallest disparity. As MiDaS trains on it: shifted and scaled to 0..1.
    """
    disparity, valid = _numbers(view)
    if not (disparity[valid] > 0).any():
        return _stored(view, disparity, np.zeros_like(valid))
    unit = _unit(disparity, valid)
    pixels = unit * np.float32(rng.uniform(*FILM_RANGE_PX))
    hidden = _seen_by_left_alone(pixels)
    h, w = pixels.shape
    # The flow's own errors: noise from pixel to pixel and a slow drift over the picture.
    drift = cv2.resize(rng.normal(0, FILM_NOISE_PX, (3, 4)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    flow = cv2.GaussianBlur(pixels, (0, 0), 1.2) + drift
    flow += np.float32(FILM_NOISE_PX) * cv2.GaussianBlur(rng.standard_normal((h, w), dtype=np.float32), (0, 0), 1) * 3
    sky = valid & (disparity == 0)
    known = valid & ~hidden
    if (known & ~sky).any():
        flow[sky] = flow[known & ~sky].min()
    return _stored(view, _unit(flow, known), known)


def pairs(view: View, rng: np.random.Generator) -> View:
    """Nothing but which of two points is nearer, as people say it (DIW): 50 pairs a picture, one in twenty wrong.

    DIW asks about one pair a picture and has 421,000 of them; that few pictures need more pairs.
    Points that are about as far away (5 %) are not asked about.
    """
    disparity, valid = _numbers(view)
    places = np.flatnonzero(valid)
    none = np.full(view.disparity.shape, INVALID)
    if places.size < 2:
        return View(view.image, none, np.zeros((0, 5), np.float32))
    two = rng.choice(places, (4 * PAIRS, 2))
    a, b = disparity.ravel()[two].T
    clear = np.maximum(a, b) > CLEAR_RATIO * np.minimum(a, b)
    two, nearer = two[clear][:PAIRS], np.where(a > b, 1.0, -1.0)[clear][:PAIRS]
    nearer = np.where(rng.random(nearer.size) < WRONG_PAIRS, -nearer, nearer)
    y, x = np.divmod(two, view.disparity.shape[1])
    found = np.column_stack([x[:, 0] + 0.5, y[:, 0] + 0.5, x[:, 1] + 0.5, y[:, 1] + 0.5, nearer])
    return View(view.image, none, found.astype(np.float32))


DEGRADATIONS: dict[str, Callable[[View, np.random.Generator], View]] = {
    "rgbd": rgbd,
    "relative": relative,
    "sfm": sfm,
    "film": film,
    "pairs": pairs,
}


def _numbers(view: View) -> tuple[Numbers, Mask]:
    valid = view.disparity >= 0
    return np.where(valid, view.disparity, 0).astype(np.float32), valid


def _stored(view: View, disparity: Numbers, valid: Mask) -> View:
    return replace(view, disparity=np.where(valid, np.maximum(disparity, 0), INVALID).astype(np.float16))


def _unit(disparity: Numbers, valid: Mask) -> Numbers:
    """Return the map moved and scaled so that its valid numbers reach from 0 to 1; all 0 where they are one number."""
    low, high = (disparity[valid].min(), disparity[valid].max()) if valid.any() else (0.0, 0.0)
    return np.asarray((disparity - low) / (high - low) if high > low else np.zeros_like(disparity), dtype=np.float32)


def _edges(disparity: Numbers, valid: Mask, reach: int) -> Mask:
    """Return where a pixel within `reach` differs by more than EDGE_STEP of itself."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    high, low = cv2.dilate(disparity, kernel), cv2.erode(np.where(valid, disparity, np.inf).astype(np.float32), kernel)
    return np.asarray(high - low > EDGE_STEP * np.maximum(high, 1e-6), dtype=bool)


def _seen_by_left_alone(pixels: Numbers) -> Mask:
    """Return what a nearer surface hides from the right camera: some pixel to the right lands at or left of it."""
    h, w = pixels.shape
    landed = np.arange(w, dtype=np.float32) - pixels
    leftmost = np.minimum.accumulate(landed[:, ::-1], axis=1)[:, ::-1]
    hidden = np.zeros((h, w), dtype=bool)
    hidden[:, :-1] = leftmost[:, 1:] < landed[:, :-1] - 0.5
    return hidden
