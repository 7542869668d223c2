"""The paired bootstrap written a second time, slowly: one resample and one image at a time, sorted lists for percentiles."""

import math

import numpy as np


def interval(base, other, resamples, seed, confidence=0.95):
    rng = np.random.default_rng(seed)
    n = len(base)
    differences = []
    for _ in range(resamples):
        total_base, total_other = [], []
        for image in rng.integers(0, n, size=n):
            total_base.append(base[image])
            total_other.append(other[image])
        differences.append(math.fsum(total_other) / n - math.fsum(total_base) / n)
    return quantile(differences, (1 - confidence) / 2), quantile(differences, (1 + confidence) / 2)


def pooled_interval(base, other, finish, resamples, seed, confidence=0.95):
    """`base` and `other`: one (count, sum) an image."""
    rng = np.random.default_rng(seed)
    n = len(base)
    differences = []
    for _ in range(resamples):
        drawn = rng.integers(0, n, size=n)
        values = []
        for rows in (base, other):
            count = math.fsum(rows[image][0] for image in drawn)
            values.append(finish(math.fsum(rows[image][1] for image in drawn) / count))
        differences.append(values[1] - values[0])
    return quantile(differences, (1 - confidence) / 2), quantile(differences, (1 + confidence) / 2)


def quantile(numbers, share):
    """Between the two neighbours of position share * (n - 1) of the sorted numbers, linearly."""
    ordered = sorted(numbers)
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
