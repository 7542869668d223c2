"""SSIM and the scaling of its inputs written a second time: one window at a time with numpy.cov, no filter."""

import numpy as np

HALF = 3


def window_ssim(a, b, data_range):
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    (va, vab), (_, vb) = np.cov(a.ravel(), b.ravel())
    ma, mb = a.mean(), b.mean()
    return (2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))


def ssim_map(a, b, data_range, valid):
    """NaN where a window touches a pixel that is not valid; mirrored at the rim, with the outermost pixel repeated."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    pa, pb, pv = (np.pad(x, HALF, mode="symmetric") for x in (a, b, valid))
    out = np.full(a.shape, np.nan)
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            window = np.s_[y : y + 2 * HALF + 1, x : x + 2 * HALF + 1]
            if pv[window].all():
                out[y, x] = window_ssim(pa[window], pb[window], data_range)
    return out


def mean_ssim(a, b, data_range, valid):
    inner = ssim_map(a, b, data_range, valid)[HALF:-HALF, HALF:-HALF]
    return float(np.nanmean(inner)) if np.isfinite(inner).any() else float("nan")


def to_255(values, low, high, levels):
    out = np.clip((values - low) / (high - low), 0, 1) * 255
    return {"float": out, "uint8_rounded": np.round(out), "uint8_truncated": out.astype(np.uint8).astype(float)}[levels]


def min_max(pred, target, valid, levels):
    return tuple(to_255(m.astype(np.float64), float(m[valid].min()), float(m[valid].max()), levels) for m in (pred, target))


def fitted(pred_disparity, true_disparity, valid, levels, cap=None):
    """Least squares in disparity by numpy.linalg.lstsq; with `cap`, inverted no farther than it."""
    a = np.stack([pred_disparity[valid], np.ones(valid.sum())], axis=1).astype(np.float64)
    (scale, shift), *_ = np.linalg.lstsq(a, true_disparity[valid].astype(np.float64), rcond=None)
    maps = [scale * pred_disparity.astype(np.float64) + shift, true_disparity.astype(np.float64)]
    if cap is not None:
        maps = [1 / np.maximum(m, 1 / cap) for m in maps]
    low, high = maps[1][valid].min(), maps[1][valid].max()
    return tuple(to_255(m, low, high, levels) for m in maps)
