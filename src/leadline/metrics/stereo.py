"""Stereo metrics over the scored pixels of a pixel_disparity, as sums that are finished late.

`pred` and `target` are arrays of one shape, NumPy or torch, in pixels of the left picture at the truth's size (a disparity that
is resized is also multiplied by the width's ratio). `valid` is a bool array of that shape, None for all: the pixels with truth,
and, as benchmarks name their regions, only those that both cameras see ("noc") or those that one alone does ("occ"). What lies
where `valid` is False is never touched.

A scored pixel without a prediction (not finite, or False in `pred_valid`) is wrong: it counts as bad at any threshold and as a
D1 outlier. Mark what a file means by "no match" (0, -1) in `pred_valid`. KITTI's devkit fills holes along rows before it
counts; a score that is to be compared with its board must be given a filled map.

Every function raises LeadlineError when the shapes differ or a true disparity that counts is not finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.tally import Tally, mean, root

# Middlebury v3 lists 0.5, 1, 2, 4; ETH3D 0.5, 1, 2, 4; KITTI 2012 2 to 5; Booster 2, 4, 6, 8.
TAUS_PX = (0.5, 1.0, 2.0, 3.0, 4.0)
D1_PX, D1_SHARE = 3.0, 0.05
Missing = Literal["as_zero", "left_out"]


@dataclass(frozen=True)
class Matches:
    """The (n,) scored pixels, gathered once.

    Attributes:
        target: (n,) float64 true disparity.
        pred: (n,) float64, 0 where `found` is False.
        found: (n,) bool: there is a prediction.
    """

    target: NDArray[np.float64]
    pred: NDArray[np.float64]
    found: NDArray[np.bool_]

    @cached_property
    def error(self) -> NDArray[np.float64]:
        """|pred - target|; infinite without a prediction."""
        return np.where(self.found, np.abs(self.pred - self.target), np.inf)


def gather_matches(pred: Any, target: Any, valid: Any | None = None, pred_valid: Any | None = None) -> Matches:
    """Collect the scored pixels and check them.

    Raises:
        LeadlineError: see the module.
    """
    p, t = as_numpy(pred), as_numpy(target)
    mask = np.ones(t.shape, dtype=bool) if valid is None else as_numpy(valid).astype(bool)
    given = np.ones(p.shape, dtype=bool) if pred_valid is None else as_numpy(pred_valid).astype(bool)
    if not p.shape == t.shape == mask.shape == given.shape:
        raise LeadlineError(
            f"disparities of shapes {p.shape} and {t.shape}, masks {mask.shape} and {given.shape}: expected one shape; "
            "resize the prediction first, and its numbers with its width"
        )
    target_px, pred_px = t[mask].astype(np.float64), p[mask].astype(np.float64)
    bad = np.count_nonzero(~np.isfinite(target_px))
    if bad:
        raise LeadlineError(
            f"{bad} valid true disparities are not finite: mark them invalid (Middlebury writes inf for unknown)"
        )
    found = given[mask] & np.isfinite(pred_px)
    return Matches(target_px, np.where(found, pred_px, 0.0), found)


def epe(
    pred: Any, target: Any, valid: Any | None = None, pred_valid: Any | None = None, *, missing: Missing = "as_zero"
) -> Tally:
    """End-point error: mean of |pred - target|, pixels.

    Args:
        pred, target, valid, pred_valid: see the module.
        missing: what a pixel without a prediction adds. "as_zero": as if disparity 0 (infinitely far) had been predicted.
            "left_out": nothing, so that the mean is over fewer pixels than the other metrics; quote `missing_share` with it.
    """
    return _epe(gather_matches(pred, target, valid, pred_valid), missing)


def rms(
    pred: Any, target: Any, valid: Any | None = None, pred_valid: Any | None = None, *, missing: Missing = "as_zero"
) -> Tally:
    """Root of the mean of (pred - target)^2, pixels; `missing` as in `epe`."""
    return _rms(gather_matches(pred, target, valid, pred_valid), missing)


def bad(
    pred: Any, target: Any, valid: Any | None = None, pred_valid: Any | None = None, taus_px: Sequence[float] = TAUS_PX
) -> tuple[Tally, ...]:
    """Share of pixels with |pred - target| > tau, for each tau; strict, 0 to 1, smaller is better; ``bad_2`` for 2 pixels."""
    return _bad(gather_matches(pred, target, valid, pred_valid), taus_px)


def d1(pred: Any, target: Any, valid: Any | None = None, pred_valid: Any | None = None) -> Tally:
    """Share of outliers: |pred - target| > 3 pixels and > 5 % of the truth, both strict (KITTI 2015; Menze & Geiger 2015)."""
    return _d1(gather_matches(pred, target, valid, pred_valid))


def missing_share(pred: Any, target: Any, valid: Any | None = None, pred_valid: Any | None = None) -> Tally:
    """Share of the scored pixels that have no prediction."""
    return _missing(gather_matches(pred, target, valid, pred_valid))


def stereo_metrics(
    pred: Any,
    target: Any,
    valid: Any | None = None,
    pred_valid: Any | None = None,
    *,
    taus_px: Sequence[float] = TAUS_PX,
    missing: Missing = "as_zero",
) -> dict[str, Tally]:
    """Return all the metrics of this file by name (epe, rms, d1, bad_0.5 ..., missing), gathering pixels once."""
    m = gather_matches(pred, target, valid, pred_valid)
    tallies = (_epe(m, missing), _rms(m, missing), _d1(m), *_bad(m, taus_px), _missing(m))
    return {tally.name: tally for tally in tallies}


def _epe(m: Matches, missing: Missing) -> Tally:
    errors = _bounded(m, missing)
    return Tally("epe", errors.size, (float(errors.sum()),), mean)


def _rms(m: Matches, missing: Missing) -> Tally:
    errors = _bounded(m, missing)
    return Tally("rms", errors.size, (float(errors @ errors),), root)


def _bad(m: Matches, taus_px: Sequence[float]) -> tuple[Tally, ...]:
    return tuple(_share(f"bad_{tau:g}", m.error > tau) for tau in taus_px)


def _d1(m: Matches) -> Tally:
    return _share("d1", (m.error > D1_PX) & (m.error > D1_SHARE * np.abs(m.target)))


def _missing(m: Matches) -> Tally:
    return _share("missing", ~m.found)


def _share(name: str, hits: NDArray[np.bool_]) -> Tally:
    return Tally(name, hits.size, (float(np.count_nonzero(hits)),), mean)


def _bounded(m: Matches, missing: Missing) -> NDArray[np.float64]:
    """Return finite errors under the policy for pixels without a prediction."""
    if missing == "left_out":
        return np.asarray(m.error[m.found])
    if missing == "as_zero":
        return np.abs(m.pred - m.target)  # pred is 0 where there is none
    raise LeadlineError(f"missing = {missing!r}: expected 'as_zero' or 'left_out'")
