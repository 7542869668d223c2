"""Slow float64 twins of the one-scalar estimators, the bootstrap and the ground plane: loops over pixels and pairs."""

from __future__ import annotations

import numpy as np


def median(values):
    ordered = sorted(float(v) for v in values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def median_of_ratios(pred, target, group):
    ratios = []
    for name in sorted(set(group.tolist())):
        p = [a for a, g in zip(pred, group, strict=True) if g == name]
        t = [a for a, g in zip(target, group, strict=True) if g == name]
        if median(p) > 0:
            ratios.append(median(t) / median(p))
    return median(ratios)


def pooled_median(pred, target, group):
    return median([t / p for p, t in zip(pred, target, strict=True) if p > 0])


def least_squares(pred, target, group):
    return sum(p * t for p, t in zip(pred, target, strict=True)) / sum(p * p for p in pred)


def theil_sen(pred, target, group, smallest_gap=0.01):
    runs, rises = [], []
    for i in range(len(pred)):
        for j in range(i + 1, len(pred)):
            runs.append(pred[i] - pred[j])
            rises.append(target[i] - target[j])
    limit = smallest_gap * sum(abs(run) for run in runs) / len(runs)
    return median([rise / run for rise, run in zip(rises, runs, strict=True) if abs(run) > 0 and abs(run) >= limit])


def held_out_abs_rel(pred, target, group, estimator):
    """AbsRel of each pixel by the factor of all other groups, and by their median target."""
    fitted, constant = [], []
    for name in sorted(set(group.tolist())):
        rest = group != name
        scale = estimator(pred[rest], target[rest], group[rest])
        middle = median(target[rest])
        for p, t in zip(pred[~rest], target[~rest], strict=True):
            fitted.append(abs(scale * p - t) / t)
            constant.append(abs(middle - t) / t)
    return sum(fitted) / len(fitted), sum(constant) / len(constant)


def plane_height(corners):
    """Distance from the origin to the plane through three points."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    return abs(normal @ corners[0]) / np.sqrt(normal @ normal)
