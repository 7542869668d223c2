"""Stereo labels that hold on glass and mirrors: virtual depth laid into a stereo disparity (Depth4ToM, arXiv 2307.15052).

A stereo network matches what is behind the glass. Virtual depth of the left picture, fitted to the disparity where the
surfaces are opaque, says what the disparity is on glass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import Fit, fit_robust_scale_shift, fit_scale_shift
from leadline.data.masks import fit_mask
from leadline.depth_map import DepthMap, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.runtime.sizing import resize_map

# Of fewer pixels no fit is made.
FEWEST_PIXELS = 100
# A network's size is rounded to its multiples, which bends the aspect ratio by as much.
_ASPECT = 0.1
_ROBUST_PIXELS = 20_000


@dataclass(frozen=True, eq=False)
class StereoMerge:
    """A merged label.

    Attributes:
        depth: (h, w) pixel_disparity.
        fit: of virtual depth to the disparity, on opaque pixels.
        replaced: how many pixels are virtual depth.
        notes: what the user should know, in sentences.
    """

    depth: DepthMap
    fit: Fit
    replaced: int
    notes: tuple[str, ...] = ()


def merge_stereo(disparity: DepthMap, virtual: DepthMap, mask: NDArray[Any], *, robust: bool = False) -> StereoMerge:
    """Return the stereo disparity, and on glass and mirrors ``a * virtual + b``.

    (a, b) is fitted by least squares where the disparity is known and the mask is 0. The authors' script first stretches the
    virtual depth between its smallest and largest value, which changes (a, b) and not the result; it takes masks of 0 and
    255 for 0 and 1, and then fits everywhere and replaces nothing: here every number but 0 is glass. It also gives b to
    pixels on glass without a disparity; here these get virtual depth as the others do.

    Args:
        disparity: (h, w) pixel_disparity; what is not above 0 is unknown.
        virtual: disparity of the left picture, of any size, as `virtual_depth` gives it; metric depth is inverted.
        mask: not 0 on glass and mirrors, of the disparity's aspect ratio to a pixel.
        robust: least absolute differences instead, which a badly matched part of the picture does not pull.

    Raises:
        LeadlineError: the maps are of other kinds or shapes, the disparities are negative, there are too few pixels for the
            fit, or it says that virtual depth falls where the disparity rises.
    """
    if disparity.kind.quantity is not Quantity.PIXEL_DISPARITY:
        raise LeadlineError(f"a {disparity.kind} map to merge into: expected a pixel_disparity in pixels of the left picture")
    positive = disparity.valid & (disparity.values > 0)
    negative = int(np.count_nonzero(disparity.valid & (disparity.values < 0)))
    if negative > np.count_nonzero(positive):
        raise LeadlineError(
            f"{negative} of {disparity.valid.sum()} disparities are negative: expected positive ones (left x minus right x); "
            "turn their sign or swap the pictures"
        )
    glass = fit_mask(np.asarray(mask), disparity.hw) != 0
    mono = _at_size(virtual.to_disparity(), disparity.hw)
    where = positive & ~glass & mono.valid
    count = int(np.count_nonzero(where))
    if count < FEWEST_PIXELS:
        raise LeadlineError(
            f"{count} pixels with a disparity outside the mask: expected at least {FEWEST_PIXELS} to fit virtual depth to; "
            "is the mask inverted, or the disparity empty?"
        )
    if robust:
        step = max(1, int((count / _ROBUST_PIXELS) ** 0.5))
        grid = np.s_[step // 2 :: step, step // 2 :: step]
        fit = fit_robust_scale_shift(mono.values[grid], disparity.values[grid], where[grid])
    else:
        fit = fit_scale_shift(mono.values, disparity.values, where)
    if fit.degenerate:
        raise LeadlineError(
            f"virtual depth does not fit the disparity ({fit.reason}, {fit.used} pixels): expected it to rise with "
            "the disparity; do the files belong together?"
        )
    inside = fit.apply(mono.values)
    known = mono.valid & (inside > 0)
    merged = replace_map(
        disparity,
        values=np.where(glass, inside, disparity.values),
        valid=np.where(glass, known, positive),
        source=f"{disparity.source or 'stereo'}; {virtual.source or 'virtual depth'} on glass and mirrors",
    )
    notes = []
    if negative:
        notes.append(f"{negative} negative disparities were taken for unknown")
    if not glass.any():
        notes.append("the mask is empty: this is the stereo disparity")
    if lost := int(np.count_nonzero(glass & mono.valid & ~known)):
        notes.append(f"{lost} pixels on glass would have a disparity of 0 or less and are not valid")
    return StereoMerge(merged, fit, int(np.count_nonzero(glass & known)), tuple(notes))


def _at_size(depth: DepthMap, hw: tuple[int, int]) -> DepthMap:
    """Return a map at another size, bilinear; as the authors' script does, by an argument in the wrong place."""
    if depth.hw == hw:
        return depth
    ratio = depth.hw[0] * hw[1] / (depth.hw[1] * hw[0])
    if abs(np.log(ratio)) > _ASPECT:
        raise LeadlineError(
            f"virtual depth of {depth.hw[1]} x {depth.hw[0]} for a disparity of {hw[1]} x {hw[0]}: expected the left "
            "picture's aspect ratio; do they belong together?"
        )
    valid = None if depth.valid.all() else resize_map(depth.valid.astype(np.float32), hw) > 1 - 1e-6
    return DepthMap(resize_map(depth.values, hw), valid, depth.kind, None, depth.source)
