"""Maps of one picture's copies, put on one scale and reduced to a median and a spread, within bounded memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import Fit, fit_robust_scale, fit_robust_scale_shift, fit_scale, fit_scale_shift
from leadline.depth_map import Ambiguity, DepthMap
from leadline.errors import LeadlineError

Align = Literal["none", "least_squares", "robust"]
ALIGNS: tuple[str, ...] = get_args(Align)

# Copies that need more bytes wait in a temporary file instead of the memory.
MEMORY_BYTES = 2**30
_BAND = 4_000_000  # numbers in hand while medians are taken
_ROBUST_PIXELS = 20_000  # an exact L1 fit gains nothing from more


class Reduced(NamedTuple):
    """What copies agree on.

    Attributes:
        median: (h, w) float32; 0 where not valid.
        spread: (h, w) float32, half the inter-quartile range; 0 where not valid.
        valid: (h, w) bool, where at least half of the copies are.
    """

    median: NDArray[np.float32]
    spread: NDArray[np.float32]
    valid: NDArray[np.bool_]


def refuse_too_many(count: int, hw: tuple[int, int]) -> None:
    """Check that there is room for so many maps of one size, before the first of them is predicted.

    Raises:
        LeadlineError: they need more than the memory that `CopyStack` takes and than the temporary folder has.
    """
    need = 4 * count * hw[0] * hw[1]
    if need > MEMORY_BYTES and need > (free := shutil.disk_usage(tempfile.gettempdir()).free):
        raise _no_room(count, hw, f"{tempfile.gettempdir()} has {free / 1e9:.1f} GB")


class CopyStack:
    """Maps of one size, in memory or, if they are too many, in a temporary file that vanishes with the stack.

    Args:
        count: how many maps.
        hw: their size.
    """

    def __init__(self, count: int, hw: tuple[int, int]) -> None:
        shape = count, *hw
        self.in_file = 4 * count * hw[0] * hw[1] > MEMORY_BYTES
        self._values: NDArray[np.float32]
        try:
            if self.in_file:
                with tempfile.TemporaryFile() as file:  # the mapping stays when the file is closed
                    if hasattr(os, "posix_fallocate"):  # a disk that fills up later would kill the process
                        os.posix_fallocate(file.fileno(), 0, 4 * count * hw[0] * hw[1])
                    self._values = np.memmap(file, np.float32, "w+", shape=shape)
            else:
                self._values = np.empty(shape, np.float32)
        except (OSError, MemoryError) as error:
            raise _no_room(count, hw, str(error)) from None
        self._filled = 0

    def add(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Add the next map."""
        np.copyto(self._values[self._filled], values)
        if not valid.all():
            self._values[self._filled][~valid] = np.nan
        self._filled += 1

    def reduce(self) -> Reduced:
        """Return the median and half the inter-quartile range of each pixel, over the copies in which it is valid."""
        count, height, width = self._values.shape
        median, spread = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
        valid = np.zeros((height, width), bool)
        rows = max(1, _BAND // (count * width))
        for top in range(0, height, rows):
            band = np.s_[top : top + rows]
            part = np.asarray(self._values[:, band])
            finite = np.isfinite(part)
            valid[band] = 2 * finite.sum(axis=0) >= count
            if finite.all():
                quartiles = np.quantile(part, (0.25, 0.5, 0.75), axis=0)
            else:
                # A pixel that no copy knows would warn; it is not valid anyway.
                known = np.where(finite.any(axis=0), part, np.float32(0))
                quartiles = np.nanquantile(known, (0.25, 0.5, 0.75), axis=0)
            median[band] = quartiles[1]
            spread[band] = (quartiles[2] - quartiles[0]) / 2
        return Reduced(np.where(valid, median, np.float32(0)), np.where(valid, spread, np.float32(0)), valid)


def _no_room(count: int, hw: tuple[int, int], why: str) -> LeadlineError:
    need = 4 * count * hw[0] * hw[1] / 1e9
    return LeadlineError(
        f"no room for {count} maps of {hw[1]} x {hw[0]} ({need:.1f} GB; {why}): use fewer colours or a smaller picture"
    )


def fit_copies(pred: DepthMap, target: DepthMap, where: Any, align: Align) -> Fit:
    """Fit one map of a picture to another of the same network on the pixels `where`.

    Scale and shift where the kind leaves a shift open, else a scale alone (metres and maps up to scale have a zero of their
    own).

    Args:
        pred, target: of one size and kind.
        where: (h, w) bool.
        align: "least_squares" or "robust" (least absolute differences, on a grid of pixels).

    Returns:
        The fit, degenerate where none can be made.

    Raises:
        LeadlineError: an ordinal kind, whose values can't be fitted.
    """
    if pred.kind.ambiguity is Ambiguity.ORDINAL:
        raise LeadlineError(f"can't align {pred.kind} maps: only their order is meant; leave the alignment out")
    with_shift = pred.kind.ambiguity is Ambiguity.AFFINE_INVARIANT
    valid = pred.valid & target.valid & where
    if align == "robust":
        step = max(1, int((np.count_nonzero(valid) / _ROBUST_PIXELS) ** 0.5))
        grid = np.s_[step // 2 :: step, step // 2 :: step]
        fit = fit_robust_scale_shift if with_shift else fit_robust_scale
        return fit(pred.values[grid], target.values[grid], valid[grid])
    if align != "least_squares":
        raise LeadlineError(f"alignment {align!r}: expected one of {', '.join(ALIGNS)}")
    return (fit_scale_shift if with_shift else fit_scale)(pred.values, target.values, valid)
