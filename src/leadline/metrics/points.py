"""How far two point clouds lie apart, as sums that are finished late.

Clouds are (n, 3) points in one frame and one unit, metres throughout; `cloud_of_depth` makes them from depth and camera. A
distance is that from a point to the nearest one of the other cloud (SciPy's k-d tree, exact). A metric of clouds is no sum over
pixels: to score a picture in parts finds wrong neighbours. The tallies here add up over pictures.

Empty clouds: a truth without points scores nothing, all counts are 0. A prediction without points leaves every true point
infinitely far (or `cap_m` far) from it: completeness and chamfer say so, recall and F-score are 0, accuracy and precision have
no points and are NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.geometry.points import unproject
from leadline.metrics.tally import Tally, mean

THRESHOLDS_M = (0.05, 0.1)
AUC_STEPS = 100  # thresholds below the area under the curve of F-scores


def cloud_of_depth(depth: Any, camera: Camera, valid: Any | None = None) -> NDArray[np.float64]:
    """Return the (n, 3) camera-frame points of the valid pixels of a z-depth, in its unit.

    Args:
        depth: (h, w).
        camera: of that size.
        valid: (h, w) bool; None means wherever the depth is finite and positive.

    Raises:
        LeadlineError: the sizes differ, or a valid depth is not finite and positive.
    """
    z = as_numpy(depth).astype(np.float64)
    positive = np.isfinite(z) & (z > 0)
    mask = positive if valid is None else as_numpy(valid).astype(bool)
    if mask.shape != z.shape:
        raise LeadlineError(f"a depth of shape {z.shape} with a mask of shape {mask.shape}: expected one shape")
    bad = np.count_nonzero(mask & ~positive)
    if bad:
        raise LeadlineError(f"{bad} valid depths are not finite and positive: clamp to the protocol's range first")
    return np.asarray(unproject(np.where(mask, z, 1.0), camera)[mask])


def cloud_metrics(
    pred: Any,
    target: Any,
    thresholds_m: Sequence[float] = THRESHOLDS_M,
    cap_m: float = inf,
    auc_to_m: Sequence[float] = (),
) -> dict[str, Tally]:
    """Compare two clouds.

    Args:
        pred, target: (n, 3) and (m, 3), metres; either may be empty (see the module).
        thresholds_m: distances for precision, recall and F-score.
        cap_m: longer distances count as this long in the three means (to leave them out, as some do, rewards wild points).
        auc_to_m: largest thresholds of ``f_auc``.

    Returns:
        ``accuracy``: mean distance from predicted points to the truth. ``completeness``: mean distance from true points to the
        prediction. ``chamfer``: the mean of the two (others give their sum, or take squares). ``precision_0.05``,
        ``recall_0.05`` and ``f_score_0.05``: share of the predicted points nearer than 0.05 to the truth, share of the true
        points nearer than that to the prediction, both strict, and their harmonic mean (Knapitsch et al. 2017, Tanks and
        Temples). ``f_auc_4``: the area under the curve of F-scores from threshold 0 to 4, divided by 4, from 100 equal steps
        (UniDepth, arXiv 2403.18913, section 4.1: up to a twentieth of the largest depth). Pooled over pictures, accuracy and
        completeness are means over all points, areas means by points, and the rest is made of the former.

    Raises:
        LeadlineError: a cloud is not (n, 3) or holds NaN or infinity; SciPy is not installed.
    """
    p, t = _checked("predicted", pred), _checked("true", target)
    if not len(t):
        p = t
    to_truth, to_pred = _nearest(p, t), _nearest(t, p)
    truth_sum, pred_sum = float(np.minimum(to_truth, cap_m).sum()), float(np.minimum(to_pred, cap_m).sum())
    both = len(p) + len(t)
    tallies = [
        Tally("accuracy", len(p), (truth_sum,), mean),
        Tally("completeness", len(t), (pred_sum,), mean),
        Tally("chamfer", both, (truth_sum, len(p), pred_sum, len(t)), _mean_of_means),
    ]
    for bound in thresholds_m:
        hits, found = float(np.count_nonzero(to_truth < bound)), float(np.count_nonzero(to_pred < bound))
        tallies += [
            Tally(f"precision_{bound:g}", len(p), (hits,), mean),
            Tally(f"recall_{bound:g}", len(t), (found,), mean),
            Tally(f"f_score_{bound:g}", both, (hits, len(p), found, len(t)), _harmonic_mean),
        ]
    for largest in auc_to_m:
        area = _area_under_f_scores(to_truth, to_pred, largest)
        tallies.append(Tally(f"f_auc_{largest:g}", both, (area * both,), mean))
    return {tally.name: tally for tally in tallies}


def _area_under_f_scores(to_truth: NDArray[np.float64], to_pred: NDArray[np.float64], largest: float) -> float:
    """Return the mean F-score over thresholds from 0 to `largest`, by the trapezoidal rule."""
    bounds = np.linspace(0, largest, AUC_STEPS + 1)
    shares = [np.searchsorted(np.sort(d), bounds, side="left") / max(d.size, 1) for d in (to_truth, to_pred)]
    both = shares[0] + shares[1]
    scores = 2 * shares[0] * shares[1] / np.where(both > 0, both, 1.0)
    return float(np.trapezoid(scores, bounds) / largest)


def _checked(name: str, cloud: Any) -> NDArray[np.float64]:
    points = as_numpy(cloud).astype(np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise LeadlineError(f"a {name} cloud of shape {points.shape}: expected (n, 3) points; cloud_of_depth makes them")
    bad = np.count_nonzero(~np.isfinite(points).all(axis=1))
    if bad:
        raise LeadlineError(f"{bad} {name} points are not finite: leave out the pixels without depth")
    return points


def _nearest(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) the distance of each point to the nearest of the others; infinite if there is none."""
    if not len(others) or not len(points):
        return np.full(len(points), inf)
    try:
        from scipy.spatial import cKDTree
    except ImportError:
        raise LeadlineError(
            "nearest points need SciPy, which the base install leaves out: pip install 'leadline[eval]'"
        ) from None
    distances, _ = cKDTree(others).query(points)
    return np.asarray(distances, dtype=np.float64)


# The sums that reach these are each divided by the count of all points, which cancels.
def _mean_of_means(to_truth: float, predicted: float, to_pred: float, true: float) -> float:
    return (to_truth / predicted + to_pred / true) / 2 if predicted else to_pred / true


def _harmonic_mean(hits: float, predicted: float, found: float, true: float) -> float:
    """Return the F-score, which is 2 P R / (P + R); 0 where nothing is hit."""
    precision, recall = hits / predicted if predicted else 0.0, found / true
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
