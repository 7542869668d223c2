"""Depth Pro's boundary metrics written a second time: a dictionary of steps, one pixel pair at a time, on inverse depth."""

import math

STEPS = {"right": (0, 1), "left": (0, -1), "below": (1, 0), "above": (-1, 0)}


def steps(depth, valid, direction):
    """{(row, column): ratio of the neighbour's inverse depth to the pixel's} for the pairs that are valid."""
    h, w = depth.shape
    dy, dx = STEPS[direction]
    return {
        (y, x): (1 / float(depth[y + dy, x + dx])) / (1 / float(depth[y, x]))
        for y in range(h)
        for x in range(w)
        if 0 <= y + dy < h and 0 <= x + dx < w and valid[y, x] and valid[y + dy, x + dx]
    }


def boundaries(depth, valid, direction, threshold):
    return {at for at, ratio in steps(depth, valid, direction).items() if ratio > threshold}


def mean_share(pairs, skip):
    """Mean over the directions of part / whole, `pairs` of sets; None where nothing is left."""
    shares = [len(part) / len(whole) if whole else None for part, whole in pairs]
    shares = [s for s in shares if s is not None] if skip else [s or 0.0 for s in shares]
    return sum(shares) / len(shares) if shares else None


def weighted(scores):
    """{threshold: score or None}, to the mean weighted by the threshold."""
    there = {t: s for t, s in scores.items() if s is not None}
    return math.fsum(t * s for t, s in there.items()) / math.fsum(there) if there else math.nan


def f1_at(pred, target, valid, threshold, skip):
    found = [(boundaries(pred, valid, d, threshold), boundaries(target, valid, d, threshold)) for d in STEPS]
    precision = mean_share([(p & t, p) for p, t in found], skip)
    recall = mean_share([(p & t, t) for p, t in found], skip)
    if precision is None and recall is None:
        return None
    precision, recall = precision or 0.0, recall or 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def f1(pred, target, valid, thresholds, skip=False):
    return weighted({t: f1_at(pred, target, valid, t, skip) for t in thresholds})


def thinned(depth, valid, direction, threshold):
    """Boundaries that are the steepest of their run along the step's axis, the first (from left or top) of equals."""
    ratios = {at: r for at, r in steps(depth, valid, direction).items() if r > threshold}
    # A pair goes by its left or upper pixel, so that both directions scan alike.
    dy, dx = STEPS[direction]
    by_start = {(min(y, y + dy), min(x, x + dx)): at for y, x in ratios for at in [(y, x)]}
    along = (abs(dy), abs(dx))
    kept = set()
    for y, x in by_start:
        if (y - along[0], x - along[1]) in by_start:
            continue
        run = [(y, x)]
        while (after := (run[-1][0] + along[0], run[-1][1] + along[1])) in by_start:
            run.append(after)
        kept.add(by_start[max(run, key=lambda start: ratios[by_start[start]])])
    return kept


def mask_recall(pred, alpha, valid, thresholds, skip=False, alpha_threshold=0.1):
    h, w = pred.shape
    inside = {(y, x) for y in range(h) for x in range(w) if float(alpha[y, x]) > alpha_threshold}
    outline = {
        d: {(y, x) for y, x in steps(pred, valid, d) if (y, x) not in inside and (y + dy, x + dx) in inside}
        for d, (dy, dx) in STEPS.items()
    }
    return weighted(
        {t: mean_share([(thinned(pred, valid, d, t) & outline[d], outline[d]) for d in STEPS], skip) for t in thresholds}
    )
