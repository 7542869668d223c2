"""Cloud metrics written a second time, slowly: every distance to every point."""

import math


def nearest(points, others):
    return [min(math.dist(p, q) for q in others) for p in points]


def f_score(to_truth, to_pred, bound):
    precision = sum(d < bound for d in to_truth) / len(to_truth)
    recall = sum(d < bound for d in to_pred) / len(to_pred)
    return 2 / (1 / precision + 1 / recall) if precision and recall else 0.0


def area(pred, target, largest, steps=100):
    to_truth, to_pred = nearest(pred, target), nearest(target, pred)
    scores = [f_score(to_truth, to_pred, largest * k / steps) for k in range(steps + 1)]
    return (math.fsum(scores) - (scores[0] + scores[-1]) / 2) / steps


def metrics(pred, target, bounds):
    to_truth, to_pred = nearest(pred, target), nearest(target, pred)
    accuracy, completeness = math.fsum(to_truth) / len(pred), math.fsum(to_pred) / len(target)
    found = {"accuracy": accuracy, "completeness": completeness, "chamfer": (accuracy + completeness) / 2}
    for bound in bounds:
        precision = sum(d < bound for d in to_truth) / len(pred)
        recall = sum(d < bound for d in to_pred) / len(target)
        found[f"precision_{bound:g}"] = precision
        found[f"recall_{bound:g}"] = recall
        found[f"f_score_{bound:g}"] = f_score(to_truth, to_pred, bound)
    return found
