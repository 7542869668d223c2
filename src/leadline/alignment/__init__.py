"""Least squares, median, robust L1, RANSAC, Theil-Sen. NumPy, float64 inside; torch arrays are accepted.

Every ``fit_*`` takes ``(pred, target, valid)`` arrays of one shape and returns a `Fit`; it gathers the valid pixels first,
which on sparse truth is several times faster than a masked batch, so a batch is a loop. `align` does it for maps that know
their kind. Sums are NumPy's pairwise ones, not BLAS's: as accurate, and the same on any number of threads.
"""

from leadline.alignment.align import METHODS, Aligned, align, depth_from_disparity
from leadline.alignment.fit import Fit
from leadline.alignment.least_squares import fit_scale, fit_scale_shift
from leadline.alignment.median import fit_median_mad, fit_median_scale, normalise_median_mad
from leadline.alignment.ransac import fit_ransac
from leadline.alignment.robust import fit_robust_scale, fit_robust_scale_shift
from leadline.alignment.theil_sen import fit_theil_sen

__all__ = [
    "METHODS",
    "Aligned",
    "Fit",
    "align",
    "depth_from_disparity",
    "fit_median_mad",
    "fit_median_scale",
    "fit_ransac",
    "fit_robust_scale",
    "fit_robust_scale_shift",
    "fit_scale",
    "fit_scale_shift",
    "fit_theil_sen",
    "normalise_median_mad",
]
