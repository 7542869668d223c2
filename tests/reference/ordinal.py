"""Ordinal metrics written a second time: one pair at a time in plain Python, on depth or inverse depth."""

import math


def answer(pred, first_xy, second_xy, near_is_large, threshold, by):
    """+1 where the first point is predicted farther, -1 closer, 0 equal, None where nothing is predicted."""
    a, b = (float(pred[math.floor(y), math.floor(x)]) for x, y in (first_xy, second_xy))
    if math.isnan(a) or math.isnan(b):
        return None
    if by == "ratio":
        larger = a / b > threshold
        smaller = b / a > threshold
    else:
        larger = a - b > threshold
        smaller = b - a > threshold
    sign = 1 if larger else -1 if smaller else 0
    return -sign if near_is_large else sign


def wrong(pred, first, second, relation, near_is_large, threshold=0.0, by="difference"):
    triples = zip(first, second, relation, strict=True)
    return [answer(pred, a, b, near_is_large, threshold, by) != r for a, b, r in triples]


def rate(mistakes, weights, chosen):
    picked = [(m, w) for m, w, c in zip(mistakes, weights, chosen, strict=True) if c]
    total = math.fsum(w for _, w in picked)
    return math.fsum(w for m, w in picked if m) / total if total else math.nan


def three_rates(mistakes, weights, relation):
    """All, equal, unequal."""
    equal = [r == 0 for r in relation]
    return (
        rate(mistakes, weights, [True] * len(relation)),
        rate(mistakes, weights, equal),
        rate(mistakes, weights, [not e for e in equal]),
    )


def best_threshold(images, near_is_large, candidates, by):
    """The first candidate with the smallest worse rate, each rate averaged over the images: (threshold, error)."""
    best, smallest = None, math.inf
    for threshold in candidates:
        rates = [three_rates(wrong(pred, a, b, r, near_is_large, threshold, by), [1.0] * len(r), r) for pred, a, b, r in images]
        worse = max(sum(r[sort] for r in rates) / len(rates) for sort in (1, 2))
        if worse < smallest:
            best, smallest = threshold, worse
    return best, smallest
