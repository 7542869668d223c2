"""Depth metrics written a second time, slowly: plain Python over pixels, straight from the definitions in METHODS section 0."""

import math
from fractions import Fraction


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


def mae(pt):
    return mean([abs(p - t) for p, t in pt])


def log_errors(pt):
    return [math.log(p) - math.log(t) for p, t in pt]


def silog(pt):
    return 100 * si_rmse(pt)


def si_rmse(pt):
    errors = log_errors(pt)
    centre = mean(errors)
    return math.sqrt(mean([(e - centre) ** 2 for e in errors]))


def scale_invariant(pt, weight):
    """Return mean(d^2) - weight * mean(d)^2 exactly: fractions of the logarithms, so that nothing cancels."""
    errors = [Fraction(e) for e in log_errors(pt)]
    n = len(errors)
    return float(sum(e * e for e in errors) / n - Fraction(weight) * (sum(errors) / n) ** 2)


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

# Not among the usual metrics of a protocol.
MORE = {
    "mae": mae,
    "si_rmse": si_rmse,
    "silog_eigen": lambda pt: scale_invariant(pt, 0.5),
    "silog_variance": lambda pt: si_rmse(pt) ** 2,
    "silog_depth_anything": lambda pt: math.sqrt(scale_invariant(pt, 0.5)),
    "silog_bts": lambda pt: 10 * math.sqrt(scale_invariant(pt, 0.85)),
}
