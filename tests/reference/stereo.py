"""Stereo metrics written a second time, slowly: plain Python over pixels."""

import math


def metrics(pred, target, valid, pred_valid, taus, missing):
    errors, bounded, outliers, holes = [], [], 0, 0
    for p, t, v, g in zip(pred.ravel(), target.ravel(), valid.ravel(), pred_valid.ravel(), strict=True):
        if not v:
            continue
        p, t = float(p), float(t)
        if not g or not math.isfinite(p):
            holes += 1
            errors.append(math.inf)
            outliers += 1
            if missing == "as_zero":
                bounded.append(abs(t))
            continue
        error = abs(p - t)
        errors.append(error)
        bounded.append(error)
        outliers += error > 3 and error / abs(t) > 0.05
    n = len(errors)
    return {
        "epe": math.fsum(bounded) / len(bounded),
        "rms": math.sqrt(math.fsum(e * e for e in bounded) / len(bounded)),
        "d1": outliers / n,
        **{f"bad_{tau:g}": sum(e > tau for e in errors) / n for tau in taus},
        "missing": holes / n,
    }
