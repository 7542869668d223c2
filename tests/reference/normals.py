"""Angles between normals written a second time, slowly: plain Python, by half the angle (Kahan) instead of its tangent."""

import math
import statistics

THRESHOLDS = (11.25, 22.5, 30.0)


def angle_deg(a, b):
    a, b = [[float(x) / math.hypot(*v) for x in v] for v in (a, b)]
    apart = math.hypot(*(x - y for x, y in zip(a, b, strict=True)))
    together = math.hypot(*(x + y for x, y in zip(a, b, strict=True)))
    return math.degrees(2 * math.atan2(apart, together))


def angles(pred, target, valid):
    triples = zip(pred.reshape(-1, 3), target.reshape(-1, 3), valid.ravel(), strict=True)
    return [angle_deg(p, t) for p, t, v in triples if v]


def binned_median(numbers, width):
    """The median when only the bin of each number is known, and numbers lie evenly in their bin."""
    bins = sorted(math.floor(x / width) for x in numbers)
    half = len(bins) / 2
    middle = bins[(len(bins) - 1) // 2]
    following = bins[len(bins) // 2]
    if middle != following:
        return width * (middle + 1 + following) / 2
    before = sum(b < middle for b in bins)
    inside = bins.count(middle)
    if before + inside == half:  # the bin ends at the very middle, and the next number is elsewhere
        return width * (middle + 1 + min(b for b in bins if b > middle)) / 2
    return width * (middle + (half - before) / inside)


def metrics(numbers, width):
    n = len(numbers)
    return {
        "normal_mean": math.fsum(numbers) / n,
        "normal_median": binned_median(numbers, width),
        "normal_rmse": math.sqrt(math.fsum(x * x for x in numbers) / n),
        **{f"normal_{bound:g}": sum(x < bound for x in numbers) / n for bound in THRESHOLDS},
    }


def exact_median(numbers):
    return statistics.median(numbers)
