"""Depth metrics written a second time, slowly: plain Python over pixels, straight from the definitions in METHODS section 0."""

import math


def pairs(pred, target, valid):
    return [(float(p), float(t)) for p, t, v in zip(pred.ravel(), target.ravel(), valid.ravel(), strict=True) if v]


def mean(numbers):
    return math.fsum(numbers) / len(numbers)


def abs_rel(pt):
    return mean([abs(p - t) / t for p, t in pt])


def sq_rel(pt):
    return mean([(p - t) ** 2 / t for p, t in pt])


def rmse(pt):
    return math.sqrt(mean([(p - t) ** 2 for p, t in pt]))


def rmse_log(pt):
    return math.sqrt(mean([(math.log(p) - math.log(t)) ** 2 for p, t in pt]))


def log10(pt):
    return mean([abs(math.log10(p) - math.log10(t)) for p, t in pt])


def silog(pt):
    errors = [math.log(p) - math.log(t) for p, t in pt]
    centre = mean(errors)
    return 100 * math.sqrt(mean([(e - centre) ** 2 for e in errors]))


def delta(pt, bound):
    return mean([1.0 if max(p / t, t / p) < bound else 0.0 for p, t in pt])


ALL = {
    "abs_rel": abs_rel,
    "sq_rel": sq_rel,
    "rmse": rmse,
    "rmse_log": rmse_log,
    "log10": log10,
    "silog": silog,
    "delta1": lambda pt: delta(pt, 1.25),
    "delta2": lambda pt: delta(pt, 1.25**2),
    "delta3": lambda pt: delta(pt, 1.25**3),
}
